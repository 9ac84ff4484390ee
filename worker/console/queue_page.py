"""The queue at night: what waits, how old it is, where every message went, and how each process fares."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from aiohttp import web

from schemas.queue import stream_key
from schemas.redis_away import REDIS_AWAY
from schemas.settings import AlarmSettings
from worker.alarms import Alarm, Signs, alarms_of
from worker.balance import Balance, read_balance
from worker.console.charts import chart
from worker.console.parts import ARQ_REDIS, REDIS, SETTINGS, draw, now, open_database
from worker.failure_reason import reason_of
from worker.health import Health, server_health, web_health, worker_health
from worker.queue_reading import QueueReading
from worker.signs import read_signs
from worker.store.queue_samples import QueueSample, read_samples

_RANGES = {
    "hour": (timedelta(hours=1), timedelta(seconds=10)),
    "day": (timedelta(days=1), timedelta(minutes=4)),
    "week": (timedelta(days=7), timedelta(minutes=28)),
}
_SPARKS = 60
_NOT_SHOWN_OTHERWISE = ("redis_durability", "unserved", "oldest_message", "dead_letters")


async def show_queue(request: web.Request) -> web.StreamResponse:
    """Show the queue, the ledger, and the processes; the part that changes alone where htmx asks."""
    range_ = request.query.get("range", "hour")
    length, span = _RANGES.get(range_, _RANGES["hour"])
    redis_fault, balance = None, None
    async with open_database(request) as database:
        samples = await read_samples(database, now() - length, span)
        try:
            balance = await read_balance(database, QueueReading(request.app[REDIS]))
        except REDIS_AWAY as failure:
            redis_fault = reason_of(failure)
        signs = await read_signs(
            database, None if redis_fault else request.app[REDIS], request.app.get(ARQ_REDIS),
            balance.queue if balance else None, is_balanced=balance.is_balanced if balance else None,
        )  # fmt: skip
    processes = await _processes(request, redis_fault)
    part = request.headers.get("HX-Request")
    return draw(
        "part_queue.html" if part else "queue.html", request,
        balance=balance, alarms=_alarms(signs, request.app[SETTINGS]),
        redis_fault=redis_fault, processes=processes, partitions=_partitions(balance, samples),
        range=range_, ranges=list(_RANGES), charts=_charts(samples) if samples and not part else [],
    )  # fmt: skip


def _alarms(signs: Signs, bounds: AlarmSettings) -> list[Alarm]:
    """Give the alarms that the page does not show already, beside the processes and the ledger."""
    return [alarm for alarm in alarms_of(signs, bounds) if alarm.code in _NOT_SHOWN_OTHERWISE]


async def _processes(request: web.Request, redis_fault: str | None) -> list[Health]:
    web_state = asyncio.create_task(web_health(request.app[SETTINGS].public_url))
    worker: Health = {"name": "worker", "state": "unknown", "detail": None}
    if redis_fault is None:
        redis = request.app[REDIS]
        worker = await worker_health(request.app.get(ARQ_REDIS) or (None if await redis.is_cluster() else redis))
    console: Health = {"name": "console", "state": "running", "detail": None}  # who else would show this page
    return [await web_state, worker, console, server_health("redis", redis_fault), server_health("postgres", None)]


def _partitions(balance: Balance | None, samples: Sequence[QueueSample]) -> list[dict[str, Any]]:
    if balance is None:
        return []
    lately = samples[-_SPARKS:]
    return [
        {
            "name": stream_key(number),
            "entries": partition.entries,
            "age_seconds": partition.oldest_message_age_seconds,
            "history": [_entries_of(sample, number) for sample in lately] or [partition.entries],
        }
        for number, partition in enumerate(balance.queue)
    ]


def _entries_of(sample: QueueSample, partition: int) -> int:
    return sample.entries[partition] if partition < len(sample.entries) else 0  # from before there were so many


def _charts(samples: Sequence[QueueSample]) -> list[tuple[str, dict[str, Any]]]:
    instants = [sample.sampled_at for sample in samples]
    pairs = list(itertools.pairwise(samples))
    later = [after.sampled_at for _, after in pairs]
    depth = chart(instants, {
        "All": [sum(sample.entries) for sample in samples],
        "Fullest partition": [max(sample.entries) for sample in samples],
    })  # fmt: skip
    age = chart(instants, {"Oldest": [max(sample.age_seconds) for sample in samples]})
    rates = chart(later, {
        "Accepted": [_rate(before.accepted, after.accepted, before, after) for before, after in pairs],
        "Settled": [_rate(_settled(before), _settled(after), before, after) for before, after in pairs],
    })  # fmt: skip
    return [
        ("Entries that wait", depth),
        ("Age of the oldest, in seconds", age),
        *([("Messages a second", rates)] if pairs else []),
    ]


def _settled(sample: QueueSample) -> int:
    return sample.applied + sample.duplicate + sample.suppressed + sample.dead


def _rate(before: int, after: int, first: QueueSample, second: QueueSample) -> float:
    seconds = (second.sampled_at - first.sampled_at).total_seconds()
    return round(max(0, after - before) / seconds, 2)
