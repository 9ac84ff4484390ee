"""What Segment Engage sends: an audience, synced and changed, a computed trait, an account audience."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from worker.demo.calls import Computation, DemoMessage, engage_message
from worker.demo.cast import Person
from worker.demo.week import Week

AUDIENCE = Computation("audience", "users", "weekly_report_makers")
ACCOUNT_AUDIENCE = Computation("audience", "accounts", "ready_for_expansion")
COMPUTED_TRAIT = Computation("computed_trait", "users", "reports_last_7_days")

_FIRST_MEMBERS = 30
_LEAVERS = 8
_RETURNERS = 2
_LATE_MEMBERS = 6


def engage_week(week: Week, users: Sequence[Person]) -> Iterator[DemoMessage]:
    """Tell what Engage computes over these users of the product."""
    drawn = week.random.sample(users, _FIRST_MEMBERS + _LATE_MEMBERS)
    yield from _audience(week, drawn[:_FIRST_MEMBERS], drawn[_FIRST_MEMBERS:])
    computed_at = week.starts_at + timedelta(days=5, hours=2)
    for person in drawn:
        at = week.soon(computed_at, 0, 90)
        traits = {COMPUTED_TRAIT.key: week.random.randrange(1, 30)}
        yield engage_message(week, "identify", at, COMPUTED_TRAIT, userId=person.user_id, traits=traits)
    yield from _account_audience(week, drawn)


def _audience(week: Week, first: Sequence[Person], late: Sequence[Person]) -> Iterator[DemoMessage]:
    """Sync every member at first; later each who enters or leaves, some of them twice."""
    synced_at = week.starts_at + timedelta(days=2, hours=4)
    left_at, entered_at, returned_at = (synced_at + timedelta(days=days) for days in (1, 2, 4))
    changes = (
        [(person, synced_at, True) for person in first]
        + [(person, left_at, False) for person in first[:_LEAVERS]]
        + [(person, entered_at, True) for person in late]
        + [(person, returned_at, True) for person in first[:_RETURNERS]]
    )
    for person, sync_at, is_member in changes:
        at = week.soon(sync_at, 0, 120)
        traits = {AUDIENCE.key: is_member, "email": person.email}
        yield engage_message(week, "identify", at, AUDIENCE, userId=person.user_id, traits=traits)


def _account_audience(week: Week, members: Sequence[Person]) -> Iterator[DemoMessage]:
    """Sync some accounts, each with a Group call about one of its people; the first of them leaves again."""
    person_of = {person.company.slug: person for person in members if person.company is not None}
    synced_at = week.starts_at + timedelta(days=4)
    for number, slug in enumerate(sorted(person_of)[:4]):
        user_id = person_of[slug].user_id
        syncs = [(synced_at, True)] + ([(synced_at + timedelta(days=2), False)] if number == 0 else [])
        for sync_at, is_member in syncs:
            at = week.soon(sync_at, 0, 60)
            traits = {ACCOUNT_AUDIENCE.key: is_member}
            yield engage_message(
                week, "group", at, ACCOUNT_AUDIENCE, userId=user_id, groupId=slug, traits=traits
            )
