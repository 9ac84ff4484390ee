"""Who is in which audience, who came and who went, for people to look at."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from asyncpg import Record

from worker.sql import statement
from worker.store.database import Database, Row, from_jsonb


class MemberCount(NamedTuple):
    """Members of an audience, and the time of its last signal; `is_cut` where not all signals were looked at."""

    members: int
    last_at: datetime | None
    is_cut: bool


async def list_audiences(database: Database, workspace_id: int, behind: str, most: int) -> list[str]:
    """List audiences by name."""
    return [row["name"] for row in await database.fetch(statement("list_audiences"), workspace_id, behind, most)]


async def count_members(database: Database, workspace_id: int, audience: str, most_signals: int) -> MemberCount:
    """Count an audience's members."""
    (row,) = await database.fetch(statement("count_members"), workspace_id, audience, most_signals)
    return MemberCount(*row)


async def read_changes(database: Database, workspace_id: int, audience: str, most_signals: int) -> list[Record]:
    """Read who came and who went, the first first: subject, is_account, occurred_at, is_member.

    `is_cut` in each row tells whether there are more signals.
    """
    return await database.fetch(statement("read_audience_changes"), workspace_id, audience, most_signals)


async def read_signals(
    database: Database, workspace_id: int, subjects: Iterable[UUID], *, are_accounts: bool
) -> list[Record]:
    """Read what was said of subjects' places in audiences, the first first: audience, is_member, occurred_at."""
    return await database.fetch(statement("list_audience_signals"), workspace_id, list(subjects), are_accounts)


async def read_subjects(database: Database, workspace_id: int, ids: Iterable[UUID]) -> Mapping[UUID, Row]:
    """Read contacts and accounts by their ids: an account's name, or a contact's traits, email and external_id."""
    rows = await database.fetch(statement("list_subjects"), workspace_id, list(ids))
    return {row["id"]: dict(row) | {"traits": from_jsonb(row["traits"])} for row in rows}
