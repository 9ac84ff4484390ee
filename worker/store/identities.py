"""Identities and the contacts that they form."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from worker.fold.contact import Contact
from worker.fold.identity import Identity
from worker.fold.person import Mention
from worker.fold.stamp import Stamp
from worker.sql import statement
from worker.store.database import Database, from_jsonb, to_jsonb


class Placed(msgspec.Struct, frozen=True):
    """Which contact an identity belongs to, in which roles it was seen, and when."""

    contact_id: UUID
    is_user: bool
    is_anonymous: bool
    first_seen_at_microseconds: int | None
    last_seen_at: datetime | None


async def insert_identities(
    database: Database, workspace_id: int, identities: Iterable[Identity], contact_ids: Mapping[UUID, UUID]
) -> set[UUID]:
    """Make the identities that are not there yet, in these contacts; give the ids of those that were made."""
    rows = await database.fetch(
        statement("insert_identities"), workspace_id, _rows_to_jsonb(identities, contact_ids)
    )
    return {row["id"] for row in rows}


async def update_identities(
    database: Database, workspace_id: int, identities: Iterable[Identity], contact_ids: Mapping[UUID, UUID]
) -> None:
    """Write identities and the contacts that they belong to."""
    await database.execute(statement("update_identities"), workspace_id, _rows_to_jsonb(identities, contact_ids))


def _rows_to_jsonb(identities: Iterable[Identity], contact_ids: Mapping[UUID, UUID]) -> str:
    """Write identities' rows, in the one order in which everybody writes them."""
    ordered = sorted(identities, key=lambda identity: identity.id)
    return to_jsonb([_placed_row(identity, contact_ids[identity.id]) for identity in ordered])


def _placed_row(identity: Identity, contact_id: UUID) -> dict[str, Any]:
    return {
        "id": identity.id,
        "value": identity.value,
        "is_user": identity.is_user,
        "is_anonymous": identity.is_anonymous,
        "contact_id": contact_id,
        "first_seen": identity.first_seen,
        "last_seen_at": identity.last_seen_at,
        "traits": identity.traits,
        "account_evidence": identity.account_evidence,
    }


async def find_identities(database: Database, workspace_id: int, ids: Iterable[UUID]) -> dict[UUID, Placed]:
    """Find where identities belong, without locking anything."""
    rows = await database.fetch(statement("find_identities"), workspace_id, list(ids))
    return {id_: Placed(*known) for id_, *known in rows}


async def read_members(
    database: Database, workspace_id: int, contact_ids: Iterable[UUID]
) -> tuple[dict[UUID, Identity], dict[UUID, UUID]]:
    """Read the identities of contacts, and which contact each belongs to."""
    rows = await database.fetch(statement("read_members"), workspace_id, list(contact_ids))
    return {row["id"]: _identity(row) for row in rows}, {row["id"]: row["contact_id"] for row in rows}


async def delete_identities(database: Database, workspace_id: int, ids: Sequence[UUID]) -> None:
    """Remove identities and their places in audiences."""
    await database.execute(statement("delete_identities"), workspace_id, ids)
    await database.execute(statement("delete_audience_signals"), workspace_id, ids)


async def read_mentions(database: Database, workspace_id: int, ids: Iterable[UUID]) -> dict[UUID, Mention]:
    """Read who names identities, of those that there are."""
    rows = await database.fetch(statement("read_mentions"), workspace_id, list(ids))
    return {
        row["id"]: Mention(_stamp(row, "own"), _stamp(row, "claim"), row["is_visitor_itself"], row["is_aliased"])
        for row in rows
    }


async def mention_identities(database: Database, workspace_id: int, mentions: Mapping[UUID, Mention]) -> None:
    """Write who names identities."""
    await database.execute(
        statement("mention_identities"),
        workspace_id,
        list(mentions),
        [to_jsonb(mention.first_seen) if mention.first_seen else None for mention in mentions.values()],
        [mention.is_anonymous for mention in mentions.values()],
    )


async def move_identities_on(
    database: Database, workspace_id: int, contact_ids: Mapping[UUID, UUID], seen_at: Mapping[UUID, datetime]
) -> int:
    """Move on when identities were last seen, of those that belong to these contacts still; give how many do."""
    status = await database.execute(
        statement("move_identities_on"),
        workspace_id,
        list(seen_at),
        to_jsonb({str(id_): contact_id for id_, contact_id in contact_ids.items()}),
        to_jsonb({str(id_): at.timestamp() for id_, at in seen_at.items()}),
    )
    return int(status.rpartition(" ")[2])


async def move_contacts_on(database: Database, workspace_id: int, seen_at: Mapping[UUID, datetime]) -> None:
    """Move on when contacts were last seen."""
    moments = to_jsonb({str(id_): at.timestamp() for id_, at in seen_at.items()})
    await database.execute(statement("move_contacts_on"), workspace_id, list(seen_at), moments)


async def lock_contacts(database: Database, workspace_id: int, ids: Iterable[UUID]) -> set[UUID]:
    """Lock contacts until the transaction ends; give those that there are."""
    return {row["id"] for row in await database.fetch(statement("lock_contacts"), workspace_id, list(ids))}


async def read_contacts(database: Database, workspace_id: int, ids: Iterable[UUID]) -> dict[UUID, Contact]:
    """Read contacts."""
    rows = await database.fetch(statement("read_contacts"), workspace_id, list(ids))
    return {
        row["id"]: Contact(
            row["id"],
            row["external_id"],
            row["email"],
            from_jsonb(row["traits"]),
            row["account_id"],
            row["first_seen_at"],
            row["last_seen_at"],
        )
        for row in rows
    }


async def upsert_contacts(database: Database, workspace_id: int, contacts: Iterable[Contact]) -> None:
    """Write contacts."""
    ordered = sorted(contacts, key=lambda contact: contact.id)
    await database.execute(statement("upsert_contacts"), workspace_id, to_jsonb(ordered))


async def delete_contacts(database: Database, workspace_id: int, ids: Iterable[UUID]) -> None:
    """Remove contacts."""
    await database.execute(statement("delete_contacts"), workspace_id, sorted(ids))


def _identity(row: Record) -> Identity:
    first_seen = from_jsonb(row["first_seen"])
    evidence = from_jsonb(row["account_evidence"])
    return Identity(
        id=row["id"],
        value=row["value"],
        is_user=row["is_user"],
        is_anonymous=row["is_anonymous"],
        first_seen=Stamp(*first_seen) if first_seen else None,
        last_seen_at=row["last_seen_at"],
        traits={name: tuple(stamped) for name, stamped in from_jsonb(row["traits"]).items()},
        account_evidence={
            source: {key: Stamp(*stamp) for key, stamp in stamps.items()} for source, stamps in evidence.items()
        },
    )


def _stamp(row: Record, kind: str) -> Stamp | None:
    at = row[f"{kind}_at"]
    return Stamp.of(at, row[f"{kind}_message_id"], row[f"{kind}_connection_id"]) if at else None
