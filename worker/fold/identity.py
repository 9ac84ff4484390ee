"""An identity: an id seen in a workspace, with the evidence that its own messages gave."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from worker.fold.facts import Facts, Named
from worker.fold.stamp import Stamp

_FIRST_PLAIN_AT, _LAST_PLAIN_AT = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Between these, a time's seconds since 1970 tell it to the microsecond as a double."""

StampedTrait = tuple[int, str, str, Any]
"""A stamp's three parts and the trait's value, None where the message removed it."""


@dataclass(slots=True)
class Identity:
    """What is known of one id. `first_seen` is the earliest message that names it as a user or visitor.

    `last_seen_at` is the time of the latest that it sent itself while active, None where there is none.
    """

    id: UUID
    value: str
    is_user: bool = False
    is_anonymous: bool = False
    first_seen: Stamp | None = None
    last_seen_at: datetime | None = None
    traits: dict[str, StampedTrait] = field(default_factory=dict)
    account_evidence: dict[str, dict[str, Stamp]] = field(default_factory=dict)

    @property
    def has_words(self) -> bool:
        """Whether it may give its contact words to be looked for by: traits, or an id that may be its name."""
        return self.is_user or not self.is_anonymous or bool(self.traits)

    def is_news_to(self, first_seen_at_microseconds: int | None) -> bool:
        """Tell whether this says more of an id, whose roles are known, than that it was seen again."""
        if self.traits or self.account_evidence or first_seen_at_microseconds is None:
            return True
        if self.last_seen_at is not None and not _FIRST_PLAIN_AT < self.last_seen_at < _LAST_PLAIN_AT:
            return True  # it could not be written to the microsecond by itself
        return self.first_seen is None or self.first_seen.occurred_at_microseconds <= first_seen_at_microseconds

    def absorb(self, other: "Identity") -> bool:
        """Add what is known of the same id from elsewhere. Tells whether that changed anything."""
        before = (self.is_user, self.is_anonymous, self.first_seen, self.last_seen_at)
        self.is_user |= other.is_user
        self.is_anonymous |= other.is_anonymous
        self.first_seen = min((seen for seen in (self.first_seen, other.first_seen) if seen), default=None)
        self.last_seen_at = max((at for at in (self.last_seen_at, other.last_seen_at) if at), default=None)
        changed = before != (self.is_user, self.is_anonymous, self.first_seen, self.last_seen_at)
        changed |= absorb_traits(self.traits, other.traits)
        for source, stamps in other.account_evidence.items():
            known = self.account_evidence.setdefault(source, {})
            for key, stamp in stamps.items():
                if key not in known or known[key] < stamp:
                    known[key] = stamp
                    changed = True
        return changed


def absorb_traits(traits: dict[str, StampedTrait], others: dict[str, StampedTrait]) -> bool:
    """Let the latest message win for each trait; a removal is remembered with its time. Tells what changed."""
    changed = False
    for name, stamped in others.items():
        known = traits.get(name)
        if known is None or tuple(known[:3]) < tuple(stamped[:3]):
            traits[name] = stamped
            changed = True
    return changed


def stamped_traits(stamp: Stamp, traits: dict[str, Any]) -> dict[str, StampedTrait]:
    """Mark each trait with the message that set it."""
    return {name: (*stamp, value) for name, value in traits.items()}


def plain_traits(traits: dict[str, StampedTrait]) -> dict[str, Any]:
    """Give the traits as users see them, without stamps and without what was removed."""
    return {name: stamped[3] for name, stamped in traits.items() if stamped[3] is not None}


def are_same_traits(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether traits are the same as JSON: to Python, `True` is `1`, and `1` is `1.0`."""
    return one == other and _as_json(one) == _as_json(other)


def _as_json(traits: Mapping[str, Any]) -> bytes:
    return orjson.dumps(traits, option=orjson.OPT_SORT_KEYS)


def identities_of(batch: Iterable[Facts]) -> dict[UUID, Identity]:
    """Fold messages into the identities that they name, each with just what these messages say of it."""
    identities: dict[UUID, Identity] = {}
    for facts in batch:
        for named in (facts.user, facts.anonymous):
            if named is not None:
                _see(identities, named, facts.message.stamp)
        alias = facts.alias
        if alias is not None and alias.previous_id is not None and alias.user_id is not None:
            identities.setdefault(alias.previous_id, Identity(alias.previous_id, alias.previous_value))
        if facts.sender is not None:
            _hear(identities[facts.sender.id], facts)
    return identities


def _see(identities: dict[UUID, Identity], named: Named, stamp: Stamp) -> None:
    identity = identities.get(named.id)
    if identity is None:
        identity = identities[named.id] = Identity(named.id, named.value)
    identity.is_user |= named.is_user
    identity.is_anonymous |= not named.is_user
    if identity.first_seen is None or stamp < identity.first_seen:
        identity.first_seen = stamp


def _hear(identity: Identity, facts: Facts) -> None:
    message = facts.message
    at = message.counted_at
    if facts.is_active and (identity.last_seen_at is None or at > identity.last_seen_at):
        identity.last_seen_at = at
    if facts.traits:
        absorb_traits(identity.traits, stamped_traits(message.stamp, dict(facts.traits)))
    for evidence in facts.evidence:
        known = identity.account_evidence.setdefault(evidence.source, {})
        if evidence.key not in known or known[evidence.key] < message.stamp:
            known[evidence.key] = message.stamp
