"""Words: what tests say, read and ask for, of the words that somebody is found by."""

import asyncio
from typing import Any

import asyncpg

from tests.convergence.stage import Stage
from tests.convergence.worlds import told
from worker.console.word_reading import read_words

KNOWN = """
SELECT c.workspace_id, c.id, false, variance_data.words(c.external_id, c.email, c.traits)::text
FROM variance_data.contacts c
UNION ALL
SELECT a.workspace_id, a.id, true, variance_data.words(a.key, NULL, variance_data.plain_traits(a.traits))::text
FROM variance_data.accounts a
"""
READ = "SELECT w.workspace_id, w.subject_id, w.is_account, w.words::text FROM variance_data.search_words w"
ADA = told("identify", 0, userId="ada", traits={"plan": "gloriana"})
VISIT = told("identify", 1, anonymousId="visitor", traits={"seats": "orchidea"})
SIGN_IN = told("track", 2, 1, userId="ada", anonymousId="visitor", event="Clicked")


async def read_all(pool: asyncpg.Pool) -> None:
    await read_words(pool, asyncio.Event())


async def rows(stage: Stage, query: str) -> set[tuple[Any, ...]]:
    """Give who has words, and which."""
    return {tuple(row) for row in await stage.database.fetch(query) if row[3]}


async def waiting(stage: Stage) -> int:
    count: int = await stage.database.fetchval("SELECT count(*) FROM variance_data.stale_words")
    return count


async def has(stage: Stage, word: str) -> list[str]:
    """Give the userIds of whom a word leads to; of visitors that they are some."""
    found = await stage.database.fetch(
        """SELECT coalesce(c.external_id, 'somebody') AS name
        FROM variance_data.search_words w
        LEFT JOIN variance_data.contacts c ON c.workspace_id = w.workspace_id AND c.id = w.subject_id
        WHERE w.words @@ to_tsquery('simple', $1)""",
        word,
    )
    return [row["name"] for row in found]
