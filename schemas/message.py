"""Segment's calls as types that accept what Segment and its SDKs really send.

Source: Segment's spec, "Common Fields" and the page of each call; for `delete`, the partner spec.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import msgspec

Id: TypeAlias = str | int | float | None
Text: TypeAlias = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": r"\S"})]
"""Text that is not blank; the pattern is for the description of the service, acceptance looks for itself."""

JsonObject: TypeAlias = dict[str, Any] | Annotated[list[Any], msgspec.Meta(extra_json_schema={"maxItems": 0})] | None
"""An object; PHP's SDK writes an empty one as `[]`."""


class Call(msgspec.Struct, kw_only=True, rename="camel", tag_field="type"):
    """What every call carries. `userId` may be a number, and is null for an anonymous visitor."""

    message_id: Id = None
    user_id: Id = None
    anonymous_id: Id = None
    context: JsonObject = None
    integrations: JsonObject = None


class Identify(Call, tag="identify"):
    """Who somebody is, and what is known of them."""

    traits: JsonObject = None


class Track(Call, tag="track"):
    """What somebody did."""

    event: Text
    properties: JsonObject = None


class Page(Call, tag="page"):
    """Which page of a website somebody saw."""

    name: Id = None
    category: Id = None
    properties: JsonObject = None


class Screen(Page, tag="screen"):
    """Which screen of an app somebody saw."""


class Group(Call, tag="group"):
    """Which account somebody belongs to, and what is known of it."""

    group_id: Id
    traits: JsonObject = None


class Alias(Call, tag="alias"):
    """That two ids are one person's: the userId, and the previousId, or without one the anonymousId."""

    previous_id: Id = None


class Delete(Call, tag="delete"):
    """That a person is to be forgotten."""


CALLS: Mapping[str, type[Call]] = {
    "identify": Identify,
    "track": Track,
    "page": Page,
    "screen": Screen,
    "group": Group,
    "alias": Alias,
    "delete": Delete,
}
"""Each `type` and what it must look like."""

TYPES: frozenset[str] = frozenset(CALLS)
EVENT_TYPES = {"page": "page", "screen": "screen", "track": "action"}
"""Segment's event calls, and the type of event that each becomes."""
