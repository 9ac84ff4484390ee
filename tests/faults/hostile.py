"""Requests that nobody should send, made by chance, each with what may come of it.

Every choice is asked of a `random.Random`: of a seed for many requests in little time, of Hypothesis for small ones.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from schemas.reasons import Reason
from tests.faults.hostile_headers import garbage_header, wrong_credentials
from tests.faults.hostile_messages import bad_element, good_message, whatever
from tests.ingest.edge import CONNECTION, SECRET

_WEBHOOK = f"/webhook/{CONNECTION.id}"
_BATCH_PATHS = ("/v1/batch", "/v1/import", "/v1/b", "/batch/", "/import", "/b", _WEBHOOK, f"{_WEBHOOK}/")
_TOKENS = (
    b"\0", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u0000", b"\\ud800", b",",
    b":",
    b"NaN", b"-Infinity", b"1e999", b"null", b"true", b"//", b"\xef\xbb\xbf", b"\r\n\r\n", b"\x1f\x8b",
    b'"batch":', b"9" * 400,
    b"[" * 1100, b'{"a":' * 300, b'"userId":null,', b"'", b"0x1", b"\x7f",
)  # fmt: skip


@dataclass(slots=True)
class Request:
    """One request, and what may come of it.

    `pairs` is how many messages are queued where it is answered 200, None where that has to be read from its body.
    Then each of `good` arrives as it was sent, and each of `bad` is refused for its reason.
    """

    kind: str
    path: str
    body: bytes
    statuses: frozenset[int]
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    good: Sequence[dict[str, Any]] = ()
    bad: Sequence[tuple[Reason, Any]] = ()
    pairs: int | None = 0
    is_chunked: bool = False

    def wire(self) -> bytes:
        """Give the request as it goes over the wire."""
        lines = [f"POST {self.path} HTTP/1.1".encode(), b"Host: x", *(b": ".join(header) for header in self.headers)]
        if self.is_chunked:
            middle = len(self.body) // 2
            pieces = [piece for piece in (self.body[:middle], self.body[middle:]) if piece]
            body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
            lines.append(b"Transfer-Encoding: chunked")
        else:
            body = self.body
            lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + body


def make_request(chance: Random, name: str) -> Request:
    """Make one request of any kind; `name` goes into its messages' ids."""
    kind = chance.choice(_KINDS)
    request = kind(chance, name)
    if request.kind != "credentials":
        request.headers.append((b"Authorization", f"Bearer {SECRET}".encode()))
    request.is_chunked = chance.random() < 0.1
    return request


def _batch(chance: Random, name: str) -> Request:
    """Good, bad and other messages in one body."""
    good, bad, elements = [], [], []
    for index in range(chance.randrange(12)):
        id_ = f"{name}-{index}"
        match chance.randrange(5):
            case 0 | 1:
                good.append(good_message(chance, id_))
                elements.append(good[-1])
            case 2 | 3:
                bad.append(bad_element(chance, id_))
                elements.append(bad[-1][1])
            case _:
                elements.append(whatever(chance, id_))
    path = chance.choice(_BATCH_PATHS)
    is_array = path.startswith(_WEBHOOK) or chance.random() < 0.3
    body, headers = _compressed(chance, _written(chance, elements if is_array else {"batch": elements}))
    return Request("batch", path, body, frozenset({200}), headers, good, bad, len(elements))


def _single_good(chance: Random, name: str) -> Request:
    message = good_message(chance, name)
    path = chance.choice((_WEBHOOK, f"/v1/{message['type']}", f"/{message['type'][0]}/"))
    body, headers = _compressed(chance, _written(chance, message))
    return Request("good", path, body, frozenset({200}), headers, (message,), (), 1)


def _single_bad(chance: Random, name: str) -> Request:
    _, element = bad_element(chance, name)
    if isinstance(element, list):  # would be an array of messages
        element = None
    body, headers = _compressed(chance, _written(chance, element))
    return Request("bad", _WEBHOOK, body, frozenset({400}), headers)


def _altered(chance: Random, name: str) -> Request:
    """A body that was JSON before some of its bytes were changed."""
    elements = [whatever(chance, f"{name}-{index}") for index in range(1 + chance.randrange(4))]
    path, value = chance.choice(
        (("/v1/track", elements[0]), (_WEBHOOK, elements[0]), (_WEBHOOK, elements), ("/v1/b", {"batch": elements}))
    )
    body = alter(chance, _written(chance, value), _TOKENS)
    return Request("altered", path, body, frozenset({200, 400}), [], (), (), None)


def _corrupt(chance: Random, name: str) -> Request:
    """A gzip stream of which some bytes were changed: its check sum tells whether the content is what it was."""
    message = good_message(chance, name)
    level = chance.randrange(10)
    body = alter(chance, gzip.compress(_written(chance, [message]), level, mtime=0), (b"\0", b"\xff", b"\x1f\x8b\x08"))
    headers = [(b"Content-Encoding", b"gzip")] if chance.random() < 0.7 else []
    # A check sum in the stream's head may be wrong as well, for which Python's own reader does not look.
    statuses = frozenset({200, 400} if (headers or body.startswith(b"\x1f\x8b")) and _can_be_read(body) else {400})
    return Request("corrupt", _WEBHOOK, body, statuses, headers, (message,), (), 1)


def _can_be_read(stream: bytes) -> bool:
    try:
        return bool(gzip.decompress(stream))
    except (OSError, EOFError, zlib.error):
        return False


def _credentials(chance: Random, name: str) -> Request:
    message = good_message(chance, name)
    path = chance.choice((_WEBHOOK, "/v1/batch", "/webhook/nobody"))
    headers = wrong_credentials(chance, SECRET)
    statuses = frozenset({400, 404} if path.endswith("nobody") else {400, 401})
    return Request("credentials", path, _written(chance, [message]), statuses, headers)


def _headers(chance: Random, name: str) -> Request:
    """A good message under headers of any kind."""
    message = good_message(chance, name)
    headers = [garbage_header(chance) for _ in range(1 + chance.randrange(3))]
    body = _written(chance, [message])
    return Request("headers", _WEBHOOK, body, frozenset({200, 400, 401}), headers, (message,), (), 1)


_KINDS: Sequence[Callable[[Random, str], Request]] = (
    _batch, _batch, _batch, _single_good, _single_bad, _altered, _altered, _altered, _corrupt, _credentials, _headers,
)  # fmt: skip


def alter(chance: Random, body: bytes, tokens: Sequence[bytes]) -> bytes:
    """Change a few bytes, spans or the end of something."""
    for _ in range(1 + chance.randrange(3)):
        at = chance.randrange(len(body) + 1)
        until = min(len(body), at + 1 + chance.randrange(1 + chance.choice((1, 8, 64))))
        match chance.randrange(6):
            case 0:
                body = body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :]
            case 1:
                body = body[:at] + body[until:]
            case 2:
                body = body[:until] + body[at:]
            case 3:
                body = body[:at]
            case _:
                body = body[:at] + chance.choice(tokens) + body[at:]
    return body


def _written(chance: Random, value: Any) -> bytes:
    """Write JSON in one of the ways in which it can be."""
    indent, is_ascii = chance.choice((None, None, None, 1)), chance.random() < 0.6
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent).encode()


def _compressed(chance: Random, body: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    match chance.randrange(8):
        case 0:
            return gzip.compress(body, chance.randrange(10)), [(b"Content-Encoding", b"gzip")]
        case 1:
            return gzip.compress(body), []
        case 2:
            return zlib.compress(body), [(b"content-encoding", b"Deflate")]
        case _:
            return body, []
