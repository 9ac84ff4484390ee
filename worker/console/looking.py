"""What somebody types to look for a contact or an account: words, an id, an e-mail address, a domain, `trait=value`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from schemas.tolerant_json import storable
from worker.fold.domains import readable_domain

_TRAIT = re.compile(r"([\w.$-]{1,100})\s*=\s*(\S.*)", re.DOTALL)
_BREAKS = re.compile(r"[\s@\"{}\[\],;]+")
_MOST_WORDS = 8
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for. `words` is a tsquery that a contact's words must fit, None where there are none.

    `id_text` may be an id as it was sent, `uuid` a contact's id; `traits` is what the contact's traits must contain.
    """

    words: str | None
    id_text: str
    uuid: UUID | None
    traits: Mapping[str, Any] | None


def read_sought(text: str) -> Sought:
    """Read what was typed, once it is as Postgres would hold it."""
    text = text.strip()[:_LONGEST]
    match = _TRAIT.fullmatch(text)
    if match is None:
        return Sought(_tsquery(text), text, _uuid(text), None)
    path, value = match.groups()
    return Sought(_tsquery(value), text, None, _nested(path.split("."), _value(value)))


def _tsquery(text: str) -> str | None:
    """Give a tsquery in which each word may be the beginning of one."""
    words = [word for word in _BREAKS.split(text) if any(c.isalnum() for c in word)]
    return " & ".join(map(_beginning, words[:_MOST_WORDS])) or None


def _beginning(word: str) -> str:
    """Give what fits a word's beginning. A domain sent as `xn--…` is an account's in its readable form."""
    forms = [word, readable_domain(word)] if "xn--" in word.lower() else [word]
    quoted = [form.replace("\\", "\\\\").replace("'", "''") for form in forms]
    return "(" + " | ".join(f"'{form}':*" for form in quoted) + ")"


def _value(text: str) -> Any:
    """Read a trait's value: JSON where it is some, otherwise the text itself."""
    try:
        return storable(orjson.loads(text))
    except orjson.JSONDecodeError:
        return text


def _nested(path: list[str], value: Any) -> Mapping[str, Any]:
    for name in reversed(path):
        value = {name: value}
    found: Mapping[str, Any] = value
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
