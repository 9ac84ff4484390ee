"""What a seeded sender says: small families of ids that collide, in the form that the reference model reads.

A message is a function of the seed, its workspace and its number, whenever and however often it is sent.
"""

import random
from typing import Any

from tests.convergence.worlds import METHODS
from tests.faults.canary import CANARY

_IDS = ("u1", "u2", "u3", "a1", "a2", "x")
_TYPES = ("identify", "identify", "identify", "track", "track", "track", "page", "group", "alias")
_FAMILY_MESSAGES = 12  # so many messages are about the same few ids


def message(seed: int, workspace: str, number: int) -> dict[str, Any]:
    """Give the message of this number."""
    chance = random.Random(f"{seed}/{workspace}/{number}")
    type_ = chance.choice(_TYPES)
    family = number // _FAMILY_MESSAGES

    def some_id(*others: str | None) -> str | None:
        chosen = chance.choice((*_IDS, *others))
        return f"{family}{chosen}" if chosen in _IDS else chosen

    made: dict[str, Any] = {
        "type": type_,
        "messageId": f"m{number:05d}",
        "connection": chance.choice(list(METHODS)),
        "timestamp": f"2026-03-01T00:{chance.randrange(60):02d}:00.000Z",
        "userId": some_id(None, "null"),
        "anonymousId": some_id(None, "null"),
        "context": {},
    }
    if made["userId"] is None and (made["anonymousId"] is None or type_ == "alias"):
        made["userId"] = some_id()
    if type_ in ("track", "page") and chance.random() < 0.5:
        made["context"] = {"groupId": chance.choice(("g1", "g2"))}
    return made | _said(chance, type_, some_id)


def _said(chance: random.Random, type_: str, some_id: Any) -> dict[str, Any]:
    if type_ == "alias":
        return {"previousId": some_id("null")}
    if type_ == "track":
        return {"event": f"Clicked {CANARY}", "properties": {CANARY: CANARY}}
    if type_ == "page":
        return {"name": f"Home {CANARY}"}
    traits: dict[str, Any] = {"seats": chance.randrange(100)}
    if type_ == "group":
        return {"groupId": chance.choice(("g1", "g2", "g3")), "traits": traits | {"name": f"Initech {CANARY}"}}
    if chance.random() < 0.5:
        traits["email"] = f"{CANARY}@{chance.choice(('acme.example', 'beta.example', 'gmail.com'))}"
    if chance.random() < 0.3:
        traits["company"] = {"id": chance.randrange(3) + 1, "name": f"Seven {CANARY}"}
    if chance.random() < 0.3:
        traits["plan"] = chance.choice(("free", "team", None))
    return {"traits": traits}
