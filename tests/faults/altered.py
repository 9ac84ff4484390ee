"""Runs one of the product's processes, altered: `python -m tests.faults.altered worker NAME…`.

The product has no such switches. Some alterations stand for what a test cannot bring about from outside (a message
that kills the process, another version of the code, a wrong clock); others break a promise on purpose, to show that
the tests of faults would tell.
"""

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from importlib import import_module
from types import ModuleType
from typing import Any

from redis.asyncio.connection import AbstractConnection

from ingest.group_commit import GroupCommit

# What is altered: modules, as anything at all.
batch: Any = import_module("worker.batch")
drain_module: Any = import_module("worker.drain")
service: Any = import_module("worker.service")
arq_queue: Any = import_module("worker.arq_queue")
message_store: Any = import_module("worker.store.messages")
group_commit: Any = import_module("ingest.group_commit")
redis_connection: Any = import_module("redis.asyncio.connection")
crash_points: Any = import_module("schemas.crash_points")

DEADLY = {"type": "track", "event": "kills the worker"}
POISONOUS = {"type": "track", "event": "cannot be folded"}

_ANSWERED_SECONDS = 0.05


def deadly() -> None:
    """Have a certain message kill the process, as one does that meets a fault in a C library."""
    decode = batch.told_by

    def dying(workspace_id: int, message: Any, rules: Any) -> Any:
        if DEADLY["event"].encode() in message.value:
            os.kill(os.getpid(), signal.SIGKILL)
        return decode(workspace_id, message, rules)

    batch.told_by = dying


def poisonous() -> None:
    """Have a certain message refused by the fold, as one is that meets an unknown defect in it."""
    decode = batch.told_by

    def refusing(workspace_id: int, message: Any, rules: Any) -> Any:
        if POISONOUS["event"].encode() in message.value:
            raise ValueError(message.value)
        return decode(workspace_id, message, rules)

    batch.told_by = refusing


def freezing() -> None:
    """Freeze at the crash point instead of dying there; and have Postgres wait for a frozen worker not as long."""
    settings = service.server_settings

    def shorter(*given: Any) -> dict[str, str]:
        found: dict[str, str] = settings(*given)
        assert "idle_in_transaction_session_timeout" in found, "there is nothing to shorten"
        return found | {"idle_in_transaction_session_timeout": "300"}

    service.server_settings = shorter
    crash_points.signal = type("signal", (), {"SIGKILL": signal.SIGSTOP})


def closed_transports() -> None:
    """Have a write to Redis fail now and then, as uvloop has it fail on a connection that was reset just then."""
    # More than a connection needs to begin with, or none would ever be of use; a worker writes that much more.
    every = 11 if sys.argv[1] == "ingest" else 100
    send = AbstractConnection.send_packed_command
    numbers = itertools.count(1)

    async def failing(self: Any, *given: Any, **options: Any) -> None:
        if next(numbers) % every == 0:
            await self.disconnect(nowait=True)
            raise RuntimeError("unable to perform operation on <TCPTransport>; the handler is closed")
        await send(self, *given, **options)

    redis_connection.AbstractConnection.send_packed_command = failing


def next_version() -> None:
    """Be a version whose job has another name; it shares arq's queue with the version before."""
    arq_queue._DRAIN = "drain_v2"  # noqa: SLF001


def hour_ahead() -> None:
    _move_clock(3600)


def hour_behind() -> None:
    _move_clock(-3600)


def _move_clock(seconds: int) -> None:
    """Have every module of the product see another time of day; monotonic clocks go on, as after a step."""

    class Kind(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, datetime)

    class Moved(datetime, metaclass=Kind):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=seconds)

    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("ingest", "worker", "schemas") and getattr(module, "datetime", None) is datetime:
            module.datetime = Moved  # type: ignore[attr-defined]


def without_deduplication() -> None:
    """Break: take every message for new, whether the log has it or not."""
    insert = message_store.insert_messages

    async def insert_all(database: Any, workspace_id: int, batch: Any) -> Any:
        await insert(database, workspace_id, batch)
        return {facts.message.key for facts in batch}

    message_store.insert_messages = insert_all


def removing_early() -> None:
    """Break: remove entries from the queue before the commit."""
    settle = drain_module.settle_entries
    drains: list[Any] = []
    made = drain_module.Drain.drain

    async def drain(self: Any, *given: Any) -> Any:
        drains.append(self)
        return await made(self, *given)

    async def settle_and_remove(database: Any, partition: int, tally: Any, entries: Any) -> int:
        settled: int = await settle(database, partition, tally, entries)
        await drains[-1].streams.remove(partition, entries, settled)
        return settled

    drain_module.Drain.drain = drain
    drain_module.settle_entries = settle_and_remove


def answering_early() -> None:
    """Break: answer before the queue has the messages, by so much that the answer has left when they are written."""
    put_then = GroupCommit.put_then

    def put_and_forget(self: GroupCommit, pairs: Any, settle: Any) -> None:
        settle(None)
        asyncio.get_running_loop().call_later(_ANSWERED_SECONDS, put_then, self, pairs, lambda _: None)

    group_commit.GroupCommit.put_then = put_and_forget


ALTERATIONS: dict[str, Callable[[], None]] = {
    function.__name__: function
    for function in (
        deadly, poisonous, freezing, closed_transports, next_version, hour_ahead, hour_behind,
        without_deduplication, removing_early, answering_early,
    )
}  # fmt: skip


if __name__ == "__main__":
    program: ModuleType = import_module(f"{sys.argv[1]}.__main__")
    for name in sys.argv[2:]:
        ALTERATIONS[name]()
    program.main()
