"""Folds the message log again, and makes what people see the same as the outcome.

The log is read from one snapshot into scratch tables while traffic goes on. Then, for a moment, nobody writes: what
has come since is folded as well, and only the rows that differ are written, in one transaction.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias, cast

import asyncpg

from schemas.foreseen import ForeseenError
from worker.failure import POSTGRES_AWAY
from worker.fold.account_rules import AccountRules
from worker.fold.facts import Facts, LoggedMessage, facts_of_logged
from worker.sql import statement
from worker.store import folded
from worker.store.connections import update_rules
from worker.store.database import Database, server_settings
from worker.store.holding import IsHeld, holding
from worker.store.ledger import read_all_rules
from worker.store.locks import REBUILD_LOCK
from worker.store.messages import MessageKey, logged_message, read_all_withdrawals, sum_tombstones
from worker.store.pooler import Opener
from worker.store.scratch import SCRATCH, ScratchConnection, drop_scratch, make_scratch
from worker.update_accounts import update_accounts
from worker.update_contacts import update_contacts

_CHUNK_MESSAGES = 2000
_EXAMPLES = 10
_TRIES = 5
_LOCK_SECONDS = 2
_LONGEST_SECONDS = 24 * 3600.0

StoreRules: TypeAlias = Callable[[Database, str, AccountRules], Awaitable[None]]
"""Stores a connection's new rules, and what has to be true just when they are; what it raises ends the rebuild."""


class RebuildError(ForeseenError):
    """The log cannot be folded again now; the text says why."""


class _PersonForgottenError(Exception):
    """Somebody was forgotten while the log was read: what was folded may be theirs."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Behind which position what is not in it lies, and what the tombstones summed up to.

    A deletion is not all that forgets people: a late message of somebody deleted does so, too, and is never logged.
    But whatever forgets leaves a tombstone.
    """

    position: int
    tombstones: tuple[int, Decimal]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a rebuild changes: rows of each folded table, and contacts that belong to another account."""

    rows: dict[str, int]
    moved_contacts: int
    examples: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RebuildOptions:
    """`workspace_id`: the one to rebuild, or None for all.

    `rules`: connections' new account rules. Unless this is a dry run, `store_rules` stores them, in one transaction
    with what comes of them.
    """

    workspace_id: int | None = None
    rules: Mapping[str, AccountRules] = field(default_factory=dict)
    is_dry_run: bool = False
    store_rules: StoreRules = update_rules


async def rebuild(database_url: str, options: RebuildOptions, on_progress: Callable[[int, int], None]) -> Difference:
    """Fold the log again. `on_progress` is told how many messages of how many were folded.

    What it raises before it commits has changed nothing; RebuildError says why by itself.
    """
    async with (
        holding(database_url, REBUILD_LOCK, _LOCK_SECONDS) as is_held,
        _sessions(database_url) as (reader, scratch),
    ):
        if is_held is None:
            raise RebuildError("another rebuild is under way")
        try:
            for _ in range(_TRIES):
                await make_scratch(reader)
                withdrawn = await read_all_withdrawals(reader)
                folding = _Folding(scratch, options, withdrawn, await read_all_rules(reader))
                snapshot = await _fold_snapshot(reader, folding, on_progress)
                with suppress(_PersonForgottenError):
                    return await _take_over(scratch, folding, snapshot, is_held)
        finally:
            await drop_scratch(reader)
    raise RebuildError(f"people were deleted during each of {_TRIES} tries: try again at a quieter time")


@dataclass(slots=True)
class _Folding:
    """Folds messages into the scratch tables."""

    scratch: Database
    options: RebuildOptions
    withdrawn: set[tuple[int, MessageKey]]
    stored_rules: Mapping[str, AccountRules]

    async def fold(self, rows: Sequence[asyncpg.Record]) -> None:
        """Fold rows of the log but for deletions: what was deleted is in the log no more."""
        by_workspace: dict[int, list[asyncpg.Record]] = {}
        for row in rows:
            if row["type"] == "delete":
                continue
            by_workspace.setdefault(row["workspace_id"], []).append(row)
        async with self.scratch.transaction():
            for workspace_id, group in sorted(by_workspace.items()):
                await self._fold_workspace(workspace_id, group)

    async def _fold_workspace(self, workspace_id: int, rows: Sequence[asyncpg.Record]) -> None:
        facts = [self._facts(workspace_id, logged_message(workspace_id, row)) for row in rows]
        await update_contacts(self.scratch, workspace_id, facts)
        await update_accounts(self.scratch, workspace_id, facts)
        moved = [
            (workspace_id, *fact.message.key, fact.account_id)
            for fact, row in zip(facts, rows, strict=True)
            if fact.account_id != row["account_id"]
        ]
        if moved:
            await self.scratch.executemany(f"INSERT INTO {SCRATCH}.message_accounts VALUES ($1, $2, $3, $4)", moved)  # noqa: S608

    def _facts(self, workspace_id: int, message: LoggedMessage) -> Facts:
        connection_id = message.stamp.connection_id
        rules = self.options.rules.get(connection_id) or self.stored_rules[connection_id]
        is_withdrawn = (workspace_id, message.key) in self.withdrawn
        return facts_of_logged(message, rules, is_withdrawn=is_withdrawn)


@asynccontextmanager
async def _sessions(database_url: str) -> AsyncIterator[tuple[Database, ScratchConnection]]:
    settings = server_settings("variance rebuild", _LONGEST_SECONDS) | {"idle_in_transaction_session_timeout": "0"}
    reader = await Opener(settings)(database_url)
    try:
        scratch = cast("ScratchConnection", await Opener(settings, ScratchConnection)(database_url))
        try:
            yield reader, scratch
        finally:
            await scratch.close()
    finally:
        await reader.close()


async def _fold_snapshot(
    reader: Database, folding: _Folding, on_progress: Callable[[int, int], None]
) -> _Snapshot:
    """Fold the log as it is now."""
    async with reader.transaction():
        # Waits until whoever writes now has committed, so that what is not in the snapshot has a later position.
        await reader.execute("LOCK TABLE variance_data.messages IN SHARE ROW EXCLUSIVE MODE")
        position: int = await reader.fetchval(statement("read_position"))
    async with reader.transaction(isolation="repeatable_read", readonly=True):
        workspace_id = folding.options.workspace_id
        snapshot = _Snapshot(position, await sum_tombstones(reader, workspace_id))
        total: int = await reader.fetchval(statement("count_messages"), workspace_id)
        done = 0
        cursor = await reader.cursor(statement("read_log"), workspace_id, -1)
        while rows := await cursor.fetch(_CHUNK_MESSAGES):
            await folding.fold(rows)
            done += len(rows)
            on_progress(done, max(total, done))
    return snapshot


async def _take_over(
    scratch: ScratchConnection, folding: _Folding, snapshot: _Snapshot, is_held: IsHeld
) -> Difference:
    """Fold what has come since; say what differs, and write it unless this is a dry run."""
    options = folding.options
    workspace_id = options.workspace_id
    transaction = scratch.transaction()
    await transaction.start()
    try:
        await scratch.execute("SET LOCAL lock_timeout = '30s'")
        # Drains wait here, for as long as comparing takes; posts go on being acknowledged.
        await scratch.execute("LOCK TABLE variance_data.messages IN SHARE ROW EXCLUSIVE MODE")
        await scratch.execute("SET LOCAL idle_in_transaction_session_timeout = '60s'")
        if await sum_tombstones(scratch, workspace_id) != snapshot.tombstones:
            raise _PersonForgottenError  # noqa: TRY301 (rolls back like any failure)
        since = await scratch.fetch(statement("read_log"), workspace_id, snapshot.position)
        folding.stored_rules = await read_all_rules(scratch)  # a connection may have been added
        await folding.fold(since)
        difference = Difference(
            await folded.count_differences(scratch, workspace_id),
            await folded.count_moved_contacts(scratch, workspace_id),
            await folded.moved_contacts(scratch, workspace_id, _EXAMPLES),
        )
        if not options.is_dry_run:
            for connection_id, rules in options.rules.items():
                await options.store_rules(scratch, connection_id, rules)
            await folded.take_over(scratch, workspace_id)
            await is_held()
    except BaseException:
        with suppress(*POSTGRES_AWAY):  # which is what ends the transaction then, and is to be told
            await transaction.rollback()
        raise
    await (transaction.rollback() if options.is_dry_run else transaction.commit())
    return difference
