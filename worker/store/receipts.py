"""What became of one message."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from worker.sql import statement
from worker.store.database import Database


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a connection's message was `applied`, `suppressed`, `dead` or `discarded` as a dead letter, or is `pending`.

    `settled_at` is when it was suppressed, died or was discarded; an applied one has its own times and its contact of
    now. `conflicts` are the duplicates with other contents that came, `duplicates_waiting` the copies of a settled
    message that stand in the queue.
    """

    connection: str | None
    workspace: str | None
    outcome: str
    type: str | None = None
    occurred_at: datetime | None = None
    received_at: datetime | None = None
    contact_id: UUID | None = None
    settled_at: datetime | None = None
    dead_letter_id: int | None = None
    reason: str | None = None
    detail: str | None = None
    conflicts: int | None = None
    last_conflict_at: datetime | None = None
    duplicates_waiting: int | None = None


async def find_receipts(database: Database, message_key: str, connection: str | None) -> list[Receipt]:
    """Find what became of the messages with this key, of one connection or of all, by workspace and connection."""
    rows = await database.fetch(statement("find_receipts"), message_key, connection)
    return [Receipt(**dict(row)) for row in rows]
