"""Single messages as the libraries write them: analytics.js in a browser, a phone's SDK, a server, Engage.

Times are left to `delivery`, which knows how a message travels.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from worker.demo.cast import Person
from worker.demo.connections import APP, BACKEND
from worker.demo.week import Week

JsonObject: TypeAlias = dict[str, Any]
Writer: TypeAlias = Literal["browser", "phone", "server", "engage"]

SPACE_ID = "spa_2fQ7mWbXr9tK4cYd"
SERVER_LIBRARIES = {
    "python": {"name": "analytics-python", "version": "2.4.0"},
    "node": {"name": "@segment/analytics-node", "version": "3.1.0"},
    "ruby": {"name": "analytics-ruby", "version": "2.5.0"},
}
_CAMPAIGNS = (
    {"name": "autumn-planning-guide", "source": "linkedin", "medium": "paid-social"},
    {"name": "brand-search", "source": "google", "medium": "cpc", "term": "planning software"},
    {"name": "monthly-digest", "source": "newsletter", "medium": "email"},
)


@dataclass(frozen=True, slots=True)
class DemoMessage:
    """A message of the week, and who posts it when.

    `client` names the browser, phone or server that posts it, with `clock_skew` on its clock: what one client
    batches travels together. `is_bad` is a message that lacks what its call must have.
    """

    connection: str
    occurred_at: datetime
    writer: Writer
    client: str
    body: JsonObject
    clock_skew: timedelta = timedelta()
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page of the product or of the marketing site."""

    host: str
    path: str
    title: str
    campaign: JsonObject | None = None


class Browser:
    """One person's browser, with analytics.js on the pages of one connection."""

    def __init__(self, week: Week, connection: str, person: Person) -> None:
        self._week = week
        self._connection = connection
        self._person = person
        self.user_id: str | None = None
        """Set by the first Identify with a userId, and sent with every call from then on."""

    def say(self, call: str, at: datetime, page: WebPage, /, **fields: Any) -> DemoMessage:
        """Write a call of this type, made on this page, with the call's own fields."""
        person = self._person
        epoch_milliseconds = int((at + person.clock_skew).timestamp() * 1000)
        body: JsonObject = {
            "type": call,
            "messageId": f"ajs-next-{epoch_milliseconds}-{self._week.uuid()}",
            "anonymousId": person.anonymous_id,
            "userId": self.user_id,
            "channel": "client",
            "integrations": {"Segment.io": True},
            "context": self._context(page),
        } | fields
        client = f"{self._connection}/{person.anonymous_id}"
        return DemoMessage(self._connection, at, "browser", client, body, person.clock_skew)

    def see(self, at: datetime, page: WebPage) -> DemoMessage:
        """Write the Page call of a page. Most sites give no name, and the properties repeat the context."""
        return self.say("page", at, page, properties=_page_properties(page))

    def _context(self, page: WebPage) -> JsonObject:
        person = self._person
        context: JsonObject = {
            "ip": person.ip,
            "library": {"name": "analytics.js", "version": "next-1.84.3"},
            "locale": person.locale,
            "timezone": person.timezone,
            "userAgent": person.user_agent,
            "page": _page_properties(page),
        }
        if page.campaign is not None:
            context["campaign"] = page.campaign
        return context


class Phone:
    """One person's phone, with the product's app on it."""

    def __init__(self, week: Week, person: Person) -> None:
        self._week = week
        self._person = person
        self._anonymous_id = week.uuid().upper()

    def say(self, call: str, at: datetime, /, **fields: Any) -> DemoMessage:
        """Write a call of this type with the call's own fields, for the person signed in."""
        body: JsonObject = {
            "type": call,
            "messageId": self._week.uuid().upper(),
            "anonymousId": self._anonymous_id,
            "userId": self._person.user_id,
            "channel": "mobile",
            "context": {
                "app": {"name": "Sundial", "version": "4.12.0", "build": "412"},
                "device": {"manufacturer": "Apple", "model": "iPhone16,1", "type": "ios"},
                "ip": self._person.ip,
                "library": {"name": "analytics-swift", "version": "1.9.1"},
                "locale": self._person.locale,
                "network": {"cellular": True, "wifi": False},
                "os": {"name": "iOS", "version": "18.6"},
                "timezone": self._person.timezone,
            },
        } | fields
        return DemoMessage(APP.name, at, "phone", self._anonymous_id, body)


class Server:
    """One of the back end's services: no anonymousId, which its library writes as null."""

    def __init__(self, week: Week, library: str) -> None:
        self._week = week
        self._library = library

    def say(self, call: str, at: datetime, user_id: str | int, /, **fields: Any) -> DemoMessage:
        """Write a call of this type about a user, with the call's own fields."""
        uuid = self._week.uuid()
        node_epoch_milliseconds = int(at.timestamp() * 1000)
        body: JsonObject = {
            "type": call,
            "messageId": f"node-next-{node_epoch_milliseconds}-{uuid}" if self._library == "node" else uuid,
            "anonymousId": None,
            "userId": user_id,
            "channel": "server",
            "integrations": {},
            "context": {"library": SERVER_LIBRARIES[self._library]},
        } | fields
        return DemoMessage(BACKEND.name, at, "server", f"server/{self._library}", body)


@dataclass(frozen=True, slots=True)
class Computation:
    """What Engage computes: an audience or a computed trait, of users or of accounts, under this key."""

    computation_class: Literal["audience", "computed_trait"]
    namespace: Literal["users", "accounts"]
    key: str


def engage_message(
    week: Week, call: str, at: datetime, computation: Computation, /, **fields: Any
) -> DemoMessage:
    """Write what Engage sends about one profile.

    Source: Segment's "Using Engage Data": `context.personas` says what the call is about.
    """
    body: JsonObject = {
        "type": call,
        "messageId": f"personas_{week.token(27)}",
        "channel": "server",
        "integrations": {"All": False, "Warehouses": {"all": False}, "Variance": True},
        "context": {
            "library": {"name": "unknown", "version": "unknown"},
            "personas": {
                "computation_class": computation.computation_class,
                "computation_id": f"{computation.computation_class[:3]}_{computation.key}",
                "computation_key": computation.key,
                "namespace": computation.namespace,
                "space_id": SPACE_ID,
            },
        },
    } | fields
    return DemoMessage(APP.name, at, "engage", "engage", body)


def campaign(week: Week) -> JsonObject | None:
    """Draw the campaign that brought somebody here, or none."""
    return dict(week.random.choice(_CAMPAIGNS)) if week.chance(0.35) else None


def _page_properties(page: WebPage) -> JsonObject:
    search = f"?utm_source={page.campaign['source']}" if page.campaign else ""
    return {
        "path": page.path,
        "referrer": "",
        "search": search,
        "title": page.title,
        "url": f"https://{page.host}{page.path}{search}",
    }
