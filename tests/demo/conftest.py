"""A database with the contract's views in it, as plain tables: all that the report may know."""

import asyncpg
import pytest

_PLAIN = """
    DO $$
    DECLARE name text;
    BEGIN
        ALTER SCHEMA variance RENAME TO made;
        CREATE SCHEMA variance;
        FOR name IN SELECT table_name FROM information_schema.views WHERE table_schema = 'made' LOOP
            EXECUTE format('CREATE TABLE variance.%1$I AS TABLE made.%1$I WITH NO DATA', name);
        END LOOP;
        DROP SCHEMA made, variance_data CASCADE;
    END $$
"""


@pytest.fixture
async def contract_database(database_url: str) -> str:
    """Give the URL of a database with the contract's views, empty."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(_PLAIN)
    finally:
        await connection.close()
    return database_url
