"""Add Connection: the form, a live preview of which account comes of a sample, and the secret, shown once."""

from aiohttp import web

from worker.console.connection_form import ConnectionForm, read_form_rules
from worker.console.connection_pages import page_of, publish
from worker.console.parts import draw, open_database, read_form, write_audit
from worker.console.preview import SAMPLE, preview
from worker.new_connection import NameTakenError, make_connection
from worker.store.connections import find_connections


async def show_form(request: web.Request) -> web.StreamResponse:
    """Show the empty form."""
    return await _draw_form(request, ConnectionForm(), {})


async def add_connection(request: web.Request) -> web.StreamResponse:
    """Make a connection; show its secret, this once, and wait for its first message."""
    form = ConnectionForm.of_texts(await read_form(request))
    read = read_form_rules(form, with_name=True)
    if read.faults:
        return await _draw_form(request, form, read.faults)
    try:
        async with open_database(request) as database, database.transaction():
            id_, secret = await make_connection(database, form.name, form.workspace, read.rules)
            await write_audit(
                request, database, "added the connection", form.name,
                workspace=form.workspace, accounts=read.rules.method,
            )  # fmt: skip
            (connection,) = await find_connections(database, id_=id_)
    except NameTakenError:
        return await _draw_form(request, form, {"name": "There is a connection of this name: choose another."})
    is_late = not await publish(request)
    return draw("connection_added.html", request, **page_of(request, connection), secret=secret, is_late=is_late)


async def show_preview(request: web.Request) -> web.StreamResponse:
    """Show which account would come of the sample under the rules that are being chosen."""
    texts = await read_form(request)
    read = read_form_rules(ConnectionForm.of_texts(texts), with_name=False)
    return draw("part_preview.html", request, preview=preview(texts.get("sample", ""), read.rules))


async def _draw_form(request: web.Request, form: ConnectionForm, faults: dict[str, str]) -> web.Response:
    async with open_database(request) as database:
        workspaces = sorted({connection.workspace for connection in await find_connections(database)})
    shown = preview(SAMPLE, read_form_rules(form, with_name=False).rules)
    return draw(
        "add_connection.html", request, 422 if faults else 200,
        form=form, faults=faults, workspaces=workspaces, sample=SAMPLE, preview=shown,
    )  # fmt: skip
