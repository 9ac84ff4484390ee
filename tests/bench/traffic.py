"""A B2B product's day as Segment delivers it: mostly Track calls, from few busy users and many quiet ones."""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.timestamps import write_instant

TYPES = {"track": 70, "page": 12, "screen": 3, "identify": 11, "group": 3, "alias": 1}
"""How many of a hundred messages are of each type."""

_DAY = timedelta(days=1)
_FIRST_AT = datetime(2026, 9, 1, tzinfo=UTC)
_EVENTS = ("Login Button Clicked", "Report Viewed", "Seat Invited", "Export Started", "Plan Upgraded")
_CONTEXT = {
    "ip": "203.0.113.9",
    "library": {"name": "analytics.js", "version": "2.11.1"},
    "page": {"path": "/pricing", "url": "https://example.com/pricing", "title": "Pricing"},
    "userAgent": "Mozilla/5.0 (Macintosh)",
    "locale": "en-US",
}


def traffic(messages: int, seed: int = 1, users: int = 20_000, companies: int = 2_000) -> Iterator[dict[str, Any]]:
    """Give so many messages of these users, the same for the same seed."""
    chance = random.Random(seed)
    types = chance.choices(list(TYPES), weights=list(TYPES.values()), k=messages)
    for number, type_ in enumerate(types):
        at = _FIRST_AT + _DAY * (number * 20 // messages) + _DAY * chance.random()
        user = (int(chance.paretovariate(1.1)) * 7 + chance.randrange(users)) % users
        yield _message(chance, type_, user, user % companies, write_instant(at))


def _message(chance: random.Random, type_: str, user: int, company: int, at: str) -> dict[str, Any]:
    message = {
        "type": type_,
        "messageId": str(uuid.UUID(int=chance.getrandbits(128))),
        "userId": f"user-{user}",
        "anonymousId": str(uuid.UUID(int=user + 10**9)),
        "timestamp": at,
        "originalTimestamp": at,
        "sentAt": at,
        "receivedAt": at,
        "version": 2,
        "channel": "client",
        "integrations": {},
        "context": _CONTEXT,
    }
    if type_ == "alias":
        message["previousId"] = message.pop("anonymousId")
    return message | _content(chance, type_, user, company)


def _content(chance: random.Random, type_: str, user: int, company: int) -> dict[str, Any]:
    plan = chance.choice(("free", "pro", "enterprise"))
    if type_ == "track":
        revenue = round(chance.random() * 100, 2)
        properties = {"plan": plan, "seats": chance.randrange(100), "source": "nav", "revenue": revenue}
        return {"event": chance.choice(_EVENTS), "properties": properties}
    if type_ == "identify":
        traits = {"email": f"user{user}@company{company}.com", "firstName": "Ada", "lastName": f"L{user}", "plan": plan}
        company_traits = {"id": company, "name": f"Company {company}"}
        return {"traits": traits | {"company": company_traits, "order_completed_last_30days": chance.random() < 0.5}}
    if type_ == "group":
        traits = {"name": f"Company {company}", "industry": "Technology", "plan": plan}
        return {"groupId": f"group-{company}", "traits": traits | {"employees": chance.randrange(1000)}}
    if type_ in ("page", "screen"):
        properties = {"path": "/pricing", "referrer": "https://example.org/", "title": "Pricing"}
        return {"name": chance.choice(("Home", "Pricing", "Docs")), "properties": properties}
    return {}
