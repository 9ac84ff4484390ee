"""The ledger: what became of every accepted message; and who may work on a partition."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from worker.fold.account_rules import AccountRules
from worker.fold.domains import readable_domain
from worker.sql import statement
from worker.store.database import Database
from worker.tally import Tally


@dataclass(frozen=True, slots=True)
class ConnectionRules:
    """Which workspace a connection belongs to, and how it matches accounts.

    `trimmed_until`: events from before it may have been trimmed from the workspace's log; None where none were.
    """

    workspace_id: int
    rules: AccountRules
    trimmed_until: datetime | None


async def read_connection_rules(database: Database, ids: Iterable[str]) -> Mapping[str, ConnectionRules]:
    """Give the rules of these connections, of those that exist."""
    rows = await database.fetch(statement("read_connections"), list(ids))
    return {row["id"]: ConnectionRules(row["workspace_id"], rules_of(row), row["trimmed_until"]) for row in rows}


async def read_account_rules(database: Database, ids: Iterable[str]) -> Mapping[str, AccountRules]:
    """Give the account rules of these connections, of those that exist."""
    return {id_: found.rules for id_, found in (await read_connection_rules(database, ids)).items()}


async def read_all_rules(database: Database) -> Mapping[str, AccountRules]:
    """Give the rules of every connection."""
    return {row["id"]: rules_of(row) for row in await database.fetch(statement("read_all_connections"))}


def rules_of(row: Record) -> AccountRules:
    """Give the account rules in a connection's row, which may name its domains in any form."""
    return AccountRules(
        row["account_method"],
        row["account_id_trait"],
        row["account_name_trait"],
        email_fallback=row["email_fallback"],
        mail_provider_accounts=row["mail_provider_accounts"],
        excluded_domains=frozenset(map(readable_domain, row["excluded_domains"])),
        included_domains=frozenset(map(readable_domain, row["included_domains"])),
    )


async def lock_partition(database: Database, partition: int) -> bool:
    """Take a partition until the transaction ends. False where another transaction has it."""
    is_ours: bool = await database.fetchval(statement("lock_partition"), partition)
    return is_ours


async def read_settled_entries(database: Database, partition: int) -> frozenset[str]:
    """Give the stream entries that the partition's last commit settled; they may not be removed yet."""
    return frozenset(await database.fetchval(statement("read_settled_entries"), partition) or ())


async def settle_entries(database: Database, partition: int, tally: Tally, entries: Sequence[str]) -> int:
    """Count a drain's messages and remember its entries; give how many messages the partition has settled in all."""
    settled: int = await database.fetchval(
        statement("settle_entries"),
        partition,
        tally.applied,
        tally.duplicate,
        tally.suppressed,
        tally.dead,
        entries,
    )
    return settled


async def settle_import(database: Database, accepted: int, tally: Tally) -> None:
    """Count messages that did not come through the queue."""
    await database.execute(
        statement("settle_import"), accepted, tally.applied, tally.duplicate, tally.suppressed, tally.dead
    )
