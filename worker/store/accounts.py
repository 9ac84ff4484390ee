"""Accounts, and places in audiences."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from worker.fold.account import Account
from worker.fold.facts import Facts
from worker.fold.ids import account_id
from worker.sql import statement
from worker.store.database import Database, from_jsonb, to_jsonb


async def insert_accounts(database: Database, workspace_id: int, accounts: Iterable[Account]) -> set[UUID]:
    """Make the accounts that are not there yet; give the ids of those that were made."""
    ordered = sorted(accounts, key=lambda account: account.id)
    rows = await database.fetch(statement("insert_accounts"), workspace_id, to_jsonb(ordered))
    return {row["id"] for row in rows}


async def lock_accounts(database: Database, workspace_id: int, ids: Iterable[UUID]) -> dict[UUID, Account]:
    """Lock accounts until the transaction ends, and read them."""
    rows = await database.fetch(statement("lock_accounts"), workspace_id, list(ids))
    return {
        row["id"]: Account(
            row["id"],
            row["source"],
            row["key"],
            row["is_own"],
            row["first_seen_at"],
            row["last_seen_at"],
            row["is_heard"],
            {name: tuple(stamped) for name, stamped in from_jsonb(row["traits"]).items()},
        )
        for row in rows
    }


async def update_accounts(database: Database, workspace_id: int, accounts: Iterable[Account]) -> None:
    """Write accounts that changed."""
    ordered = sorted(accounts, key=lambda account: account.id)
    await database.execute(statement("update_accounts"), workspace_id, to_jsonb(ordered))


async def insert_audience_signals(database: Database, workspace_id: int, batch: Iterable[Facts]) -> None:
    """Record the places in audiences that messages speak of."""
    signals = [_signal(subject, facts) for facts in batch if (subject := _subject(facts)) is not None]
    if signals:
        await database.execute(statement("insert_audience_signals"), workspace_id, to_jsonb(signals))


def _signal(subject: UUID, facts: Facts) -> dict[str, Any]:
    stamp = facts.message.stamp
    return {
        "subject_id": subject,
        "is_account": facts.message.type == "group",
        "audience": facts.audience,
        "occurred_at": facts.message.counted_at,
        "message_id": stamp.message_key,
        "connection_id": stamp.connection_id,
        "is_member": facts.is_member,
    }


def _subject(facts: Facts) -> UUID | None:
    """Give what the message's audience is about: an account for a Group call, else the sender."""
    if facts.audience is None:
        return None
    if facts.message.type == "group":
        return account_id(facts.message.workspace_id, "group", facts.account.key) if facts.account else None
    return facts.sender.id if facts.sender else None
