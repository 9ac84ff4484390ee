"""The usual post, taken straight from its connection: no request, task or answer object is made for it.

Those are made for handlers that may do anything, and are more than half of what a post costs. The usual post has one
message, is wholly there, comes alone, and is accepted. Any other goes aiohttp's way from the start, as if
nothing had been tried: here nobody is refused, looked up or waited for.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from aiohttp import StreamReader, web
from aiohttp.http_parser import RawRequestMessage

from ingest.answers import REQUEST_ID, acknowledgement, as_bytes
from ingest.group_commit import GroupCommit
from ingest.intake import queue_refusal
from ingest.metrics import Metrics
from ingest.pressure import Pressure
from ingest.queue_writes import Pair, QueueUnavailableError
from ingest.refusals import Refusals
from ingest.sockets import BoundedSocket, Sockets
from schemas.tracing import Tracing

Judge: TypeAlias = Callable[[str, Mapping[str, str], bytes], Pair | None]
"""From a post's path, headers and body to what is queued of it; None, or any exception, sends it aiohttp's way."""

Post: TypeAlias = tuple[Mapping[str, str], str]
"""A post's headers, and the field under which it is queued."""


class Lane:
    """What the straight way needs to know: who judges the posts of a path, and where they are queued."""

    def __init__(  # noqa: PLR0913 (a part each)
        self,
        judge_of: Callable[[str], Judge | None],
        pressure: Pressure,
        group_commit: GroupCommit,
        metrics: Metrics,
        *,
        refusals: Refusals,
        tracing: Tracing | None = None,
    ) -> None:
        self._judge_of = judge_of
        self._pressure = pressure
        self._group_commit = group_commit
        self._metrics = metrics
        self._refusals = refusals
        self._tracing = tracing

    def judge_of(self, message: RawRequestMessage, payload: StreamReader) -> Judge | None:
        """Give who judges this post; None where it is not a usual one."""
        if message.method != "POST" or message.should_close or message.upgrade or message.version[1] != 1:
            return None
        if not payload.is_eof() or self._pressure.excess is not None:
            return None
        headers = message.headers
        if "Content-Encoding" in headers or "Expect" in headers:
            return None
        return self._judge_of(message.path)

    def put(self, pair: Pair, settle: Callable[[QueueUnavailableError | None], None]) -> None:
        """Queue the pair. Raises RefusalError where its poster has too much under way."""
        self._group_commit.put_then((pair,), settle)

    def answer(self, failure: QueueUnavailableError | None, post: Post, started_at: float) -> bytes:
        """Count what became of a post, and give its answer."""
        headers, field = post
        connection_id = field.partition(":")[0]
        if failure is not None:
            given_id = headers.get(REQUEST_ID)
            return as_bytes(self._refusals.answer(queue_refusal(), connection_id=connection_id, given_id=given_id))
        self._metrics.posts[200, connection_id] += 1
        self._metrics.accepted_messages += 1
        seconds = time.perf_counter() - started_at
        self._metrics.acknowledgement_seconds.observe(seconds)
        if self._tracing is not None:
            self._tracing.queued((field,), time.time() - seconds)
        return acknowledgement()


LANE = web.AppKey("LANE", Lane)


class StraightPosts(BoundedSocket):
    """A sender's HTTP connection that takes the usual posts itself.

    aiohttp waits for the next request with a future, `_waiter`. That is held back while a post is under way
    here: requests that arrive meanwhile are parsed and queued, and aiohttp wakes up to them afterwards.
    """

    def __init__(self, lane: Lane, sockets: Sockets, manager: web.Server, **options: Any) -> None:
        super().__init__(sockets, manager, **options)
        self._lane = lane
        self._started_at = 0.0
        self._post: Post = {}, ""
        self._held_back: asyncio.Future[None] | None = None

    def data_received(self, data: bytes) -> None:
        """Take a usual post; leave any other to aiohttp."""
        waiter = self._waiter
        if waiter is None or waiter.done() or self.writing_paused:
            super().data_received(data)
            self._time_header(has_begun=bool(data) and not self._request_count)  # later ones' bodies come here, too
            return
        self._waiter = None
        super().data_received(data)
        self._time_header(has_begun=bool(data))
        if len(self._messages) == 1 and self._is_taken():
            self._held_back = waiter
            return
        self._waiter = waiter
        if self._messages:
            waiter.set_result(None)

    def _time_header(self, *, has_begun: bool) -> None:
        """Stop the clock of a header that is complete; start that of one that has begun."""
        if self._messages:
            if self._header_deadline is not None:
                self.header_is_complete()
        elif has_begun:
            self.header_has_begun()

    def _is_taken(self) -> bool:
        message, payload = self._messages[0]
        if self._parser is None or not isinstance(message, RawRequestMessage):  # the latter is an error to be answered
            return False
        judge = self._lane.judge_of(message, payload)
        if judge is None:
            return False
        self._started_at = time.perf_counter()
        body = payload.read_nowait()
        try:
            pair = judge(message.path, message.headers, body)
            if pair is not None:
                self._post = message.headers, pair.field
                self._lane.put(pair, self._settle)
        except Exception:  # noqa: BLE001 (whatever it is happens again on aiohttp's way, and is answered there)
            pair = None
        if pair is None:
            self._messages[0] = message, self._unread(body)
            return False
        self._messages.popleft()
        self._parser.message_consumed()
        return True

    def _unread(self, body: bytes) -> StreamReader:
        payload = StreamReader(self, self._read_bufsize, loop=self._loop)
        payload.feed_data(body)
        payload.feed_eof()
        return payload

    def _settle(self, failure: QueueUnavailableError | None) -> None:
        answer = self._lane.answer(failure, self._post, self._started_at)
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(answer)
        self._wait_on()

    def _wait_on(self) -> None:
        waiter, self._held_back = self._held_back, None
        if waiter is None or waiter.done():
            return
        if self._close or self._force_close:  # meanwhile; a shutdown waits for this
            waiter.cancel()
            return
        self._waiter = waiter
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)
        if self._messages:
            waiter.set_result(None)
