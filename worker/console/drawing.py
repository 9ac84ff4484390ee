"""How pages are drawn: Jinja with everything escaped, and the few filters that the templates use."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import aiohttp_jinja2
import jinja2
import orjson
from aiohttp import web
from markupsafe import Markup

from worker.fold.account_rules import trait_at

_THOUSAND = 1000
_NOTHING = "\N{EN DASH}"


def set_up_drawing(app: web.Application) -> None:
    """Set up the templates."""
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.PackageLoader("worker.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        instant=draw_instant, number=draw_number, json=pretty_json, short=short_number, value=plain_value
    )
    environment.globals["static"] = static_url
    environment.globals["person_name"] = person_name


def static_url(name: str) -> str:
    """Give the URL of a static file, another one whenever its content is another."""
    return f"/static/{name}?v={_DIGESTS[name]}"


def draw_instant(instant: datetime | None) -> Markup | str:
    """Draw an instant; a script shows it in the reader's zone, with the exact one on hover."""
    if instant is None:
        return _NOTHING
    instant = instant.astimezone(UTC)
    return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M:%S} UTC</time>').format(
        instant.isoformat(timespec="milliseconds"), instant
    )


def draw_number(number: float | None) -> str:
    """Write a number with its thousands apart."""
    if number is None:
        return _NOTHING
    return f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"


def short_number(number: float) -> str:
    """Write a number in at most four characters or so: 950, 1.2k, 35k, 4.1M."""
    for unit in ("", "k", "M", "G"):
        if number < _THOUSAND:
            is_whole = unit == "" or number >= 10  # noqa: PLR2004 (two digits are enough)
            return f"{number:.0f}{unit}" if is_whole else f"{number:.1f}{unit}"
        number /= _THOUSAND
    return f"{number:.0f}T"


def pretty_json(value: Any) -> str:
    """Write a value as indented JSON."""
    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()


def plain_value(value: Any) -> str:
    """Write a trait's value as JSON, so that the text `"true"` is told from true."""
    return "" if value is None else orjson.dumps(value, default=str).decode()


def person_name(traits: Mapping[str, Any], email: str | None, external_id: str | None) -> str:
    """Give what people would call a contact."""
    whole = trait_at(traits, "name")
    parts = [trait_at(traits, one) or trait_at(traits, other) for one, other in _NAME_TRAITS]
    name = whole if isinstance(whole, str) else " ".join(part for part in parts if isinstance(part, str))
    return name.strip() or email or external_id or "Anonymous visitor"


_NAME_TRAITS = (("firstName", "first_name"), ("lastName", "last_name"))


def _digests() -> Mapping[str, str]:
    folder = files("worker.console").joinpath("static")
    places = [("", folder), ("vendor/", folder.joinpath("vendor"))]
    return {
        prefix + file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        for prefix, place in places
        for file in place.iterdir()
        if file.is_file()
    }


_DIGESTS = _digests()
