"""What keeps the log fast to insert into and cheap to trim: one table as it is, or a partition a day beside its keys.

Run it with `python -m tests.bench.log_designs [MESSAGES]`, by default 2,000,000, which takes some seven minutes and
three gigabytes in the folder for temporary files; it writes `tests/bench/results/log_designs.md`. A table that is
partitioned by time cannot have the messageId as its key, so that design needs a second table for the keys, and writes
both.
"""

import asyncio
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import asyncpg
from rich.console import Console

from tests.bench.both_servers import CONNECTION, WORKSPACE_ID, running_servers
from tests.bench.ratios import Ratio
from tests.bench.report import report
from worker.fold.ids import identity_id
from worker.retention.trim import trim
from worker.store.retention import set_retention

MESSAGES = 2_000_000
DAYS = 50
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_SENDERS = 50_000
_ROUNDS = 5
_KEPT = timedelta(days=1)
_BATCHES, _BATCH_ROWS = 40, 1_000
_CHUNK_ROWS = 500_000

_BODY = """jsonb_build_object('type', 'track', 'event', 'Clicked', 'messageId', md5(n::text), 'userId', s.value,
    'timestamp', $1::timestamptz + n * $2::interval, 'properties',
    '{"plan": "enterprise", "seats": 12, "source": "navigation"}'::jsonb,
    'context', '{"page": {"path": "/pricing", "url": "https://www.example.com/pricing"}}'::jsonb)"""
_ROWS = f"""
SELECT {WORKSPACE_ID}, '{CONNECTION}', md5(n::text), 'track', $1::timestamptz + n * $2::interval,
    $1::timestamptz + n * $2::interval, s.id, {_BODY}
FROM generate_series($3::bigint, $4::bigint) AS n
JOIN bench_senders s ON s.number = n % {_SENDERS}
ORDER BY n
"""  # noqa: S608 (constants)
_COLUMNS = "workspace_id, connection_id, message_id, type, occurred_at, received_at, sender_id, body"

_ONE_TABLE = f"""
INSERT INTO variance_data.messages ({_COLUMNS}) {_ROWS} ON CONFLICT DO NOTHING
"""
_PARTITIONED = f"""
WITH rows ({_COLUMNS}) AS MATERIALIZED ({_ROWS}), fresh AS (
    INSERT INTO parted_keys (workspace_id, connection_id, message_id, day)
    SELECT workspace_id, connection_id, message_id, (received_at AT TIME ZONE 'UTC')::date FROM rows
    ON CONFLICT DO NOTHING
    RETURNING workspace_id, connection_id, message_id
)
INSERT INTO parted_messages ({_COLUMNS})
SELECT {_COLUMNS} FROM rows JOIN fresh USING (workspace_id, connection_id, message_id)
"""  # noqa: S608 (constants)
_TABLES = """
CREATE TABLE parted_keys (
    workspace_id bigint NOT NULL, connection_id text COLLATE "C" NOT NULL, message_id text COLLATE "C" NOT NULL,
    day date NOT NULL, PRIMARY KEY (workspace_id, connection_id, message_id)
);
CREATE TABLE parted_messages (
    workspace_id bigint NOT NULL, connection_id text COLLATE "C" NOT NULL, message_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL, occurred_at timestamptz NOT NULL, received_at timestamptz NOT NULL,
    sender_id uuid, account_id uuid, body jsonb NOT NULL, position bigserial
) PARTITION BY RANGE (received_at);
CREATE INDEX ON parted_messages (sender_id, occurred_at);
CREATE INDEX ON parted_messages USING brin (position);
"""
_REWRITE = "partitions and keys, rows/s into the full log, of the one table's (1.5 would pay for a rewrite)"
DESIGNS = {"one table": _ONE_TABLE, "partitions and keys": _PARTITIONED}


async def prepare(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Make the senders and what is known of them, and the tables of the other design."""
    ids = [(n, identity_id(WORKSPACE_ID, f"user-{n}"), f"user-{n}") for n in range(_SENDERS)]
    await database.execute("CREATE TABLE bench_senders (number bigint PRIMARY KEY, id uuid, value text)")
    await database.copy_records_to_table("bench_senders", records=ids)
    await database.execute(_TABLES)
    for day in range(DAYS + 1):
        first, last = FIRST_DAY + timedelta(days=day), FIRST_DAY + timedelta(days=day + 1)
        await database.execute(
            f"CREATE TABLE parted_{day} PARTITION OF parted_messages FOR VALUES FROM ('{first}') TO ('{last}')"
        )


async def know_senders(database: "asyncpg.Connection[asyncpg.Record]", step: timedelta, last: int) -> None:
    """Write the identities and contacts that the log should have led to."""
    await database.execute(
        f"""INSERT INTO variance_data.identities (workspace_id, id, value, is_user, is_anonymous, contact_id,
            first_seen, last_seen_at, traits, account_evidence, is_quarantined)
        SELECT {WORKSPACE_ID}, s.id, s.value, true, false, s.id,
            jsonb_build_array((extract(epoch FROM $1::timestamptz + f.n * $2::interval) * 1000000)::bigint,
                md5(f.n::text), '{CONNECTION}'),
            $1::timestamptz + ($3::bigint - ($3::bigint - s.number) % {_SENDERS}) * $2::interval,
            '{{}}', '{{}}', false
        FROM bench_senders s
        CROSS JOIN LATERAL (SELECT CASE s.number WHEN 0 THEN {_SENDERS} ELSE s.number END AS n) f""",  # noqa: S608
        FIRST_DAY, step, last,
    )  # fmt: skip
    await database.execute(
        f"""INSERT INTO variance_data.contacts (workspace_id, id, external_id, traits)
        SELECT {WORKSPACE_ID}, id, value, '{{}}' FROM bench_senders"""  # noqa: S608 (constants)
    )


async def insert(
    database: "asyncpg.Connection[asyncpg.Record]", design: str, step: timedelta, first: int, rows: int
) -> float:
    """Insert further messages in batches as a drain does, and give rows a second."""
    started_at = time.perf_counter()
    for start in range(first, first + rows, _BATCH_ROWS):
        await database.execute(DESIGNS[design], FIRST_DAY, step, start, start + _BATCH_ROWS - 1)
    return rows / (time.perf_counter() - started_at)


async def fill(database: "asyncpg.Connection[asyncpg.Record]", step: timedelta, rows: int) -> None:
    """Fill both designs with the same messages."""
    for first in range(1, rows + 1, _CHUNK_ROWS):
        last = min(first + _CHUNK_ROWS - 1, rows)
        for design in DESIGNS.values():
            await database.execute(design, FIRST_DAY, step, first, last, timeout=3600)
        Console().print(f"{last:,} rows")
    for table in ("variance_data.messages", "parted_messages", "parted_keys"):
        await database.execute(f"VACUUM (ANALYZE) {table}", timeout=3600)
    await database.execute("CHECKPOINT", timeout=3600)


async def timed(database: "asyncpg.Connection[asyncpg.Record]", *statements: str) -> float:
    """Run statements, and give the seconds that they take."""
    started_at = time.perf_counter()
    for statement in statements:
        await database.execute(statement, timeout=3600)
    return time.perf_counter() - started_at


async def measure(urls: list[str], rows: int) -> dict[str, list[float]]:
    """Measure both designs: inserts beside an empty and a full log, and a day's trim."""
    figures: dict[str, list[float]] = defaultdict(list)
    step = timedelta(days=DAYS) / (rows + 2 * _ROUNDS * _BATCHES * _BATCH_ROWS)
    empty, full = [await asyncpg.connect(url) for url in urls]
    for database in (empty, full):
        await prepare(database)
    await fill(full, step, rows)
    await know_senders(full, step, rows)
    more = _BATCHES * _BATCH_ROWS
    for number in range(_ROUNDS):
        for design in DESIGNS:
            for log, database in (("an empty log", empty), ("the full log", full)):
                await database.execute("CHECKPOINT", timeout=3600)
                if database is empty:
                    await database.execute("TRUNCATE variance_data.messages, parted_messages, parted_keys")
                rate = await insert(database, design, step, rows + 1 + number * more, more)
                figures[f"{design}, rows/s into {log}"].append(rate)
    for day in range(_ROUNDS):
        await full.execute("CHECKPOINT", timeout=3600)
        started_at = time.perf_counter()
        before: int = await full.fetchval("SELECT count(*) FROM variance_data.messages WHERE type = 'track'")
        counting_seconds = time.perf_counter() - started_at
        await set_retention(full, WORKSPACE_ID, _KEPT)
        started_at = time.perf_counter()
        assert await trim(full, WORKSPACE_ID, FIRST_DAY + timedelta(days=day + 1) + _KEPT)
        seconds = time.perf_counter() - started_at
        left: int = await full.fetchval("SELECT count(*) FROM variance_data.messages WHERE type = 'track'")
        figures["one table, events/s that `variance retention` trims, judging each"].append((before - left) / seconds)
        figures["one table, seconds to trim a day"].append(seconds)
        figures["one table, seconds to count all events, for comparison"].append(counting_seconds)
        figures["one table, seconds to vacuum afterwards"].append(
            await timed(full, "VACUUM variance_data.messages")
        )
        date = (FIRST_DAY + timedelta(days=day)).date()
        figures["partitions and keys, seconds to drop a day and delete its keys"].append(
            await timed(full, f"DROP TABLE parted_{day}", f"DELETE FROM parted_keys WHERE day = '{date}'")  # noqa: S608
        )
        figures["partitions and keys, seconds to vacuum afterwards"].append(await timed(full, "VACUUM parted_keys"))
    first = rows + 1 + _ROUNDS * more
    for design in DESIGNS:
        figures[f"{design}, rows/s into the trimmed log"].append(await insert(full, design, step, first, more))
    for table, design in (("variance_data.messages", "one table"), ("parted_keys", "partitions and keys")):
        size: int = await full.fetchval("SELECT pg_total_relation_size($1::regclass)", table)
        figures[f"{design}, megabytes of {table}"].append(size / 1e6)
    for database in (empty, full):
        await database.close()
    return figures


def main() -> None:
    """Measure, print and write."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES
    with running_servers() as servers:
        figures = asyncio.run(measure([servers.add_database(), servers.add_database()], rows))
    ratios = [
        _ratio(figures, f"one table, rows/s into the log with {rows:,} messages, of those into an empty one", 0.85,
               "one table, rows/s into the full log", "one table, rows/s into an empty log"),
        _ratio(figures, _REWRITE, 1.5,
               "partitions and keys, rows/s into the full log", "one table, rows/s into the full log"),
    ]  # fmt: skip
    what = (
        f"{rows:,} messages of {DAYS} days and {_SENDERS:,} people, both designs in turn on one server; the rows are"
        " made in Postgres, which is part of each insert."
    )
    report("log_designs", what, ratios, figures)


def _ratio(figures: dict[str, list[float]], what: str, goal: float, above: str, below: str) -> Ratio:
    rounds = [one / other for one, other in zip(figures[above], figures[below], strict=True)]
    return Ratio(what, goal, rounds=rounds)


if __name__ == "__main__":
    main()
