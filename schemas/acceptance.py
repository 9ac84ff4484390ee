"""From one decoded JSON value to a message that the queue can carry, or to a refusal that names the field.

The accepted form keeps every field that was sent; only the envelope is made uniform: the names of Segment's own
fields, the ids as strings, `type` in lower case, `messageId` and `receivedAt` present.
"""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import orjson

from schemas.ids import index_key
from schemas.message import CALLS, TYPES
from schemas.reasons import Reason
from schemas.timestamps import read_instant, write_instant
from schemas.tolerant_json import as_deep_as_orjson
from schemas.usual_message import usual_sender

_FIELDS = (
    "type", "messageId", "userId", "anonymousId", "previousId", "groupId", "event", "name", "category", "traits",
    "properties", "context", "integrations", "timestamp", "originalTimestamp", "sentAt", "receivedAt", "channel",
    "projectId", "version", "writeKey",
)  # fmt: skip
_KNOWN = frozenset((*_FIELDS, "_metadata"))
_BY_FOLDED_NAME = {name.lower(): name for name in _FIELDS}
_LEGACY_ALIAS_FIELDS = {"from": "previousId", "to": "userId"}
_IDS = ("messageId", "userId", "anonymousId", "previousId", "groupId")
_REQUIRED_TEXT = {"track": "event", "group": "groupId"}
_SENDERS_TYPES = TYPES - {"delete"}
_ROOT = " - at `$"
"""What stands before a field's path, here as in what msgspec says of it."""
_OBJECTS = ("traits", "properties", "context", "integrations")


class Accepted(msgspec.Struct, frozen=True):
    """A message fit for the queue: its key, who sent it (for its partition), and its JSON."""

    message_key: str
    sender: str
    body: bytes


class Refused(msgspec.Struct, frozen=True):
    """A message that is the sender's fault: why, at which field, and what it was."""

    reason: Reason
    detail: str
    message_key: str
    body: str

    def under(self, path: str) -> "Refused":
        """Give it with the message's own place in the body at the beginning of the field's path."""
        return msgspec.structs.replace(self, detail=self.detail.replace(_ROOT, f" - at `{path}", 1))


class _RefusedError(Exception):
    """A message is refused; `field` is the path within it, such as `.traits`."""

    def __init__(self, reason: Reason, what: str, field: str = "") -> None:
        self.reason = reason
        self.detail = f"{what}{_ROOT}{field}`"
        super().__init__(self.detail)


def accept(
    raw: Any,
    received_at: datetime,
    *,
    call_type: str | None = None,
    from_segment: bool = False,
) -> Accepted | Refused:
    """Judge one message.

    `raw` is what `read_json` gave and is made uniform in place; `call_type` is the call that the URL names.
    A refusal's path begins at the message. `from_segment` is for what Segment itself delivers: its `receivedAt` is the
    one that its `timestamp` was computed from, it may speak of an account without anybody's id, and it may say that a
    person is to be deleted. A write key, which every visitor of a website can read, may not.
    """
    try:
        message, sender = _uniform(raw, call_type, from_segment=from_segment)
    except _RefusedError as refusal:
        return _refused(raw, refusal)
    sent_id, sent_received_at = message.get("messageId"), message.get("receivedAt")
    if not (from_segment and read_instant(sent_received_at)):
        message["receivedAt"] = write_instant(received_at)
    if not sent_id:
        message["messageId"] = str(uuid.uuid4())
    try:
        return Accepted(index_key(message["messageId"]), sender, _write(message))
    except orjson.JSONEncodeError:
        too_deep = _RefusedError("nested_too_deeply", "Nested too deeply to be stored")
        return _refused(_without_ours(message, sent_id, sent_received_at), too_deep)


def _uniform(raw: Any, call_type: str | None, *, from_segment: bool) -> tuple[dict[str, Any], str]:
    """Make a message uniform; give it, and who sent it."""
    usual = usual_sender(raw, call_type)
    if usual is not None:
        raw.pop("writeKey", None)
        return raw, usual
    if not isinstance(raw, dict):
        raise _RefusedError("not_an_object", "Expected `object`")
    name_fields(raw)
    raw.pop("writeKey", None)  # the browser's SDK repeats the secret in each message
    _set_type(raw, call_type, TYPES if from_segment else _SENDERS_TYPES)
    if raw["type"] == "alias":
        _name_legacy_fields(raw)
    try:
        msgspec.convert(raw, CALLS[raw["type"]])  # a union of the calls would be resolved anew each time
    except msgspec.ValidationError as error:
        what, _, field = str(error).partition(_ROOT)
        reason: Reason = "missing_field" if "missing required" in what else "invalid_field"
        raise _RefusedError(reason, what, field.removesuffix("`")) from None
    _check_fields(raw)
    sender = _sender(raw, from_segment=from_segment)
    if raw["type"] == "alias":
        _name_previous(raw)
    _make_ids_text(raw)
    return raw, sender


def name_fields(raw: dict[str, Any]) -> None:
    """Give Segment's own fields their names, however they are cased; a field that has its name already wins."""
    if raw.keys() <= _KNOWN:
        return
    for name in [name for name in raw if name not in _KNOWN]:
        known = _BY_FOLDED_NAME.get(name.replace("_", "").replace(" ", "").replace("-", "").lower())
        if known is not None and not name.startswith("_"):
            value = raw.pop(name)
            raw.setdefault(known, value)


def _name_legacy_fields(alias: dict[str, Any]) -> None:
    for legacy, known in _LEGACY_ALIAS_FIELDS.items():
        if legacy in alias:
            value = alias.pop(legacy)
            if alias.get(known) is None:
                alias[known] = value


def _set_type(raw: dict[str, Any], call_type: str | None, types: frozenset[str]) -> None:
    if call_type is None:
        sent_type = raw.get("type")
        if sent_type is None:
            raise _RefusedError("missing_field", "Object missing required field `type`")
        call_type = sent_type.strip().lower() if isinstance(sent_type, str) else ""
        if call_type not in types:
            raise _RefusedError("unknown_type", f"Expected one of {', '.join(sorted(types))}", ".type")
    raw["type"] = call_type


def _check_fields(message: dict[str, Any]) -> None:
    required = _REQUIRED_TEXT.get(message["type"])
    if required is not None and not id_text(message[required]):
        raise _RefusedError("missing_field", "Expected a value that is not blank", f".{required}")
    for name in _OBJECTS:
        if isinstance(message.get(name), list):
            if message[name]:
                raise _RefusedError("invalid_field", "Expected `object | null`, got `array`", f".{name}")
            message[name] = {}


def _sender(message: Mapping[str, Any], *, from_segment: bool) -> str:
    names = ["userId"] if message["type"] in ("alias", "delete") else ["userId", "anonymousId"]
    if from_segment and _is_account_audience(message):
        names.append("groupId")
    for name in names:
        if value := id_text(message.get(name)):
            return value
    needed = " or ".join(f"`{name}`" for name in names)
    raise _RefusedError("missing_id", f"Object missing required field {needed}")


def _is_account_audience(message: Mapping[str, Any]) -> bool:
    """Tell whether Engage says this of an account, which may be nobody's doing.

    Source: Segment's "Account-level Audiences": a Group call for each account that comes or goes.
    """
    return message["type"] == "group" and isinstance((message.get("context") or {}).get("personas"), dict)


def _name_previous(alias: dict[str, Any]) -> None:
    """Take the anonymousId for a previousId that is missing.

    Source: Segment's spec, "Alias": `previousId` is optional, and is the anonymousId then.
    """
    if id_text(alias.get("previousId")):
        return
    if not id_text(alias.get("anonymousId")):
        raise _RefusedError("missing_field", "Object missing required field `previousId` or `anonymousId`")
    alias["previousId"] = alias["anonymousId"]


def _make_ids_text(message: dict[str, Any]) -> None:
    for name in _IDS:
        value = message.get(name)
        if value is not None and not (isinstance(value, str) and value.strip()):
            message[name] = id_text(value)


def id_text(value: str | float | None) -> str | None:
    """Give an id as text; None where it is blank."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None else str(value)


def _write(message: dict[str, Any]) -> bytes:
    # A copy, since orjson's own bytes leave a hole of several kilobytes behind them for as long as they are kept.
    return memoryview(orjson.dumps(message)).tobytes()


def _without_ours(message: dict[str, Any], sent_id: Any, sent_received_at: Any) -> dict[str, Any]:
    """Give a message without the id and the time that it was given here, which each repetition would have others of."""
    sent = {"messageId": sent_id, "receivedAt": sent_received_at}
    return {name: value for name, value in (message | sent).items() if value is not None or name not in sent}


def _refused(raw: Any, refusal: _RefusedError) -> Refused:
    body = _text_of(raw)
    sent_id = raw.get("messageId") if isinstance(raw, dict) else None
    key = sent_id if isinstance(sent_id, str) and sent_id.strip() else f"refused-{uuid.uuid5(uuid.NAMESPACE_OID, body)}"
    return Refused(refusal.reason, refusal.detail, index_key(key), body)


def _text_of(raw: Any) -> str:
    try:
        return orjson.dumps(raw).decode()
    except orjson.JSONEncodeError:
        with as_deep_as_orjson():  # or the writer gives up on what could be read
            return json.dumps(raw)
