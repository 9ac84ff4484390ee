"""One message: its JSON, and what became of it."""

from aiohttp import web

from schemas.ids import index_key
from schemas.message import EVENT_TYPES
from worker.console.parts import draw, open_database, query_text
from worker.store.receipts import find_receipts
from worker.store.tail import read_whole_message


async def show_message(request: web.Request) -> web.StreamResponse:
    """Show a message by its connection (id or name) and its id; the part alone where htmx asks."""
    connection, id_ = query_text(request, "connection"), query_text(request, "id")
    async with open_database(request) as database:
        message = await read_whole_message(database, connection, index_key(id_))
        receipts = [] if message else await find_receipts(database, index_key(id_), None)
    if message is None:
        letter = next((found.dead_letter_id for found in receipts if found.dead_letter_id), None)
        if letter is not None:
            raise web.HTTPSeeOther(f"/dead-letters/{letter}")
        suppressed = next((found.detail for found in receipts if found.outcome == "suppressed"), None)
        raise web.HTTPNotFound(
            text=f"It was suppressed. {suppressed}" if suppressed
            else "This message is not in the log. It may be waiting in the queue, or its sender was deleted."
        )  # fmt: skip
    part = request.headers.get("HX-Request")
    event_type = EVENT_TYPES.get(message["type"])
    return draw("part_message.html" if part else "message.html", request, message=message, event_type=event_type)
