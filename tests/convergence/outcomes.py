"""What becomes of each link, for the reference model: an alias' outcome, and the claims that are refused."""

from collections.abc import Mapping
from typing import Any

from tests.convergence.saying import alias_of, claim_of, link_of, stamp, user_of, visitor_of


def withdrawn_claims(told: list[dict[str, Any]]) -> dict[str, str]:
    """Give the claims that were withdrawn: they are refused."""
    outcomes = {}
    for message in told:
        claim = claim_of(message | {"is_withdrawn": False})
        if message.get("is_withdrawn") and claim and claim[0] != claim[1] and alias_of(message) != claim:
            outcomes[f"claim by {message['messageId']}"] = "refused"
    return outcomes


def merges(told: list[dict[str, Any]], groups: Mapping[str | None, frozenset[str]]) -> dict[str, str]:
    """Give each alias' outcome, and each claim that was refused."""
    first_seen: dict[str | None, tuple[str, str, str]] = {}
    for message in told:
        for id_ in (user_of(message), visitor_of(message)):
            first_seen.setdefault(id_, stamp(message))
    outcomes = withdrawn_claims(told)
    refused_pairs: set[tuple[str, str]] = set()
    effective: list[tuple[str, str]] = []
    for message in told:
        claim = claim_of(message)
        if claim and groups[claim[0]] != groups[claim[1]] and claim not in refused_pairs:
            refused_pairs.add(claim)
            if alias_of(message) != claim:
                outcomes[f"claim by {message['messageId']}"] = "refused"
        if message["type"] != "alias":
            continue
        pair = alias_of(message)
        known = [
            id_ in first_seen and first_seen[id_][0] <= message["timestamp"] and first_seen[id_] != stamp(message)
            for id_ in pair or ()
        ]
        if pair is None or link_of(message) is None or groups[pair[0]] != groups[pair[1]]:
            outcome = "refused"
        elif pair[0] == pair[1] or is_repetition(pair, effective) or not known[0]:
            outcome = "recorded"
        else:
            outcome = "merged" if known[1] else "renamed"
        outcomes[message["messageId"]] = outcome
        if pair and pair[0] != pair[1] and outcome != "refused":
            effective.append(pair)
    return outcomes


def is_repetition(pair: tuple[str, str], earlier: list[tuple[str, str]]) -> bool:
    """Tell whether the latest alias that names the same id anew, or goes the other way, says the same."""
    related = [(previous, user) for previous, user in earlier if previous == pair[0] or (user, previous) == pair]
    return bool(related) and related[-1] == pair
