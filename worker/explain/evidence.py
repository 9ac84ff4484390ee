"""What is read of a contact, to be explained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from worker.fold.contact import Contact
from worker.fold.facts import AliasCall
from worker.fold.identity import Identity
from worker.fold.links import Claim
from worker.fold.stamp import Stamp


class ContactRef(NamedTuple):
    """A contact as others speak of it."""

    id: UUID
    external_id: str | None


@dataclass(frozen=True, slots=True)
class Outsider:
    """An identity of another contact, which a link of this contact names."""

    id: UUID
    value: str
    is_user: bool
    contact: ContactRef
    is_quarantined: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A message whose link an operator withdrew, and whom it names."""

    stamp: Stamp
    withdrawn_at: datetime
    anonymous_value: str | None
    user_value: str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is stored of one contact: its members, and every link that names one of them.

    `quarantined_links` has each member that is quarantined, and with how many other ids it is linked; those links are
    too many to be among the others.
    `account_names` are by account id, `connection_names` by connection id.
    """

    workspace: str
    workspace_id: int
    contact: Contact
    members: Mapping[UUID, Identity]
    aliases: Sequence[AliasCall]
    claims: Sequence[Claim]
    outsiders: Mapping[UUID, Outsider]
    withdrawals: Sequence[Withdrawal]
    account_names: Mapping[UUID, str]
    connection_names: Mapping[str, str]
    quarantined_links: Mapping[UUID, int] = field(default_factory=dict)

    def is_quarantined(self, id_: UUID | None) -> bool:
        """Tell whether an end of a link is quarantined, so that the link does not count."""
        outsider = self.outsiders.get(id_) if id_ is not None else None
        return id_ in self.quarantined_links or (outsider is not None and outsider.is_quarantined)
