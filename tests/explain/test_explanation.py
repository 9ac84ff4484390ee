from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from tests.convergence.worlds import METHODS, worlds
from worker.explain.account import judge_evidence
from worker.explain.evidence import ContactRef, Evidence, Outsider
from worker.explain.explanation import Explanation, explain_contact
from worker.explain.links import Link, links_behind, links_in_effect, links_of
from worker.fold.account_rules import AccountRules
from worker.fold.contact import contact_of
from worker.fold.facts import Facts, LoggedMessage, facts_of
from worker.fold.identity import Identity, identities_of
from worker.fold.links import Component, claims_of, components_of
from worker.fold.stamp import Stamp, microseconds

Stored = tuple[Component, Evidence]


def stored_contacts(world: list[dict[str, Any]]) -> list[Stored]:
    """Fold messages into contacts, each with all that is stored of it."""
    facts = [_facts(message) for message in world]
    identities = identities_of(facts)
    aliases = [fact.alias for fact in facts if fact.alias]
    claims = list(claims_of(facts).values())
    components = components_of(identities, aliases, claims)
    return [(one, _evidence(one, components, identities, aliases, claims)) for one in components]


def _facts(message: dict[str, Any]) -> Facts:
    at = datetime.fromisoformat(message["timestamp"])
    stamp = Stamp(microseconds(at), message["messageId"], message["connection"])
    rules = AccountRules(METHODS[message["connection"]])  # type: ignore[arg-type] # the worlds' own methods
    return facts_of(LoggedMessage(1, stamp, at, at, at, message["type"], ""), message, rules)


def _evidence(
    component: Component, components: list[Component], identities: dict[Any, Identity], aliases: Any, claims: Any
) -> Evidence:
    ids = set(component.members)
    members = {id_: identities[id_] for id_ in ids}
    name = min((member.value for member in members.values() if member.is_user), default=None)
    if component.naming_alias:
        name = component.naming_alias.user_value
    return Evidence(
        workspace="default",
        workspace_id=1,
        contact=contact_of(1, component.contact_id, name, list(members.values())),
        members=members,
        aliases=[alias for alias in aliases if ids & {alias.previous_id, alias.user_id}],
        claims=[claim for claim in claims if ids & {claim.anonymous_id, claim.user_id}],
        outsiders={
            id_: Outsider(id_, identities[id_].value, identities[id_].is_user, ContactRef(other.contact_id, None))
            for other in components
            for id_ in other.members
            if other is not component
        },
        withdrawals=[],
        account_names={},
        connection_names={},
    )


@given(worlds())
def test_the_links_shown_are_all_that_it_takes_to_make_the_members_one(world: list[dict[str, Any]]) -> None:
    for component, evidence in stored_contacts(world):
        members = explain_contact(evidence).members
        assert {member.id for member in members} == set(component.members)
        assert [member.link is None for member in members] == [True] + [False] * (len(members) - 1)
        links = links_in_effect(evidence, links_of(evidence))
        assert {id_ for link in links for id_ in (link.previous_id, link.user_id)} <= evidence.members.keys()


@given(worlds())
def test_every_link_is_shown_once_either_behind_a_member_or_idle(world: list[dict[str, Any]]) -> None:
    for _, evidence in stored_contacts(world):
        told = explain_contact(evidence)
        shown = [(m.link.kind, m.link.message.message_id) for m in told.members if m.link]
        shown += [(idle.kind, idle.message.message_id) for idle in told.idle_links]
        assert sorted(shown) == sorted((link.kind, link.stamp.message_key) for link in links_of(evidence))


@given(worlds())
def test_what_is_idle_says_whether_its_ends_are_one_contact(world: list[dict[str, Any]]) -> None:
    for _, evidence in stored_contacts(world):
        for idle in explain_contact(evidence).idle_links:
            is_apart = idle.other_contact_id is not None or idle.reason.endswith("identifies nobody")
            assert (idle.outcome == "refused") is is_apart


@given(worlds())
def test_name_account_and_traits_are_those_that_the_fold_gave(world: list[dict[str, Any]]) -> None:
    for component, evidence in stored_contacts(world):
        told, contact = explain_contact(evidence), evidence.contact
        assert (told.account.id if told.account else None) == contact.account_id
        assert {trait.name: trait.value for trait in told.traits if not trait.is_removed} == contact.traits
        assert (told.naming_alias.message.message_id if told.naming_alias else None) == (
            component.naming_alias.stamp.message_key if component.naming_alias else None
        )


@given(worlds())
def test_what_lost_lost_to_something_later_or_better(world: list[dict[str, Any]]) -> None:
    for _, evidence in stored_contacts(world):
        _check_losers(explain_contact(evidence))


def _check_losers(told: Explanation) -> None:
    for trait in told.traits:
        assert all(lost.message.occurred_at <= trait.message.occurred_at for lost in trait.overridden)
    for winner, loser in zip(told.account_evidence, told.account_evidence[1:], strict=False):
        assert not loser.is_winner
        if winner.source == loser.source:
            assert loser.message.occurred_at <= winner.message.occurred_at


def stamp(minute: int) -> Stamp:
    return Stamp(microseconds(datetime(2026, 3, 1, 0, minute, tzinfo=UTC)), f"m{minute}", "main")


def link(previous: Identity, user: Identity, minute: int) -> Link:
    return Link("alias", previous.value, user.value, previous.id, user.id, stamp(minute))


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([("email", "acme", 9), ("group", "g1", 1)], [("g1", "the latest message of the best rule: group"),
                                                      ("acme", "a better rule: group over email")]),
        ([("traits", "t1", 9), ("email", "acme", 1)], [("t1", "the latest message of the best rule: traits"),
                                                       ("acme", "a better rule: traits over email")]),
        ([("group", "g1", 1), ("group", "g2", 2)], [("g2", "the latest message of the best rule: group"),
                                                    ("g1", "an earlier message")]),
        ([("group", "g1", 1), ("group", "g1", 2)], [("g1", "the latest message of the best rule: group"),
                                                    ("g1", "an earlier message for the same account")]),
        ([], []),
    ],
)  # fmt: skip
def test_account_evidence_says_why_it_won_or_lost(
    evidence: list[tuple[str, str, int]], expected: list[tuple[str, str]]
) -> None:
    facts = [_facts({"type": "track", "userId": f"u{number}", "messageId": "m", "timestamp": "2026-03-01T00:00Z",
                     "connection": "g"}) for number in range(len(evidence))]  # fmt: skip
    members = list(identities_of(facts).values())
    for member, (source, key, minute) in zip(members, evidence, strict=True):
        member.account_evidence = {source: {key: stamp(minute)}}
    assert [(judged.key, judged.reason) for judged in judge_evidence(members)] == expected


def test_of_several_links_that_would_do_the_earliest_is_shown() -> None:
    first, second, third = (
        next(iter(identities_of([_facts({"type": "track", "userId": user, "messageId": "m", "connection": "g",
                                         "timestamp": "2026-03-01T00:00Z"})]).values()))
        for user in ("first", "second", "third")
    )  # fmt: skip
    early, again, chained = link(first, second, 1), link(first, second, 3), link(second, third, 2)
    assert links_behind(third.id, [again, chained, early]) == {first.id: early, second.id: chained}
