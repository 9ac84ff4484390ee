"""The log's key is a digest of a connection's and a message's ids, by which whoever looks for a message finds it."""

import re
from importlib.resources import files
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
from hypothesis import given
from hypothesis import strategies as st

import worker.sql
from tests.convergence.stage import Stage
from tests.convergence.worlds import told

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

_TEXTS = {path.name: path.read_text() for path in files(worker.sql).iterdir() if path.name.endswith(".sql")}
_BY_KEY = sorted(
    name for name, text in _TEXTS.items()
    if "variance_data.messages" in text and re.search(r"\b[mf]\.message_id = ", text)
)  # fmt: skip
_LOGGED = """
INSERT INTO variance_data.messages
    (workspace_id, connection_id, message_id, type, occurred_at, received_at, sender_id, body)
SELECT 1 + n % 2, 'c' || n % 4, 'm' || n, 'track', now(), now(), md5((n % 100)::text)::uuid, '{}'
FROM generate_series(1, 20000) n
"""
_IDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
_CONNECTIONS = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)


@given(st.lists(st.tuples(_CONNECTIONS, _IDS | st.sampled_from(["\\", "\\\\", "\\x41", "A", "\\101"])), unique=True))
async def test_keys_that_differ_have_digests_that_differ_whatever_they_are_made_of(
    stage: Stage, keys: list[tuple[str, str]]
) -> None:
    digests = await stage.database.fetchval(
        """SELECT count(DISTINCT variance_data.message_digest(n.connection_id, n.message_id))
        FROM unnest($1::text[], $2::text[]) AS n (connection_id, message_id)""",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    assert digests == len(keys)


async def test_whoever_looks_for_a_message_by_its_ids_does_so_by_their_digest(database: "Connection") -> None:
    await database.execute(_LOGGED)
    await database.execute("ANALYZE variance_data.messages")
    # Where an index would do, a plan has a sequential scan only by choice, which this leaves it no more.
    await database.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
    plans = {name: await _plan(database, name) for name in _BY_KEY}
    # Without the digest, the index leads to a whole workspace.
    assert [name for name, plan in plans.items() if not re.search("Index Cond.*message_id", plan)] == []
    assert [name for name, plan in plans.items() if "Seq Scan on messages" in plan] == []
    assert plans.keys() >= {"read_messages.sql", "remove_messages.sql", "find_receipts.sql"}


async def _plan(database: "Connection", name: str) -> str:
    prepared = name.removesuffix(".sql")
    await database.execute(f"PREPARE {prepared} AS {_TEXTS[name]}")
    count = await database.fetchval(
        "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = $1", prepared
    )
    rows = await database.fetch(f"EXPLAIN EXECUTE {prepared} ({', '.join(['NULL'] * count)})")
    return "\n".join(row[0] for row in rows)


async def test_the_same_id_in_another_connection_is_another_message(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    one, other = told("track", 1, userId="ada", event="Clicked"), told("track", 1, userId="ada", event="Clicked")
    other["connection"] = "t"
    await stage.deliver(workspace, [[one, one, other], [other, one]], at_once=False)
    rows = await stage.database.fetch("SELECT connection FROM variance.events WHERE workspace = $1", workspace)
    assert sorted(row["connection"] for row in rows) == ["g", "t"]
