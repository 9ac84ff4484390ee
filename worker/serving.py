"""Which partitions a worker drains, where it is told to serve some workspaces only, and which no worker does.

A workspace's messages lie in a few partitions, which others share. So who serves a workspace drains these, with all
that lies in them. Every worker leaves a mark in Redis for each partition that it drains, by Redis' own clock; where one
lapses and messages wait, that is an alarm.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from redis.asyncio import Redis

from schemas.partitions import Partitions, bursts_behind
from schemas.queue import BURST_PARTITIONS, partitions_of
from schemas.redis_commands import run_all
from worker.queue_reading import QueuedPartition
from worker.store.connections import find_workspaces
from worker.store.database import Database

SERVED_KEY = "variance:served"
"""Sorted set: partition → Unix seconds at which a worker last said that it drains it."""

_MARK_SECONDS = 5.0
_LAPSES_SECONDS = 3 * _MARK_SECONDS
_MISSING_SECONDS = 1.0

_LOG = structlog.get_logger(__name__)


@dataclass(slots=True)
class Serving:
    """The workspaces that a worker serves, by name; none means all. One that is not there yet may be made later."""

    names: Collection[str] = ()
    _ids: dict[str, int] = field(default_factory=dict)
    _missing: set[str] = field(default_factory=set)

    @property
    def pause_seconds(self) -> float:
        """Give how long to wait until the next look, and the next mark."""
        return _MISSING_SECONDS if self._missing else _MARK_SECONDS

    async def look(self, database: Database) -> None:
        """Look which of the workspaces are there."""
        self._ids = await find_workspaces(database, self.names)
        missing = set(self.names) - self._ids.keys()
        for name in sorted(missing - self._missing):
            _LOG.warning("workspace is not there, and is served once it is", workspace=name)
        for name in sorted(self._missing - missing):
            _LOG.info("workspace is there", workspace=name)
        self._missing = missing

    def partitions(self, partitions: Partitions) -> frozenset[int] | None:
        """Give the partitions to drain; None for all."""
        return partitions_to_serve(self._ids.values(), partitions) if self.names else None


def partitions_to_serve(workspace_ids: Iterable[int], partitions: Partitions) -> frozenset[int]:
    """Give all partitions that these workspaces' messages may lie in, whatever the number was when they came."""
    found: set[int] = set()
    for workspace_id in workspace_ids:
        for number in partitions.ever:
            first = bursts_behind(number).start
            found |= partitions_of(workspace_id, number)
            found |= {first + place for place in partitions_of(workspace_id, BURST_PARTITIONS)}
    return frozenset(number for number in found if number < partitions.most)


async def mark_served(redis: Redis, partitions: Iterable[int]) -> None:
    """Say that these partitions are drained. Raises what is in REDIS_AWAY."""
    (seconds, _), *_ = await run_all(redis, [("TIME",)])
    marks = [word for partition in partitions for word in (seconds, partition)]
    if marks:
        await run_all(redis, [("ZADD", SERVED_KEY, *marks)])


async def find_unserved(redis: Redis, queue: Sequence[QueuedPartition]) -> list[int]:
    """Give the partitions in which messages wait and that no worker drains; none where none tells.

    Raises what is in REDIS_AWAY.
    """
    waiting = [number for number, partition in enumerate(queue) if partition.entries]
    if not waiting:
        return []
    (seconds, _), *_ = await run_all(redis, [("TIME",)])
    marks: Any
    (marks,) = await run_all(redis, [("ZRANGEBYSCORE", SERVED_KEY, seconds - _LAPSES_SECONDS, "+inf")])
    served = {int(mark) for mark in marks}
    return [number for number in waiting if number not in served] if served else []
