"""Accounts: looking for them, and one of them with its people and what they did."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aiohttp import web
from asyncpg import Record

from worker.console.charts import chart
from worker.console.contact_pages import RECENT_POSITIONS, read_uuid
from worker.console.looking import read_sought
from worker.console.parts import PAGE_ROWS, draw, now, open_database, query_text
from worker.console.stays import stays_of
from worker.console.workspaces import choose_workspace
from worker.store.audiences import read_signals
from worker.store.database import Database
from worker.store.people import (
    count_account_activity,
    count_people,
    find_account,
    list_account_contacts,
    list_accounts,
    list_recent_accounts,
    search_accounts,
)
from worker.store.tail import read_tail_position

_MOST_PEOPLE = 1_000
_ACTIVITY_DAYS = 30
_ACTIVITY_BOUNDS = (200, 500)
"""Of how many identities, and of how many messages of each, an account's activity is counted."""


async def list_accounts_of_workspace(request: web.Request) -> web.StreamResponse:
    """Show a list of accounts: what was looked for, all, or the recently active."""
    query, view = query_text(request, "q").strip(), request.query.get("view", "recent")
    async with open_database(request) as database:
        workspaces = await choose_workspace(request, database)
        rows: list[Record] = []
        if workspaces.chosen is not None:
            rows = await _list(request, database, workspaces.chosen["id"], query, view)
        shown = rows[:PAGE_ROWS]
        people: Mapping[UUID, int] = {}
        if workspaces.chosen is not None and shown:
            ids = [row["id"] for row in shown]
            people = await count_people(database, workspaces.chosen["id"], ids, _MOST_PEOPLE)
    is_more = len(rows) > PAGE_ROWS
    return draw(
        "accounts.html", request, rows=shown, people=people, most_people=_MOST_PEOPLE, is_cut=is_more and bool(query),
        next=str(shown[-1]["id"]) if is_more and not query else None, query=query, view=view,
        workspaces=workspaces.all, workspace=workspaces.chosen,
    )  # fmt: skip


async def show_account(request: web.Request) -> web.StreamResponse:
    """Show one account: its traits, its people, what they did by day, and its audiences."""
    workspace_id, id_ = int(request.match_info["workspace"]), read_uuid(request.match_info["id"])
    behind = request.query.get("behind", "")
    since = now() - timedelta(days=_ACTIVITY_DAYS)
    async with open_database(request) as database:
        account = await find_account(database, workspace_id, id_)
        if account is None:
            raise web.HTTPNotFound(text="There is no account with this id.")
        last = (behind[0] == "a", read_uuid(behind[1:])) if behind else None
        people = await list_account_contacts(database, workspace_id, id_, last, PAGE_ROWS + 1)
        number = (await count_people(database, workspace_id, [id_], _MOST_PEOPLE))[id_]
        days = await count_account_activity(database, workspace_id, id_, since, _ACTIVITY_BOUNDS)
        signals = await read_signals(database, workspace_id, [id_], are_accounts=True)
    shown = people[:PAGE_ROWS]
    next_ = None
    if len(people) > PAGE_ROWS:
        next_ = f"{'a' if shown[-1]['external_id'] is None else 'u'}{shown[-1]['id']}"
    return draw(
        "account.html", request, workspace_id=workspace_id, account=account, people=shown, next=next_,
        number=number, most_people=_MOST_PEOPLE, activity=_activity(days), stays=stays_of(signals),
        is_part=any(day["is_cut"] or day["has_more_people"] for day in days), bounds=_ACTIVITY_BOUNDS,
    )  # fmt: skip


async def _list(request: web.Request, database: Database, workspace_id: int, query: str, view: str) -> list[Record]:
    if query:
        words = read_sought(query).words
        return await search_accounts(database, workspace_id, words, PAGE_ROWS + 1) if words else []
    if view == "all":
        behind = request.query.get("behind")
        return await list_accounts(database, workspace_id, read_uuid(behind) if behind else None, PAGE_ROWS + 1)
    position = await read_tail_position(database)
    return await list_recent_accounts(database, workspace_id, position - RECENT_POSITIONS, PAGE_ROWS)


def _activity(days: list[Record]) -> dict[str, Any] | None:
    if not days:
        return None
    counts = {row["day"]: row["messages"] for row in days}
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    instants = [today - timedelta(days=_ACTIVITY_DAYS - 1 - number) for number in range(_ACTIVITY_DAYS)]
    return chart(instants, {"Messages": [counts.get(instant, 0) for instant in instants]}, bars=True)
