"""Group commit on a Redis Cluster: each server's flushes are its own, and a post waits for its partitions' servers.

A cluster takes no transaction over several hash slots, so that each partition's part of a flush is a transaction by
itself; they are sent and answered together. What a server sends elsewhere, since the slot moved, was not written, and
goes there.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import lru_cache

import structlog

from ingest.metrics import Metrics
from ingest.node_commit import NodeCommit, Part
from ingest.queue_connection import QueueConnection
from ingest.queue_writes import Pair, QueueUnavailableError, Settle, by_partition, word_for
from schemas.cluster_map import ClusterMap, is_on_its_way, redirection_of, slot_of
from schemas.queue import PARTITIONS, stream_key
from schemas.redis_addresses import address_of, server_urls, url_at
from schemas.redis_away import REDIS_AWAY

_QUICK_TRIES = 4
_PAUSE_SECONDS = 0.02
_BETWEEN_LOOKS_SECONDS = 0.25

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class ClusterCommit:
    """Writes to a cluster, whose map it keeps true."""

    def __init__(self, redis_url: str, cluster: ClusterMap, timeout_seconds: float, metrics: Metrics) -> None:
        self._redis_url = redis_url
        self._map = cluster
        self._timeout_seconds = timeout_seconds
        self._metrics = metrics
        self._nodes: dict[str, NodeCommit] = {}
        self._unserved: set[int] = set()
        self._look: asyncio.Task[None] | None = None
        self._looked_at = 0.0
        self._in_hand = 0
        self._is_less_in_hand = asyncio.Event()
        _log.info("cluster_found", servers=cluster.masters)

    def put(self, pairs: Sequence[Pair], put_at: float, settle: Settle, let_go: Callable[[], None]) -> None:
        """Write the pairs, each to its partition's server, and say when all are on disk, or that one is not.

        `let_go` is called when nothing of it is in hand any more: where one failed, others may still wait.
        """
        self._in_hand += 1

        def be_done() -> None:
            self._in_hand -= 1
            self._is_less_in_hand.set()
            let_go()

        if not pairs:
            self._put_nothing(put_at, settle, be_done)
            return
        words = by_partition(pairs)
        settle_part = _when_all(len(words), settle, be_done)
        for partition, its_words in words.items():
            self._send(Part(partition, its_words, put_at, settle_part))

    async def close(self) -> None:
        """Return once all that was put is settled, and all connections are closed."""
        while self._in_hand:
            self._is_less_in_hand.clear()
            await self._is_less_in_hand.wait()
        for node in self._nodes.values():
            await node.close()
        if self._look is not None:
            await self._look

    def _put_nothing(self, put_at: float, settle: Settle, be_done: Callable[[], None]) -> None:
        """Have each server write nothing to a partition of its own; one that can is enough."""
        partition_of = {self._map.owner(_slot(partition)): partition for partition in range(PARTITIONS)}
        partition_of.pop(None, None)
        if not partition_of:
            be_done()
            settle(QueueUnavailableError("no_server"))
            return
        settle_part = _when_any(len(partition_of), settle, be_done)
        for partition in partition_of.values():
            self._send(Part(partition, [], put_at, settle_part))

    def _send(self, part: Part) -> None:
        address = self._map.owner(_slot(part.partition))
        if address is not None:
            self._node(address).put(part)
            return
        self._look_again()
        self._metrics.failed_flushes += 1
        if part.partition not in self._unserved:
            self._unserved.add(part.partition)
            _log.warning("queue_unavailable", partition=part.partition, cause="no_server")
        part.settle(QueueUnavailableError("no_server"))

    def _refused(self, part: Part, error: Exception, asked: str) -> QueueUnavailableError | None:
        """Send a part elsewhere that a server did not write; where there is no hope, say so and give the failure."""
        redirection = redirection_of(error, asked)
        is_late = time.monotonic() > part.put_at + self._timeout_seconds
        if is_late or (redirection is None and not is_on_its_way(error)):
            self._look_again()
            failure = QueueUnavailableError(word_for(error))
            part.settle(failure)
            return failure
        address, is_asking = asked, False
        if redirection is not None:
            _, address, is_asking = redirection
            if not is_asking:
                self._map.move(redirection.slot, address)
                self._look_again()
        again = part._replace(is_asking=is_asking, tries=part.tries + 1)
        if again.tries <= _QUICK_TRIES:
            self._node(address).put_first(again)
        else:
            asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self._node(address).put_first, again)
        return None

    def _node(self, address: str) -> NodeCommit:
        node = self._nodes.get(address)
        if node is None:
            connection = QueueConnection(url_at(server_urls(self._redis_url)[0], address))
            node = self._nodes[address] = NodeCommit(
                address,
                connection,
                timeout_seconds=self._timeout_seconds,
                metrics=self._metrics,
                on_refused=self._refused,
                on_failure=self._look_again,
            )
        return node

    def _look_again(self) -> None:
        """Have the map read anew, in the background, and not too often."""
        is_due = time.monotonic() - self._looked_at > _BETWEEN_LOOKS_SECONDS
        if is_due and (self._look is None or self._look.done()):
            self._looked_at = time.monotonic()
            self._look = asyncio.create_task(self._read_map())

    async def _read_map(self) -> None:
        """Ask all servers that are known; the first answer counts, since a dead one gives none for long."""
        known = {*self._map.masters, *self._nodes, *map(address_of, server_urls(self._redis_url))}
        looks = [asyncio.create_task(self._ask(address)) for address in known]
        for look in asyncio.as_completed(looks, timeout=self._timeout_seconds):
            try:
                found = await look
            except REDIS_AWAY:
                continue
            if found is not None and found.masters:
                self._map = found
                self._unserved.clear()
                break
        for task in looks:
            task.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    async def _ask(self, address: str) -> ClusterMap | None:
        # Not only by a cancellation, which redis-py may swallow while it connects: a look must not last for ever.
        seconds = self._timeout_seconds
        url = url_at(server_urls(self._redis_url)[0], address)
        connection = QueueConnection(url, socket_timeout=seconds, socket_connect_timeout=seconds)
        try:
            return await connection.open()
        finally:
            await connection.drop()


@lru_cache(maxsize=1024)
def _slot(partition: int) -> int:
    return slot_of(stream_key(partition))


def _when_all(parts: int, settle: Settle, be_done: Callable[[], None]) -> Settle:
    """Give what settles a part of a write: the first failure counts, or else the last success."""
    return _when(parts, settle, be_done, lambda failure: failure is not None)


def _when_any(parts: int, settle: Settle, be_done: Callable[[], None]) -> Settle:
    """Give what settles a part of a write of which one part is enough."""
    return _when(parts, settle, be_done, lambda failure: failure is None)


def _when(
    parts: int,
    settle: Settle,
    be_done: Callable[[], None],
    is_enough: Callable[[QueueUnavailableError | None], bool],
) -> Settle:
    left = parts
    is_settled = False

    def settle_part(failure: QueueUnavailableError | None) -> None:
        nonlocal left, is_settled
        left -= 1
        if left == 0:
            be_done()
        if not is_settled and (left == 0 or is_enough(failure)):
            is_settled = True
            settle(failure)

    return settle_part
