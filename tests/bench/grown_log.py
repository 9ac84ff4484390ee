"""A log as it is after a long time: many millions of events of many people, made in Postgres, not through the front."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import asyncpg
from rich.console import Console

from tests.bench.both_servers import CONNECTION, WORKSPACE_ID
from worker.fold.ids import identity_id

FIRST_AT = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 400
SENDERS = 100_000
_CHUNK_ROWS = 1_000_000
_HOUR_SECONDS = 3600

_SENDERS_TABLE = "CREATE UNLOGGED TABLE grown_senders (number bigint PRIMARY KEY, id uuid, value text)"
_EVENTS = f"""
INSERT INTO variance_data.messages
    (workspace_id, connection_id, message_id, type, occurred_at, received_at, sender_id, body)
SELECT {WORKSPACE_ID}, '{CONNECTION}', md5(n::text)::uuid::text, 'track', g.at, g.at, s.id,
    jsonb_build_object('type', 'track', 'event', 'Clicked', 'userId', s.value, 'timestamp', g.at)
FROM (SELECT n, $1::timestamptz + n * $2::interval AS at FROM generate_series($3::bigint, $4::bigint) AS n) g
JOIN grown_senders s ON s.number = g.n % {SENDERS}
"""  # noqa: S608 (constants)
_IDENTITIES = f"""
INSERT INTO variance_data.identities (workspace_id, id, value, is_user, is_anonymous, contact_id, first_seen,
    last_seen_at, traits, account_evidence, is_quarantined)
SELECT {WORKSPACE_ID}, s.id, s.value, true, false, s.id,
    jsonb_build_array((extract(epoch FROM $1::timestamptz + f.n * $2::interval) * 1000000)::bigint,
        md5(f.n::text)::uuid::text, '{CONNECTION}'),
    $1::timestamptz + ($3::bigint - ($3::bigint - s.number) % {SENDERS}) * $2::interval, '{{}}', '{{}}', false
FROM grown_senders s
CROSS JOIN LATERAL (SELECT CASE s.number WHEN 0 THEN {SENDERS} ELSE s.number END AS n) f
"""  # noqa: S608 (constants)
_CONTACTS = f"""
INSERT INTO variance_data.contacts (workspace_id, id, external_id, traits)
SELECT {WORKSPACE_ID}, id, value, '{{}}' FROM grown_senders
"""  # noqa: S608 (constants)
_INDEXES = """
SELECT 'DROP INDEX ' || i.indexrelid::regclass AS drop, pg_get_indexdef(i.indexrelid) AS make
FROM pg_index i WHERE i.indrelid = 'variance_data.messages'::regclass
"""


def step_of(rows: int) -> timedelta:
    """Give the time between two events, of so many."""
    return timedelta(days=DAYS) / rows


async def grow(url: str, rows: int) -> None:
    """Fill the log and make the people. The indexes are made afterwards, which is the quicker way."""
    databases = [await asyncpg.connect(url, command_timeout=_HOUR_SECONDS) for _ in range(2)]
    database = databases[0]
    await database.execute(_SENDERS_TABLE)
    people = [(n, identity_id(WORKSPACE_ID, f"sender-{n}"), f"sender-{n}") for n in range(SENDERS)]
    await database.copy_records_to_table("grown_senders", records=people)
    await database.execute(_IDENTITIES, FIRST_AT, step_of(rows), rows)
    await database.execute(_CONTACTS)
    indexes = await database.fetch(_INDEXES)
    for index in indexes:
        await database.execute(index["drop"])
    started_at = time.perf_counter()
    chunks = iter(range(1, rows + 1, _CHUNK_ROWS))

    async def fill(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        for first in chunks:
            last = min(first + _CHUNK_ROWS - 1, rows)
            await connection.execute(_EVENTS, FIRST_AT, step_of(rows), first, last)
            Console().print(f"{last:,} rows after {time.perf_counter() - started_at:,.0f} s")

    await asyncio.gather(*map(fill, databases))
    await database.execute("SET maintenance_work_mem = '1GB'")
    for index in indexes:
        await database.execute(index["make"])
        Console().print(f"an index after {time.perf_counter() - started_at:,.0f} s")
    await database.execute("VACUUM (ANALYZE) variance_data.messages, variance_data.identities, variance_data.contacts")
    await database.execute("CHECKPOINT")
    for connection in databases:
        await connection.close()
