"""The reference model: the plainest function from a set of messages to what the views should show.

It looks at all messages at once, in the order of their times. It shares no code with the product.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.convergence.outcomes import merges
from tests.convergence.saying import alias_of, claim_of, is_active, link_of, sender, stamp, usable, user_of, visitor_of

MAIL_PROVIDERS = {"gmail.com", "privaterelay.appleid.com"}
READABLE_DOMAINS = {"xn--bcher-kva.example": "bücher.example"}
EVENTS = {"page": "page", "screen": "screen", "track": "action"}
Members = frozenset[str]
Account = tuple[str, str]
"""Source and key."""


@dataclass
class State:
    """What the views show, with contacts by their members' ids and accounts by source and key."""

    contacts: dict[Members, tuple[Any, ...]] = field(default_factory=dict)
    accounts: dict[Account, tuple[Any, ...]] = field(default_factory=dict)
    events: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    memberships: set[tuple[Any, ...]] = field(default_factory=set)
    merges: dict[str, str] = field(default_factory=dict)


def expected(messages: Iterable[dict[str, Any]], methods: dict[str, str], most_links: int = 500) -> State:
    """Give the state that these messages should lead to. Each has a `connection`, whose account method is given."""
    unique = {(message["connection"], message["messageId"]): message for message in messages}
    told = sorted(unique.values(), key=stamp)
    quarantined = quarantine(told, most_links)
    groups = contact_groups(told, quarantined)
    state = State(accounts=accounts_told(told, methods))
    for members in set(groups.values()):
        state.contacts[members] = contact(told, members, methods, quarantined)
    lived_in = {values[3] for values in state.contacts.values()}
    state.accounts = {
        key: (name, exactly(traits), *times) for key, (is_own, name, traits, *times) in state.accounts.items()
        if is_own or key in lived_in
    }  # fmt: skip
    for message in told:
        if message["type"] in EVENTS:
            who = groups.get(sender(message))
            account = own_account(message, methods) or (state.contacts[who][3] if who else None)
            name = message.get("event") or message.get("name")
            state.events[message["messageId"]] = (EVENTS[message["type"]], name, who, account)
    state.memberships = memberships(told, groups, methods)
    state.merges = merges(told, groups)
    return state


def without_deleted(messages: Iterable[dict[str, Any]], deletion: dict[str, Any]) -> list[dict[str, Any]]:
    """Leave out what a deleted person said until then, under any id that was known as theirs by then."""
    told = sorted((message for message in messages if message["type"] != "delete"), key=stamp)
    groups = contact_groups([message for message in told if message["timestamp"] <= deletion["timestamp"]], set())
    person = groups.get(deletion["userId"], frozenset({deletion["userId"]}))
    return [
        message for message in told if message["timestamp"] > deletion["timestamp"] or sender(message) not in person
    ]


def exactly(traits: dict[str, Any]) -> str:
    """Write traits so that what Python takes for equal differs: `True`, `1` and `1.0`."""
    return json.dumps(traits, sort_keys=True)


def quarantine(told: list[dict[str, Any]], most_links: int) -> set[str]:
    """Give the ids that messages link with too many others."""
    others: dict[str, set[str]] = {}
    for message in told:
        for one, other in filter(None, (claim_of(message), link_of(message))):
            if one != other:
                others.setdefault(one, set()).add(other)
                others.setdefault(other, set()).add(one)
    return {id_ for id_, linked in others.items() if len(linked) > most_links}


def contact_groups(  # noqa: C901 (plain beats short)
    told: list[dict[str, Any]], quarantined: set[str]
) -> dict[str | None, Members]:
    """Tell which ids are one contact."""
    users = {user_of(message) for message in told} - {None}
    visitors = {visitor_of(message) for message in told} - {None} - users
    groups: dict[str | None, set[str]] = {}
    for message in told:
        for id_ in (user_of(message), visitor_of(message), *(alias_of(message) or ())):
            if id_ is not None:
                groups.setdefault(id_, {id_})

    def join(one: str, other: str) -> None:
        together = groups[one] | groups[other]
        for id_ in together:
            groups[id_] = together

    for message in told:
        pair = link_of(message)
        if pair and pair[0] not in visitors and not quarantined & set(pair):
            join(*pair)
    claimed: set[str] = set()
    for message in told:
        for bid in (claim_of(message), link_of(message)):
            if bid and bid[0] in visitors and bid[0] not in claimed and not quarantined & set(bid):
                claimed.add(bid[0])
                join(*bid)
    return {id_: frozenset(together) for id_, together in groups.items()}


def contact(
    told: list[dict[str, Any]], members: Members, methods: dict[str, str], quarantined: set[str]
) -> tuple[Any, ...]:
    """Give a contact's external id, e-mail, traits, account, and the times of its first and last message."""
    aliases = [pair for pair in map(link_of, told) if pair and set(pair) <= members and pair[0] != pair[1]]
    aliases = [pair for pair in aliases if not quarantined & set(pair)]
    users = [user_of(message) for message in told if user_of(message) in members]
    users += [id_ for id_, _ in filter(None, map(alias_of, told)) if id_ in members - set(map(visitor_of, told))]
    name = name_of(aliases) if aliases else (users[0] if users else None)
    traits: dict[str, Any] = {}
    evidence: dict[str, Account] = {}
    seen = [m["timestamp"] for m in told if {user_of(m), visitor_of(m)} & members]
    heard = [m["timestamp"] for m in told if sender(m) in members and is_active(m)]
    for message in told:
        if sender(message) not in members:
            continue
        if message["type"] == "identify":
            traits.update(message["traits"])
        for source, key, _, _ in evidence_of(message, methods):
            evidence[source] = (source, key)
    traits = {key: value for key, value in traits.items() if value is not None}
    email = traits.get("email")
    account = next((evidence[source] for source in ("group", "traits", "email") if source in evidence), None)
    times = (min(seen, default=None), max(heard, default=min(seen, default=None)))
    return name, email if isinstance(email, str) else None, exactly(traits), account, *times


def name_of(aliases: list[tuple[str, str]]) -> str:
    """Follow the latest alias, which comes last, to where it leads; out of a circle at the latest alias in it."""
    following, names = dict(aliases), [aliases[-1][1]]
    while (name := following.get(names[-1])) is not None:
        if name in names:
            circle = names[names.index(name) :]
            return next(user for previous, user in reversed(aliases) if previous in circle)
        names.append(name)
    return names[-1]


def evidence_of(message: dict[str, Any], methods: dict[str, str]) -> list[tuple[str, str, str | None, bool]]:
    """Give source, key, name and whether the connection's own method says so."""
    method = methods[message["connection"]]
    if message["type"] == "group" and method == "group":
        traits = message["traits"]
        return [("group", message["groupId"], traits.get("name", traits.get("Name")), True)]
    if message["type"] != "identify":
        return []
    found: list[tuple[str, str, str | None, bool]] = []
    company = message["traits"].get("company") or {}
    name = usable(company.get("name"))
    key = usable(company.get("id")) or name
    if method == "traits" and key:
        found.append(("traits", str(key), name, True))
    email = message["traits"].get("email")
    if email and email.split("@")[1] not in MAIL_PROVIDERS:
        domain = READABLE_DOMAINS.get(email.split("@")[1], email.split("@")[1])
        found.append(("email", domain, domain, method == "email"))
    return found


def own_account(message: dict[str, Any], methods: dict[str, str]) -> Account | None:
    """Give the account that an event's context names."""
    group_id = message["context"].get("groupId")
    return ("group", group_id) if group_id and methods[message["connection"]] == "group" else None


def accounts_told(told: list[dict[str, Any]], methods: dict[str, str]) -> dict[Account, tuple[Any, ...]]:
    """Give for each account whether its own method made it, its name, traits, and first and last time."""
    accounts: dict[Account, tuple[Any, ...]] = {}
    for message in told:
        at = message["timestamp"]
        stated = [(source, key, name, own) for source, key, name, own in evidence_of(message, methods)]
        if message["type"] in EVENTS and (named := own_account(message, methods)):
            stated.append((*named, None, True))
        for source, key, name, own in stated:
            was_own, old_name, traits, first, last = accounts.get((source, key), (False, key, {}, at, None))
            if message["type"] == "group":
                traits = traits | message["traits"] | ({"name": name} if name else {})
            last = at if is_active(message) else last
            accounts[source, key] = (was_own or own, name or old_name, traits, first, last)
    return {account: (*values, last or values[-1]) for account, (*values, last) in accounts.items()}


def memberships(
    told: list[dict[str, Any]], groups: dict[str | None, Members], methods: dict[str, str]
) -> set[tuple[Any, ...]]:
    """Give each stay: audience, subject, whether it lasts, since when, until when."""
    signals: dict[tuple[Any, ...], list[tuple[str, bool]]] = {}
    for message in told:
        audience = message["context"].get("personas", {}).get("computation_key")
        if audience is None or message["type"] not in ("identify", "group"):
            continue
        if message["type"] == "group":
            subject: Any = ("group", message["groupId"]) if methods[message["connection"]] == "group" else None
        else:
            subject = groups.get(sender(message))
        if subject is not None:
            signals.setdefault((audience, subject), []).append((message["timestamp"], message["traits"][audience]))
    stays: set[tuple[Any, ...]] = set()
    for (audience, subject), said in signals.items():
        changes = [item for index, item in enumerate(said) if index == 0 or item[1] != said[index - 1][1]]
        if not changes[0][1]:
            stays.add((audience, subject, False, None, changes[0][0]))
        for index, (at, is_member) in enumerate(changes):
            if is_member:
                until = changes[index + 1][0] if index + 1 < len(changes) else None
                stays.add((audience, subject, until is None, at, until))
    return stays
