"""A stage for many small worlds: each in workspaces of its own on one database, through the queue and the drains."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson

from schemas.acceptance import Accepted, accept
from schemas.queue import PARTITIONS, accepted_field, stream_key
from schemas.redis_client import RedisClient
from tests.convergence.model import State, exactly
from tests.convergence.worlds import METHODS, as_sent
from worker.attempts import Attempts
from worker.drain import Drain, Drained
from worker.failure import is_messages_fault
from worker.store.database import server_settings
from worker.streams import Streams

_numbers = itertools.count(1)


@dataclass
class Stage:
    """Servers, and two workers' drains."""

    database_url: str
    redis: RedisClient
    database: "asyncpg.Connection[asyncpg.Record]"
    drains: list[Drain]

    async def new_workspace(self, most_links: int = 500) -> str:
        """Make a workspace with a connection of each account method; give its name."""
        workspace = f"w{next(_numbers)}"
        id_ = await self.database.fetchval(
            "INSERT INTO variance_data.workspaces (name, most_links, created_at) VALUES ($1, $2, now()) RETURNING id",
            workspace,
            most_links,
        )
        for name, method in METHODS.items():
            await self.database.execute(
                """INSERT INTO variance_data.connections (id, workspace_id, name, secret_sha256, account_method,
                account_id_trait, account_name_trait, email_fallback, mail_provider_accounts, created_at)
                VALUES ($1, $2, $3, '', $4, 'company.id', 'company.name', true, false, now())""",
                f"{workspace}{name}",
                id_,
                name,
                method,
            )
        return workspace

    async def workspace_id(self, workspace: str) -> int:
        """Give the id of a workspace."""
        id_: int = await self.database.fetchval("SELECT id FROM variance_data.workspaces WHERE name = $1", workspace)
        return id_

    async def deliver(self, workspace: str, batches: list[list[dict[str, Any]]], *, at_once: bool) -> None:
        """Queue batches, each in another partition, and drain: after each batch, or all of them at once."""
        for number, batch in enumerate(batches):
            fields: list[Any] = []
            for message in batch:
                accepted = accept(orjson.loads(orjson.dumps(as_sent(message))), datetime.now(UTC), from_segment=True)
                assert isinstance(accepted, Accepted), accepted
                fields += [accepted_field(f"{workspace}{message['connection']}", accepted.message_key), accepted.body]
            await self.redis.execute_command(
                "XADD", stream_key(number % PARTITIONS), "*", *fields
            )
            if not at_once:
                await self.drain_all()
        await self.drain_all()

    async def drain_all(self) -> None:
        """Let every worker drain every partition until all are empty, as the sweep would."""
        while any(lengths := await self.drains[0].streams.lengths()):
            waiting = [partition for partition, length in enumerate(lengths) if length]
            await asyncio.gather(*(self._drain(drain, partition) for drain in self.drains for partition in waiting))

    async def _drain(self, drain: Drain, partition: int) -> Drained | None:
        try:
            return await drain.drain(partition)
        except Exception as failure:
            if is_messages_fault(failure):
                raise
            return None

    async def state(self, workspace: str) -> State:
        """Read a workspace through the views, in the model's form."""
        members: dict[Any, set[str]] = {}
        for row in await self._read("identities", workspace):
            members.setdefault(row["contact_id"], set()).add(row["value"])
        who = {contact_id: frozenset(ids) for contact_id, ids in members.items()}
        accounts = {row["id"]: row for row in await self._read("accounts", workspace)}
        keys = {id_: (row["source"], row["key"]) for id_, row in accounts.items()}
        state = State()
        for row in await self._read("contacts", workspace):
            state.contacts[who[row["id"]]] = (
                row["external_id"], row["email"], exactly(orjson.loads(row["traits"])), keys.get(row["account_id"]),
                _text(row["first_seen_at"]), _text(row["last_seen_at"]),
            )  # fmt: skip
        for row in accounts.values():
            state.accounts[row["source"], row["key"]] = (
                row["name"], exactly(orjson.loads(row["traits"])),
                _text(row["first_seen_at"]), _text(row["last_seen_at"]),
            )  # fmt: skip
        for row in await self._read("events", workspace):
            account = keys[row["account_id"]] if row["account_id"] else None
            state.events[row["message_id"]] = (row["type"], row["name"], who.get(row["contact_id"]), account)
        for row in await self._read("audience_memberships", workspace):
            subject = who[row["contact_id"]] if row["contact_id"] else keys[row["account_id"]]
            times = (_text(row["entered_at"]), _text(row["exited_at"]))
            state.memberships.add((row["audience"], subject, row["is_member"], *times))
        aliases = await self.database.fetch(
            """SELECT message_id, previous_value FROM variance_data.aliases
            WHERE workspace_id = (SELECT id FROM variance_data.workspaces WHERE name = $1)""",
            workspace,
        )
        for row in await self._read("merges", workspace):
            is_alias = (row["message_id"], row["previous_id"]) in map(tuple, aliases)
            state.merges[("" if is_alias else "claim by ") + row["message_id"]] = row["outcome"]
        return state

    async def _read(self, view: str, workspace: str) -> list[asyncpg.Record]:
        return await self.database.fetch(f"SELECT * FROM variance.{view} WHERE workspace = $1", workspace)  # noqa: S608


def _text(instant: datetime | None) -> str | None:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.000Z") if instant else None


@asynccontextmanager
async def open_stage(
    redis_url: str, database_url: str, workers: int = 2, connection_class: type[Any] = asyncpg.Connection
) -> AsyncIterator[Stage]:
    """Connect two workers' drains to the servers."""
    redis = _client(redis_url)
    database = await asyncpg.connect(database_url)
    pools = [
        await asyncpg.create_pool(
            database_url,
            min_size=1,
            max_size=PARTITIONS,
            server_settings=server_settings("test", 10),
            connection_class=connection_class,
        )
        for _ in range(workers)
    ]
    clients = [_client(redis_url) for _ in range(workers)]
    drains = [
        Drain(Streams(client), pool, 1000, lambda: False, Attempts(client))
        for client, pool in zip(clients, pools, strict=True)
    ]
    try:
        yield Stage(database_url, redis, database, drains)
    finally:
        for pool in pools:
            await pool.close()
        for client in clients:
            await client.aclose()
        await database.close()
        await redis.aclose()


def _client(redis_url: str) -> RedisClient:
    return RedisClient(redis_url, timeout_seconds=5, max_connections=2 * PARTITIONS)
