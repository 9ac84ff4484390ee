"""How the week's messages go on the wire: batched, alone, or delivered by Segment; late, and repeated.

`timestamp` is what a client with a right clock writes, and what Segment adds to its deliveries. A client with
a wrong clock sends `originalTimestamp` and `sentAt`, the one as wrong as the other.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TypeAlias

from schemas.timestamps import write_instant
from worker.demo.calls import DemoMessage, JsonObject
from worker.demo.connections import WEBSITE
from worker.demo.week import Week

WEBHOOK = "/webhook"
"""Stands for the webhook URL of the post's connection, which is not known before the connection is made."""

Body: TypeAlias = JsonObject | list[JsonObject]

_SHARE_SINGLE = 0.05
_SHARE_DELIVERED_BY_SEGMENT = 0.1
_SHARE_DELIVERED_BY_SEGMENT_ON_WEBSITE = 0.35
_LARGEST_BATCH = {"browser": 20, "phone": 20, "server": 60, "engage": 100}
_END_OF_BATCH = {"browser": timedelta(minutes=30), "phone": timedelta(minutes=30)}
_SHARE_SHUFFLED = 0.15
_SHARE_LATE = 0.06
_LONGEST_DELAY_SECONDS = 36 * 3600
_REPEATED_POSTS = 12
_REPEATED_IN_ITS_BATCH = 10


@dataclass(frozen=True, slots=True)
class DemoPost:
    """One HTTP POST: its connection, its path (or WEBHOOK), its JSON, the number of messages in it."""

    connection: str
    path: str
    body: Body
    messages: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """All posts in the order in which they are sent, and how many of their messages are repetitions."""

    posts: tuple[DemoPost, ...]
    duplicates: int


@dataclass(slots=True)
class _Parcel:
    """What will be one post: some of one client's messages, sent at one time or more."""

    way: str
    messages: list[DemoMessage]
    departures: list[datetime]


def deliver(week: Week, messages: Iterable[DemoMessage]) -> Delivery:
    """Put every message on its way. A bad one travels among good ones of its connection, unrepeated."""
    said = sorted(messages, key=lambda message: message.occurred_at)
    parcels = list(_parcels(week, [message for message in said if not message.is_bad]))
    _repeat(week, parcels)
    _add_bad(week, parcels, [message for message in said if message.is_bad])
    departures: list[tuple[datetime, DemoPost]] = []
    for parcel in parcels:
        post = _post(week, parcel)
        departures += [(leaves_at, post) for leaves_at in parcel.departures]
    departures.sort(key=itemgetter(0))
    posts = tuple(post for _, post in departures)
    return Delivery(posts, duplicates=sum(post.messages for post in posts) - len(said))


def _parcels(week: Week, messages: Iterable[DemoMessage]) -> Iterator[_Parcel]:
    batched: defaultdict[tuple[str, str], list[DemoMessage]] = defaultdict(list)
    for message in messages:
        way = _way(week, message)
        if way == "single":
            yield _parcel(week, way, [message])
        else:
            batched[way, message.client if way == "batch" else message.connection].append(message)
    for (way, _), members in batched.items():
        for bundle in _bundles(week, members):
            if way == "batch" and week.chance(_SHARE_SHUFFLED):
                week.random.shuffle(bundle)
            yield _parcel(week, way, bundle)


def _way(week: Week, message: DemoMessage) -> str:
    if message.writer == "engage":
        return "webhook"
    is_website = message.connection == WEBSITE.name
    if week.chance(_SHARE_DELIVERED_BY_SEGMENT_ON_WEBSITE if is_website else _SHARE_DELIVERED_BY_SEGMENT):
        return "webhook"
    return "single" if week.chance(_SHARE_SINGLE) else "batch"


def _bundles(week: Week, members: Sequence[DemoMessage]) -> Iterator[list[DemoMessage]]:
    """Cut one client's messages where it pauses, and where its batch is full."""
    bundle: list[DemoMessage] = []
    room = _room(week, members[0])
    for message in members:
        longest_pause = _END_OF_BATCH.get(message.writer, timedelta(days=2))
        if bundle and (len(bundle) >= room or message.occurred_at - bundle[-1].occurred_at > longest_pause):
            yield bundle
            bundle, room = [], _room(week, message)
        bundle.append(message)
    yield bundle


def _room(week: Week, message: DemoMessage) -> int:
    largest = _LARGEST_BATCH[message.writer]
    return week.random.randint(1, largest)


def _parcel(week: Week, way: str, messages: list[DemoMessage]) -> _Parcel:
    last_at = max(message.occurred_at for message in messages)
    longest = _LONGEST_DELAY_SECONDS if week.chance(_SHARE_LATE) else 10
    return _Parcel(way, messages, [week.soon(last_at, 0, longest)])


def _repeat(week: Week, parcels: Sequence[_Parcel]) -> None:
    """Send some parcels again, as after an answer that came too late, and some messages twice in a batch."""
    for parcel in week.random.sample(parcels, _REPEATED_POSTS):
        parcel.departures.append(week.soon(parcel.departures[0], 5, 4 * 3600))
    several = [parcel for parcel in parcels if len(parcel.messages) > 1]
    for parcel in week.random.sample(several, _REPEATED_IN_ITS_BATCH):
        parcel.messages.append(week.random.choice(parcel.messages))


def _add_bad(week: Week, parcels: Sequence[_Parcel], bad: Iterable[DemoMessage]) -> None:
    for message in bad:
        hosts = [
            parcel
            for parcel in parcels
            if parcel.messages[0].connection == message.connection
            and len(parcel.messages) > 1
            and len(parcel.departures) == 1
            and not parcel.messages[0].clock_skew
        ]
        host = week.random.choice(hosts)
        host.messages.insert(week.random.randrange(1, len(host.messages)), message)


def _post(week: Week, parcel: _Parcel) -> DemoPost:
    first = parcel.messages[0]
    if parcel.way == "webhook":
        path, body = WEBHOOK, _delivered_by_segment(parcel)
    elif parcel.way == "single":
        path, body = _single(week, first)
    else:
        path, body = _batch(week, parcel.messages)
    return DemoPost(first.connection, path, body, len(parcel.messages))


def _delivered_by_segment(parcel: _Parcel) -> Body:
    """Write what Segment delivers: the corrected time beside the client's; one message is no array."""
    bodies = []
    for message in parcel.messages:
        received_at = message.occurred_at + timedelta(milliseconds=420)
        client_at = message.occurred_at + message.clock_skew
        times = {
            "timestamp": write_instant(message.occurred_at),
            "originalTimestamp": write_instant(client_at),
            "sentAt": write_instant(client_at + timedelta(milliseconds=300)),
            "receivedAt": write_instant(received_at),
        }
        bodies.append({"projectId": "pr_4mVt7Kq2", "version": 2} | message.body | times)
    return bodies[0] if len(bodies) == 1 else bodies


def _single(week: Week, message: DemoMessage) -> tuple[str, JsonObject]:
    """Write a post of one message. The HTTP API's path says which call it is, so its body need not."""
    body = message.body | _own_times(message) | {"sentAt": _sent_at(week, message)}
    if message.writer == "browser":
        return f"/v1/{message.body['type'][0]}", body
    path = f"/v1/{body.pop('type')}"
    return path, body


def _batch(week: Week, messages: Sequence[DemoMessage]) -> tuple[str, JsonObject]:
    body: JsonObject = {
        "batch": [message.body | _own_times(message) for message in messages],
        "sentAt": _sent_at(week, messages[0]),
    }
    if messages[0].writer != "server":
        return week.random.choice(("/v1/batch", "/v1/b")), body
    if week.chance(0.4):
        body |= {"context": {"deployment": "eu-west-1"}, "integrations": {}}
    return week.random.choice(("/v1/batch", "/v1/batch", "/v1/import")), body


def _own_times(message: DemoMessage) -> JsonObject:
    if message.clock_skew:
        return {"originalTimestamp": write_instant(message.occurred_at + message.clock_skew)}
    if message.writer == "server":  # Python's SDK writes microseconds and an offset
        return {"timestamp": message.occurred_at.isoformat(timespec="microseconds")}
    return {"timestamp": write_instant(message.occurred_at)}


def _sent_at(week: Week, message: DemoMessage) -> str:
    """Give the time of sending, which is now for all, by the client's clock."""
    return write_instant(week.ends_at + message.clock_skew)
