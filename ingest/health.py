"""Whether the process lives, and whether an event posted now would be acknowledged."""

import asyncio

from aiohttp import web

from ingest.answers import as_json
from ingest.connections import Connections
from ingest.group_commit import GroupCommit
from ingest.pressure import Pressure
from ingest.queue_writes import QueueUnavailableError
from schemas.durability import OK, check_servers, faults_of
from schemas.redis_away import REDIS_AWAY
from schemas.redis_client import RedisClient


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
        failed = faults_of(checks)
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
                servers = await self._redis.masters()
            checks = await check_servers(servers, self._timeout_seconds)
        except REDIS_AWAY as error:
            checks = {"redis": type(error).__name__}
        checks["connections"] = OK if self._connections.is_loaded else "none have been published yet"
        checks["pressure"] = self._pressure.excess or OK
        checks["write"] = await self._write_check()
        return checks

    async def _write_check(self) -> str:
        try:
            await self._group_commit.put([])
        except QueueUnavailableError as error:
            return error.cause
        return OK
