"""Every statement of every page finds its rows by an index, however large the tables grow."""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from tests.console.running import running_console
from tests.console.seeding import fill, pages_to_look_at, recorded_queries
from tests.system import System

GROWING = {
    "messages", "contacts", "identities", "accounts", "claims", "aliases", "audience_signals", "dead_letters",
    "suppressions", "arrivals", "queue_samples", "audit_log", "console_sessions",
    "search_words", "stale_words",
}  # fmt: skip

READING = re.compile(r"(--.*\n)+(SELECT|WITH)")
WINDOWED = {"messages"}
"""Of which a page reads the end, as far as a bound."""

PEOPLE = 1_000


def waste_of(plan: dict[str, Any]) -> Iterator[str]:
    """Give the growing tables that a plan reads from one end to the other, or of which it passes over much."""
    table = plan.get("Relation Name")
    passed_over = sum(plan.get(f"Rows Removed by {what}", 0) for what in ("Filter", "Index Recheck"))
    if table in GROWING and plan["Node Type"] == "Seq Scan":
        yield f"the whole of {table}"
    elif table in GROWING - WINDOWED and passed_over * plan["Actual Loops"] > PEOPLE / 4:
        yield f"{passed_over * plan['Actual Loops']} rows of {table} in vain"
    for inner in plan.get("Plans", []):
        yield from waste_of(inner)


async def test_no_page_reads_a_growing_table_from_end_to_end_nor_much_of_it_in_vain(
    database: Any, redis_url: str, database_url: str, system: System
) -> None:
    await system.database.execute("DELETE FROM variance_data.connections")
    async for _ in fill(database, messages=10_000, people=PEOPLE):
        pass
    with recorded_queries() as asked:
        async with running_console(redis_url, database_url) as console:
            ada = await console.operator()
            for path in (await pages_to_look_at(database)).values():
                answer = await ada.get(path)
                assert answer.status == 200, (path, answer.text)
            htmx = {"HX-Request": "true"}
            await ada.get("/audience?name=audience_1", **htmx)
    statements = {one.query: one.args for one in asked if READING.match(one.query)}
    assert len(statements) > 40
    # Where an index would do, a plan has a sequential scan only by choice, which this leaves it no more.
    await database.execute("SET enable_seqscan = off")
    wasted: dict[str, list[str]] = {}
    for query, args in statements.items():
        transaction = database.transaction()
        await transaction.start()
        told = await database.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", *args)
        await transaction.rollback()
        if waste := list(waste_of(orjson.loads(told)[0]["Plan"])):
            wasted[query.partition("\n")[0]] = waste
    assert wasted == {}
