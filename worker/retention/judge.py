"""What a trim does with each event: most can go, and some are all that is left of a fact.

A fact is when and in which roles an id was seen, when an account was, and who claimed an anonymous visitor. Of the
events that say such things the ids and the time stay in the log, so that folding it again gives the same contacts.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from worker.fold.facts import Facts
from worker.fold.seen import Seen
from worker.fold.stamp import Stamp
from worker.retention.age import has_own_time


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """What is stored of those whom a batch of events names.

    `accounts`: when each was first and last seen. `claims`: visitor, user and the claiming message. `withdrawn`: the
    messages whose links were withdrawn, which may be given back.
    """

    identities: Mapping[UUID, Seen]
    accounts: Mapping[UUID, tuple[datetime, datetime]]
    claims: Collection[tuple[UUID, UUID, Stamp]]
    withdrawn: Collection[tuple[str, str]]


@dataclass(slots=True)
class Verdict:
    """What is to be done with a batch: keys to remove, events to reduce to their ids and times, and what stays."""

    removed: list[tuple[str, str]] = field(default_factory=list)
    reduced: list[Facts] = field(default_factory=list)
    kept: list[Facts] = field(default_factory=list)


def judge(events: Sequence[Facts], known: KnownFacts) -> Verdict:
    """Judge events that are old enough to be trimmed."""
    verdict = Verdict()
    told: set[object] = set()
    for event in events:
        if not has_own_time(event.message):
            verdict.kept.append(event)
        elif _is_needed(event, known, told):
            verdict.reduced.append(event)
        else:
            verdict.removed.append(event.message.key)
    return verdict


def _is_needed(event: Facts, known: KnownFacts, told: set[object]) -> bool:
    """Tell whether the event says a fact that no other event of the batch has told already; `told` grows."""
    facts = {*_last_words(event, known), *_roles(event, known)}
    is_needed = bool(facts - told) or event.message.key in known.withdrawn or _is_first_word(event, known)
    if is_needed:
        told |= facts
    return is_needed


def _last_words(event: Facts, known: KnownFacts) -> Iterator[object]:
    """Give whose times are those of the event: others may have the same, and one of them is enough."""
    at = event.message.stamp.occurred_at
    if event.sender is not None and event.is_active and known.identities[event.sender.id].last_at == at:
        yield event.sender.id
    if event.account_id is not None and event.account_id in known.accounts:
        first_at, last_at = known.accounts[event.account_id]
        if at == first_at:
            yield event.account_id, "first"
        if at == last_at and event.is_active:
            yield event.account_id, "last"


def _roles(event: Facts, known: KnownFacts) -> Iterator[object]:
    """Give who is named in a role that other messages may not show."""
    if event.user is not None and known.identities[event.user.id].hides_user:
        yield event.user.id, "user"
    if event.anonymous is not None and known.identities[event.anonymous.id].hides_visitor:
        yield event.anonymous.id, "visitor"


def _is_first_word(event: Facts, known: KnownFacts) -> bool:
    """Tell whether the event is the first that names one of its ids, or that claims its visitor for its user."""
    stamp = event.message.stamp
    if any(named is not None and known.identities[named.id].first == stamp for named in (event.user, event.anonymous)):
        return True
    user, visitor = event.user, event.anonymous
    return user is not None and visitor is not None and (visitor.id, user.id, stamp) in known.claims
