"""A real cluster of three Valkeys on the loopback, whose slots can be moved and whose servers can be killed."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from schemas.cluster_map import slot_of
from schemas.queue import PARTITIONS, stream_key
from tests.ingest.valkey import Valkey
from tests.waiting import until
from worker.embedded.address import free_port

_SLOTS = 16384
_SERVERS = 3
_OPTIONS = (
    "--cluster-enabled", "yes",
    "--cluster-node-timeout", "1000",
    # Otherwise the loss of one server is that of all.
    "--cluster-require-full-coverage", "no",
    "--repl-diskless-load", "disabled",
)  # fmt: skip


class Cluster:
    """The servers, and who has which partition."""

    def __init__(self, servers: Sequence[Valkey]) -> None:
        self.servers = servers
        self._ids = {server: ask(server, "CLUSTER", "MYID").decode() for server in servers}

    @property
    def url(self) -> str:
        """What a user writes: some of the servers."""
        return f"redis://127.0.0.1:{self.servers[0].port},127.0.0.1:{self.servers[1].port}"

    def owner(self, partition: int) -> Valkey:
        """Give the server that has a partition, as the servers that run agree."""
        slot = slot_of(stream_key(partition))
        running = next(server for server in self.servers if server.answers())
        for first, last, (_, port, *_), *_ in ask(running, "CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(server for server in self.servers if server.port == port)
        raise AssertionError(f"nobody has partition {partition}")

    def partitions_of(self, server: Valkey, among: int = PARTITIONS) -> list[int]:
        """Give the partitions that a server has."""
        return [partition for partition in range(among) if self.owner(partition) is server]

    def begin_move(self, partition: int, to: Valkey) -> None:
        """Begin to move a partition's slot: from now on what it does not have is at the other server."""
        slot, source = slot_of(stream_key(partition)), self.owner(partition)
        ask(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", self._ids[source])
        ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", self._ids[to])

    def move_keys(self, partition: int, to: Valkey, at_once: int = 100) -> None:
        """Move what the slot holds, in so many keys at once."""
        while self.move_some_keys(partition, to, at_once):
            pass

    def move_some_keys(self, partition: int, to: Valkey, at_once: int) -> bool:
        """Move some of what the slot holds; tell whether there was any."""
        slot, source = slot_of(stream_key(partition)), self.owner(partition)
        keys = ask(source, "CLUSTER", "GETKEYSINSLOT", slot, at_once)
        if keys:
            self.move_these(partition, to, *keys)
        return bool(keys)

    def move_these(self, partition: int, to: Valkey, *keys: str | bytes) -> None:
        """Move these of what the slot holds. A key that the other server has already is an error."""
        ask(self.owner(partition), "MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *keys)

    def end_move(self, partition: int, to: Valkey) -> None:
        """Make the other server the slot's owner, for all servers."""
        slot = slot_of(stream_key(partition))
        for server in (to, *self.servers):
            ask(server, "CLUSTER", "SETSLOT", slot, "NODE", self._ids[to])

    def move(self, partition: int, to: Valkey) -> None:
        """Move a partition to another server."""
        self.begin_move(partition, to)
        self.move_keys(partition, to)
        self.end_move(partition, to)

    def is_whole(self) -> bool:
        """Tell whether every server sees all of them at work."""
        return all(server.answers() and _sees_all(server) for server in self.servers)

    def empty(self) -> None:
        """Start what is dead, end what moves, and forget all messages; the slots stay where they are."""
        for server in self.servers:
            if not server.answers():
                server.start()
        until(self.is_whole, "the cluster to be whole again")
        for server in self.servers:
            for partition in range(PARTITIONS):
                ask(server, "CLUSTER", "SETSLOT", slot_of(stream_key(partition)), "STABLE")
            ask(server, "FLUSHALL")


def ask(server: Valkey, *words: Any) -> Any:
    """Send a command to one server; give its reply as it is."""
    with server.client() as client:
        client.response_callbacks.clear()
        return client.execute_command(*words)


@contextmanager
def running_cluster(directory: Path) -> Iterator[Cluster]:
    """Start the servers and join them."""
    with ExitStack() as stack:
        servers = []
        buses = [free_port() for _ in range(_SERVERS)]
        for number, bus in enumerate(buses):
            folder = directory / str(number)
            folder.mkdir()
            server = Valkey(folder, *_OPTIONS, "--cluster-port", str(bus))
            server.start()
            stack.callback(server.kill)
            servers.append(server)
        for number, server in enumerate(servers):
            first, last = number * _SLOTS // _SERVERS, (number + 1) * _SLOTS // _SERVERS - 1
            ask(server, "CLUSTER", "ADDSLOTSRANGE", first, last)
            ask(server, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            ask(servers[0], "CLUSTER", "MEET", "127.0.0.1", server.port, buses[number])
        cluster = Cluster(servers)
        until(cluster.is_whole, "the cluster to be whole")
        yield cluster


def _sees_all(server: Valkey) -> bool:
    told = ask(server, "CLUSTER", "INFO").decode()
    return all(
        fact in told.split("\r\n")
        for fact in ("cluster_state:ok", f"cluster_slots_ok:{_SLOTS}", f"cluster_known_nodes:{_SERVERS}")
    )
