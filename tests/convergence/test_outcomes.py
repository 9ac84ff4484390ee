"""What the metrics count of an alias is what the views show of it once its contacts are formed."""

from datetime import datetime
from typing import Any

from hypothesis import example, given

from tests.convergence.model import expected
from tests.convergence.worlds import METHODS, told, worlds
from worker.fold.account_rules import AccountRules
from worker.fold.facts import Facts, LoggedMessage, facts_of
from worker.fold.identity import identities_of
from worker.fold.links import claims_of, components_of
from worker.fold.merge_outcome import merge_outcome, repetitions_among
from worker.fold.stamp import Stamp, microseconds


def facts_told(message: dict[str, Any]) -> Facts:
    at = datetime.fromisoformat(message["timestamp"])
    stamp = Stamp(microseconds(at), message["messageId"], message["connection"])
    rules = AccountRules(METHODS[message["connection"]])  # type: ignore[arg-type] # the worlds' own methods
    logged = LoggedMessage(1, stamp, at, at, at, message["type"], "")
    return facts_of(logged, message, rules, is_withdrawn=message.get("is_withdrawn", False))


def aliases(*pairs: tuple[str, str], withdrawn: int | None = None) -> list[dict[str, Any]]:
    return [
        told("alias", n, n, previousId=previous, userId=user, is_withdrawn=n == withdrawn)
        for n, (previous, user) in enumerate(pairs)
    ]


@given(worlds())
@example(aliases(("p", "u"), ("p", "w"), ("p", "u"), ("p", "p"), ("p", "u")))
@example(aliases(("p", "u"), ("p", "w"), ("p", "u"), withdrawn=1))
@example(aliases(("p", "u"), ("u", "p"), ("p", "u")))
@example(aliases(("p", "u"), ("u", "p"), ("p", "u"), withdrawn=1))
@example(aliases(("p", "u"), ("u", "w"), ("w", "p"), ("p", "u")))
@example([told("track", 9, anonymousId="p"), *aliases(("p", "u"), ("p", "w"), ("p", "u"))])
def test_the_outcome_of_each_alias_is_the_models(world: list[dict[str, Any]]) -> None:
    facts = [facts_told(message) for message in world]
    identities = identities_of(facts)
    calls = [fact.alias for fact in facts if fact.alias]
    components = components_of(identities, calls, claims_of(facts).values())
    contact_ids = {id_: component.contact_id for component in components for id_ in component.members}
    repetitions = repetitions_among(calls, contact_ids)
    outcomes = {call.stamp.message_key: merge_outcome(call, identities, contact_ids, repetitions) for call in calls}
    modelled = expected(world, METHODS).merges
    assert outcomes == {key: outcome for key, outcome in modelled.items() if not key.startswith("claim by ")}
