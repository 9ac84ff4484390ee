"""Which account a contact is in, and why none of the others."""

from collections.abc import Iterable
from dataclasses import dataclass

from worker.fold.account_rules import SOURCES
from worker.fold.identity import Identity
from worker.fold.stamp import Stamp


@dataclass(frozen=True, slots=True)
class JudgedEvidence:
    """The latest message of one identity that speaks for an account, and why it won or lost."""

    source: str
    key: str
    identity: str
    stamp: Stamp
    is_winner: bool
    reason: str


def judge_evidence(members: Iterable[Identity]) -> list[JudgedEvidence]:
    """Give all account evidence of a contact: the winner first, then the losers, the next best first."""
    evidence = [
        (source, key, stamp, member.value)
        for member in members
        for source, stamps in member.account_evidence.items()
        for key, stamp in stamps.items()
    ]
    evidence.sort(key=lambda one: (one[2], one[1]), reverse=True)
    evidence.sort(key=lambda one: SOURCES.index(one[0]))
    return [
        JudgedEvidence(source, key, identity, stamp, number == 0, _reason(source, key, evidence[0][:2], number))
        for number, (source, key, stamp, identity) in enumerate(evidence)
    ]


def _reason(source: str, key: str, winner: tuple[str, str], number: int) -> str:
    if number == 0:
        return f"the latest message of the best rule: {source}"
    if source != winner[0]:
        return f"a better rule: {winner[0]} over {source}"
    return "an earlier message for the same account" if key == winner[1] else "an earlier message"
