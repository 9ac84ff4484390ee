"""Every statement of every page finds its rows by an index, however large the tables grow."""

from collections.abc import Iterator
from typing import Any

import orjson

from tests.console.running import running_console
from tests.console.seeding import fill, pages_to_look_at, recorded_queries
from tests.system import System

GROWING = {
    "messages", "contacts", "identities", "accounts", "claims", "aliases", "audience_signals", "dead_letters",
    "suppressions", "arrivals", "queue_samples", "audit_log", "console_sessions",
}  # fmt: skip


def whole_tables_of(plan: dict[str, Any]) -> Iterator[str]:
    """Give the growing tables that a plan reads from one end to the other."""
    if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] in GROWING:
        yield plan["Relation Name"]
    for inner in plan.get("Plans", []):
        yield from whole_tables_of(inner)


async def test_no_page_reads_a_growing_table_from_end_to_end(
    database: Any, redis_url: str, database_url: str, system: System
) -> None:
    await system.database.execute("DELETE FROM variance_data.connections")
    async for _ in fill(database, messages=10_000, people=1_000):
        pass
    with recorded_queries() as asked:
        async with running_console(redis_url, database_url) as console:
            ada = await console.operator()
            for path in (await pages_to_look_at(database)).values():
                answer = await ada.get(path)
                assert answer.status == 200, (path, answer.text)
            htmx = {"HX-Request": "true"}
            await ada.get("/audience?name=audience_1", **htmx)
    statements = {one.query: one.args for one in asked if one.query.startswith("-- ")}
    assert len(statements) > 40
    # Where an index would do, a plan has a sequential scan only by choice, which this leaves it no more.
    await database.execute("SET enable_seqscan = off")
    whole = {}
    for query, args in statements.items():
        told = await database.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *args)
        if tables := list(whole_tables_of(orjson.loads(told)[0]["Plan"])):
            whole[query.partition("\n")[0]] = tables
    assert whole == {}
