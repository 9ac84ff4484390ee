"""`variance status`: the ledger, the queue, and how the processes fare."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import click
from redis.exceptions import RedisError

from schemas.queue import stream_key
from schemas.redis_away import REDIS_AWAY
from schemas.settings import AlarmSettings, read_settings
from worker.alarms import alarms_of
from worker.balance import Balance, read_balance
from worker.cli.connecting import open_arq_redis, open_database, open_redis
from worker.cli.failures import CommandError, explain_server
from worker.cli.options import data_option, json_option
from worker.cli.output import print_fields, print_json, print_table, tell
from worker.cli.servers import Servers, find_servers
from worker.failure import POSTGRES_AWAY
from worker.health import Health, console_health, server_health, web_health, worker_health
from worker.queue_reading import QueuedPartition, QueueReading
from worker.signs import oldest_age_seconds, read_signs
from worker.store.database import Database
from worker.store.status import LedgerRow, read_ledger
from worker.tally import Tally

_COUNTS = ("accepted", "applied", "duplicate", "suppressed", "dead", "pending")

Report: TypeAlias = dict[str, Any]


@click.command()
@data_option
@json_option
def status(directory: Path, *, as_json: bool) -> None:
    """Show what became of all accepted messages, what waits, and how the processes fare.

    accepted = applied + duplicate + suppressed + dead + pending. Alarms say what somebody should look at.
    Where a server is down, what the other knows is shown, and the exit code is 1.
    """
    report, failures = asyncio.run(_status(find_servers(directory), read_settings(AlarmSettings)))
    if as_json:
        print_json(report)
    else:
        _print(report)
    for failure in failures:
        tell(failure)
    if failures:
        raise click.exceptions.Exit(1)


async def _status(servers: Servers, bounds: AlarmSettings) -> tuple[Report, Sequence[str]]:
    servers.require_database()
    servers.require_redis()
    failures: dict[str, str] = {}
    report: Report = dict.fromkeys((*_COUNTS, "balanced", "queue"))
    processes = [await web_health(servers.web_url)]
    async with AsyncExitStack() as stack:
        database = redis = arq = queue = None
        try:
            redis = await stack.enter_async_context(open_redis(servers))
            arq = await stack.enter_async_context(open_arq_redis(servers, redis))
            processes.append(await worker_health(arq))
            queue = QueueReading(redis)
        except (CommandError, *REDIS_AWAY) as failure:
            failures["redis"] = explain_server(failure)
            processes.append({"name": "worker", "state": "unknown", "detail": None})
        try:
            database = await stack.enter_async_context(open_database(servers))
        except CommandError as failure:
            failures["postgres"] = explain_server(failure)
        counts, partitions = await _read(database, queue, failures)
        report |= counts | {"queue": None if partitions is None else _queue(partitions)}
        signs = await read_signs(database, redis, arq, partitions, is_balanced=report["balanced"])
        report["alarms"] = [asdict(alarm) for alarm in alarms_of(signs, bounds)]
    if servers.console_at is not None:  # where none is known, none need run
        processes.append(await console_health(servers.console_at))
    report["processes"] = processes + [server_health(name, failures.get(name)) for name in ("redis", "postgres")]
    return report, list(failures.values())


async def _read(
    database: "Database | None", queue: QueueReading | None, failures: dict[str, str]
) -> tuple[Report, Sequence[QueuedPartition] | None]:
    """Read both servers, or what the one that is there knows: what is counted, and the queue."""
    if database is not None and queue is not None:
        try:
            balance = await read_balance(database, queue)
        except RedisError as failure:  # one of a cluster's servers
            failures["redis"] = explain_server(failure)
            queue = None
        except POSTGRES_AWAY as failure:
            failures["postgres"] = explain_server(failure)
        else:
            return _counted(balance), balance.queue
    if queue is not None:
        partitions = await queue.partitions()
        return {"pending": sum(max(partition.accepted - partition.removed, 0) for partition in partitions)}, partitions
    if database is not None:
        return _settled((await read_ledger(database)).values()), None
    return {}, None


def _counted(balance: Balance) -> Report:
    return {**balance.counts(), "balanced": balance.is_balanced}


def _settled(ledger: Iterable[LedgerRow]) -> Report:
    tally = sum((row.tally for row in ledger), Tally())
    return {
        "applied": tally.applied,
        "duplicate": tally.duplicate,
        "suppressed": tally.suppressed,
        "dead": tally.dead,
    }


def _queue(partitions: Sequence[QueuedPartition]) -> Report:
    return {
        "entries": sum(partition.entries for partition in partitions),
        "oldest_message_age_seconds": oldest_age_seconds(partitions),
        "partitions": {stream_key(number): partition.entries for number, partition in enumerate(partitions)},
    }


def _print(report: Report) -> None:
    print_table(_COUNTS, [[report[name] for name in _COUNTS]], title="Ledger, in messages")
    queue = report["queue"]
    if queue is not None:
        age_seconds = queue["oldest_message_age_seconds"]
        busy = [f"{key}: {entries}" for key, entries in queue["partitions"].items() if entries]
        print_fields([
            ("balanced", report["balanced"]),
            ("queue", f"{queue['entries']:,} entries {', '.join(busy)}".rstrip()),
            ("oldest message", "" if age_seconds is None else f"{age_seconds:,.1f} seconds ago"),
        ])  # fmt: skip
    processes: Sequence[Health] = report["processes"]
    print_table(("process", "state", "detail"), [[p["name"], p["state"], p["detail"]] for p in processes])
    if report["alarms"]:
        print_table(("alarm", "what"), [[alarm["code"], alarm["text"]] for alarm in report["alarms"]])
