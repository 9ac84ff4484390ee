"""The demo's week is believable, the same for a seed, and counted rightly."""

import copy
from collections import Counter
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.acceptance import Accepted, Refused, accept
from schemas.timestamps import occurred_at
from tests.demo.messages import CALLS, SentMessage, sent_messages
from worker.demo.connections import APP, BACKEND, CONNECTIONS, WEBSITE
from worker.demo.delivery import WEBHOOK
from worker.demo.engage import ACCOUNT_AUDIENCE, AUDIENCE, COMPUTED_TRAIT
from worker.demo.traffic import NEWCOMERS, DemoWeek, demo_week
from worker.demo.week import LENGTH

NOW = datetime(2026, 3, 12, 15, 4, 5, tzinfo=UTC)
SEEDS = st.integers(min_value=0, max_value=2**32)
DOCUMENTATION = [ip_network(f"{prefix}.0/24") for prefix in ("192.0.2", "198.51.100", "203.0.113")]


@pytest.fixture(scope="module")
def week() -> DemoWeek:
    """Give the week that `--demo` sends."""
    return demo_week(NOW)


@pytest.fixture(scope="module")
def messages(week: DemoWeek) -> list[SentMessage]:
    """Give its messages, in the order of sending."""
    return list(sent_messages(week))


def personas(message: SentMessage) -> dict[str, str]:
    """Give what a message says of the computation behind it."""
    found: dict[str, str] = (message.body.get("context") or {}).get("personas", {})
    return found


def test_the_same_seed_and_moment_tell_the_same_week() -> None:
    assert demo_week(NOW, 7) == demo_week(NOW, 7)


def test_another_seed_tells_another_week() -> None:
    assert demo_week(NOW, 7) != demo_week(NOW, 8)


@settings(max_examples=20)
@given(seed=SEEDS)
def test_every_week_is_json_of_its_seven_days_whatever_the_clients_clock_says_and_counted_truly(seed: int) -> None:
    week = demo_week(NOW, seed)
    for post in week.posts:
        assert orjson.loads(orjson.dumps(post.body)) == post.body
    sent = list(sent_messages(week))
    for message in sent:
        happened_at = occurred_at(message.body, received_at=NOW)
        assert NOW - LENGTH <= happened_at <= NOW, message
    seen = Counter((message.connection, message.body["messageId"]) for message in sent)
    assert week.messages == len(sent) == sum(post.messages for post in week.posts)
    assert week.duplicates == len(sent) - len(seen)
    assert week.bad == sum(is_refused(message) for message in sent)
    assert 3_000 <= week.messages <= 5_500


def test_the_last_messages_are_of_now(messages: list[SentMessage]) -> None:
    latest_at = max(occurred_at(message.body, received_at=NOW) for message in messages)
    assert NOW - latest_at < timedelta(minutes=5)


def test_repeated_messages_are_the_same_to_the_letter(messages: list[SentMessage]) -> None:
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for message in messages:
        key = message.connection, message.body["messageId"]
        assert first.setdefault(key, message.body) == message.body


def test_all_calls_and_all_ways_of_posting_occur(week: DemoWeek, messages: list[SentMessage]) -> None:
    assert {message.call for message in messages} == set(CALLS.values()) | {"indentify"}
    paths = {post.path for post in week.posts}
    assert paths >= {WEBHOOK, "/v1/batch", "/v1/b", "/v1/import", "/v1/track", "/v1/t", "/v1/i", "/v1/p"}
    deliveries = [post.body for post in week.posts if post.path == WEBHOOK]
    assert {type(body) for body in deliveries} == {dict, list}
    batched = sum(post.messages for post in week.posts if post.path in ("/v1/batch", "/v1/b", "/v1/import"))
    assert batched > week.messages / 2


def test_each_connection_has_its_own_method_and_its_traffic(week: DemoWeek) -> None:
    assert {connection.accounts for connection in CONNECTIONS} == {"group", "traits", "email"}
    assert {post.connection for post in week.posts} == {connection.name for connection in CONNECTIONS}


def test_each_method_finds_a_dozen_companies_or_nearly(messages: list[SentMessage]) -> None:
    good = [message for message in messages if not is_refused(message)]
    groups = {message.body["groupId"] for message in good if message.call == "group"}
    companies = [
        message.body["traits"]["company"]
        for message in good
        if message.connection == BACKEND.name and message.call == "identify"
    ]
    numbered = {company["id"] for company in companies if "id" in company}
    hosts = {host_of(message) for message in good if message.connection == WEBSITE.name} - {None}
    assert len(groups) == 16
    assert all(isinstance(number, int) for number in numbered)
    assert len(numbered) == 9
    assert any("id" not in company for company in companies)
    assert len(hosts) >= 12


def test_email_addresses_cover_a_subdomain_and_a_mail_provider(messages: list[SentMessage]) -> None:
    hosts = {host_of(message) for message in messages} - {None}
    assert "gmail.com" in hosts
    assert "emea.kestrel-biologics.example" in hosts
    assert all(str(host).endswith(".example") for host in hosts - {"gmail.com"})


def test_anonymous_visitors_of_the_website_become_users_of_the_app(messages: list[SentMessage]) -> None:
    visitors = {
        message.body["anonymousId"]
        for message in messages
        if message.connection == WEBSITE.name and not message.body.get("userId") and not is_refused(message)
    }
    claimed = {
        message.body["anonymousId"]
        for message in messages
        if message.connection == APP.name and message.body.get("userId") and message.body.get("anonymousId")
    }
    assert len(visitors & claimed) >= NEWCOMERS
    assert len(visitors) > 150


def test_an_audience_is_synced_at_once_then_left_and_entered(messages: list[SentMessage]) -> None:
    changes = [
        message for message in distinct(messages) if personas(message).get("computation_key") == AUDIENCE.key
    ]
    changes.sort(key=lambda message: str(message.body["timestamp"]))
    values = [message.body["traits"][AUDIENCE.key] for message in changes]
    assert values[:30] == [True] * 30
    assert values[30:38] == [False] * 8
    assert values[38:] == [True] * 8
    assert {message.path for message in changes} == {WEBHOOK}
    assert all(message.body["integrations"]["All"] is False for message in changes)
    assert all(personas(message)["computation_class"] == "audience" for message in changes)


def test_engage_also_sends_a_computed_trait_and_an_audience_of_accounts(messages: list[SentMessage]) -> None:
    found = Counter(
        (message.call, personas(message).get("computation_key")) for message in distinct(messages)
    )
    assert found["identify", COMPUTED_TRAIT.key] == 36
    assert found["group", ACCOUNT_AUDIENCE.key] == 5


def test_aliases_join_visitors_users_and_a_chain_and_one_is_a_second_claim(
    messages: list[SentMessage],
) -> None:
    aliases = {
        (message.body["previousId"], message.body["userId"])
        for message in messages
        if message.call == "alias" and not is_refused(message)
    }
    assert {("billing-990", "billing-1990"), ("billing-1990", "customer-790")} <= aliases
    assert ("billing-399", "customer-799") in aliases
    from_website = [
        message for message in messages if message.call == "alias" and message.connection == WEBSITE.name
    ]
    assert len({message.body["messageId"] for message in from_website}) == 1
    assert any(previous_id.count("-") == 4 and user_id.startswith("usr_") for previous_id, user_id in aliases)


def test_some_clients_have_a_wrong_clock_and_give_no_timestamp(messages: list[SentMessage]) -> None:
    without = [message.body for message in messages if "timestamp" not in message.body]
    wrong = [body for body in without if not NOW - LENGTH <= datetime.fromisoformat(body["sentAt"]) <= NOW]
    assert len(wrong) >= 20
    assert len({body.get("anonymousId") for body in wrong}) >= 3


def test_messages_are_delivered_out_of_order(messages: list[SentMessage]) -> None:
    times = [occurred_at(message.body, received_at=NOW) for message in messages]
    steps_back = sum(later < earlier for earlier, later in pairwise(times))
    assert steps_back > len(times) / 20


def test_bad_messages_travel_among_good_ones_and_lack_different_things(messages: list[SentMessage]) -> None:
    reasons = Counter(
        refusal.reason for message in messages if isinstance(refusal := judge(message), Refused)
    )
    assert set(reasons) == {"missing_id", "missing_field", "unknown_type", "invalid_field"}
    # Alone in its post it would be answered 400, and the demo would stop there.
    assert {message.path for message in messages if is_refused(message)} <= {
        "/v1/batch", "/v1/b", "/v1/import", WEBHOOK,
    }  # fmt: skip


def test_one_trait_is_removed(messages: list[SentMessage]) -> None:
    removals = [message for message in distinct(messages) if message.body.get("traits") == {"title": None}]
    assert len(removals) == 1


def test_addresses_on_the_network_are_documentation_addresses(messages: list[SentMessage]) -> None:
    addresses = {message.body["context"]["ip"] for message in messages if "ip" in message.body["context"]}
    assert addresses
    assert all(any(ip_address(address) in network for network in DOCUMENTATION) for address in addresses)


def distinct(messages: list[SentMessage]) -> list[SentMessage]:
    """Give each message once."""
    return list({(message.connection, message.body["messageId"]): message for message in messages}.values())


def host_of(message: SentMessage) -> str | None:
    """Give the host of the e-mail address in a message's traits."""
    email = (message.body.get("traits") or {}).get("email")
    return email.rpartition("@")[2] if isinstance(email, str) else None


def judge(message: SentMessage) -> Accepted | Refused:
    """Give what the service's own rules make of a message."""
    copied = copy.deepcopy(message.body)  # the rules write into what they are given
    return accept(copied, NOW, call_type=message.path_call)


def is_refused(message: SentMessage) -> bool:
    """Tell whether the service makes a dead letter of this message."""
    return isinstance(judge(message), Refused)
