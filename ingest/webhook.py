"""Segment's partner delivery: one message, or an array of them, posted to a connection's own URL.

Source: Segment's partner documentation, "Build webhook"; for arrays and their signature, its action
destinations.
"""

from datetime import UTC, datetime

from aiohttp import web

from ingest.access import Access
from ingest.answers import RefusalError
from ingest.body import BodyReader, parse
from ingest.credentials import is_signed, presented_secrets
from ingest.intake import Intake
from ingest.pressure import Pressure


class Webhook:
    """Handles Segment's deliveries, whose `receivedAt` is kept: `timestamp` was computed from it."""

    def __init__(self, body_reader: BodyReader, access: Access, intake: Intake, pressure: Pressure) -> None:
        self._body_reader = body_reader
        self._access = access
        self._intake = intake
        self._pressure = pressure

    async def deliver(self, request: web.Request) -> None:
        """Take one message or an array of them."""
        received_at = datetime.now(UTC)
        self._pressure.check()
        secrets = presented_secrets(request.headers)
        connection, secret = await self._access.by_id(request.match_info["connection_id"], secrets)
        body = await self._body_reader.read(request)
        signature = request.headers.get("X-Signature")
        if signature is not None and not is_signed(body, signature, secret):
            message = "X-Signature is not the body's HMAC-SHA1 under this secret"
            raise RefusalError(401, "wrong_signature", message)
        value = parse(body)
        if isinstance(value, list):
            await self._intake.take_all(connection, value, received_at, from_segment=True)
        else:
            await self._intake.take_one(connection, value, received_at, from_segment=True)
