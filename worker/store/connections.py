"""The connections: who may post, into which workspace, and how their messages find accounts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from asyncpg import Record

from worker.fold.account_rules import AccountRules
from worker.sql import statement
from worker.store.database import Database
from worker.store.ledger import rules_of


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as it is kept. Secrets are there by their SHA-256 only."""

    id: str
    name: str
    workspace_id: int
    workspace: str
    is_enabled: bool
    secret_sha256: str
    previous_secret_expires_at: datetime | None
    rules: AccountRules
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewConnection:
    """A connection to be made."""

    id: str
    name: str
    workspace: str
    secret_sha256: str
    rules: AccountRules


async def insert_connection(database: Database, connection: NewConnection) -> bool:
    """Make a connection, and its workspace where it is missing. False where the name is taken there."""
    now = datetime.now(UTC)
    async with database.transaction():
        workspace_id = await database.fetchval(statement("upsert_workspace"), connection.workspace, now)
        made = await database.fetchval(
            statement("insert_connection"),
            workspace_id,
            connection.id,
            connection.name,
            connection.secret_sha256,
            connection.rules.method,
            connection.rules.id_trait,
            connection.rules.name_trait,
            connection.rules.email_fallback,
            connection.rules.mail_provider_accounts,
            sorted(connection.rules.excluded_domains),
            sorted(connection.rules.included_domains),
            now,
        )
    return made is not None


async def find_connections(
    database: Database, name: str | None = None, workspace: str | None = None, id_: str | None = None
) -> list[Connection]:
    """Find the connections with this name in this workspace, and this id, ordered; None stands for any."""
    rows = await database.fetch(statement("find_connections"), name, workspace, id_)
    return [
        Connection(
            row["id"],
            row["name"],
            row["workspace_id"],
            row["workspace"],
            row["is_enabled"],
            row["secret_sha256"],
            row["previous_secret_expires_at"],
            rules_of(row),
            row["created_at"],
        )
        for row in rows
    ]


async def lock_connection(database: Database, connection_id: str) -> Connection | None:
    """Lock a connection until the transaction ends, and read it; None where there is none."""
    await database.execute(statement("lock_connection"), connection_id)
    return next(iter(await find_connections(database, id_=connection_id)), None)


async def rotate_secret(
    database: Database, connection_id: str, secret_sha256: str, old_expires_at: datetime | None
) -> None:
    """Give a connection a new secret; the old one is good until it expires, or not any more where that is None."""
    await database.execute(statement("rotate_secret"), connection_id, secret_sha256, old_expires_at)


async def enable_connection(database: Database, connection_id: str, *, is_enabled: bool) -> None:
    """Enable or disable a connection."""
    await database.execute(statement("enable_connection"), connection_id, is_enabled)


async def read_workspace_ids(database: Database, name: str | None) -> list[int]:
    """Give the id of the workspace with this name, or of all."""
    return [row["id"] for row in await database.fetch(statement("read_workspace_ids"), name)]


async def find_workspace_id(database: Database, name: str) -> int | None:
    """Find a workspace by its name."""
    id_: int | None = await database.fetchval(statement("find_workspace"), name)
    return id_


async def find_workspaces(database: Database, names: Collection[str]) -> dict[str, int]:
    """Give the ids of the workspaces with these names, of those that exist."""
    return {row["name"]: row["id"] for row in await database.fetch(statement("find_workspaces"), list(names))}


async def find_logged(database: Database, message_key: str, connection: str | None) -> list[Record]:
    """Find the connections, all or those of one name, that have a message in the log."""
    return await database.fetch(statement("find_logged_message"), message_key, connection)


async def update_rules(database: Database, connection_id: str, rules: AccountRules) -> None:
    """Change how a connection matches accounts, for what comes from now on."""
    await database.execute(
        statement("update_connection_rules"),
        connection_id,
        rules.method,
        rules.id_trait,
        rules.name_trait,
        rules.email_fallback,
        rules.mail_provider_accounts,
        sorted(rules.excluded_domains),
        sorted(rules.included_domains),
    )
