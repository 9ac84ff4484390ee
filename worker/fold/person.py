"""Whom a deletion is about, as far as was known at its moment; and what is left of those whom the deleted named."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from worker.fold.facts import AliasCall
from worker.fold.identity import Identity
from worker.fold.links import Claim, components_of
from worker.fold.stamp import Stamp


def person_of(
    id_: UUID,
    members: Mapping[UUID, Identity],
    aliases: Iterable[AliasCall],
    claims: Iterable[Claim],
    moment: datetime,
) -> frozenset[UUID]:
    """Give the identities that links made until a moment join with this one, among those of its contact."""
    components = components_of(
        members,
        [alias for alias in aliases if alias.stamp.occurred_at <= moment],
        [claim for claim in claims if claim.stamp.occurred_at <= moment],
    )
    return next(frozenset(component.members) for component in components if id_ in component.members)


def has_earlier_bid(
    visitor: UUID, stamp: Stamp, aliases: Iterable[AliasCall], claims: Iterable[Claim]
) -> bool:
    """Tell whether somebody else had a visitor before the message with this stamp claimed it."""
    bids = [claim.stamp for claim in claims if claim.anonymous_id == visitor]
    bids += [
        alias.stamp
        for alias in aliases
        if alias.previous_id == visitor and alias.user_id not in (None, visitor) and not alias.is_withdrawn
    ]
    return any(bid < stamp for bid in bids)


@dataclass(frozen=True, slots=True)
class Mention:
    """Who still names an identity: the earliest of its own messages, and of those that claim it; an alias.

    `is_visitor_itself`: one of its own messages has it as the anonymousId.
    """

    own: Stamp | None
    claim: Stamp | None
    is_visitor_itself: bool
    is_aliased: bool

    def with_claims(self, stamps: Iterable[Stamp]) -> "Mention":
        """Give who names it where the messages with these stamps claim it as well."""
        return replace(self, claim=min((stamp for stamp in (self.claim, *stamps) if stamp), default=None))

    @property
    def is_known(self) -> bool:
        """Whether any message names it."""
        return self.own is not None or self.claim is not None or self.is_aliased

    @property
    def first_seen(self) -> Stamp | None:
        """The earliest message that names it as a user or visitor."""
        return min((stamp for stamp in (self.own, self.claim) if stamp), default=None)

    @property
    def is_anonymous(self) -> bool:
        """Whether a message names it as a visitor."""
        return self.claim is not None or self.is_visitor_itself
