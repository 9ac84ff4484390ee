"""Applying a chunk of imported messages: as a drain does, and counted as accepted at the same time."""

from collections.abc import Sequence

from schemas.queue import QueuedMessage
from worker.batch import settle_messages
from worker.store.database import Database
from worker.store.ledger import settle_import
from worker.tally import Tally


async def apply_import(database: Database, messages: Sequence[QueuedMessage]) -> Tally:
    """Apply messages, each exactly once. Runs inside the caller's transaction, which may be tried again."""
    tally = await settle_messages(database, messages)
    await settle_import(database, tally.total, tally)
    return tally
