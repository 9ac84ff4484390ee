"""The open sockets of a process: how many there may be, how long each may take, and which go where there are too many.

aiohttp bounds none of this by itself: a header that never ends would keep its socket until the keep-alive is over,
and beyond the process' own limit of files nobody could connect any more.
"""

import asyncio
import contextlib
import resource
import socket
import time
from collections.abc import Iterable
from typing import Any, cast

import structlog
from aiohttp import web

from ingest.answers import as_bytes, refused, unavailable
from ingest.json_errors import JsonErrors
from schemas.foreseen import ForeseenError
from schemas.settings import WebSettings

_OTHER_FILES = 300
"""Files that are kept for other things than senders' sockets; half of all where there are few."""

_FEWEST_SOCKETS = 32
"""With room for fewer, a process would turn away what a single busy sender opens."""

_MAC_FILES = 10_240
"""What macOS takes at most, though it says that there is no limit."""

_SHED_RATIO = 0.05
"""Of the sockets, how many go at a time: finding the idlest means to look at all of them."""

_QUIET_SECONDS = 10.0
"""Between two lines in the log about it: whoever opens too many sockets must not fill that, too."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Sockets:
    """The open sockets, and their limits. `max_open` may be less than was asked for: a process has only so many files.

    Times in seconds. Raises ForeseenError where there are too few files.
    """

    def __init__(self, settings: WebSettings) -> None:
        self.max_open = min(settings.max_open_sockets, _room(files_allowed()))
        self.header_timeout_seconds = settings.header_timeout_seconds
        self.keepalive_seconds = settings.keepalive_seconds
        self.unread_seconds = settings.body_timeout_seconds
        self._open: set[BoundedSocket] = set()
        self._told_at = -_QUIET_SECONDS

    def admit(self, opened: "BoundedSocket") -> bool:
        """Take in a new socket, for which idle ones may have to go. False where there is no room."""
        if len(self._open) >= self.max_open:
            idle = idlest(self._open, max(1, int(self.max_open * _SHED_RATIO)))
            self._tell(len(idle))
            for each in idle:
                each.force_close()
                self._open.discard(each)
            if not idle:
                return False
        self._open.add(opened)
        return True

    def _tell(self, idle: int) -> None:
        now = time.monotonic()
        if now - self._told_at > _QUIET_SECONDS:
            self._told_at = now
            _log.warning("too_many_sockets", open=len(self._open), shed=idle)

    def forget(self, closed: "BoundedSocket") -> None:
        """Take note that a socket is closed."""
        self._open.discard(closed)


def idlest(sockets: Iterable["BoundedSocket"], count: int) -> list["BoundedSocket"]:
    """Give the sockets on which nothing is under way: first those that never had a request, then by their idle time."""
    return sorted((each for each in sockets if each.is_idle), key=lambda each: each.idle_since)[:count]


def _room(files: int) -> int:
    """Give how many of so many files may be senders' sockets. Raises ForeseenError where those are too few."""
    room = files - min(_OTHER_FILES, files // 2)
    if room < _FEWEST_SOCKETS:
        message = f"only {files} files may be open, too few for sockets; raise that limit, as by `ulimit -n 4096`"
        raise ForeseenError(message)
    return room


def files_allowed() -> int:
    """Give how many files the process may have open, after raising that as far as it is allowed to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for more in (hard, max(soft, _MAC_FILES)):
        with contextlib.suppress(ValueError, OSError):  # some systems take less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
            soft = more
            break
    return soft if soft != resource.RLIM_INFINITY else 2**31


SOCKETS = web.AppKey("SOCKETS", Sockets)


class BoundedSocket(JsonErrors):
    """A sender's socket that keeps to the limits."""

    def __init__(self, sockets: Sockets, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, keepalive_timeout=sockets.keepalive_seconds, **options)
        self._sockets = sockets
        self._header_deadline: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Tell whether no request is under way; a part of a header may have come."""
        waits_for_one = self._waiter is not None and not self._waiter.done()
        return waits_for_one or not self._request_count

    @property
    def idle_since(self) -> tuple[bool, float]:
        """Give what orders idle sockets: whether there was any request, and when the last was answered."""
        return self._request_count > 0, self._next_keepalive_close_time

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket in, or tell the sender to come again."""
        if not self._sockets.admit(self):
            full = unavailable("Too many sockets are open", code="overloaded", closes=True)
            cast("asyncio.Transport", transport).write(as_bytes(refused(full)))
            transport.close()
            self._force_close = True
            return
        super().connection_made(transport)
        _bound_unread(transport, self._sockets.unread_seconds)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Take note that the socket is closed."""
        self._sockets.forget(self)
        self.header_is_complete()
        super().connection_lost(exc)

    def header_has_begun(self) -> None:
        """Give the rest of a header its time, which does not begin again with each byte of it."""
        if self._header_deadline is None:
            self._header_deadline = self._loop.call_later(self._sockets.header_timeout_seconds, self._end_header)

    def header_is_complete(self) -> None:
        """Stop the clock."""
        if self._header_deadline is not None:
            self._header_deadline.cancel()
            self._header_deadline = None

    def _end_header(self) -> None:
        self._header_deadline = None
        _log.debug("header_too_slow")
        self.force_close()


def _bound_unread(transport: asyncio.BaseTransport, seconds: float) -> None:
    """Have the kernel drop a socket whose sender does not take what it is sent, such as its answers."""
    opened = transport.get_extra_info("socket")
    if opened is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        with contextlib.suppress(OSError):  # gone meanwhile
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
