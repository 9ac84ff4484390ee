"""Segment's partner delivery: one message, or an array of them, posted to a connection's own URL.

Source: Segment's partner documentation, "Build webhook"; for arrays and their signature, its action
destinations.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from ingest.access import CONNECTION_ID, Access
from ingest.answers import RefusalError
from ingest.body import BodyReader, parse
from ingest.credentials import is_signed, presented_secrets
from ingest.flood_guard import FloodGuard
from ingest.intake import Intake, Judged, one_by_one
from ingest.pressure import Pressure
from ingest.queue_writes import Pair
from schemas.connection import PublishedConnection

PATH = "/webhook/"
"""What stands before a connection's id in the path of its deliveries."""


class Webhook:
    """Handles Segment's deliveries, whose `receivedAt` is kept: `timestamp` was computed from it."""

    def __init__(
        self, body_reader: BodyReader, access: Access, intake: Intake, pressure: Pressure, flood_guard: FloodGuard
    ) -> None:
        self._body_reader = body_reader
        self._access = access
        self._intake = intake
        self._pressure = pressure
        self._flood_guard = flood_guard

    async def deliver(self, request: web.Request) -> None:
        """Take one message or an array of them."""
        received_at = datetime.now(UTC)
        self._pressure.check()
        secrets = presented_secrets(request.headers)
        connection, secret = await self._access.by_id(request.match_info["connection_id"], secrets)
        request[CONNECTION_ID] = connection.id
        with self._flood_guard.post(connection.id):
            async with self._body_reader.read(request, connection.id) as body:
                signature = request.headers.get("X-Signature")
                if signature is not None and not is_signed(body, signature, secret):
                    message = "X-Signature is not the body's HMAC-SHA1 under this secret"
                    raise RefusalError(401, "wrong_signature", message)
                judged = await self._judge(connection, parse(body), received_at)
            await self._intake.queue(judged)

    async def _judge(self, connection: PublishedConnection, value: Any, received_at: datetime) -> Judged:
        if isinstance(value, list):
            return await self._intake.judge_all(connection, one_by_one(value), received_at, from_segment=True)
        return self._intake.judge_one(connection, value, received_at, from_segment=True)

    def deliver_at_once(self, path: str, headers: Mapping[str, str], body: bytes) -> Pair | None:
        """Judge one message that is not signed, in an array or compressed, nor one of a flood, which are counted."""
        if "X-Signature" in headers:
            return None
        connection = self._access.by_id_at_once(path.removeprefix(PATH), presented_secrets(headers))
        if connection is None or connection.id in self._flood_guard.flooding:
            return None
        return self._intake.pair_at_once(connection, self._body_reader.at_once(body), from_segment=True)
