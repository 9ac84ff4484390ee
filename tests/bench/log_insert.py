"""Postgres' limit for the log alone: rows of the same messages into a table of the log's columns and key, nothing else.

`python -m tests.bench.log_insert MESSAGES` inserts so many on the server of `DATABASE_URL`, 2,000 a statement, and
prints how many a second.
"""

import os
import sys
import time
import uuid
from datetime import UTC, datetime

import asyncpg
import orjson
import uvloop

from tests.bench.traffic import traffic

ROWS_A_STATEMENT = 2_000

_TABLE = """
DROP TABLE IF EXISTS bare_log;
CREATE TABLE bare_log (
    workspace_id bigint NOT NULL, connection_id text COLLATE "C" NOT NULL, message_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL, occurred_at timestamptz NOT NULL, received_at timestamptz NOT NULL,
    sender_id uuid, account_id uuid, body jsonb NOT NULL,
    PRIMARY KEY (workspace_id, connection_id, message_id)
)
"""
_INSERT = """
INSERT INTO bare_log
SELECT 1, 'connection', n.* FROM unnest(
    $1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::uuid[], $6::uuid[], $7::jsonb[]
) AS n
ON CONFLICT DO NOTHING
"""


async def main(messages: int) -> None:
    """Insert, and print rows a second."""
    now = datetime.now(UTC)
    rows = [
        (message["messageId"], message["type"], now, now, uuid.uuid4(), None, orjson.dumps(message).decode())
        for message in traffic(messages)
    ]
    statements = [
        [list(column) for column in zip(*rows[first : first + ROWS_A_STATEMENT], strict=True)]
        for first in range(0, len(rows), ROWS_A_STATEMENT)
    ]
    database = await asyncpg.connect(os.environ["DATABASE_URL"])
    await database.execute(_TABLE)
    insert = await database.prepare(_INSERT)
    started_at = time.perf_counter()
    for columns in statements:
        await insert.fetch(*columns)
    print(messages / (time.perf_counter() - started_at))  # noqa: T201 (the answer)
    await database.close()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
