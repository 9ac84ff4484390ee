"""The log and a contact's facts, to be written out."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from asyncpg import cursor

from worker.sql import statement
from worker.store.database import Database, from_jsonb

if TYPE_CHECKING:
    from asyncpg import Record

    Cursor: TypeAlias = cursor.Cursor[Record]
else:
    Cursor = cursor.Cursor  # which has a parameter in its stubs only


async def open_log(database: Database, workspace_id: int, senders: Iterable[UUID] | None) -> Cursor:
    """Read what identities sent, or all of a workspace (None), as it comes: connection's name and body."""
    ids = None if senders is None else list(senders)
    return await database.cursor(statement("export_messages"), workspace_id, ids)


async def read_contact_facts(database: Database, workspace: str, contact_id: UUID) -> dict[str, Any]:
    """Read what the views show of a contact."""
    facts: dict[str, Any] = from_jsonb(await database.fetchval(statement("export_contact"), workspace, contact_id))
    return facts


async def read_withdrawn(database: Database, workspace_id: int) -> list[tuple[str, str]]:
    """Give the connection's name and the messageId of each message whose link was withdrawn."""
    rows = await database.fetch(statement("export_withdrawals"), workspace_id)
    return [(row["connection"], row["message_id"]) for row in rows]
