"""The audit log: who changed what, and when."""

from aiohttp import web

from worker.console.parts import PAGE_ROWS, draw, open_database
from worker.store.audit import list_audit_entries


async def list_audit(request: web.Request) -> web.StreamResponse:
    """Show the changes, the newest first."""
    before = request.query.get("before", "")
    number = int(before) if before.isdecimal() and len(before) < 19 else None  # noqa: PLR2004 (digits of a bigint)
    async with open_database(request) as database:
        entries = await list_audit_entries(database, number, PAGE_ROWS + 1)
    return draw(
        "audit.html", request, entries=entries[:PAGE_ROWS],
        next=entries[PAGE_ROWS - 1]["id"] if len(entries) > PAGE_ROWS else None,
    )  # fmt: skip
