"""A contact: what its member identities say together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from worker.fold.account_rules import SOURCES
from worker.fold.identity import Identity, StampedTrait, absorb_traits, are_same_traits, plain_traits
from worker.fold.ids import account_id
from worker.fold.stamp import Stamp


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as it is stored."""

    id: UUID
    external_id: str | None
    email: str | None
    traits: dict[str, Any]
    account_id: UUID | None
    first_seen_at: datetime | None
    last_seen_at: datetime | None

    def is_found_by_others_than(self, before: "Contact | None") -> bool:
        """Tell whether other words lead to it than before, where it was this or None. Its e-mail address is a trait."""
        if before is None:
            return self.external_id is not None or bool(self.traits)
        return self.external_id != before.external_id or not are_same_traits(self.traits, before.traits)

    def is_as_stored(self, stored: "Contact | None") -> bool:
        """Tell whether nothing of it differs from what is stored of it, if there is any."""
        return self == stored and are_same_traits(self.traits, stored.traits)


def contact_of(
    workspace_id: int, contact_id: UUID, external_id: str | None, members: Sequence[Identity]
) -> Contact:
    """Materialise a contact from its members."""
    traits: dict[str, StampedTrait] = {}
    for member in members:
        absorb_traits(traits, member.traits)
    plain = plain_traits(traits)
    email = plain.get("email")
    first_seen = min((member.first_seen for member in members if member.first_seen), default=None)
    first_seen_at = first_seen.occurred_at if first_seen else None
    return Contact(
        id=contact_id,
        external_id=external_id,
        email=email if isinstance(email, str) else None,
        traits=plain,
        account_id=winning_account(workspace_id, members),
        first_seen_at=first_seen_at,
        last_seen_at=max((member.last_seen_at for member in members if member.last_seen_at), default=first_seen_at),
    )


def winning_account(workspace_id: int, members: Iterable[Identity]) -> UUID | None:
    """Give the account of the latest evidence of the best rule."""
    by_source: dict[str, tuple[Stamp, str]] = {}
    for member in members:
        for source, stamps in member.account_evidence.items():
            for key, stamp in stamps.items():
                if source not in by_source or by_source[source] < (stamp, key):
                    by_source[source] = (stamp, key)
    for source in SOURCES:
        if source in by_source:
            return account_id(workspace_id, source, by_source[source][1])
    return None
