"""What the demo shows of the database, as tables and as JSON."""

import io

import asyncpg
import orjson
import pytest_asyncio
from rich.console import Console

from worker.demo.report import demo_results, print_demo
from worker.demo.results import QUERIES, ROWS

LEDGER = {"accepted": 4321, "applied": 4200, "duplicate": 110, "suppressed": 0, "dead": 11, "pending": 0}
CURL = 'curl -u secret: http://127.0.0.1:8080/v1/track -d \'{"event": "A", "userId": "[b]"}\''

ROWS_OF_ONE_WEEK = """
    INSERT INTO variance.accounts
        SELECT w, md5('a' || n)::uuid, 'key-' || n, 'Company ' || n,
               CASE WHEN n <= 20 THEN 'group' WHEN n <= 22 THEN 'traits' ELSE 'email' END, '{}', now(), now()
        FROM generate_series(1, 23) n, unnest(ARRAY['default', 'other']) w;
    INSERT INTO variance.contacts
        SELECT w, md5('c' || n)::uuid, CASE WHEN n % 3 > 0 THEN 'user-' || n END,
               'p' || n || '@company.example', '{"title": "Analyst"}', md5('a' || n)::uuid, now(), now()
        FROM generate_series(1, 30) n, unnest(ARRAY['default', 'other']) w;
    INSERT INTO variance.identities
        SELECT 'default', 'id-' || n || '-' || i, 'user', md5('c' || n)::uuid
        FROM generate_series(1, 30) n, generate_series(1, 1 + n / 10) i;
    INSERT INTO variance.events
        SELECT 'default', 'app', 'message-' || n, 'page', NULL, md5('c' || n)::uuid, md5('a' || n)::uuid,
               '{"path": "/pricing"}', '{}', now() - n * interval '1 minute', now()
        FROM generate_series(1, 30) n;
    INSERT INTO variance.audience_memberships
        SELECT 'default', 'makers', md5('c' || n)::uuid, NULL::uuid, n > 2, now(),
               CASE WHEN n <= 2 THEN now() END
        FROM generate_series(1, 20) n
        UNION ALL SELECT 'default', 'ready', NULL, md5('a1')::uuid, true, now(), NULL;
    INSERT INTO variance.merges
        SELECT 'default', 'old-' || n, 'new-' || n, 'alias-' || n, now(),
               CASE WHEN n = 20 THEN 'refused' ELSE 'merged' END, 'both were known'
        FROM generate_series(1, 20) n;
    INSERT INTO variance.dead_letters
        SELECT 'default', 'app', 'bad-' || n, CASE WHEN n = 1 THEN 'unknown_type' ELSE 'missing_id' END,
               'Expected [bold] - at `$.batch[1]`', '{}', now(), now()
        FROM generate_series(1, 4) n;
"""


@pytest_asyncio.fixture
async def database(contract_database: str) -> str:
    """Give a database in which two workspaces have contacts and accounts, and one has the rest too."""
    connection = await asyncpg.connect(contract_database)
    try:
        await connection.execute(ROWS_OF_ONE_WEEK)
    finally:
        await connection.close()
    return contract_database


async def test_the_results_are_json_with_the_ledger_and_the_lines_for_a_shell(database: str) -> None:
    results = await demo_results(database, workspace="default", ledger=LEDGER, curl_line=CURL)
    assert orjson.loads(orjson.dumps(results)).keys() == QUERIES.keys() | {"ledger", "look_for_yourself"}
    assert results["ledger"] == LEDGER
    assert results["look_for_yourself"][-1] == CURL
    assert all(len(results[kind]["rows"]) <= ROWS for kind in QUERIES)


async def test_a_workspace_counts_its_own_rows_only(database: str) -> None:
    results = await demo_results(database, workspace="default", ledger=LEDGER, curl_line=CURL)
    totals = {kind: results[kind]["total"] for kind in QUERIES}
    assert totals == {
        "accounts": 23, "contacts": 30, "events": 30, "audience_memberships": 21, "merges": 20,
        "dead_letters": 2,
    }  # fmt: skip
    assert all(row["contacts"] == 1 for row in results["accounts"]["rows"])


async def test_what_is_rare_is_shown_among_what_is_frequent(database: str) -> None:
    results = await demo_results(database, workspace="default", ledger=LEDGER, curl_line=CURL)
    assert {row["source"] for row in results["accounts"]["rows"]} == {"group", "traits", "email"}
    assert {row["outcome"] for row in results["merges"]["rows"]} == {"merged", "refused"}
    assert {row["audience"] for row in results["audience_memberships"]["rows"]} == {"makers", "ready"}
    assert {row["is_member"] for row in results["audience_memberships"]["rows"]} == {True, False}


async def test_events_are_the_latest_first_and_a_page_without_a_name_shows_its_path(database: str) -> None:
    rows = (await demo_results(database, workspace="default", ledger=LEDGER, curl_line=CURL))["events"][
        "rows"
    ]
    assert [row["contact"] for row in rows[:3]] == ["user-1", "user-2", "p3@company.example"]
    assert {row["name"] for row in rows} == {"/pricing"}
    assert rows[0]["account"] == "Company 1"


async def test_the_tables_are_printed_with_every_value_as_it_is(database: str) -> None:
    console = Console(file=io.StringIO(), width=160)
    await print_demo(database, console, workspace="default", ledger=LEDGER, curl_line=CURL)
    printed = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO given above
    for title in ("Accounts", "Contacts", "Latest events", "Audience memberships", "Merges", "Dead letters"):
        assert title in printed
    for text in ("12 of 23", "Expected [bold]", "title: Analyst", "4,321", " env REDIS_URL", CURL):
        assert text in printed


async def test_the_lines_for_a_shell_are_not_broken_on_a_narrow_terminal(database: str) -> None:
    console = Console(file=io.StringIO(), width=60)
    await print_demo(database, console, workspace="default", ledger=LEDGER, curl_line=CURL)
    assert f"  {CURL}\n" in console.file.getvalue()  # type: ignore[attr-defined]  # as above


async def test_an_empty_workspace_shows_empty_tables(contract_database: str) -> None:
    results = await demo_results(contract_database, workspace="default", ledger=LEDGER, curl_line=CURL)
    assert all(results[kind] == {"total": 0, "rows": []} for kind in QUERIES)
