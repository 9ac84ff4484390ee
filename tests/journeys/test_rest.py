"""A worker at rest: nothing waits, and it looks at nothing until something does."""

import pytest

from tests.journeys.messages import track
from tests.system import System
from tests.waiting import eventually


@pytest.mark.parametrize("named", [{}, {"workspaces": "default"}])
async def test_a_message_ends_a_workers_rest(
    system: System, monkeypatch: pytest.MonkeyPatch, named: dict[str, str]
) -> None:
    monkeypatch.setattr("worker.sweep._REST_SECONDS", 600.0)
    monkeypatch.setattr("worker.arq_queue._IDLE_LOOK_SECONDS", 600.0)
    await system.stop_worker()
    await system.start_worker(redis_timeout_seconds=1200.0, shutdown_seconds=0.1, **named)

    async def is_at_rest() -> bool:
        return bool((await system.redis.info("clients"))["blocked_clients"])

    for minute in range(4):
        await eventually(is_at_rest, "the worker to rest")
        await system.send(*(track(f"{minute}", minute, userId=f"u{number}") for number in range(8)))
    assert len(await system.rows("events")) == 32
