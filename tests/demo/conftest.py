"""A PostgreSQL with the contract's views in it, as plain tables: all that the report may know."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import pytest_asyncio

from worker.embedded.postgres import EmbeddedPostgres

CONTRACT = """
    CREATE SCHEMA variance;
    CREATE TABLE variance.contacts (
        workspace text, id uuid, external_id text, email text, traits jsonb, account_id uuid,
        first_seen_at timestamptz, last_seen_at timestamptz
    );
    CREATE TABLE variance.accounts (
        workspace text, id uuid, key text, name text, source text, traits jsonb,
        first_seen_at timestamptz, last_seen_at timestamptz
    );
    CREATE TABLE variance.events (
        workspace text, connection text, message_id text, type text, name text,
        contact_id uuid, account_id uuid, properties jsonb, context jsonb,
        occurred_at timestamptz, received_at timestamptz
    );
    CREATE TABLE variance.identities (workspace text, value text, kind text, contact_id uuid);
    CREATE TABLE variance.merges (
        workspace text, previous_id text, user_id text, message_id text, occurred_at timestamptz,
        outcome text, reason text
    );
    CREATE TABLE variance.audience_memberships (
        workspace text, audience text, contact_id uuid, account_id uuid, is_member boolean,
        entered_at timestamptz, exited_at timestamptz
    );
    CREATE TABLE variance.dead_letters (
        workspace text, connection text, message_id text, reason text, detail text, body text,
        received_at timestamptz, died_at timestamptz
    );
"""


@pytest.fixture(scope="package")
def contract_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a server for all tests here; gives the URL of a database on it."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    url = server.start()
    try:
        yield url
    finally:
        server.stop()


@pytest_asyncio.fixture
async def contract_database(contract_server: str) -> AsyncIterator[str]:
    """Give the URL of a database with the contract's views, empty."""
    connection = await asyncpg.connect(contract_server)
    try:
        await connection.execute(CONTRACT)
        yield contract_server
        await connection.execute("DROP SCHEMA variance CASCADE")
    finally:
        await connection.close()
