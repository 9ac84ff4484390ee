"""Counting what arrives behind the drains' back."""

from datetime import UTC, datetime
from typing import Any

import asyncpg

from worker.store.arrivals import count_arrivals

INSERT = """
INSERT INTO variance_data.messages (workspace_id, connection_id, message_id, type, occurred_at, received_at, body)
SELECT 1, 'c', $1 || n, 'track', now(), now(), '{}' FROM generate_series(1, $2::int) n
"""


async def count_all(database: Any) -> None:
    """Count as often as a sweep would until nothing is left, whatever that is."""
    for _ in range(8):
        while await count_arrivals(database, 7, datetime.now(UTC)):
            pass


async def counted(database: Any) -> list[int]:
    rows = await database.fetch("SELECT sum(messages)::int FROM variance_data.arrivals GROUP BY span_seconds")
    return [row[0] for row in rows]


async def test_a_message_that_is_committed_after_later_ones_is_counted_too(database: Any, database_url: str) -> None:
    late = await asyncpg.connect(database_url)
    transaction = late.transaction()
    await transaction.start()
    await late.execute(INSERT, "late", 5)
    await database.execute(INSERT, "early", 20)
    await count_all(database)
    await transaction.commit()
    await late.close()
    await count_all(database)
    assert await counted(database) == [25, 25]
    await count_all(database)
    assert await counted(database) == [25, 25]


async def test_two_processes_count_everything_once(database: Any, database_url: str) -> None:
    other = await asyncpg.connect(database_url)
    await database.execute(INSERT, "m", 30)
    transaction = other.transaction()
    await transaction.start()
    await count_all(other)
    assert not await count_arrivals(database, 7, datetime.now(UTC))  # who comes second leaves it to the first
    await transaction.commit()
    await count_all(database)
    await other.close()
    assert await counted(database) == [30, 30]
