"""The README's users and roles, as they stand there, are enough for the system and good for nothing else; over TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest
import trustme
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from tests.cli.command import Variance
from tests.faults.program import Program
from tests.ingest.edge import basic
from tests.security.rights import WEB, WORKER, block
from tests.security.tls import tls_before
from tests.waiting import eventually
from worker.embedded.address import free_port

_PG_WORKER, _PG_ANALYST = "variance_worker:WORKER_PASSWORD", "variance_analyst:ANALYST_PASSWORD"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator["Redis"]:
    """Give the server's owner's connection to a Redis with the README's users."""
    async with Redis.from_url(redis_url, decode_responses=True) as owner:
        for line in block("redis users").splitlines():
            await owner.execute_command(*line.split())
        await owner.acl_log_reset()
        yield owner
        await owner.acl_deluser("variance-web", "variance-worker")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Give the owner's connection to a database with the README's roles."""
    owner = await asyncpg.connect(database_url)
    await owner.execute(block("postgres roles"))
    yield owner
    await owner.execute("DROP OWNED BY variance_worker, variance_analyst")
    await owner.execute("DROP ROLE variance_worker, variance_analyst")
    await owner.close()


@dataclass
class Secure:
    """Where the servers are by TLS, and the authority that vouches for them."""

    redis: str
    postgres: str
    authority: Path

    def redis_url(self, user: str, host: str = "localhost") -> str:
        return f"rediss://{user}@{host}:{self.redis}/0?ssl_ca_certs={self.authority}"

    def database_url(self, user: str, host: str = "localhost") -> str:
        port, database = self.postgres.split("/")
        return f"postgresql://{user}@{host}:{port}/{database}?sslmode=verify-full&sslrootcert={self.authority}"


@pytest.fixture
async def secure(tmp_path: Path, redis_url: str, database_url: str) -> AsyncIterator[Secure]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    redis, postgres = urlsplit(redis_url).port or 0, urlsplit(database_url)
    async with (
        tls_before(redis, context) as redis_port,
        tls_before(postgres.port or 0, context, is_postgres=True) as postgres_port,
    ):
        yield Secure(str(redis_port), f"{postgres_port}{postgres.path}", tmp_path / "authority.pem")


@pytest.fixture
async def web_url(tmp_path: Path, secure: Secure) -> AsyncIterator[str]:
    """Run the real processes with the README's rights, by TLS."""
    port = free_port()
    web = Program(tmp_path / "web.log", "ingest", REDIS_URL=secure.redis_url(WEB), PORT=str(port))
    worker = Program(
        tmp_path / "worker.log", "worker",
        REDIS_URL=secure.redis_url(WORKER), DATABASE_URL=secure.database_url(_PG_WORKER),
    )  # fmt: skip
    for program in (web, worker):
        program.start()
    try:
        await asyncio.to_thread(worker.wait_until_running)
        yield f"http://127.0.0.1:{port}"
    finally:
        for program in (web, worker):
            program.kill()


async def test_a_worker_whose_redis_user_may_not_wait_for_messages_looks_for_them(
    redis: "Redis", database: "asyncpg.Connection[asyncpg.Record]", web_url: str, variance: Variance, tmp_path: Path
) -> None:
    made = (await variance("connections", "add", "shop", "--json")).json
    await redis.acl_setuser("variance-worker", enabled=True, commands=["-xread"])
    async with aiohttp.ClientSession(headers=basic(made["secret"])) as http:
        for number in range(3):
            body = {"userId": "ada", "event": f"Came {number}"}

            async def is_taken(body: dict[str, str] = body) -> bool:
                with suppress(aiohttp.ClientError):
                    async with http.post(f"{web_url}/v1/track", json=body) as answer:
                        return answer.status == 200
                return False

            async def is_applied(body: dict[str, str] = body) -> bool:
                query = "SELECT EXISTS (SELECT FROM variance.events WHERE name = $1)"
                return bool(await database.fetchval(query, body["event"]))

            await eventually(is_taken, "the endpoint to take it")
            await eventually(is_applied, "it to be applied")
    assert "worker starts again" not in (tmp_path / "worker.log").read_text()


async def test_the_readme_s_users_and_roles_are_enough_for_everything(  # noqa: PLR0913, PLR0917 (what runs)
    redis: "Redis", database: "asyncpg.Connection[asyncpg.Record]", secure: Secure, web_url: str, variance: Variance,
    tmp_path: Path,
) -> None:  # fmt: skip
    made = (await variance("connections", "add", "shop", "--json")).json
    people = {"userId": "ada", "anonymousId": "v1"}
    messages = [
        people | {"type": "identify", "traits": {"email": "ada@acme.io", "vips": True},
                  "context": {"personas": {"computation_class": "audience", "computation_key": "vips"}}},
        people | {"type": "group", "groupId": "g1", "traits": {"name": "Acme"}},
        people | {"type": "track", "event": "Bought", "messageId": "twice"},
        people | {"type": "track", "event": "Bought again", "messageId": "twice"},
        people | {"type": "alias", "previousId": "lovelace"},
        people | {"type": "track", "event": 5},
        {"type": "identify", "userId": "gone", "traits": {}},
        {"type": "delete", "userId": "gone"},
    ]  # fmt: skip
    async with aiohttp.ClientSession(headers=basic(made["secret"])) as http:

        async def is_ready() -> bool:
            try:
                async with http.get(f"{web_url}/health/ready") as answer:
                    return answer.status == 200 and "not checked" in await answer.text()
            except aiohttp.ClientError:
                return False

        await eventually(is_ready, "the endpoint to be ready")
        async with http.post(f"{web_url}/webhook/{made['id']}", json=messages) as answer:
            assert answer.status == 200
        async with http.post(f"{web_url}/v1/track", json=people | {"event": "Came"}) as answer:
            assert answer.status == 200
    analyst = await asyncpg.connect(secure.database_url(_PG_ANALYST))
    views = await database.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'variance'::regnamespace")
    expected = {"contacts": 1, "accounts": 1, "events": 2, "dead_letters": 1, "conflicts": 1, "audience_memberships": 1}

    async def is_there() -> bool:
        counts = {
            view["relname"]: await analyst.fetchval(f"SELECT count(*) FROM variance.{view['relname']}")  # noqa: S608 (of the catalogue)
            for view in views
        }
        assert await _denied(redis) == []
        return expected.items() <= counts.items()

    await eventually(is_there, "all to be applied and to be read by the analyst")
    await analyst.close()
    status = (await variance("status", "--json", REDIS_URL=secure.redis_url(WORKER))).json
    assert (status["balanced"], status["pending"]) == (True, 0)
    assert (await variance("recount", "--json", REDIS_URL=secure.redis_url(WORKER))).json["corrections"] == {}
    assert await _denied(redis) == []
    assert "failure" not in (tmp_path / "worker.log").read_text()


async def _denied(redis: "Redis") -> list[str]:
    """Give the commands that were denied, but for the one that the README says is."""
    log = cast("list[dict[str, Any]]", await redis.acl_log())
    return [entry["object"] for entry in log if entry["object"] != "config|get"]


_NOBODY_MAY = (
    "FLUSHALL", "KEYS *", "CONFIG GET requirepass", "CONFIG SET maxmemory 1", "ACL LIST", "EVAL return(1) 0",
    "SHUTDOWN", "SCRIPT FLUSH", "GET other", "SET other 1", "REPLICAOF NO ONE", "MONITOR", "CLIENT LIST",
)  # fmt: skip
_WEB_MAY_NOT = (
    "XRANGE variance:{p00} - +", "XDEL variance:{p00} 0-1", "DEL variance:{p00}", "SET variance:connections 1",
    "HSET variance:connections mine {}", "INCRBY variance:connections:version 1", "GET arq:queue",
)  # fmt: skip


@pytest.mark.parametrize(("user", "commands"), [(WEB, _NOBODY_MAY + _WEB_MAY_NOT), (WORKER, _NOBODY_MAY)])
async def test_nothing_else_can_be_done_in_redis(
    redis: "Redis", redis_url: str, user: str, commands: Sequence[str]
) -> None:
    del redis
    async with Redis.from_url(_as_user(redis_url, user)) as client:
        for command in commands:
            with pytest.raises(NoPermissionError):
                await client.execute_command(*command.split())


_WORKER_ROLE_MAY_NOT = (
    "DROP TABLE variance_data.messages", "CREATE TABLE variance_data.mine ()", "CREATE SCHEMA mine",
    "TRUNCATE variance_data.messages", "SELECT * FROM variance_data.console_users", "CREATE ROLE mine",
    "SELECT * FROM variance_data.sign_in_links", "DELETE FROM variance_data.audit_log",
    "UPDATE variance_data.connections SET secret_sha256 = ''", "COPY variance_data.messages TO PROGRAM 'cat'",
)  # fmt: skip
_ANALYST_MAY_NOT = (
    "SELECT * FROM variance_data.connections", "SELECT * FROM variance_data.messages",
    "CREATE VIEW variance.v AS SELECT 1", "DELETE FROM variance_data.identities",
    "DROP VIEW variance.contacts", "SELECT pg_read_file('/etc/passwd')",
)  # fmt: skip


@pytest.mark.parametrize(
    ("user", "statements"), [(_PG_WORKER, _WORKER_ROLE_MAY_NOT), (_PG_ANALYST, _ANALYST_MAY_NOT)]
)
async def test_nothing_else_can_be_done_in_postgres(
    database: "asyncpg.Connection[asyncpg.Record]", database_url: str, user: str, statements: Sequence[str]
) -> None:
    del database
    role = await asyncpg.connect(_as_user(database_url, user))
    for statement in statements:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await role.execute(statement)
    await role.close()


def _as_user(url: str, user: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}@{parts.hostname}:{parts.port}").geturl()


async def test_a_server_that_nobody_vouches_for_is_not_talked_to(
    redis: "Redis", database: "asyncpg.Connection[asyncpg.Record]", secure: Secure, variance: Variance, tmp_path: Path
) -> None:
    del redis, database
    trustme.CA().cert_pem.write_to_path(tmp_path / "stranger.pem")
    stranger = Secure(secure.redis, secure.postgres, tmp_path / "stranger.pem")
    variance.environ = {"REDIS_URL": secure.redis_url(WORKER), "DATABASE_URL": secure.database_url(_PG_WORKER)}
    assert (await variance("status")).exit_code == 0
    for name, url in (
        ("REDIS_URL", stranger.redis_url(WORKER)),
        ("REDIS_URL", secure.redis_url(WORKER, "127.0.0.1")),  # which the certificate does not name
        ("DATABASE_URL", stranger.database_url(_PG_WORKER)),
        ("DATABASE_URL", secure.database_url(_PG_WORKER, "127.0.0.1")),
    ):
        told = Variance(variance.directory, variance.environ | {name: url})
        assert "certificate" in (await told("status")).failure
