"""The audit log: every change that was made in the console."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from worker.sql import statement
from worker.store.database import Database, from_jsonb, to_jsonb


async def insert_audit_entry(
    database: Database, user_name: str, action: str, subject: str, **detail: Any
) -> None:
    """Write down a change. `detail` must hold no secret."""
    await database.execute(
        statement("insert_audit_entry"), datetime.now(UTC), user_name, action, subject, to_jsonb(detail)
    )


async def list_audit_entries(database: Database, before: int | None, limit: int) -> list[Mapping[str, Any]]:
    """List changes, the newest first, from before a number on."""
    rows = await database.fetch(statement("list_audit_entries"), before, limit)
    return [dict(row) | {"detail": from_jsonb(row["detail"])} for row in rows]
