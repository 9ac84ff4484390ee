"""Contacts and accounts as people look for them: by words, page by page, or the last that did something."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from asyncpg import Record

from worker.sql import statement
from worker.store.database import Database, from_jsonb, to_jsonb


class KnownOf(NamedTuple):
    """What must be known of a contact: words as a tsquery, or None, and what its traits must contain, or None."""

    words: str | None
    traits: Mapping[str, Any] | None


async def list_workspaces(database: Database) -> list[Record]:
    """List the workspaces: id, name."""
    return await database.fetch(statement("list_workspaces"))


async def has_contacts(database: Database, workspace_id: int) -> bool:
    """Tell whether anybody is in a workspace."""
    is_anybody: bool = await database.fetchval(statement("has_contacts"), workspace_id)
    return is_anybody


async def search_contacts(
    database: Database, workspace_id: int, identities: Iterable[UUID], known: KnownOf, most: int
) -> list[dict[str, Any]]:
    """Find contacts that have one of these identities, or of whom this is known."""
    traits = None if known.traits is None else to_jsonb(known.traits)
    rows = await database.fetch(
        statement("search_contacts"), workspace_id, known.words, list(identities), traits, most
    )
    return [_contact(row) for row in rows]


async def list_contacts(
    database: Database, workspace_id: int, behind: UUID | None, most: int
) -> list[dict[str, Any]]:
    """List contacts in the order of their ids."""
    return [_contact(row) for row in await database.fetch(statement("list_contacts"), workspace_id, behind, most)]


async def list_unmatched_contacts(
    database: Database, workspace_id: int, behind: tuple[bool, UUID] | None, most: int
) -> list[dict[str, Any]]:
    """List contacts without an account, those with an external id first.

    `behind` is whether the last one shown has none, and its id.
    """
    is_anonymous, id_ = behind or (False, None)
    rows = await database.fetch(statement("list_unmatched_contacts"), workspace_id, int(is_anonymous), id_, most)
    return [_contact(row) for row in rows]


async def list_account_contacts(
    database: Database, workspace_id: int, account_id: UUID, behind: tuple[bool, UUID] | None, most: int
) -> list[dict[str, Any]]:
    """List an account's contacts in the same way."""
    is_anonymous, id_ = behind or (False, None)
    rows = await database.fetch(
        statement("list_account_contacts"), workspace_id, account_id, int(is_anonymous), id_, most
    )
    return [_contact(row) for row in rows]


async def list_recent_contacts(
    database: Database, workspace_id: int, behind: int, most: int
) -> list[dict[str, Any]]:
    """List the contacts that sent what lies behind a position of the log, the last first."""
    rows = await database.fetch(statement("list_recent_contacts"), workspace_id, behind, most)
    return [_contact(row) for row in rows]


async def find_contact(database: Database, workspace_id: int, id_: UUID) -> Record | None:
    """Find the contact that an id belongs to now: workspace (its name), id, external_id."""
    return await database.fetchrow(statement("find_contact"), workspace_id, id_)


async def list_contact_events(
    database: Database,
    workspace_id: int,
    identities: Iterable[UUID],
    behind: tuple[datetime, str] | None,
    most: int,
) -> list[Record]:
    """List what identities sent, the last first; `behind` is the time and the messageId of the last one shown."""
    moment, message_id = behind or (None, None)
    return await database.fetch(
        statement("list_contact_events"), workspace_id, list(identities), moment, message_id, most
    )


async def search_accounts(database: Database, workspace_id: int, words: str, most: int) -> list[Record]:
    """Find accounts of which these words (a tsquery) are known."""
    return await database.fetch(statement("search_accounts"), workspace_id, words, most)


async def list_accounts(database: Database, workspace_id: int, behind: UUID | None, most: int) -> list[Record]:
    """List accounts in the order of their ids."""
    return await database.fetch(statement("list_accounts"), workspace_id, behind, most)


async def list_recent_accounts(database: Database, workspace_id: int, behind: int, most: int) -> list[Record]:
    """List the accounts of those who sent what lies behind a position of the log, the last first."""
    return await database.fetch(statement("list_recent_accounts"), workspace_id, behind, most)


async def count_people(
    database: Database, workspace_id: int, account_ids: Sequence[UUID], bound: int
) -> Mapping[UUID, int]:
    """Count the contacts of accounts, each up to a bound."""
    rows = await database.fetch(statement("count_people"), workspace_id, account_ids, bound)
    return {row["account_id"]: row["people"] for row in rows}


async def find_account(database: Database, workspace_id: int, id_: UUID) -> Mapping[str, Any] | None:
    """Find an account with its traits."""
    row = await database.fetchrow(statement("find_account"), workspace_id, id_)
    return None if row is None else dict(row) | {"traits": from_jsonb(row["traits"])}


async def count_account_activity(
    database: Database, workspace_id: int, account_id: UUID, since: datetime, bounds: tuple[int, int]
) -> list[Record]:
    """Count by day what an account's people sent: of how many of them, and of how many messages of each, at most."""
    return await database.fetch(statement("count_account_activity"), workspace_id, account_id, since, *bounds)


def _contact(row: Record) -> dict[str, Any]:
    return dict(row) | {"traits": from_jsonb(row["traits"])}
