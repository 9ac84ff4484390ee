"""What servers say: about the users of customers who work through the API, and about users who change ids."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from worker.demo.calls import DemoMessage, JsonObject, Server
from worker.demo.cast import Casting, Person
from worker.demo.companies import API_CUSTOMERS, Company
from worker.demo.week import Week

_ACTIONS = (
    "API Key Created", "Data Sync Completed", "Data Sync Completed", "Data Sync Failed", "Invoice Paid",
    "Usage Limit Reached", "Webhook Configured", "Forecast Requested", "Forecast Requested", "Payment Failed",
)  # fmt: skip
_LIBRARIES = ("python", "python", "node", "ruby")
_OLD_IDS = 6


def customers_servers(week: Week, casting: Casting) -> Iterator[DemoMessage]:
    """Tell the week of the API's customers: Identify calls carry the company, and ids are numbers."""
    for company in API_CUSTOMERS:
        for _ in range(week.random.randint(3, 5)):
            user_number = week.random.randrange(20_000, 99_999)
            yield from _user(week, casting.person(company, str(user_number)), company)


def moves_to_new_ids(week: Week, casting: Casting) -> Iterator[DemoMessage]:
    """Tell of users of the old billing system who get new ids: each way an alias can end, but refusal."""
    server = Server(week, "ruby")
    for number in range(_OLD_IDS):
        company = API_CUSTOMERS[number % len(API_CUSTOMERS)]
        person = casting.person(company, f"billing-{300 + number}")
        old_at = week.moment(before=week.starts_at + timedelta(days=3))
        moved_at = week.moment(old_at, week.ends_at - timedelta(days=1))
        new_id = f"customer-{700 + number}"
        yield from _billed(week, server, person, person.user_id, old_at)
        if number % 2:  # both ids were at work, so they merge; the others' contact is renamed
            yield from _billed(week, server, person, new_id, week.moment(old_at, moved_at))
        yield server.say("alias", moved_at, new_id, previousId=person.user_id)
    yield from _chain(week, server, casting.person(API_CUSTOMERS[0], "billing-990"))
    unheard_of_at = week.moment()
    yield server.say("alias", unheard_of_at, "customer-799", previousId="billing-399")


def _chain(week: Week, server: Server, person: Person) -> Iterator[DemoMessage]:
    """Tell of one person under three ids, each the next one's previousId, and at work under each."""
    ids = ("billing-990", "billing-1990", "customer-790")
    at = week.starts_at + timedelta(hours=9)
    for previous_id, user_id in zip((None, *ids), ids, strict=False):
        yield from _billed(week, server, person, user_id, at)
        if previous_id is not None:
            yield server.say("alias", week.soon(at, 60, 600), user_id, previousId=previous_id)
        at += timedelta(days=2, hours=1)


def _billed(week: Week, server: Server, person: Person, user_id: str, at: datetime) -> Iterator[DemoMessage]:
    yield server.say("identify", at, user_id, traits=_traits(person))
    properties = {"total": round(week.random.uniform(80, 900), 2), "currency": "EUR"}
    yield server.say("track", week.soon(at, 1, 30), user_id, event="Invoice Paid", properties=properties)


def _user(week: Week, person: Person, company: Company) -> Iterator[DemoMessage]:
    library = week.random.choice(_LIBRARIES)
    server = Server(week, library)
    # Python's and Node's libraries make a string of it.
    user_id = int(person.user_id) if library == "ruby" else person.user_id
    at = week.moment(before=week.starts_at + timedelta(days=2))
    seats = week.random.randrange(3, 40)
    yield server.say("identify", at, user_id, traits=_traits(person) | {"seats": seats})
    actions_at = sorted(week.moment(at) for _ in range(week.random.randint(9, 22)))
    for action_at in actions_at:
        event = week.random.choice(_ACTIONS)
        yield server.say("track", action_at, user_id, event=event, properties=_properties(week, company))
    if week.chance(0.5):
        traits = _traits(person) | {"seats": seats + 5}
        yield server.say("identify", actions_at[-1], user_id, traits=traits)


def _traits(person: Person) -> JsonObject:
    return {
        "email": person.email,
        "name": f"{person.first_name} {person.last_name}",
        "company": _company_traits(person.company) if person.company else None,
    }


def _company_traits(company: Company) -> JsonObject:
    traits: JsonObject = {"name": company.name, "industry": company.industry, "plan": company.plan}
    # Without a number in the billing system, a company is known by its name alone.
    return traits | {"id": company.number} if company.number else traits


def _properties(week: Week, company: Company) -> JsonObject:
    return {
        "environment": week.random.choice(("production", "production", "staging")),
        "duration_seconds": round(week.random.uniform(0.2, 40), 3),
        "plan": company.plan,
    }
