"""Dead letters as they are kept, and removed with a person who is deleted."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.reasons import Reason
from worker.sql import statement
from worker.store.database import Database
from worker.store.messages import MessageKey, keys_of


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be applied: why, and its text."""

    connection_id: str
    message_key: str
    reason: Reason
    detail: str
    body: str
    received_at: datetime

    @property
    def key(self) -> MessageKey:
        """Its key within its workspace."""
        return self.connection_id, self.message_key


async def insert_dead_letters(
    database: Database, workspace_id: int, letters: Iterable[DeadLetter], now: datetime
) -> set[MessageKey]:
    """Keep dead letters; give the keys of those that were not there before."""
    ordered = sorted(letters, key=lambda letter: letter.key)
    rows = await database.fetch(
        statement("insert_dead_letters"),
        workspace_id,
        [letter.connection_id for letter in ordered],
        [letter.message_key for letter in ordered],
        [letter.reason for letter in ordered],
        [letter.detail for letter in ordered],
        [letter.body for letter in ordered],
        [letter.received_at for letter in ordered],
        now,
    )
    return keys_of(rows)


async def hold_letters(database: Database, workspace_id: int) -> None:
    """Wait for whoever keeps dead letters in a workspace, and hold them off until the transaction ends."""
    await database.execute(statement("hold_letters"), workspace_id)


async def share_letters(database: Database, workspace_id: int) -> None:
    """Hold off whoever deletes somebody in a workspace, until the transaction ends."""
    await database.execute(statement("share_letters"), workspace_id)


@dataclass(frozen=True, slots=True)
class LetterBody:
    """A dead letter's key and text, and when it was received."""

    key: MessageKey
    body: str
    received_at: datetime


async def read_dead_letters(
    database: Database, workspace_id: int, page_letters: int
) -> AsyncIterator[list[LetterBody]]:
    """Read a workspace's dead letters, some at a time: all may be more than memory holds."""
    behind: MessageKey = ("", "")
    while rows := await database.fetch(statement("read_dead_letters"), workspace_id, *behind, page_letters):
        page = [LetterBody((row["connection_id"], row["message_id"]), row["body"], row["received_at"]) for row in rows]
        yield page
        behind = page[-1].key


async def delete_dead_letters(database: Database, workspace_id: int, keys: Sequence[MessageKey]) -> None:
    """Remove dead letters."""
    await database.execute(
        statement("delete_dead_letters"), workspace_id, [key[0] for key in keys], [key[1] for key in keys]
    )
