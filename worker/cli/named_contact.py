"""The contact that a command is told by one of its ids or its e-mail address."""

import uuid
from collections.abc import Sequence

from worker.cli.failures import CommandError
from worker.fold.ids import identity_id
from worker.store.connections import read_workspace_ids
from worker.store.database import Database
from worker.store.explanations import Candidate, find_candidates

_MOST_CANDIDATES = 10


async def find_contact(database: Database, text: str, workspace: str | None) -> Candidate:
    """Find the one contact with this id, userId, anonymousId or e-mail address.

    Raises CommandError where there is none, or more than one.
    """
    ids = {identity_id(number, text) for number in await read_workspace_ids(database, workspace)}
    ids |= {id_ for id_ in (as_uuid(text),) if id_}
    email = text if "@" in text else None
    return _only(text, workspace, await find_candidates(database, workspace, ids, email, _MOST_CANDIDATES + 1))


def as_uuid(text: str) -> uuid.UUID | None:
    """Read a contact's id; None where it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _only(text: str, workspace: str | None, candidates: Sequence[Candidate]) -> Candidate:
    firsts = {(found.workspace_id, found.contact_id): found for found in reversed(candidates)}
    if not firsts:
        place = "" if workspace is None else f" in the workspace {workspace!r}"
        raise CommandError(f"no contact has the id, identity or e-mail address {text!r}{place}")
    if len(firsts) > 1:
        found = [_named(candidate) for candidate in reversed(firsts.values())]
        more = " and more" if len(candidates) > _MOST_CANDIDATES else ""
        which = "; ".join(found[:_MOST_CANDIDATES]) + more
        raise CommandError(f"{text!r} is several contacts, say which by its id and --workspace: {which}")
    return next(iter(firsts.values()))


def _named(candidate: Candidate) -> str:
    name = "anonymous" if candidate.external_id is None else repr(candidate.external_id)
    return f"{candidate.contact_id} ({name} in {candidate.workspace!r})"
