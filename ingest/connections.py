"""The published connections, held in the process and kept current with Redis.

While Redis is away, what is held goes on authenticating; nobody is turned away for what could not be
looked up.
"""

import asyncio
import hmac
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any, cast

import msgspec
import structlog
from redis.asyncio import Redis

from schemas.connection import (
    CONNECTIONS_KEY,
    CONNECTIONS_VERSION_KEY,
    PublishedConnection,
    PublishedSecret,
    secret_sha256,
)
from schemas.partitions import NEVER_CHANGED, PARTITIONS_KEY, read_partitions
from schemas.redis_away import REDIS_AWAY
from schemas.redis_commands import run_all

_POLL_SECONDS = 0.25
_LONGEST_SECRET = 200
"""Characters; ours have a fifth of it. Digests are remembered by what was sent, which may be megabytes of anything."""

_digest = lru_cache(maxsize=256)(secret_sha256)

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Connections:
    """A cache of every published connection, by its id and by the digests of its secrets."""

    def __init__(self, redis: Redis, timeout_seconds: float) -> None:
        self._redis = redis
        self.partitions = NEVER_CHANGED
        """Over which partitions messages are spread."""
        self._timeout_seconds = timeout_seconds
        self._by_id: dict[str, PublishedConnection] = {}
        self._by_secret: dict[str, tuple[PublishedConnection, PublishedSecret]] = {}
        self._version: bytes | None = None  # of what is held; None where that is to be read again
        self._is_current = False
        self._is_loaded = False
        self._looks: list[asyncio.Future[bool]] = []
        self._is_asked = asyncio.Event()
        self._is_closing = False

    @property
    def is_loaded(self) -> bool:
        """Tell whether connections were ever read."""
        return self._is_loaded

    def with_id(self, connection_id: str) -> PublishedConnection | None:
        """Give the connection with this id."""
        return self._by_id.get(connection_id)

    def opened_by(self, secrets: Iterable[str]) -> PublishedConnection | None:
        """Give the connection that the first fitting of these secrets opens, enabled or not."""
        for secret in secrets:
            if len(secret) > _LONGEST_SECRET:
                continue
            digest = _digest(secret)
            found = self._by_secret.get(digest)
            if found is not None:
                connection, published = found
                if hmac.compare_digest(published.sha256, digest) and published.is_alive():
                    return connection
        return None

    async def look_again(self) -> bool:
        """Wait for a look at Redis that begins after this call; tell whether what is held is current by it.

        Looks are shared by all who wait, so that made-up secrets cost Redis one read at a time.
        """
        look = asyncio.get_running_loop().create_future()
        self._looks.append(look)
        self._is_asked.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_seconds):
                return cast("bool", await look)
        return False

    async def stay_current(self) -> None:
        """Look for changes several times a second, and whenever somebody asks, until `close`."""
        while not self._is_closing:
            self._is_asked.clear()
            looks, self._looks = self._looks, []
            is_current = await self._look()
            for look in looks:
                if not look.done():
                    look.set_result(is_current)
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._is_asked.wait()

    def close(self) -> None:
        """Let `stay_current` return. Cancelled within a command, it might go on: `wait_for` can lose that."""
        self._is_closing = True
        self._is_asked.set()

    async def _look(self) -> bool:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                is_current = await self._reload_if_changed()
        except REDIS_AWAY as error:
            is_current = False
            self._version = None
            if self._is_current:
                _log.warning("connections_unavailable", error=type(error).__name__)
        self._is_current = is_current
        return is_current

    async def _reload_if_changed(self) -> bool:
        version, fields = await run_all(self._redis, [("GET", CONNECTIONS_VERSION_KEY), ("HGETALL", PARTITIONS_KEY)])
        if not isinstance(fields, Exception):  # of a cluster, another server's
            self.partitions = read_partitions(fields)
        if isinstance(version, Exception):
            raise version
        if version is None:  # nobody has published yet, or Redis was emptied: not the same as having none
            self._version = None
            return False
        if version != self._version:
            # The version is read first: a publication in between is loaded once more, rather than missed.
            published = cast("dict[bytes, bytes]", await cast("Any", self._redis.hgetall(CONNECTIONS_KEY)))
            self._hold(published.values())
            self._version = version
            self._is_loaded = True
            _log.info("connections_loaded", connections=len(self._by_id), version=version.decode(errors="replace"))
        return True

    def _hold(self, published: Iterable[bytes]) -> None:
        by_id = {}
        by_secret = {}
        for text in published:
            try:
                connection = msgspec.json.decode(text, type=PublishedConnection)
            except msgspec.DecodeError:  # its text would carry the secrets' digests into the log
                _log.error("connection_unreadable")
                continue
            by_id[connection.id] = connection
            by_secret.update({secret.sha256: (connection, secret) for secret in connection.secrets})
        self._by_id = by_id
        self._by_secret = by_secret
