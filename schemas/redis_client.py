"""A client of whatever REDIS_URL names: one Redis, or a cluster, which the server is asked at the first command.

redis-py's own client of a cluster closes the connections to all servers when one fails, under whoever uses them, so
that a dead server would hold up the others' partitions. Here each server has an ordinary client of its own.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from schemas.cluster_map import ClusterMap, is_on_its_way, redirection_of, slot_of
from schemas.redis_addresses import address_of, server_urls, url_at
from schemas.redis_away import REDIS_AWAY
from schemas.redis_pools import close_pool, open_pool

Command: TypeAlias = tuple[Any, ...]
"""A command's words."""

_KEYLESS = frozenset({"PING", "INFO", "CONFIG GET", "TIME"})
_TRIES = 16
_QUICK_TRIES = 4
_PAUSE_SECONDS = 0.02
_BETWEEN_LOOKS_SECONDS = 0.2


class NotAClusterError(RedisError):
    """REDIS_URL names several servers that are no cluster."""


class RedisClient(Redis):
    """Sends each command to the server that has its key. A cluster's commands have one key, their first word.

    What it raises is in REDIS_AWAY. Of a cluster, only what is asked of a server that is away fails.
    """

    def __init__(
        self, url: str, *, timeout_seconds: float, max_connections: int, **options: Any
    ) -> None:
        """Raise ValueError for a URL that redis-py cannot read. `options` are those of redis-py's connections."""
        self._urls = server_urls(url)
        self._options = options | {
            "max_connections": max_connections,
            "timeout": timeout_seconds,
            "socket_timeout": timeout_seconds,
            "socket_connect_timeout": timeout_seconds,
        }
        super().__init__(connection_pool=self._pool(self._urls[0]))
        self._nodes: dict[str, Redis] = {}
        self._map: ClusterMap | None = None
        self._is_known = False
        self._is_stale = False
        self._looked_at = 0.0
        self._looking = asyncio.Lock()

    async def is_cluster(self) -> bool:
        """Tell whether it is a cluster. Raises what is in REDIS_AWAY."""
        return await self._current_map() is not None

    async def masters(self) -> Mapping[str, Redis]:
        """Give a client of each server, by its address; for a single Redis that of itself."""
        cluster = await self._current_map()
        if cluster is None:
            return {address_of(self._urls[0]): self}
        return {address: self._node(address) for address in cluster.masters}

    async def server_of(self, key: str) -> Redis:
        """Give a client of the server that has a key, for what several of its slot's commands do together."""
        cluster = await self._current_map()
        address = cluster.owner(slot_of(key)) if cluster is not None else None
        return self if address is None else self._node(address)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command where its key is."""
        cluster = self._map if self._is_known and not self._is_stale else await self._current_map()
        if cluster is None:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        if args[0] in _KEYLESS:
            return await self._on_any(cluster, args, options)
        return await self._where_it_is(cluster, args, options)

    async def run_by_server(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands on a cluster, in one exchange with each server; an error may stand in a reply's place."""
        cluster = await self._current_map()
        if cluster is None:
            raise NotAClusterError("a single Redis has no servers to choose from")
        by_server: dict[str | None, list[int]] = {}
        for number, command in enumerate(commands):
            server = None if command[0] in _KEYLESS else cluster.owner(slot_of(command[1]))
            by_server.setdefault(server, []).append(number)
        replies: list[Any] = [None] * len(commands)
        await asyncio.gather(*(
            self._run_on(cluster, server, commands, numbers, replies) for server, numbers in by_server.items()
        ))  # fmt: skip
        return replies

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 (as in redis-py)
        """Close all connections."""
        del close_connection_pool
        for node in self._nodes.values():
            await node.aclose(close_connection_pool=True)
        await super().aclose(close_connection_pool=True)
        await close_pool(self.connection_pool)

    async def _where_it_is(self, cluster: ClusterMap, args: Command, options: Mapping[str, Any]) -> Any:
        slot = slot_of(args[1])
        address, is_asking = cluster.owner(slot), False
        for count in range(_TRIES):
            if address is None:
                self._is_stale = True
                raise RedisConnectionError(f"no server of the cluster has the hash slot {slot}")
            try:
                return await self._on(address, args, options, is_asking=is_asking)
            except ResponseError as error:
                redirection = redirection_of(error, address)
                if redirection is None and not is_on_its_way(error):
                    raise
                if redirection is not None:
                    _, address, is_asking = redirection
                    if not is_asking:
                        cluster.move(slot, address)
                        self._is_stale = True
            except REDIS_AWAY:
                now_at = (await self._look_after_failure(cluster)).owner(slot)
                if now_at in (None, address):
                    raise
                address, is_asking = now_at, False  # another has been promoted; our commands may be repeated
            if count >= _QUICK_TRIES:
                await asyncio.sleep(_PAUSE_SECONDS)
        raise RedisConnectionError(f"the hash slot {slot} does not come to rest")

    async def _on(self, address: str, args: Command, options: Mapping[str, Any], *, is_asking: bool) -> Any:
        node = self._node(address)
        if not is_asking:
            return await node.execute_command(*args, **options)  # type: ignore[no-untyped-call]
        async with node.pipeline(transaction=False) as pipeline:
            pipeline.execute_command("ASKING")
            pipeline.execute_command(*args, **options)
            _, reply = await pipeline.execute(raise_on_error=False)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def _on_any(self, cluster: ClusterMap, args: Command, options: Mapping[str, Any]) -> Any:
        failure: BaseException = RedisConnectionError("no server of the cluster has any hash slot")
        for address in cluster.masters:
            try:
                return await self._on(address, args, options, is_asking=False)
            except ResponseError:
                raise
            except REDIS_AWAY as error:
                self._is_stale = True
                failure = error
        raise failure

    async def _run_on(
        self,
        cluster: ClusterMap,
        server: str | None,
        commands: Sequence[Command],
        numbers: Sequence[int],
        replies: list[Any],
    ) -> None:
        """Run some of the commands on a server; those that are sent elsewhere one by one."""
        again = numbers
        if server is not None:
            try:
                async with self._node(server).pipeline(transaction=False) as pipeline:
                    for number in numbers:
                        pipeline.execute_command(*commands[number])
                    found = await pipeline.execute(raise_on_error=False)
            except REDIS_AWAY as error:
                cluster = await self._look_after_failure(cluster)
                found = [error] * len(numbers)
            for number, reply in zip(numbers, found, strict=True):
                replies[number] = reply
            again = [
                number for number in numbers
                if _is_elsewhere(replies[number], server) or cluster.owner(slot_of(commands[number][1])) != server
            ]  # fmt: skip
        for number in again:
            try:
                replies[number] = await self.execute_command(*commands[number])
            except REDIS_AWAY as error:
                replies[number] = error

    async def _look_after_failure(self, cluster: ClusterMap) -> ClusterMap:
        self._is_stale = True
        return await self._current_map() or cluster

    async def _current_map(self) -> ClusterMap | None:
        """Give the map; read it, where it is not known or not true any more, but not too often."""
        if self._is_known and not self._is_stale:
            return self._map
        async with self._looking:
            is_due = self._is_stale and time.monotonic() - self._looked_at > _BETWEEN_LOOKS_SECONDS
            if not self._is_known:
                self._map = await self._first_look()
                self._is_known = True
            elif is_due:
                self._is_stale = False
                self._looked_at = time.monotonic()
                self._map = await self._look_again() or self._map
        return self._map

    async def _first_look(self) -> ClusterMap | None:
        failure: BaseException | None = None
        is_one = len(self._urls) == 1
        for url in self._urls:
            ask = super().execute_command if is_one else self._node(address_of(url)).execute_command
            try:
                reply = await ask("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
            except ResponseError:
                if is_one:
                    return None
                raise NotAClusterError("several servers are named that are no cluster") from None
            except REDIS_AWAY as error:
                failure = error
            else:
                return ClusterMap(reply, address_of(url))
        assert failure is not None  # noqa: S101 (at least one URL was tried)
        raise failure

    async def _look_again(self) -> ClusterMap | None:
        """Ask all servers that are known; the first answer counts, since a dead one gives none for long."""
        known = {*(self._map.masters if self._map else ()), *map(address_of, self._urls)}
        looks = [asyncio.create_task(self._ask_for_map(address)) for address in known]
        try:
            for look in asyncio.as_completed(looks):
                if (found := await look) is not None:
                    return found
        finally:
            for task in looks:
                task.cancel()
            await asyncio.gather(*looks, return_exceptions=True)
        return None

    async def _ask_for_map(self, address: str) -> ClusterMap | None:
        try:
            reply = await self._on(address, ("CLUSTER", "SLOTS"), {}, is_asking=False)
        except REDIS_AWAY:
            return None
        return ClusterMap(reply, address) if reply else None

    def _node(self, address: str) -> Redis:
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = Redis(connection_pool=self._pool(url_at(self._urls[0], address)))
            node.response_callbacks = self.response_callbacks
        return node

    def _pool(self, url: str) -> ConnectionPool:
        return open_pool(url, **self._options)


def _is_elsewhere(reply: Any, server: str) -> bool:
    return isinstance(reply, ResponseError) and (redirection_of(reply, server) is not None or is_on_its_way(reply))
