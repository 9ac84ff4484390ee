"""What the console decides without looking at anything: what is sought, stays in audiences, lights."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.tolerant_json import storable
from tests.journeys.messages import at, identify
from tests.system import System
from worker.console.looking import read_sought
from worker.console.stays import Stay, members_by_day, stays_of
from worker.store.audiences import read_signals
from worker.store.database import to_jsonb

_ODD = ["'", "\\", ":*", "!", "&", "a'b\\", "xn--", "x@y", "=", "\x00", "\ud800", '"\\u0000"']


@given(st.lists(st.text(max_size=30) | st.sampled_from(_ODD)))
@settings(max_examples=60)
async def test_whatever_is_typed_can_be_looked_for(database: Any, texts: list[str]) -> None:
    sought = read_sought(storable("".join(texts)))
    if sought.words is not None:
        await database.fetchval("SELECT to_tsquery('simple', $1)", sought.words)
    if sought.traits is not None:
        await database.fetchval("SELECT $1::jsonb", to_jsonb(sought.traits))


def test_a_trait_is_sought_by_its_path_and_value() -> None:
    assert read_sought("company.name = Awesome Inc.").traits == {"company": {"name": "Awesome Inc."}}
    assert read_sought("seats=5").traits == {"seats": 5}
    assert read_sought("plan=true").traits == {"plan": True}
    assert read_sought("ada lovelace").traits is None


async def test_stays_are_those_of_the_view(system: System) -> None:
    def says(minute: int, *, is_member: bool, audience: str = "buyers") -> dict[str, Any]:
        personas = {"computation_key": audience, "computation_class": "audience"}
        return identify(minute, userId="u", traits={audience: is_member}, context={"personas": personas})

    pattern = [True, True, False, False, True, False, True]
    await system.send(*(says(n, is_member=is_member) for n, is_member in enumerate(pattern)))
    await system.send(says(50, is_member=False, audience="leavers"), says(51, is_member=True, audience="leavers"))
    subject = await system.database.fetchval("SELECT id FROM variance_data.identities")
    stays = stays_of(await read_signals(system.database, 1, [subject], are_accounts=False))
    view = await system.rows("audience_memberships", "audience, entered_at, exited_at, is_member")
    assert sorted(((s.audience, s.entered_at, s.exited_at, s.is_member) for s in stays), key=repr) == view
    assert stays[0] == Stay("leavers", datetime.fromisoformat(at(51)), None)


def test_members_by_day_add_up() -> None:
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)

    def change(days_ago: float, subject: str, *, is_member: bool) -> dict[str, Any]:
        return {"subject": subject, "occurred_at": now - timedelta(days=days_ago), "is_member": is_member}

    changes = [
        change(30, "old", is_member=True), change(2, "a", is_member=True), change(2, "b", is_member=True),
        change(1, "a", is_member=False), change(1, "never in", is_member=False), change(0, "old", is_member=False),
    ]  # fmt: skip
    days = members_by_day(changes, 3, now)
    assert [day[1:] for day in days] == [(3, 2, 0), (2, 0, 1), (1, 0, 1)]


@pytest.mark.parametrize("days", [1, 60])
def test_nobody_in_an_audience_is_nobody_on_any_day(days: int) -> None:
    assert [day[1:] for day in members_by_day([], days, datetime.now(UTC))] == [(0, 0, 0)] * days
