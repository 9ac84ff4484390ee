"""Which workspace a page is about: the one that the URL names, else the first that has anybody in it."""

from typing import NamedTuple

from aiohttp import web
from asyncpg import Record

from worker.store.database import Database
from worker.store.people import has_contacts, list_workspaces


class Workspaces(NamedTuple):
    """All workspaces, and the one that the page is about; None where there is none at all."""

    all: list[Record]
    chosen: Record | None


async def choose_workspace(request: web.Request, database: Database) -> Workspaces:
    """Choose the workspace of a page. Raises HTTPNotFound for one that is not there."""
    workspaces = await list_workspaces(database)
    wanted = request.query.get("workspace")
    if wanted is not None:
        chosen = next((one for one in workspaces if str(one["id"]) == wanted), None)
        if chosen is None:
            raise web.HTTPNotFound(text="There is no such workspace.")
        return Workspaces(workspaces, chosen)
    first = next(iter(workspaces), None)
    for one in workspaces:
        if await has_contacts(database, one["id"]):
            return Workspaces(workspaces, one)
    return Workspaces(workspaces, first)
