"""The usual message, told from others in one look: nothing about it has to be made uniform.

Nearly all messages are: they come from Segment or one of its SDKs, which write the envelope alike. So the look has to
be quick, and may take a usual message for another; never the other way round.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

_OBJECT_OR_NULL = {dict, type(None)}


class _Usual(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, gc=False):
    """Segment's own fields by their own names; ids are text."""

    type: str
    message_id: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    event: str | None = None
    group_id: str | None = None
    name: str | None = None
    category: str | None = None
    traits: Any = None
    properties: Any = None
    context: Any = None
    integrations: Any = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None
    received_at: Any = None
    channel: Any = None
    project_id: Any = None
    version: Any = None
    write_key: Any = None
    metadata: Any = msgspec.field(default=None, name="_metadata")


class _Track(_Usual, kw_only=True):
    event: str


class _Group(_Usual, kw_only=True):
    group_id: str


_BY_TYPE: Mapping[Any, type[_Usual]] = {
    "identify": _Usual, "page": _Usual, "screen": _Usual, "track": _Track, "group": _Group
}  # fmt: skip


def usual_sender(raw: Any, call_type: str | None) -> str | None:
    """Give who sent a message that is uniform as it stands, and of the type that the URL names, if any.

    None for any other value.
    """
    try:
        usual = msgspec.convert(raw, _BY_TYPE[raw["type"]])
    except (KeyError, TypeError, msgspec.ValidationError):
        return None
    if call_type is not None and call_type != usual.type:
        return None
    for text in (usual.message_id, usual.user_id, usual.anonymous_id, usual.event, usual.group_id):
        if text is not None and not text.strip():
            return None
    for value in (usual.traits, usual.properties, usual.context, usual.integrations):
        if value.__class__ not in _OBJECT_OR_NULL:
            return None
    return usual.user_id or usual.anonymous_id
