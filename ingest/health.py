"""Whether the process lives, and whether an event posted now would be acknowledged."""

import asyncio
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from ingest.answers import as_json
from ingest.connections import Connections
from ingest.group_commit import GroupCommit
from ingest.pressure import Pressure
from ingest.queue_writes import QueueUnavailableError
from schemas.redis_away import REDIS_AWAY
from schemas.redis_client import RedisClient

_Facts: TypeAlias = Mapping[str, Any]

_OK = "ok"
_OK_BUT = "ok, but "
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
        redis: RedisClient,
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
        failed = [f"{name}: {found}" for name, found in checks.items() if not _is_well(found)]
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
                checks = await self._redis_checks()
        except REDIS_AWAY as error:
            checks = {"redis": type(error).__name__}
        checks["connections"] = _OK if self._connections.is_loaded else "none have been published yet"
        checks["pressure"] = self._pressure.excess or _OK
        checks["write"] = await self._write_check()
        return checks

    async def _redis_checks(self) -> dict[str, str]:
        """Check each server that has partitions; one of several that is away refuses its own posts only."""
        servers = await self._redis.masters()
        found = await asyncio.gather(*map(self._server_checks, servers.values()))
        if not (there := [checks for checks in found if checks["redis"] == _OK]):
            return found[0] if found else {"redis": "no server of the cluster has partitions"}
        away = [
            f"{address} is away ({checks['redis']})"
            for address, checks in zip(servers, found, strict=True)
            if checks["redis"] != _OK
        ]
        worst = {name: max((checks[name] for checks in there), key=_badness) for name in there[0]}
        if len(servers) > 1:
            for address, checks in zip(servers, found, strict=True):
                worst |= {name: f"{text} (at {address})" for name, text in checks.items() if not _is_well(text)}
            worst["redis"] = f"{_OK_BUT}{', '.join(away)}" if away else _OK
        return worst

    async def _server_checks(self, server: Redis) -> dict[str, str]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await server.ping()
                facts = {**await _info(server), **await _config(server)}
        except REDIS_AWAY as error:
            return {"redis": type(error).__name__}
        needed = _INFO_NEEDED | _CONFIG_NEEDED
        return {"redis": _OK} | {name: _compare(facts.get(name), value) for name, value in needed.items()}

    async def _write_check(self) -> str:
        try:
            await self._group_commit.put([])
        except QueueUnavailableError as error:
            return error.cause
        return _OK


async def _info(server: Redis) -> _Facts:
    try:
        return cast("_Facts", await server.info())
    except ResponseError:
        return {}


async def _config(server: Redis) -> _Facts:
    try:
        facts = [await server.config_get(name) for name in _CONFIG_NEEDED]
    except ResponseError:
        return {}
    return {name: value for fact in facts for name, value in fact.items()}


def _is_well(found: str) -> bool:
    return found in (_OK, _NOT_CHECKED) or found.startswith(_OK_BUT)


def _badness(found: str) -> int:
    return (_OK, _NOT_CHECKED).index(found) if _is_well(found) else 2


def _compare(found: object, needed: str) -> str:
    if found is None:
        return _NOT_CHECKED
    text = found.decode() if isinstance(found, bytes) else str(found)
    return _OK if text == needed else f"is {text}, must be {needed}"
