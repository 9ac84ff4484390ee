"""Audiences: all of them, and one with its members over time and who came and went."""

from aiohttp import web

from worker.console.charts import chart
from worker.console.parts import PAGE_ROWS, draw, now, open_database, query_text
from worker.console.stays import members_by_day
from worker.console.workspaces import choose_workspace
from worker.store.audiences import count_members, list_audiences, read_changes, read_subjects

_MOST_SIGNALS = 6_000
_DAYS = 60


async def list_audiences_of_workspace(request: web.Request) -> web.StreamResponse:
    """Show the audiences; the number of each one's members is asked for when it comes into sight."""
    async with open_database(request) as database:
        workspaces = await choose_workspace(request, database)
        behind = query_text(request, "behind")
        names = []
        if workspaces.chosen is not None:
            names = await list_audiences(database, workspaces.chosen["id"], behind, PAGE_ROWS + 1)
    return draw(
        "audiences.html", request, names=names[:PAGE_ROWS], workspaces=workspaces.all, workspace=workspaces.chosen,
        next=names[PAGE_ROWS - 1] if len(names) > PAGE_ROWS else None,
    )  # fmt: skip


async def show_audience(request: web.Request) -> web.StreamResponse:
    """Show an audience; only how many are in it where htmx asks."""
    name = query_text(request, "name")
    async with open_database(request) as database:
        workspaces = await choose_workspace(request, database)
        if workspaces.chosen is None:
            raise web.HTTPNotFound(text="There is no such audience.")
        workspace_id = workspaces.chosen["id"]
        if request.headers.get("HX-Request"):
            count = await count_members(database, workspace_id, name, _MOST_SIGNALS)
            return draw("part_members.html", request, count=count)
        changes = await read_changes(database, workspace_id, name, _MOST_SIGNALS)
        if not changes:
            raise web.HTTPNotFound(text="There is no such audience.")
        last = changes[: -PAGE_ROWS - 1 : -1]
        subjects = await read_subjects(database, workspace_id, {change["subject"] for change in last})
    days = members_by_day(changes, _DAYS, now())
    instants = [day[0] for day in days]
    return draw(
        "audience.html", request, name=name, workspace=workspaces.chosen, members_now=days[-1][1],
        last_at=changes[-1]["occurred_at"], is_cut=changes[0]["is_cut"], changes=last, subjects=subjects,
        most_signals=_MOST_SIGNALS,
        members=chart(instants, {"Members": [day[1] for day in days]}),
        flow=chart(instants, {"Came": [day[2] for day in days], "Went": [-day[3] for day in days]}, bars=True),
    )  # fmt: skip
