"""A console on a free port, and operators who use it over HTTP as a browser does."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import asyncpg
from aiohttp import web

from schemas.settings import ConsoleSettings
from tests.waiting import eventually
from worker.console.app import create_console
from worker.console.sign_in_links import make_sign_in_link
from worker.store.console_users import upsert_user

_CSRF = re.compile(r'X-CSRF-Token": "(\w*)"')


@dataclass(frozen=True, slots=True)
class Answer:
    """What the console answered."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def location(self) -> str:
        """Where it leads."""
        return self.headers.get("Location", "")

    def value(self, name: str) -> str:
        """Give the value of the first hidden field of this name."""
        match = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert match, f"no field {name}"
        return match[1]


@dataclass(slots=True)
class Operator:
    """Somebody with a browser of their own."""

    base_url: str
    http: aiohttp.ClientSession
    csrf: str = ""

    async def get(self, path: str, **headers: str) -> Answer:
        """Look at a page."""
        async with self.http.get(self.base_url + path, headers=headers, allow_redirects=False) as answer:
            return Answer(answer.status, await answer.text(), answer.headers)

    async def post(self, path: str, fields: Mapping[str, str] | None = None, **headers: str) -> Answer:
        """Send a form as one of the console's own pages does."""
        form = {"csrf": self.csrf} | dict(fields or {})
        given = {"Origin": self.base_url} | headers
        async with self.http.post(self.base_url + path, data=form, headers=given, allow_redirects=False) as answer:
            return Answer(answer.status, await answer.text(), answer.headers)

    async def enter(self, fields: Mapping[str, str]) -> Answer:
        """Sign in, and learn the token that forms carry."""
        answer = await self.post("/sign-in", fields)
        match = _CSRF.search((await self.get("/audit")).text)
        self.csrf = match[1] if match else ""
        return answer


@dataclass(slots=True)
class Console:
    """A running console and its database."""

    base_url: str
    database: "asyncpg.Connection[asyncpg.Record]"
    app: web.Application
    sessions: list[aiohttp.ClientSession] = field(default_factory=list)

    def stranger(self) -> Operator:
        """Give somebody who is not signed in."""
        self.sessions.append(aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)))  # cookies of an IP
        return Operator(self.base_url, self.sessions[-1])

    async def operator(self, name: str = "ada") -> Operator:
        """Give somebody who is signed in, by a link."""
        stranger = self.stranger()
        await stranger.enter({"token": (await self.link(name)).partition("token=")[2]})
        assert stranger.csrf
        return stranger

    async def until_words_are_read(self) -> None:
        """Wait until everybody is found by what is known of them now."""

        async def are_read() -> bool:
            return not await self.database.fetchval("SELECT EXISTS (SELECT FROM variance_data.stale_words)")

        await eventually(are_read, "words are read")

    async def link(self, name: str = "ada") -> str:
        """Make a link that signs somebody in once."""
        return await make_sign_in_link(self.database, self.base_url, name)

    async def audited(self) -> list[tuple[str, str, str]]:
        """Give who did what to what, the first first."""
        rows = await self.database.fetch("SELECT user_name, action, subject FROM variance_data.audit_log ORDER BY id")
        return [tuple(row) for row in rows]


@asynccontextmanager
async def running_console(redis_url: str, database_url: str, **settings: Any) -> AsyncIterator[Console]:
    """Serve a console on a free port."""
    app = create_console(ConsoleSettings(redis_url=redis_url, database_url=database_url, **settings))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    database = await asyncpg.connect(database_url)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    console = Console(f"http://127.0.0.1:{runner.addresses[0][1]}", database, app)
    try:
        yield console
    finally:
        for session in console.sessions:
            await session.close()
        await database.close()
        await runner.cleanup()


async def add_user(database: "asyncpg.Connection[asyncpg.Record]", name: str, password_hash: str) -> None:
    """Let somebody sign in with a password."""
    await upsert_user(database, name, password_hash, datetime.now(UTC))
