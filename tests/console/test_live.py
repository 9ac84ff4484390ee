"""Live misses nothing that arrives, in whatever order it is committed."""

import asyncio

import aiohttp
import asyncpg
import pytest

from tests.console.running import Console

_LETTER = """
INSERT INTO variance_data.dead_letters
    (workspace_id, connection_id, message_id, reason, detail, body, received_at, died_at)
VALUES (1, 'c', $1, $1, 'Something is wrong', '{}', now(), now())
"""
_MESSAGE = """
INSERT INTO variance_data.messages (workspace_id, connection_id, message_id, type, occurred_at, received_at, body)
VALUES (1, 'c', $1, 'track', now(), now(), jsonb_build_object('event', $1::text))
"""
_CONNECTION = """
INSERT INTO variance_data.workspaces (name, created_at) VALUES ('default', now());
INSERT INTO variance_data.connections (id, workspace_id, name, secret_sha256, account_method, account_id_trait,
    account_name_trait, email_fallback, mail_provider_accounts, created_at)
SELECT 'c', w.id, 'main', 'x', 'email', 'company.id', 'company.name', true, false, now() FROM variance_data.workspaces w
"""


@pytest.mark.parametrize("insert", [_LETTER, _MESSAGE], ids=["dead letters", "messages"])
async def test_what_is_committed_after_later_ones_is_shown_too(
    console: Console, database_url: str, insert: str
) -> None:
    await console.database.execute(_CONNECTION)
    ada = await console.operator()
    late = await asyncpg.connect(database_url)
    async with asyncio.timeout(20), ada.http.get(f"{ada.base_url}/live/stream") as stream:
        await _lines_until(stream, "retry")
        async with late.transaction():
            await late.execute(insert, "came_first")
            await console.database.execute(insert, "came_second")
            assert "came_first" not in await _lines_until(stream, "came_second")
        await console.database.execute(insert, "came_third")
        text = await _lines_until(stream, "came_third")
        if "came_first" not in text:
            text += await _lines_until(stream, "came_first")
    await late.close()
    assert "came_second" not in text


async def _lines_until(stream: aiohttp.ClientResponse, word: str) -> str:
    text = ""
    while word not in text:
        text += (await stream.content.readline()).decode()
    return text
