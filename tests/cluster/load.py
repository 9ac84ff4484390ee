"""Senders for every partition: each says one thing at a time, and says it again until it is acknowledged."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from schemas.queue import PARTITIONS
from tests.partitions import partition_of
from tests.system import System
from tests.waiting import eventually
from worker.balance import read_balance
from worker.queue_reading import QueueReading

_AGAIN_SECONDS = 0.02
_PAUSE_SECONDS = 0.005


async def workspaces_of(system: System) -> dict[str, int]:
    """Add connections in enough workspaces for every partition; give the workspace of each connection."""
    for number in range(6):
        await system.connect("main", workspace=f"w{number}")
    rows = await system.database.fetch("SELECT id, workspace_id FROM variance_data.connections")
    return {row["id"]: row["workspace_id"] for row in rows}


@dataclass
class Load:
    """Posts as many senders, one for each partition, and remembers what they were told."""

    system: System
    workspaces: dict[str, int]
    """Each connection's workspace."""
    acknowledged: set[str] = field(default_factory=set)
    answers: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Posts by partition and status."""
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def senders(self) -> dict[int, tuple[str, str]]:
        """Give for each partition a connection and a user whose messages lie there."""
        found: dict[int, tuple[str, str]] = {}
        for connection, workspace_id in self.workspaces.items():
            for number in range(40):
                found.setdefault(partition_of(workspace_id, f"u{number}"), (connection, f"u{number}"))
        assert set(found) == set(range(PARTITIONS))
        return found

    async def say(self, partition: int) -> int:
        """Post a message that lies in a partition, once; give the answer's status."""
        return await self._post(partition, f"m{next(self._numbers)}")

    async def say_all_at_once(self, connection: str) -> tuple[int, set[int]]:
        """Post a batch of a connection for all partitions that it has; give the answer's status and the partitions."""
        users = [f"u{number}" for number in range(40)]
        batch = [
            {"type": "track", "event": "Said", "userId": user, "messageId": f"m{next(self._numbers)}"} for user in users
        ]
        status = await self.system.post("/v1/batch", {"batch": batch}, connection)
        if status == 200:
            self.acknowledged.update(message["messageId"] for message in batch)
        return status, {partition_of(self.workspaces[connection], user) for user in users}

    async def _post(self, partition: int, message_id: str) -> int:
        connection, user = self.senders()[partition]
        message = {"type": "track", "event": "Said", "userId": user, "messageId": message_id}
        status = await self.system.post("/v1/track", message, connection)
        assert status in (200, 503)
        self.answers[partition, status] += 1
        if status == 200:
            self.acknowledged.add(message_id)
        return status

    def refused(self) -> set[int]:
        """Give the partitions of which a post was refused."""
        return {partition for partition, status in self.answers if status == 503}

    async def reaches_postgres(self, partition: int) -> None:
        """Wait until what is posted for a partition from now on is acknowledged, and applied."""
        message_id = f"m{next(self._numbers)}"
        assert await self._post(partition, message_id) == 200
        statement = "SELECT count(*) FROM variance_data.messages WHERE message_id = $1"

        async def is_applied() -> bool:
            return bool(await self.system.database.fetchval(statement, message_id))

        await eventually(is_applied, f"a message of partition {partition} to be applied")

    async def sees(self, more: int, status: int = 200) -> None:
        """Wait until so many more posts were answered so."""
        wanted = self._count(status) + more

        async def is_seen() -> bool:
            return self._count(status) >= wanted

        await eventually(is_seen, f"{more} posts more to be answered {status}")

    def _count(self, status: int) -> int:
        return sum(count for (_, found), count in self.answers.items() if found == status)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Have every sender post on and on."""
        stopped = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for partition in range(PARTITIONS):
                tasks.create_task(self._go_on(partition, stopped))
            try:
                yield
            finally:
                stopped.set()

    async def _go_on(self, partition: int, stopped: asyncio.Event) -> None:
        while not stopped.is_set():
            message_id = f"m{next(self._numbers)}"
            while await self._post(partition, message_id) != 200:  # noqa: ASYNC110 (as a sender does)
                await asyncio.sleep(_AGAIN_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def balances(self) -> None:
        """Check that all that was acknowledged is applied, once, and that the books balance."""
        await self.system.settled()
        rows = await self.system.database.fetch("SELECT message_id FROM variance_data.messages")
        applied = {row["message_id"] for row in rows}
        assert not (lost := self.acknowledged - applied), f"acknowledged and lost: {sorted(lost)[:5]}"
        balance = await read_balance(self.system.database, QueueReading(self.system.redis))
        assert balance.is_balanced, balance.counts()
        assert (balance.applied, balance.pending, balance.dead) == (len(applied), 0, 0)
