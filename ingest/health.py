"""Whether the process lives, and whether an event posted now would be acknowledged."""

import asyncio
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from ingest.answers import as_json
from ingest.connections import Connections
from ingest.group_commit import GroupCommit, QueueUnavailableError
from ingest.pressure import Pressure
from schemas.redis_away import REDIS_AWAY

_Facts: TypeAlias = Mapping[str, Any]

_OK = "ok"
_NOT_CHECKED = "not checked: Redis does not tell this user"

_INFO_NEEDED = {
    "loading": "0",
    "role": "master",
    "aof_enabled": "1",
    "aof_last_write_status": "ok",
    "maxmemory_policy": "noeviction",
}
_CONFIG_NEEDED = {"appendfsync": "always", "no-appendfsync-on-rewrite": "no"}


class Health:
    """Answers health checks."""

    def __init__(
        self,
        redis: Redis,
        connections: Connections,
        pressure: Pressure,
        group_commit: GroupCommit,
        timeout_seconds: float,
    ) -> None:
        self._redis = redis
        self._connections = connections
        self._pressure = pressure
        self._group_commit = group_commit
        self._timeout_seconds = timeout_seconds

    async def live(self, _: web.Request) -> web.StreamResponse:
        """Answer that the process runs."""
        return as_json({"success": True})

    async def ready(self, _: web.Request) -> web.StreamResponse:
        """Answer whether posts would be acknowledged and on disk; name the first check that failed."""
        checks = await self._checks()
        failed = [f"{name}: {found}" for name, found in checks.items() if found not in (_OK, _NOT_CHECKED)]
        if not failed:
            return as_json({"success": True, "checks": checks})
        answer = as_json(
            {"success": False, "code": "not_ready", "message": failed[0], "checks": checks}, status=503
        )
        answer.headers["Retry-After"] = "1"
        return answer

    async def _checks(self) -> dict[str, str]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                checks = {"redis": _OK} | await self._redis_checks()
        except REDIS_AWAY as error:
            checks = {"redis": type(error).__name__}
        checks["connections"] = _OK if self._connections.is_loaded else "none have been published yet"
        checks["pressure"] = self._pressure.excess or _OK
        checks["write"] = await self._write_check()
        return checks

    async def _redis_checks(self) -> dict[str, str]:
        await self._redis.ping()
        facts = {**await self._info(), **await self._config()}
        needed = _INFO_NEEDED | _CONFIG_NEEDED
        return {name: _compare(facts.get(name), value) for name, value in needed.items()}

    async def _info(self) -> _Facts:
        try:
            return cast("_Facts", await self._redis.info())
        except ResponseError:
            return {}

    async def _config(self) -> _Facts:
        try:
            facts = [await self._redis.config_get(name) for name in _CONFIG_NEEDED]
        except ResponseError:
            return {}
        return {name: value for fact in facts for name, value in fact.items()}

    async def _write_check(self) -> str:
        try:
            await self._group_commit.put([])
        except QueueUnavailableError as error:
            return error.cause
        return _OK


def _compare(found: object, needed: str) -> str:
    if found is None:
        return _NOT_CHECKED
    text = found.decode() if isinstance(found, bytes) else str(found)
    return _OK if text == needed else f"is {text}, must be {needed}"
