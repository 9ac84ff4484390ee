"""The demo's week as a list of HTTP posts: pure, and the same for the same moment and seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from worker.demo.backend import customers_servers, moves_to_new_ids
from worker.demo.calls import DemoMessage
from worker.demo.cast import Casting, Person
from worker.demo.companies import PRODUCT_CUSTOMERS
from worker.demo.delivery import DemoPost, deliver
from worker.demo.engage import engage_week
from worker.demo.mistakes import mistakes
from worker.demo.product import change_of_title, sign_up, working_week
from worker.demo.website import leads, shared_browser, strangers, visit
from worker.demo.week import Week

NEWCOMERS = 14
"""Visitors of the marketing site who sign up in the course of the week."""


@dataclass(frozen=True, slots=True)
class DemoWeek:
    """The posts in the order in which they are sent, and how many messages they hold.

    `messages` counts all; `duplicates` those that repeat a messageId of their connection, `bad` those that
    end as dead letters: what is applied is the rest.
    """

    posts: tuple[DemoPost, ...]
    messages: int
    duplicates: int
    bad: int


def demo_week(now: datetime, seed: int = 0) -> DemoWeek:
    """Tell a week of a B2B company's traffic, ending `now` (an aware datetime)."""
    week = Week(now.astimezone(UTC), seed)
    messages = list(_story(week))
    delivery = deliver(week, messages)
    return DemoWeek(
        posts=delivery.posts,
        messages=len(messages) + delivery.duplicates,
        duplicates=delivery.duplicates,
        bad=sum(message.is_bad for message in messages),
    )


def _story(week: Week) -> Iterator[DemoMessage]:
    casting = Casting(week)
    users = [person for company in PRODUCT_CUSTOMERS for person in casting.staff(company, 3, 7, "usr_")]
    newcomers = week.random.sample(users, NEWCOMERS)
    adviser = next(person for person in users if person not in newcomers)
    for person in users:
        if person in newcomers:
            yield from _newcomer(week, person)
        else:
            guest_of = PRODUCT_CUSTOMERS[:3] if person is adviser else ()
            yield from working_week(week, person, week.starts_at, guest_of)
    yield from change_of_title(week, users[-1])
    yield from customers_servers(week, casting)
    yield from moves_to_new_ids(week, casting)
    yield from strangers(week, casting)
    yield from leads(week, casting)
    yield from shared_browser(week, users[1], users[2])
    yield from engage_week(week, users)
    yield from mistakes(week)


def _newcomer(week: Week, person: Person) -> Iterator[DemoMessage]:
    visited_at = week.moment(week.starts_at, week.ends_at - timedelta(days=2))
    yield from visit(week, person, visited_at)
    joined_at = week.soon(visited_at, 1800, 24 * 3600)
    yield from sign_up(week, person, joined_at)
    yield from working_week(week, person, joined_at + timedelta(minutes=5))
