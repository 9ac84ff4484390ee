"""Contacts: looking for them, those without an account, and one of them with the reason of everything."""

from datetime import datetime
from typing import Any
from uuid import UUID

from aiohttp import web

from schemas.timestamps import read_instant
from worker.console.looking import read_sought
from worker.console.parts import PAGE_ROWS, draw, open_database, query_text
from worker.console.preview import no_domain_reason
from worker.console.stays import stays_of
from worker.console.workspaces import choose_workspace
from worker.explain.explanation import explain_contact
from worker.fold.account_rules import AccountRules
from worker.fold.ids import identity_id
from worker.store.audiences import read_signals
from worker.store.connections import find_connections
from worker.store.database import Database
from worker.store.explanations import Candidate, read_evidence
from worker.store.people import (
    KnownOf,
    find_contact,
    list_contact_events,
    list_contacts,
    list_recent_contacts,
    list_unmatched_contacts,
    search_contacts,
)
from worker.store.tail import read_tail_position

RECENT_POSITIONS = 1_000
"""How far back in the log those who did something lately are looked for."""


async def list_contacts_page(request: web.Request, database: Database, workspace_id: int) -> dict[str, Any]:
    """Read what one of the lists shows: what was looked for, the unmatched, all, or the recently active."""
    query, view = query_text(request, "q").strip(), request.query.get("view", "recent")
    if query:
        sought = read_sought(query)
        ids = [identity_id(workspace_id, sought.id_text), *([sought.uuid] if sought.uuid else [])]
        known = KnownOf(sought.words, sought.traits)
        rows = await search_contacts(database, workspace_id, ids, known, PAGE_ROWS + 1)
        return {"rows": rows[:PAGE_ROWS], "is_cut": len(rows) > PAGE_ROWS, "next": None}
    behind = request.query.get("behind", "")
    if view == "unmatched":
        rows = await list_unmatched_contacts(database, workspace_id, _anonymous_and_id(behind), PAGE_ROWS + 1)
        rules = [connection.rules for connection in await find_connections(database)
                 if connection.workspace_id == workspace_id]  # fmt: skip
        rows = [row | {"reason": _unmatched_reason(row["email"], rules)} for row in rows]
    elif view == "all":
        rows = await list_contacts(database, workspace_id, read_uuid(behind) if behind else None, PAGE_ROWS + 1)
    else:
        position = await read_tail_position(database)
        rows = await list_recent_contacts(database, workspace_id, position - RECENT_POSITIONS, PAGE_ROWS)
    shown = rows[:PAGE_ROWS]
    next_ = None
    if len(rows) > PAGE_ROWS:
        last = shown[-1]
        next_ = f"{'a' if last['external_id'] is None else 'u'}{last['id']}" if view == "unmatched" else str(last["id"])
    return {"rows": shown, "is_cut": False, "next": next_}


async def list_contacts_of_workspace(request: web.Request) -> web.StreamResponse:
    """Show a list of contacts."""
    async with open_database(request) as database:
        workspaces = await choose_workspace(request, database)
        page: dict[str, Any] = {"rows": [], "is_cut": False, "next": None}
        if workspaces.chosen is not None:
            page = await list_contacts_page(request, database, workspaces.chosen["id"])
    return draw(
        "contacts.html", request, **page, workspaces=workspaces.all, workspace=workspaces.chosen,
        query=query_text(request, "q").strip(), view=request.query.get("view", "recent"),
    )  # fmt: skip


async def show_contact(request: web.Request) -> web.StreamResponse:
    """Show one contact: who it is and why, what it did, and where it belongs."""
    workspace_id, id_ = int(request.match_info["workspace"]), read_uuid(request.match_info["id"])
    async with (
        open_database(request) as database,
        database.transaction(isolation="repeatable_read", readonly=True),
    ):
        found = await find_contact(database, workspace_id, id_)
        if found is None:
            raise web.HTTPNotFound(text="There is no contact with this id; whoever is deleted is forgotten.")
        candidate = Candidate(workspace_id, found["workspace"], found["id"], found["external_id"], id_)
        evidence = await read_evidence(database, candidate)
        events = await list_contact_events(
            database, workspace_id, evidence.members, _behind_event(request), PAGE_ROWS + 1
        )
        signals = await read_signals(database, workspace_id, evidence.members, are_accounts=False)
    return draw(
        "contact.html", request,
        workspace_id=workspace_id, contact=explain_contact(evidence), traits=evidence.contact.traits,
        events=events[:PAGE_ROWS], next_event=events[PAGE_ROWS - 1] if len(events) > PAGE_ROWS else None,
        stays=stays_of(signals), is_merged=id_ != found["id"], is_later_page="at" in request.query,
    )  # fmt: skip


def read_uuid(text: str) -> UUID:
    """Read an id in a URL. Raises HTTPNotFound for what is none."""
    try:
        return UUID(text)
    except ValueError:
        raise web.HTTPNotFound(text="There is nothing with this id.") from None


def _anonymous_and_id(behind: str) -> tuple[bool, UUID] | None:
    return (behind[0] == "a", read_uuid(behind[1:])) if behind else None


def _behind_event(request: web.Request) -> tuple[datetime, str] | None:
    moment = read_instant(request.query.get("at"))
    return (moment, query_text(request, "id")) if moment else None


def _unmatched_reason(email: str | None, rules: list[AccountRules]) -> str:
    """Say why a contact has no account, as far as its e-mail address tells."""
    reasons = {no_domain_reason(email, one) for one in rules}
    return next(iter(reasons)) if len(reasons) == 1 else "none of its connections' methods found one"


