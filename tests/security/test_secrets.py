"""Secrets: what is kept of them, and how soon every process knows that one is good no longer."""

import asyncio
from collections.abc import Sequence

import aiohttp
import asyncpg
import pytest
from redis.asyncio import Redis

from tests.cli.command import Variance
from tests.ingest.edge import TRACK, basic
from tests.ingest.test_process import port_of, started
from tests.waiting import eventually, own_seconds

_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'variance_data'::regnamespace AND relkind = 'r'"


async def test_only_digests_of_secrets_are_kept(variance: Variance, redis_url: str, database_url: str) -> None:
    made = (await variance("connections", "add", "shop", "--json")).json
    rotated = (await variance("connections", "rotate-secret", "shop", "--json")).json
    secrets = {made["secret"], rotated["secret"]}
    assert len(secrets) == 2
    assert min(map(len, secrets)) >= 43, "256 bits do not fit"

    database = await asyncpg.connect(database_url)
    kept = ""
    for table in await database.fetch(_TABLES):
        rows = await database.fetch(f"SELECT t::text FROM variance_data.{table['relname']} t")  # noqa: S608 (of the catalogue)
        kept += repr(rows)
    await database.close()
    async with Redis.from_url(redis_url) as redis:
        kept += "".join([repr(await redis.dump(key)) for key in await redis.keys("*")])
        kept += repr(await redis.hgetall("variance:connections"))

    assert made["id"] in kept
    assert not [secret for secret in secrets if secret in kept]


@pytest.mark.parametrize("command", ["disable", "rotate-secret"])
async def test_what_is_taken_back_is_refused_by_every_process_within_a_second(
    variance: Variance, redis_url: str, command: str
) -> None:
    made = (await variance("connections", "add", "shop", "--json")).json
    keep = ["--overlap", "0"] if command == "rotate-secret" else []
    async with (
        started(REDIS_URL=redis_url) as first,
        started(REDIS_URL=redis_url) as second,
        aiohttp.ClientSession(headers=basic(made["secret"])) as http,
    ):
        ports = [await port_of(process) for process in (first, second)]
        paths = ("/v1/track", f"/webhook/{made['id']}")
        urls = [f"http://127.0.0.1:{port}{path}" for port in ports for path in paths]
        assert await _statuses(http, urls) == [200] * 4

        assert (await variance("connections", command, "shop", *keep)).exit_code == 0

        async def is_refused() -> bool:
            return await _statuses(http, urls) == [401] * 4

        async with own_seconds() as clock:
            await eventually(is_refused, "all processes to refuse")
            assert clock.passed < 1


async def _statuses(http: aiohttp.ClientSession, urls: Sequence[str]) -> list[int]:
    async def post(url: str) -> int:
        async with http.post(url, json=TRACK) as answer:
            return answer.status

    return await asyncio.gather(*map(post, urls))
