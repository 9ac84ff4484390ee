"""Claims and aliases: the evidence of which identities are one contact."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from schemas.timestamps import counted_at
from worker.fold.facts import AliasCall
from worker.fold.ids import identity_id
from worker.fold.links import Claim
from worker.fold.stamp import Stamp
from worker.sql import statement
from worker.store.database import Database, to_jsonb
from worker.store.messages import MessageKey


async def find_claims(database: Database, workspace_id: int, visitors: Iterable[UUID]) -> list[Claim]:
    """Read who claimed these anonymous visitors."""
    rows = await database.fetch(statement("find_claims"), workspace_id, list(visitors))
    return [claim_of(row) for row in rows]


def claim_of(row: Record) -> Claim:
    """Read a row of the claims."""
    stamp = Stamp.of(row["occurred_at"], row["message_id"], row["connection_id"])
    return Claim(row["anonymous_id"], row["user_id"], stamp)


async def upsert_claims(database: Database, workspace_id: int, claims: Iterable[Claim]) -> list[UUID]:
    """Keep the earliest claim of each visitor and user; give both ends of those that are new or earlier now."""
    ordered = sorted(claims, key=lambda claim: (claim.anonymous_id, claim.user_id))
    told = [
        {
            "anonymous_id": claim.anonymous_id,
            "user_id": claim.user_id,
            "occurred_at": claim.stamp.occurred_at,
            "message_id": claim.stamp.message_key,
            "connection_id": claim.stamp.connection_id,
        }
        for claim in ordered
    ]
    rows = await database.fetch(statement("upsert_claims"), workspace_id, to_jsonb(told))
    return [id_ for row in rows for id_ in (row["anonymous_id"], row["user_id"])]


async def find_aliases(database: Database, workspace_id: int, ids: Iterable[UUID]) -> list[AliasCall]:
    """Read the Alias calls that name one of these identities."""
    rows = await database.fetch(statement("find_aliases"), workspace_id, list(ids))
    return [alias_of(row) for row in rows]


def alias_of(row: Record) -> AliasCall:
    """Read a row of the aliases."""
    return AliasCall(
        Stamp.of(row["occurred_at"], row["message_id"], row["connection_id"]),
        row["previous_value"],
        row["user_value"],
        row["previous_id"],
        row["user_id"],
        is_withdrawn=row["is_withdrawn"],
    )


async def insert_aliases(database: Database, workspace_id: int, aliases: Iterable[AliasCall]) -> None:
    """Record Alias calls."""
    ordered = sorted(aliases, key=lambda alias: (alias.stamp.connection_id, alias.stamp.message_key))
    await database.execute(
        statement("insert_aliases"),
        workspace_id,
        [alias.stamp.connection_id for alias in ordered],
        [alias.stamp.message_key for alias in ordered],
        [alias.stamp.occurred_at for alias in ordered],
        [alias.previous_value for alias in ordered],
        [alias.user_value for alias in ordered],
        [alias.previous_id for alias in ordered],
        [alias.user_id for alias in ordered],
        [alias.is_withdrawn for alias in ordered],
    )


async def withdraw(
    database: Database, workspace_id: int, key: MessageKey, now: datetime, *, is_claim: bool
) -> None:
    """Withdraw the link that a message made. `is_claim`: it claims an anonymous visitor."""
    await database.execute(statement("insert_withdrawal"), workspace_id, *key, is_claim, now)
    await database.execute(statement("mark_alias"), workspace_id, *key, True)  # noqa: FBT003 (the column's value)


async def give_back(database: Database, workspace_id: int, key: MessageKey) -> None:
    """Let the link that a message made count again."""
    await database.execute(statement("delete_withdrawal"), workspace_id, *key)
    await database.execute(statement("mark_alias"), workspace_id, *key, False)  # noqa: FBT003 (the column's value)


async def delete_claim(database: Database, workspace_id: int, visitor: UUID, user: UUID) -> None:
    """Remove a user's claim on an anonymous visitor."""
    await database.execute(statement("delete_claim"), workspace_id, visitor, user)


@dataclass(frozen=True, slots=True)
class DeletedLinks:
    """The keys of the messages that made the links, and the identities that those name."""

    keys: set[MessageKey]
    ends: set[UUID]


async def delete_links(database: Database, workspace_id: int, ids: Sequence[UUID]) -> DeletedLinks:
    """Remove the claims and aliases that name identities."""
    rows = await database.fetch(statement("delete_claims"), workspace_id, ids)
    rows += await database.fetch(statement("delete_aliases"), workspace_id, ids)
    return DeletedLinks(
        {(row["connection_id"], row["message_id"]) for row in rows},
        {id_ for row in rows for id_ in (row["previous_id"], row["user_id"]) if id_ is not None},
    )


async def find_named(database: Database, workspace_id: int, users: Iterable[UUID]) -> set[UUID]:
    """Find whom users claim or rename, whether the link has an effect or not."""
    return {row["id"] for row in await database.fetch(statement("find_named"), workspace_id, list(users))}


async def find_withdrawn_claims(database: Database, workspace_id: int) -> list[Claim]:
    """Find the claims that were withdrawn: they have no effect, but their messages name the visitors."""
    rows = await database.fetch(statement("find_withdrawn_claims"), workspace_id)
    return [_withdrawn_claim(workspace_id, row) for row in rows]


def _withdrawn_claim(workspace_id: int, row: Record) -> Claim:
    counted = counted_at(row["occurred_at"], row["received_at"])
    stamp = Stamp.of(counted, row["message_id"], row["connection_id"])
    return Claim(identity_id(workspace_id, row["anonymous_value"]), row["user_id"], stamp)


async def update_quarantine(
    database: Database, workspace_id: int, ids: Iterable[UUID], *, may_free: bool
) -> dict[UUID, bool]:
    """Quarantine identities that are linked with too many others; give those that changed, and whether they are in.

    `may_free`: also let those out that are not any more, for which the links of quarantined ones are counted.
    """
    rows = await database.fetch(statement("update_quarantine"), workspace_id, list(ids), may_free)
    return {row["id"]: row["is_quarantined"] for row in rows}


async def find_neighbours(database: Database, workspace_id: int, ids: Iterable[UUID]) -> set[UUID]:
    """Find whose contacts may change when these identities enter or leave quarantine."""
    return {row["id"] for row in await database.fetch(statement("find_neighbours"), workspace_id, list(ids))}
