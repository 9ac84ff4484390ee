"""What happens on the marketing site: strangers read, some leave an e-mail address, a few share a browser."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from worker.demo.calls import Browser, DemoMessage, JsonObject, WebPage, campaign
from worker.demo.cast import Casting, Person
from worker.demo.companies import PROSPECTS
from worker.demo.connections import WEBSITE
from worker.demo.week import Week

_HOST = "www.sundial.example"
_PAGES = (
    ("/", "Sundial · Planning that keeps up"),
    ("/pricing", "Pricing · Sundial"),
    ("/customers", "Customers · Sundial"),
    ("/blog/rolling-forecasts", "Rolling forecasts, explained · Sundial"),
    ("/product/scenarios", "Scenarios · Sundial"),
    ("/contact", "Talk to us · Sundial"),
)
_CURIOSITY = ("Video Played", "Pricing Calculator Used", "Webinar Registered", "Whitepaper Downloaded")
_STRANGERS = 130
_WITH_PRIVATE_ADDRESS = 6


def strangers(week: Week, casting: Casting) -> Iterator[DemoMessage]:
    """Tell of visitors who look around and leave no word of who they are."""
    for number in range(_STRANGERS):
        visitor = casting.person(None, f"stranger-{number}")
        yield from visit(week, visitor, week.moment(before=week.ends_at - timedelta(minutes=30)))


def leads(week: Week, casting: Casting) -> Iterator[DemoMessage]:
    """Tell of visitors who fill in a form: people at companies, and some with a mail provider's address."""
    people = [casting.person(company, "") for company in PROSPECTS for _ in range(week.random.randint(1, 3))]
    people += [casting.person(None, "") for _ in range(_WITH_PRIVATE_ADDRESS)]
    for person in people:
        at = week.moment(before=week.ends_at - timedelta(hours=3))
        yield from visit(week, person, at)
        yield from _form(week, person, week.soon(at, 1200, 3600))


def visit(week: Week, person: Person, at: datetime) -> Iterator[DemoMessage]:
    """Tell of one visit, anonymous as far as the site knows."""
    browser = Browser(week, WEBSITE.name, person)
    came_by = campaign(week)
    for _ in range(week.random.randint(1, 6)):
        path, title = week.random.choice(_PAGES)
        page = WebPage(_HOST, path, title, came_by)
        yield browser.see(at, page)
        if week.chance(0.18):
            event = week.random.choice(_CURIOSITY)
            yield browser.say("track", week.soon(at, 1, 4), page, event=event, properties={"label": title})
        at = week.soon(at, 5, 200)


def shared_browser(week: Week, first: Person, second: Person) -> Iterator[DemoMessage]:
    """Tell of two users on one computer: the visitor is the first one's, the second's claim is refused."""
    at = week.moment(week.starts_at + timedelta(days=2), week.ends_at - timedelta(days=1))
    page = WebPage(_HOST, "/webinars/live", "Live webinar · Sundial")
    kiosk = Browser(week, WEBSITE.name, first)
    yield kiosk.see(at, page)
    kiosk.user_id = first.user_id
    yield kiosk.say("identify", week.soon(at, 5, 20), page, traits={"attends_webinars": True})
    kiosk.user_id = second.user_id
    yield kiosk.say("alias", week.soon(at, 900, 1200), page, previousId=first.anonymous_id)
    yield kiosk.say("identify", week.soon(at, 1201, 1210), page, traits={"attends_webinars": True})


def _form(week: Week, person: Person, at: datetime) -> Iterator[DemoMessage]:
    browser = Browser(week, WEBSITE.name, person)
    page = WebPage(_HOST, "/demo", "Book a demo · Sundial")
    traits: JsonObject = {"email": person.email, "firstName": person.first_name, "lastName": person.last_name}
    if person.company is not None:
        traits |= {"title": person.title, "companySize": person.company.employees}
    yield browser.see(at, page)
    yield browser.say("identify", week.soon(at, 30, 90), page, traits=traits)
    event = week.random.choice(("Demo Requested", "Newsletter Subscribed"))
    yield browser.say("track", week.soon(at, 91, 93), page, event=event, properties={"form": "book-a-demo"})
