"""Another way to match accounts: first what it would change, then the change itself."""

from aiohttp import web

from worker.console.connection_form import ConnectionForm, read_form_rules
from worker.console.connection_pages import find_connection, lock_unchanged, page_of
from worker.console.parts import RULE_CHANGES, SESSION, draw, open_database, read_form, see_other
from worker.console.preview import SAMPLE, preview
from worker.console.rule_changes import RuleChange


async def show_rules(request: web.Request) -> web.StreamResponse:
    """Show the form with the rules of now."""
    async with open_database(request) as database:
        connection = await find_connection(request, database)
    return draw(
        "change_rules.html", request,
        **page_of(request, connection), sample=SAMPLE, preview=preview(SAMPLE, connection.rules),
    )  # fmt: skip


async def try_rules(request: web.Request) -> web.StreamResponse:
    """Begin a dry run of other rules."""
    texts = await read_form(request)
    form = ConnectionForm.of_texts(texts)
    read = read_form_rules(form, with_name=False)
    async with open_database(request) as database, database.transaction():
        connection = await lock_unchanged(request, database, texts)
    if read.rules == connection.rules:
        read.faults["accounts"] = "These are the rules of now: change something."
    if read.faults:
        page = page_of(request, connection) | {"form": form, "faults": read.faults}
        shown = preview(texts.get("sample", ""), read.rules)
        return draw("change_rules.html", request, 422, **page, sample=texts.get("sample", ""), preview=shown)
    change = request.app[RULE_CHANGES].start(connection, read.rules)
    return see_other(_path(change))


async def show_change(request: web.Request) -> web.StreamResponse:
    """Show how far a change is, or what it changes; the part alone where htmx asks."""
    change = _change(request)
    async with open_database(request) as database:
        connection = await find_connection(request, database)
    template = "part_rule_change.html" if request.headers.get("HX-Request") else "rule_change.html"
    return draw(template, request, **page_of(request, connection), change=change)


async def apply_rules(request: web.Request) -> web.StreamResponse:
    """Do what a dry run has shown."""
    tried = _change(request)
    async with open_database(request) as database, database.transaction():
        connection = await lock_unchanged(request, database, await read_form(request))
    return see_other(_path(request.app[RULE_CHANGES].start(connection, tried.rules, request[SESSION].name)))


def _change(request: web.Request) -> RuleChange:
    change = request.app[RULE_CHANGES].get(request.match_info["change"])
    if change is None or change.connection.id != request.match_info["id"]:
        raise web.HTTPNotFound(text="This change is not known any more: begin again from the connection's page.")
    return change


def _path(change: RuleChange) -> str:
    return f"/connections/{change.connection.id}/rules/{change.id}"
