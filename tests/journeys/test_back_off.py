"""What is begun again waits longer each time while it fails, and hardly at all once it was well."""

import asyncio
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from schemas.settings import WorkerSettings
from tests.ingest.valkey import Valkey
from tests.waiting import eventually
from worker.back_off import BackOff
from worker.service import run_worker

_SECONDS = st.floats(0.001, 1000)
_LIMITS = st.tuples(_SECONDS, _SECONDS).map(sorted)


@given(limits=_LIMITS, runs=st.lists(st.floats(0, 2000), max_size=30))
def test_a_pause_is_twice_the_last_one_unless_what_ended_was_well(limits: list[float], runs: list[float]) -> None:
    first, longest = limits
    pause = 0.0
    for lasted in runs:
        before, pause = pause, BackOff(first, longest).next_seconds(pause, lasted)
        assert first <= pause <= longest
        is_new = before == 0 or lasted >= longest
        assert pause == (first if is_new else min(before * 2, longest))


@given(limits=_LIMITS)
def test_what_goes_on_failing_at_once_comes_to_the_longest_pause_and_stays_there(limits: list[float]) -> None:
    back_off = BackOff(*limits)
    pause, pauses = 0.0, []
    for _ in range(30):
        pause = back_off.next_seconds(pause, 0.0)
        pauses.append(pause)
    assert pauses == sorted(pauses)
    assert pauses[-1] == back_off.longest_seconds


async def test_a_worker_tries_ever_less_often_while_redis_is_away_and_soon_again_after_it_was_well(
    database_url: str, tmp_path: Path
) -> None:
    valkey, stopping = Valkey(tmp_path), asyncio.Event()
    with capture_logs() as logs:
        worker = asyncio.create_task(
            run_worker(WorkerSettings(redis_url=valkey.url, database_url=database_url), stopping)
        )

        def pauses() -> list[float]:
            return [log["retry_seconds"] for log in logs if log["event"] == "worker starts again"]

        async def is_tried(times: int) -> bool:
            return len(pauses()) >= times

        async def is_longest() -> bool:
            return len(pauses()) >= 2 and pauses()[-1] == pauses()[-2]

        await eventually(is_longest, "the worker to have been started again and again")
        ever_longer = pauses()
        valkey.start()
        seen_at: dict[int, float] = {}

        async def is_well() -> bool:
            turns = [log["event"] for log in logs if log["event"] in ("worker started", "worker starts again")]
            now = time.monotonic()
            return turns[-1] == "worker started" and now - seen_at.setdefault(len(turns), now) > pauses()[-1]

        await eventually(is_well, "the worker to have been well for as long as the longest pause")
        tried = len(pauses())
        valkey.kill()
        await eventually(lambda: is_tried(tried + 1), "the worker to be started again")
        stopping.set()
        await worker
    first, longest = ever_longer[0], ever_longer[-1]
    assert first < longest
    assert ever_longer == [min(first * 2**number, longest) for number in range(len(ever_longer))]
    assert pauses()[tried] == first
