"""What happens in the product: its users sign in, work with reports, and take their phones along.

A browser speaks with its anonymousId alone, then of the user who signed in, then of that user's company.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from worker.demo.calls import Browser, DemoMessage, JsonObject, Phone, WebPage
from worker.demo.cast import Person
from worker.demo.companies import Company
from worker.demo.connections import APP
from worker.demo.week import Week

_HOST = "app.sundial.example"
_LOGIN = WebPage(_HOST, "/login", "Sign in · Sundial")
_PAGES = (
    WebPage(_HOST, "/home", "Home · Sundial"),
    WebPage(_HOST, "/reports", "Reports · Sundial"),
    WebPage(_HOST, "/dashboards/forecast", "Forecast · Sundial"),
    WebPage(_HOST, "/settings/team", "Team · Sundial"),
    WebPage(_HOST, "/settings/billing", "Billing · Sundial"),
)
_SCREENS = ("Home", "Report", "Approvals", "Alerts")
_ACTIONS = (
    "Report Created", "Report Shared", "Report Exported", "Dashboard Viewed", "Dashboard Viewed",
    "Scenario Compared", "Comment Added", "Search Performed", "Search Performed", "Seat Invited",
    "Integration Connected", "Alert Configured", "Forecast Approved", "Plan Upgraded",
)  # fmt: skip
_SEARCHES = ("q3 forecast", "headcount", "fuel costs", "café margins")
_SHARE_WITH_PHONE = 0.3


def sign_up(week: Week, person: Person, at: datetime) -> Iterator[DemoMessage]:
    """Tell how a visitor of the marketing site becomes a user: the same browser, and from now on a userId."""
    browser = Browser(week, APP.name, person)
    page = WebPage(_HOST, "/signup", "Start your trial · Sundial")
    yield browser.see(at, page)
    browser.user_id = person.user_id
    at = week.soon(at, 40, 180)
    if week.chance(0.4):
        yield browser.say("alias", at, page, previousId=person.anonymous_id)
    yield browser.say("identify", week.soon(at, 0.1, 0.9), page, traits=_traits(person, signed_up_at=at))
    yield browser.say("track", week.soon(at, 1, 2), page, event="Signed Up", properties={"plan": "trial"})


def working_week(
    week: Week, person: Person, joined_at: datetime, guest_of: Sequence[Company] = ()
) -> Iterator[DemoMessage]:
    """Tell what one user does from `joined_at` on; an adviser to other companies works in their accounts."""
    browser = Browser(week, APP.name, person)
    starts = sorted(week.moment(joined_at) for _ in range(week.random.randint(2, 5)))
    if week.chance(0.05):
        starts.append(week.ends_at - timedelta(minutes=week.random.uniform(8, 25)))
    for number, at in enumerate(starts):
        if number == 0 and joined_at == week.starts_at:
            yield browser.see(at, _LOGIN)
        browser.user_id = person.user_id
        company = guest_of[number % len(guest_of)] if guest_of else person.company
        yield from _before_the_end(week, _session(week, browser, person, company, week.soon(at, 5, 20)))
    if week.chance(_SHARE_WITH_PHONE):
        yield from _before_the_end(week, _on_the_phone(week, Phone(week, person), week.moment(joined_at)))


def change_of_title(week: Week, person: Person) -> Iterator[DemoMessage]:
    """Tell of somebody who empties the field of the profile that holds the title: null removes a trait."""
    browser = Browser(week, APP.name, person)
    browser.user_id = person.user_id
    at = week.ends_at - timedelta(seconds=1)
    yield browser.say("identify", at, WebPage(_HOST, "/profile", "Profile · Sundial"), traits={"title": None})


def _session(
    week: Week, browser: Browser, person: Person, company: Company | None, at: datetime
) -> Iterator[DemoMessage]:
    yield browser.say("identify", at, _PAGES[0], traits=_traits(person))
    context: JsonObject = {}
    if company is not None:
        group_at = week.soon(at, 0.1, 0.5)
        yield browser.say("group", group_at, _PAGES[0], groupId=company.slug, traits=_account_traits(company))
        context = {"groupId": company.slug} if company is not person.company else {}
    page = _PAGES[0]
    for _ in range(week.random.randint(4, 9)):
        at = week.soon(at, 6, 300)
        if week.chance(0.3):
            page = week.random.choice(_PAGES)
            message = browser.see(at, page)
        else:
            message = browser.say("track", at, page, **_action(week, person))
        message.body["context"] |= context
        yield message


def _on_the_phone(week: Week, phone: Phone, at: datetime) -> Iterator[DemoMessage]:
    yield phone.say("track", at, event="Application Opened", properties={"from_background": True})
    for _ in range(week.random.randint(2, 5)):
        at = week.soon(at, 3, 90)
        yield phone.say("screen", at, name=week.random.choice(_SCREENS), properties={"tab": "work"})


def _before_the_end(week: Week, messages: Iterator[DemoMessage]) -> Iterator[DemoMessage]:
    return (message for message in messages if message.occurred_at < week.ends_at)


def _action(week: Week, person: Person) -> JsonObject:
    event = week.random.choice(_ACTIONS)
    properties: JsonObject = {"surface": week.random.choice(("toolbar", "menu", "shortcut"))}
    if event.startswith(("Report", "Forecast")):
        properties |= {"report_id": f"rep_{week.token(10)}", "rows": week.random.randrange(20, 9000)}
    elif event == "Search Performed":
        properties |= {"query": week.random.choice(_SEARCHES), "results": week.random.randrange(40)}
    elif event == "Plan Upgraded":
        properties |= {"plan": "business", "revenue": round(week.random.uniform(90, 2400), 2)}
    elif event == "Seat Invited" and person.company is not None:
        properties |= {"role": "viewer", "domain": person.company.domain}
    return {"event": event, "properties": properties}


def _traits(person: Person, signed_up_at: datetime | None = None) -> JsonObject:
    traits: JsonObject = {
        "email": person.email,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "title": person.title,
    }
    if signed_up_at is not None:
        traits["createdAt"] = signed_up_at.isoformat(timespec="seconds")
    return traits


def _account_traits(company: Company) -> JsonObject:
    return {
        "name": company.name,
        "industry": company.industry,
        "employees": company.employees,
        "plan": company.plan,
        "website": f"https://www.{company.domain}",
    }
