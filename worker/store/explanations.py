"""What is stored of a contact, to be explained."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record

from schemas.timestamps import counted_at
from worker.explain.evidence import ContactRef, Evidence, Outsider, Withdrawal
from worker.fold.contact import Contact
from worker.fold.facts import AliasCall
from worker.fold.identity import Identity
from worker.fold.ids import account_id, identity_id
from worker.fold.links import Claim
from worker.fold.stamp import Stamp
from worker.sql import statement
from worker.store.database import Database, from_jsonb
from worker.store.identities import read_members
from worker.store.links import alias_of, claim_of


@dataclass(frozen=True, slots=True)
class Candidate:
    """A contact that was found, by one of its identities or by its e-mail address (None)."""

    workspace_id: int
    workspace: str
    contact_id: UUID
    external_id: str | None
    identity_id: UUID | None


async def find_candidates(
    database: Database, workspace: str | None, identities: Iterable[UUID], email: str | None, limit: int
) -> list[Candidate]:
    """Find the contacts of identities, and those with an e-mail address; a workspace of None stands for any."""
    rows = await database.fetch(statement("explain_candidates"), workspace, list(identities), email, limit)
    return [Candidate(**dict(row)) for row in rows]


async def read_evidence(database: Database, candidate: Candidate) -> Evidence:
    """Read all that explains a contact: a fixed number of statements, in a transaction that sees one moment."""
    workspace_id = candidate.workspace_id
    contact = await read_contact(database, workspace_id, candidate.contact_id)
    members, _ = await read_members(database, workspace_id, [candidate.contact_id])
    quarantined_links = await count_quarantined_links(database, workspace_id, members)
    linked = members.keys() - quarantined_links.keys()
    aliases = await read_aliases(database, workspace_id, linked)
    claims = await read_claims(database, workspace_id, linked)
    withdrawals = await read_withdrawals(database, workspace_id, [member.value for member in members.values()])
    ends = _ends(workspace_id, aliases, claims, withdrawals) - members.keys()
    return Evidence(
        candidate.workspace,
        candidate.workspace_id,
        contact,
        members,
        aliases,
        claims,
        await read_outsiders(database, workspace_id, ends),
        withdrawals,
        await read_account_names(database, workspace_id, _accounts(workspace_id, members.values())),
        await read_connection_names(database, workspace_id),
        quarantined_links,
    )


async def read_contact(database: Database, workspace_id: int, contact_id: UUID) -> Contact:
    """Read a contact that is there."""
    (row,) = await database.fetch(statement("explain_contact"), workspace_id, contact_id)
    return Contact(**dict(row) | {"traits": from_jsonb(row["traits"])})


async def count_quarantined_links(database: Database, workspace_id: int, ids: Iterable[UUID]) -> Mapping[UUID, int]:
    """Give those of the identities that are quarantined, and with how many others each is linked."""
    rows = await database.fetch(statement("explain_quarantine"), workspace_id, list(ids))
    return {row["id"]: row["links"] for row in rows}


async def read_aliases(database: Database, workspace_id: int, ids: Iterable[UUID]) -> list[AliasCall]:
    """Read the Alias calls that name identities, whether they count or not."""
    rows = await database.fetch(statement("explain_aliases"), workspace_id, list(ids))
    return [alias_of(row) for row in rows]


async def read_claims(database: Database, workspace_id: int, ids: Iterable[UUID]) -> list[Claim]:
    """Read the claims that identities made or were subject to."""
    rows = await database.fetch(statement("explain_claims"), workspace_id, list(ids))
    return [claim_of(row) for row in rows]


async def read_outsiders(database: Database, workspace_id: int, ids: Iterable[UUID]) -> dict[UUID, Outsider]:
    """Read identities with the contacts that they belong to."""
    rows = await database.fetch(statement("explain_outsiders"), workspace_id, list(ids))
    return {
        row["id"]: Outsider(
            row["id"],
            row["value"],
            row["is_user"],
            ContactRef(row["contact_id"], row["external_id"]),
            row["is_quarantined"],
        )
        for row in rows
    }


async def read_withdrawals(database: Database, workspace_id: int, values: Sequence[str]) -> list[Withdrawal]:
    """Read which messages that name one of these ids had their link withdrawn."""
    rows = await database.fetch(statement("explain_withdrawals"), workspace_id, values)
    return [
        Withdrawal(_counted_stamp(row), row["withdrawn_at"], row["anonymous_value"], row["user_value"]) for row in rows
    ]


async def read_account_names(database: Database, workspace_id: int, ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """Read accounts' names."""
    rows = await database.fetch(statement("explain_accounts"), workspace_id, list(ids))
    return {row["id"]: row["name"] for row in rows}


async def read_connection_names(database: Database, workspace_id: int) -> Mapping[str, str]:
    """Read the names of a workspace's connections, by their ids."""
    return {row["id"]: row["name"] for row in await database.fetch(statement("explain_connections"), workspace_id)}


def _ends(
    workspace_id: int, aliases: Iterable[AliasCall], claims: Iterable[Claim], withdrawals: Iterable[Withdrawal]
) -> set[UUID]:
    """Give the identities that links name."""
    ids = {id_ for alias in aliases for id_ in (alias.previous_id, alias.user_id) if id_ is not None}
    ids |= {id_ for claim in claims for id_ in (claim.anonymous_id, claim.user_id)}
    values = {value for withdrawal in withdrawals for value in (withdrawal.anonymous_value, withdrawal.user_value)}
    return ids | {identity_id(workspace_id, value) for value in values if value is not None}


def _accounts(workspace_id: int, members: Iterable[Identity]) -> set[UUID]:
    return {
        account_id(workspace_id, source, key)
        for member in members
        for source, stamps in member.account_evidence.items()
        for key in stamps
    }


def _counted_stamp(row: Record) -> Stamp:
    counted = counted_at(row["occurred_at"], row["received_at"])
    return Stamp.of(counted, row["message_id"], row["connection_id"])
