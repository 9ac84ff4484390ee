from typing import Any

from schemas.partitions import NEVER_CHANGED
from schemas.queue import accepted_key, stream_key
from tests.cli.command import Variance
from tests.console.running import running_console
from tests.system import System
from tests.waiting import eventually

COUNTS = ("accepted", "applied", "duplicate", "suppressed", "dead", "pending")


def counts(report: dict[str, Any]) -> tuple[int | None, ...]:
    """Give the ledger's counts in their order."""
    return tuple(report[name] for name in COUNTS)


def identify(user: str) -> dict[str, Any]:
    return {"type": "identify", "userId": user, "messageId": f"m-{user}"}


async def test_a_new_system_has_accepted_nothing_and_is_balanced(variance: Variance) -> None:
    report = (await variance("status", "--json")).json
    assert counts(report) == (0, 0, 0, 0, 0, 0)
    assert report["balanced"] is True
    assert report["queue"]["entries"] == 0
    assert report["queue"]["oldest_message_age_seconds"] is None
    assert list(report["queue"]["partitions"]) == [stream_key(partition) for partition in range(NEVER_CHANGED.most)]


async def test_each_message_is_counted_once_by_what_became_of_it(system: System, variance: Variance) -> None:
    await system.send(identify("a"), identify("a"), identify("b"), {"type": "nonsense", "messageId": "bad"})
    await system.send({"type": "delete", "userId": "b", "messageId": "d", "timestamp": "2030-01-01"})
    await system.send(identify("b") | {"messageId": "late"}, identify("a"))
    report = (await variance("status", "--json")).json
    assert counts(report) == (7, 3, 2, 1, 1, 0)
    assert report["balanced"] is True


async def test_what_waits_is_pending_and_has_an_age(system: System, variance: Variance) -> None:
    await system.send(identify("a"))
    await system.stop_worker()
    assert await system.post("/webhook/defaultmain", [identify("a"), identify("b")], "defaultmain") == 200
    report = (await variance("status", "--json")).json
    assert counts(report) == (3, 1, 0, 0, 0, 2)
    assert report["balanced"] is True
    assert report["queue"]["entries"] == sum(report["queue"]["partitions"].values()) >= 1
    assert 0 <= report["queue"]["oldest_message_age_seconds"] < 60
    await system.start_worker()
    await system.settled()
    assert counts((await variance("status", "--json")).json) == (3, 2, 1, 0, 0, 0)


async def test_a_message_that_was_lost_unbalances_the_ledger(system: System, variance: Variance) -> None:
    await system.send(identify("a"))
    await system.redis.incr(accepted_key(5))
    report = (await variance("status", "--json")).json
    assert counts(report) == (2, 1, 0, 0, 0, 1)
    assert report["balanced"] is False


async def test_an_emptied_redis_is_no_reason_for_a_negative_count(system: System, variance: Variance) -> None:
    await system.send(identify("a"), identify("b"), identify("c"))
    await system.stop_worker()
    await system.redis.flushall()
    await system.connect("other")
    assert await system.post("/webhook/defaultother", [identify("a")], "defaultother") == 200
    report = (await variance("status", "--json")).json
    assert counts(report) == (4, 3, 0, 0, 0, 1)
    assert report["balanced"] is False


async def test_processes_are_shown_as_far_as_they_can_be_asked(system: System, variance: Variance) -> None:
    async def states() -> dict[str, str]:
        report = (await variance("status", "--json", PUBLIC_URL=system.base_url)).json
        return {process["name"]: process["state"] for process in report["processes"]}

    async def is_worker(state: str) -> bool:
        return (await states())["worker"] == state

    await eventually(lambda: is_worker("running"), "the worker's mark to be seen")
    assert await states() == {"web": "ready", "worker": "running", "redis": "ready", "postgres": "ready"}
    await system.stop_worker()
    await system.redis.delete("arq:queue:health-check")  # or it lapses after eleven seconds
    assert await is_worker("not seen")
    away = (await variance("status", "--json", PUBLIC_URL="http://127.0.0.1:1")).json
    assert away["processes"][0]["state"] == "unreachable"
    untold = (await variance("status", "--json")).json
    assert untold["processes"][0]["state"] == "unknown"


async def test_a_console_is_shown_where_it_is_known(variance: Variance) -> None:
    async def shown(console_url: str) -> list[tuple[str, str]]:
        report = (await variance("status", "--json", CONSOLE_URL=console_url)).json
        return [(process["name"], process["state"]) for process in report["processes"] if process["name"] == "console"]

    async with running_console(variance.environ["REDIS_URL"], variance.environ["DATABASE_URL"]) as console:
        assert await shown(f"{console.base_url}/") == [("console", "running")]
        assert await shown(f"{console.base_url}/static") == [("console", "not ready")]
    assert await shown(console.base_url) == [("console", "unreachable")]
    assert await shown("") == []


async def test_without_postgres_the_queue_is_still_shown(system: System, variance: Variance) -> None:
    await system.stop_worker()
    assert await system.post("/webhook/defaultmain", [identify("a"), identify("b")], "defaultmain") == 200
    ended = await variance("status", "--json", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert ended.failure == "variance: Postgres at 127.0.0.1:1 cannot be used: connection refused"
    report = ended.document
    assert counts(report) == (None, None, None, None, None, 2)
    assert report["queue"]["entries"] >= 1


async def test_without_redis_what_was_settled_is_still_shown(system: System, variance: Variance) -> None:
    await system.send(identify("a"))
    ended = await variance("status", "--json", REDIS_URL="redis://127.0.0.1:1")
    assert ended.failure == "variance: Redis at 127.0.0.1:1 cannot be used: connection refused"
    assert counts(ended.document) == (None, 1, 0, 0, 0, None)


async def test_people_get_a_table(variance: Variance) -> None:
    ended = await variance("status")
    assert ended.exit_code == 0
    assert all(name in ended.out for name in COUNTS)
    assert "balanced        yes" in ended.out
