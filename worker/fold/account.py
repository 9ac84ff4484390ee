"""An account: a company, as the messages of the people in it tell."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from worker.fold.account_rules import AccountEvidence, Source
from worker.fold.facts import Facts, account_ids
from worker.fold.identity import StampedTrait, absorb_traits, stamped_traits


@dataclass(slots=True)
class Account:
    """What is known of one account. The trait `name`, where it is one, is its name, whatever its source.

    `is_heard`: somebody active has moved `last_seen_at`; while nobody has, it is `first_seen_at`.
    """

    id: UUID
    source: Source
    key: str
    is_own: bool
    first_seen_at: datetime
    last_seen_at: datetime
    is_heard: bool
    traits: dict[str, StampedTrait] = field(default_factory=dict)

    def absorb(self, other: "Account") -> bool:
        """Add what is known of the same account from elsewhere. Tells whether that changed anything."""
        before = (self.is_own, self.first_seen_at, self.last_seen_at, self.is_heard)
        self.is_own |= other.is_own
        self.first_seen_at = min(self.first_seen_at, other.first_seen_at)
        heard_at = [account.last_seen_at for account in (self, other) if account.is_heard]
        self.last_seen_at = max(heard_at, default=self.first_seen_at)
        self.is_heard |= other.is_heard
        changed = before != (self.is_own, self.first_seen_at, self.last_seen_at, self.is_heard)
        return absorb_traits(self.traits, other.traits) or changed


def accounts_of(batch: Iterable[Facts]) -> dict[UUID, Account]:
    """Fold messages into the accounts that they are evidence of, each with just what these messages say."""
    accounts: dict[UUID, Account] = {}
    for facts in batch:
        for id_, evidence in account_ids(facts):
            told = _told(id_, evidence, facts)
            if id_ in accounts:
                accounts[id_].absorb(told)
            else:
                accounts[id_] = told
    return accounts


def _told(id_: UUID, evidence: AccountEvidence, facts: Facts) -> Account:
    message = facts.message
    traits = dict(facts.account_traits)
    if evidence.name is not None:
        traits = {"name": evidence.name}
    return Account(
        id=id_,
        source=evidence.source,
        key=evidence.key,
        is_own=evidence.is_own,
        first_seen_at=message.counted_at,
        last_seen_at=message.counted_at,
        is_heard=facts.is_active,
        traits=stamped_traits(message.stamp, traits),
    )
