"""From a line to a message such as the queue carries: accepted or refused, under the same key each time it is read."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from schemas.acceptance import Accepted, Refused, accept, name_fields
from schemas.queue import QueuedMessage, QueuedRefusal
from schemas.timestamps import write_instant
from schemas.tolerant_json import UnreadableJsonError, read_json
from worker.exporting.lines import CONNECTION_FIELD
from worker.importing.lines import LONGEST_LINE_BYTES, Line

_KEPT_BYTES = 64 * 1024
"""Bytes that are kept of a line which is too long."""


class JudgedLine(NamedTuple):
    """A line's message, and whose it is: one value for all that one sender's lines say, as far as they are messages."""

    line_number: int
    sender: str
    message: QueuedMessage


class UnaddressedLineError(Exception):
    """A line is of no connection, as far as is known; the text says so. `connection`: the name that it gives."""

    def __init__(self, line: Line, connection: str | None) -> None:
        self.connection = connection
        whose = "does not say which connection it is of"
        if connection is not None:
            whose = f"is of the connection {connection!r}, which there is not, or in several workspaces"
        super().__init__(f"line {line.number} {whose}")


def judge_line(
    line: Line, connection_id: str | None, received_at: datetime, named: Mapping[str, str] | None = None
) -> JudgedLine:
    """Judge a line. Its own `receivedAt` is kept; without a messageId it gets one that follows from the line.

    `connection_id` is whose the lines are that name no connection, and `named` gives the ids for those that do; without
    it their names count for nothing. Raises UnaddressedLineError.
    """
    if not line.is_whole:
        detail = f"The line is longer than {LONGEST_LINE_BYTES} bytes"
        return _unreadable(line, _whose(line, None, connection_id, None), received_at, detail)
    try:
        raw = read_json(line.text)
    except UnreadableJsonError as error:
        return _unreadable(line, _whose(line, None, connection_id, None), received_at, f"The line is {error}")
    name = raw.pop(CONNECTION_FIELD, None) if isinstance(raw, dict) else None
    connection_id = _whose(line, name, connection_id, named)
    has_own_id = False
    if isinstance(raw, dict):
        name_fields(raw)
        sent_id = raw.get("messageId")
        has_own_id = sent_id.strip() != "" if isinstance(sent_id, str) else sent_id is not None
        if not has_own_id:
            raw["messageId"] = line_id(line)
    judged = accept(raw, received_at, from_segment=True)
    if isinstance(judged, Accepted):
        message = QueuedMessage(connection_id, judged.message_key, is_accepted=True, value=judged.body)
        return JudgedLine(line.number, judged.sender, message)
    key = judged.message_key if has_own_id else line_id(line)
    return _queued(line, connection_id, received_at, msgspec.structs.replace(judged, message_key=key))


def _whose(line: Line, name: object, connection_id: str | None, named: Mapping[str, str] | None) -> str:
    """Give the connection that a line is of."""
    if isinstance(name, str) and named is not None:
        connection_id = named.get(name)
    if connection_id is None:
        raise UnaddressedLineError(line, name if isinstance(name, str) else None)
    return connection_id


def line_id(line: Line) -> str:
    """Give the messageId of a line that has none: the same whenever the same file is read."""
    digest = hashlib.blake2b(f"{line.number}:".encode() + line.text, digest_size=16)
    return f"import-{digest.hexdigest()}"


def _unreadable(line: Line, connection_id: str, received_at: datetime, detail: str) -> JudgedLine:
    text = line.text if line.is_whole else line.text[:_KEPT_BYTES]
    body = text.decode(errors="replace").replace("\x00", "\ufffd")
    refused = Refused("not_an_object", detail, line_id(line), body)
    return _queued(line, connection_id, received_at, refused)


def _queued(line: Line, connection_id: str, received_at: datetime, refused: Refused) -> JudgedLine:
    detail = f"{refused.detail} - in line {line.number}"
    refusal = QueuedRefusal(refused.reason, detail, refused.body, write_instant(received_at))
    value = msgspec.json.encode(refusal)
    message = QueuedMessage(connection_id, refused.message_key, is_accepted=False, value=value)
    return JudgedLine(line.number, refused.message_key, message)
