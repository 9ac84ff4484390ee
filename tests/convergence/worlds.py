"""Small worlds for Hypothesis: few ids, few times, so that everything collides."""

import itertools
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

METHODS = {"g": "group", "t": "traits", "e": "email"}
_IDS = ["u1", "u2", "u3", "a1", "a2", "x"]
_SOMETIMES = [*_IDS, None, "null"]
_COMPANIES: list[dict[str, Any]] = [
    {"id": 7, "name": "Seven"}, {"id": 7, "name": "undefined"}, {"name": "Eight"}, {"id": "null", "name": "null"},
]  # fmt: skip
_DOMAINS = [
    "acme.example", "beta.example", "gmail.com", "privaterelay.appleid.com", "bücher.example", "xn--bcher-kva.example",
]  # fmt: skip


def _at(minute: int) -> str:
    return f"2026-03-01T00:{minute:02d}:00.000Z"


@st.composite
def worlds(draw: st.DrawFn, most: int = 12) -> list[dict[str, Any]]:
    """Draw a set of messages."""
    count = draw(st.integers(1, most))
    return [draw(messages(number)) for number in range(count)]


@st.composite
def messages(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """Draw one message, whose id follows from its number."""
    type_ = draw(st.sampled_from(["identify", "identify", "track", "page", "group", "alias", "alias"]))
    message: dict[str, Any] = {
        "type": type_,
        "messageId": f"m{number:02d}",
        "connection": draw(st.sampled_from(list(METHODS))),
        "timestamp": _at(draw(st.integers(0, 9))),
        "userId": draw(st.sampled_from(_SOMETIMES)),
        "anonymousId": draw(st.sampled_from(_SOMETIMES)),
        "context": draw(contexts(type_)),
    }
    may_be_nobodys = type_ == "group" and "personas" in message["context"]
    if message["userId"] is None and (type_ == "alias" or (message["anonymousId"] is None and not may_be_nobodys)):
        message["userId"] = draw(st.sampled_from(_IDS))
    message |= draw(_fields(type_, message["context"]))
    if type_ == "alias" and message["anonymousId"] is not None and draw(st.booleans()):
        message["previousId"] = message["anonymousId"]
    if draw(st.sampled_from([False, False, False, True])):
        message["is_ahead"] = True
    return message


def as_sent(message: dict[str, Any]) -> dict[str, Any]:
    """Give what is sent of a message: where a clock runs years ahead, a time at which the message does not count.

    It counts a day after it was received, which is the message's time for the model. An alias of its own visitor leaves
    the previousId out.
    """
    sent = {key: value for key, value in message.items() if key not in ("connection", "is_ahead")}
    if sent["type"] == "alias" and sent["previousId"] == sent["anonymousId"]:
        del sent["previousId"]
    if message.get("is_ahead"):
        received_at = datetime.fromisoformat(message["timestamp"]) - timedelta(days=1)
        sent |= {"timestamp": "2030-01-01T00:00:00.000Z", "receivedAt": received_at.isoformat()}
    return sent


@st.composite
def contexts(draw: st.DrawFn, type_: str) -> dict[str, Any]:
    """Draw a context: whether the sender was there, an event's account, an audience."""
    context: dict[str, Any] = {}
    active = draw(st.sampled_from([None, None, True, False, False]))
    if active is not None:
        context["active"] = active
    if type_ in ("track", "page") and draw(st.booleans()):
        context["groupId"] = draw(st.sampled_from(["g1", "g2"]))
    if type_ in ("identify", "group") and draw(st.integers(0, 3)) == 0:
        context["personas"] = {"computation_class": "audience", "computation_key": "big_spenders"}
    if type_ == "group" and draw(st.booleans()):
        context["traits"] = {"name": "Jane", "plan": "hers"}
    return context


@st.composite
def _fields(draw: st.DrawFn, type_: str, context: dict[str, Any]) -> dict[str, Any]:
    if type_ == "alias":
        return {"previousId": draw(st.sampled_from([*_IDS, "null"]))}
    if type_ == "track":
        return {"event": "Clicked"}
    if type_ == "page":
        return {"name": "Home"}
    values = st.sampled_from([1, 1.0, True, "x", None])
    traits: dict[str, Any] = draw(st.dictionaries(st.sampled_from(["plan", "seats"]), values))
    if type_ == "group":
        traits = {key: value for key, value in traits.items() if value is not None}
        traits |= draw(st.sampled_from([{}, {"name": "Initech"}, {"Name": "Hooli"}]))
    else:
        traits |= draw(st.sampled_from([{}, *({"email": f"p@{domain}"} for domain in _DOMAINS)]))
        traits |= draw(st.sampled_from([{}, *({"company": company} for company in _COMPANIES)]))
    if "personas" in context:
        traits["big_spenders"] = draw(st.booleans())
    return {"traits": traits} | ({"groupId": draw(st.sampled_from(["g1", "g2"]))} if type_ == "group" else {})


class Delivery(NamedTuple):
    """How a world arrives: in which batches, and whether each is drained by itself or all of them at once."""

    batches: list[list[dict[str, Any]]]
    at_once: bool

    @property
    def world(self) -> list[dict[str, Any]]:
        """All messages that arrive."""
        return [message for batch in self.batches for message in batch]


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    """Draw a world and how it arrives: in any order, with repetitions, cut into batches anywhere."""
    world = draw(worlds())
    arriving = list(draw(st.permutations(world + draw(st.lists(st.sampled_from(world), max_size=4)))))
    cuts = sorted(draw(st.lists(st.integers(0, len(arriving)), max_size=4)))
    edges = [0, *cuts, len(arriving)]
    batches = [arriving[start:end] for start, end in itertools.pairwise(edges) if start < end]
    return Delivery(batches, draw(st.booleans()))


def told(type_: str, number: int, minute: int = 0, **fields: Any) -> dict[str, Any]:
    """Write a message for an example that was found."""
    message = {"type": type_, "messageId": f"m{number:02d}", "connection": "g", "timestamp": _at(minute)}
    return message | {"userId": None, "anonymousId": None, "context": {}} | fields
