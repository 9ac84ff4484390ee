"""Segment's HTTP Tracking API, as its own SDKs speak it.

Source: Segment's documentation, "HTTP Tracking API source"; the SDKs' code for the short paths and `import`.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aiohttp import web

from ingest.access import CONNECTION_ID, Access
from ingest.answers import RefusalError
from ingest.body import BodyReader, parse
from ingest.credentials import presented_secrets
from ingest.flood_guard import FloodGuard
from ingest.intake import Intake, Judged, one_by_one
from ingest.pressure import Pressure
from ingest.queue_writes import Pair
from ingest.straight_posts import Judge
from schemas.acceptance import name_fields

CALLS = {
    "identify": "identify", "track": "track", "page": "page",
    "screen": "screen", "group": "group", "alias": "alias",
    "i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias",
}  # fmt: skip
"""The path's name of each call of one message, and its type."""

BATCHES = ("batch", "import", "b")
"""The names of the calls of many messages."""

SDK_METRICS = "m"
"""The name of the path to which the browser's SDK posts how it fares itself: of no interest here."""

_SHARED_OBJECTS = ("context", "integrations")


class Tracking:
    """Handles the posts of SDKs. The write key is a connection's secret."""

    def __init__(
        self, body_reader: BodyReader, access: Access, intake: Intake, pressure: Pressure, flood_guard: FloodGuard
    ) -> None:
        self._body_reader = body_reader
        self._access = access
        self._intake = intake
        self._pressure = pressure
        self._flood_guard = flood_guard

    def one(self, call_type: str) -> Callable[[web.Request], Awaitable[None]]:
        """Give the handler of the call of one message of this type."""

        async def take(request: web.Request) -> None:
            received_at = datetime.now(UTC)
            self._pressure.check()
            poster = self._poster(request)
            with self._flood_guard.post(poster):
                async with self._body_reader.read(request, poster) as body:
                    value = parse(body)
                    connection = await self._access.by_secret(_secrets(request.headers, value))
                    request[CONNECTION_ID] = connection.id
                    judged = self._intake.judge_one(connection, value, received_at, call_type=call_type)
                await self._intake.queue(judged)

        return take

    def one_at_once(self, call_type: str) -> Judge:
        """Give the judge of the call of one message of this type that is none of a flood: those are counted."""

        def judge(_: str, headers: Mapping[str, str], body: bytes) -> Pair | None:
            value = self._body_reader.at_once(body)
            connection = self._access.at_once(_secrets(headers, value))
            if connection is None or connection.id in self._flood_guard.flooding:
                return None
            return self._intake.pair_at_once(connection, value, call_type=call_type)

        return judge

    async def many(self, request: web.Request) -> None:
        """Take a batch. An empty one is accepted: Segment accepts it, and nothing is lost by it."""
        received_at = datetime.now(UTC)
        self._pressure.check()
        poster = self._poster(request)
        with self._flood_guard.post(poster):
            async with self._body_reader.read(request, poster) as body:
                judged = await self._judge(request, parse(body), received_at)
            await self._intake.queue(judged)

    async def _judge(self, request: web.Request, value: Any, received_at: datetime) -> Judged:
        connection = await self._access.by_secret(_secrets(request.headers, value))
        request[CONNECTION_ID] = connection.id
        if isinstance(value, list):
            return await self._intake.judge_all(connection, one_by_one(value), received_at)
        messages = value.get("batch") if isinstance(value, dict) else None
        if not isinstance(messages, list):
            raise RefusalError(400, "invalid_batch", "Expected `array` - at `$.batch`")
        shared = {name: value[name] for name in (*_SHARED_OBJECTS, "sentAt") if value.get(name)}
        whole = one_by_one(messages)
        if shared:  # as each is judged: what the batch shares, times its messages, could fill the memory
            whole = map(partial(_share, shared), whole)
        return await self._intake.judge_all(connection, whole, received_at, path="$.batch")

    def _poster(self, request: web.Request) -> str:
        """Give who sends, for a fair share: the connection, or the address of one whose secret is in the body."""
        known = self._access.at_once(presented_secrets(request.headers))
        return f"@{request.remote}" if known is None else known.id

    async def ignore(self, _: web.Request) -> None:
        """Accept whatever is posted, without credentials, and forget it."""


def _secrets(headers: Mapping[str, str], value: Any) -> list[str]:
    secrets = presented_secrets(headers)
    write_key = value.get("writeKey") if isinstance(value, dict) else None
    if isinstance(write_key, str) and write_key:
        secrets.append(write_key)
    return secrets


def _share(root: dict[str, Any], message: Any) -> Any:
    """Give a message with what the batch says for all of them; what the message says itself wins.

    What is no object is passed over: to refuse the batch for it would cost all its messages.
    """
    if not isinstance(message, dict):
        return message
    name_fields(message)
    for name in _SHARED_OBJECTS:
        shared = root.get(name)
        if shared and isinstance(shared, dict):
            own = message.get(name)
            if not own:
                message[name] = shared
            elif isinstance(own, dict):
                message[name] = shared | own
    if root.get("sentAt") is not None and message.get("sentAt") is None:
        message["sentAt"] = root["sentAt"]
    return message
