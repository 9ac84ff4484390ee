from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.settings import AlarmSettings
from tests.cli.command import Variance
from tests.system import System
from tests.waiting import eventually
from worker.alarms import CODES, Signs, alarms_of
from worker.store.status import count_worker_sessions

BOUNDS = AlarmSettings(alarm_oldest_seconds=60, alarm_dead_letters=100)
WELL = Signs(
    is_redis_there=True, is_postgres_there=True, oldest_message_age_seconds=60, recent_dead_letters=100,
    is_worker_alive=True, is_balanced=True,
)  # fmt: skip


def test_at_its_bounds_all_is_well() -> None:
    assert alarms_of(WELL, BOUNDS) == []


@pytest.mark.parametrize(
    ("code", "signs", "value", "bound"),
    [
        ("oldest_message", replace(WELL, oldest_message_age_seconds=60.5), 60.5, 60),
        ("dead_letters", replace(WELL, recent_dead_letters=101), 101, 100),
        ("no_worker", replace(WELL, is_worker_alive=False), None, None),
        ("unserved", replace(WELL, unserved_partitions=[3]), None, None),
        ("redis_durability", replace(WELL, durability_faults=["appendfsync: is no, must be always"]), None, None),
        ("redis_unreachable", replace(WELL, is_redis_there=False), None, None),
        ("postgres_unreachable", replace(WELL, is_postgres_there=False), None, None),
        ("unbalanced", replace(WELL, is_balanced=False), None, None),
    ],
)
def test_each_sign_raises_its_own_alarm(code: str, signs: Signs, value: float, bound: float) -> None:
    (alarm,) = alarms_of(signs, BOUNDS)
    assert (alarm.code, alarm.value, alarm.bound) == (code, value, bound)
    assert all(fault in alarm.text for fault in signs.durability_faults)


@given(
    signs=st.builds(
        Signs,
        oldest_message_age_seconds=st.none() | st.floats(0, 1e9),
        recent_dead_letters=st.none() | st.integers(0, 10**9),
        durability_faults=st.lists(st.text(max_size=3), max_size=2),
        is_worker_alive=st.sampled_from([None, True, False]),
        is_balanced=st.sampled_from([None, True, False]),
        unserved_partitions=st.lists(st.integers(0, 255), max_size=2),
    )
)
def test_an_alarm_is_raised_once_and_never_without_a_sign(signs: Signs) -> None:
    codes = [alarm.code for alarm in alarms_of(signs, BOUNDS)]
    assert len(set(codes)) == len(codes)
    assert set(codes) <= set(CODES)
    unknown = replace(
        signs, oldest_message_age_seconds=None, recent_dead_letters=None, is_worker_alive=None, is_balanced=None,
        unserved_partitions=(),
    )  # fmt: skip
    assert {alarm.code for alarm in alarms_of(unknown, BOUNDS)} <= set(codes)


async def test_a_running_system_raises_none_and_a_stopped_worker_does(system: System, variance: Variance) -> None:
    async def alarms() -> list[str]:
        ended = await variance("status", "--json", ALARM_OLDEST_SECONDS="0.001", ALARM_DEAD_LETTERS="1")
        return [alarm["code"] for alarm in ended.json["alarms"]]

    async def has_no_worker_left() -> bool:
        await system.redis.delete("arq:queue:health-check")  # or it lapses after eleven seconds
        return await count_worker_sessions(system.database) == 0

    await system.send({"type": "x", "messageId": "1"}, {"type": "x", "messageId": "2"})
    await system.redis.delete("arq:queue:health-check")  # as another worker that stops does
    assert await alarms() == ["dead_letters"]
    await system.stop_worker()
    await eventually(has_no_worker_left, "Postgres to have seen the worker off")
    await system.post("/webhook/defaultmain", [{"type": "x", "messageId": "3"}], "defaultmain")
    assert await alarms() == ["no_worker", "oldest_message", "dead_letters"]
    assert "A message has waited" in (await variance("status", ALARM_OLDEST_SECONDS="0.001")).out
    await system.database.execute("UPDATE variance_data.dead_letters SET died_at = died_at - interval '2 hours'")
    assert await alarms() == ["no_worker", "oldest_message"], "what died is no alarm once an hour has passed"


async def test_a_redis_that_could_lose_data_is_an_alarm(system: System, variance: Variance) -> None:
    await system.redis.config_set("appendfsync", "everysec")
    try:
        report = (await variance("status", "--json")).json
    finally:
        await system.redis.config_set("appendfsync", "always")
    (alarm,) = report["alarms"]
    assert alarm["code"] == "redis_durability"
    assert "appendfsync: is everysec, must be always" in alarm["text"]
