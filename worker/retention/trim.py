"""Trims the events that are older than their workspace keeps them, while traffic goes on.

First the bound is written down, by which drains know what they cannot tell from a repeat any more; then the trim waits
until whoever may not have seen it has ended. Only then do rows go, in small transactions that hold the contacts which
the events are about.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import structlog

from worker.failure import ConcurrentChangeError
from worker.fold.account_rules import AccountRules
from worker.fold.facts import Facts, facts_of_logged
from worker.retention.judge import KnownFacts, judge
from worker.store import retention as store
from worker.store.accounts import lock_accounts
from worker.store.database import Database
from worker.store.identities import find_identities, lock_contacts
from worker.store.ledger import read_account_rules
from worker.store.locks import REBUILD_LOCK, TRIM_LOCK, share_lock, take_lock
from worker.store.messages import read_withdrawals

_LOG = structlog.get_logger(__name__)

PASS_EVERY = timedelta(hours=6)
"""How often a workspace is gone through."""

_POLL_SECONDS = 0.05
_TELL_SECONDS = 10.0
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Steps:
    """How many identities are looked at together, events of each are read, and events are trimmed in a transaction.

    `wait_seconds`: for how long a pass waits for those who do not know its bound.
    """

    identities: int = 2000
    events_each: int = 50
    events: int = 1000  # so that nobody waits long for a contact
    wait_seconds: float = 60.0


_STEPS = Steps()


async def trim_due(pool: asyncpg.Pool, now: datetime, is_stopping: Callable[[], bool]) -> None:
    """Trim the workspaces that were not gone through lately. Does nothing where another process trims."""
    async with pool.acquire() as database:
        due = await store.list_due(database, now - PASS_EVERY)
        if not due:
            return
        async with pool.acquire() as holder, holder.transaction():
            # The lock is its transaction's, which idles meanwhile: a session's would stay behind in a pooler.
            await holder.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            if not await take_lock(holder, TRIM_LOCK):
                return
            for workspace_id in due:
                if is_stopping():
                    return
                await _trim_next(database, workspace_id, now, is_stopping)


async def _trim_next(database: Database, workspace_id: int, now: datetime, is_stopping: Callable[[], bool]) -> None:
    """Trim a workspace; where that fails it is tried again at the next turn, and the others have theirs now."""
    try:
        await trim(database, workspace_id, now, is_stopping)
    except Exception as failure:
        if database.is_closed() or isinstance(failure, (asyncpg.InterfaceError, asyncpg.InternalClientError)):
            raise  # not the workspace's: no other can be trimmed by this connection
        _LOG.warning("workspace not trimmed", workspace_id=workspace_id, failure=type(failure).__name__)


async def trim(
    database: Database,
    workspace_id: int,
    now: datetime,
    is_stopping: Callable[[], bool] = lambda: False,
    steps: Steps = _STEPS,
) -> bool:
    """Trim the events that are older than a workspace keeps them. False where its turn is to come again soon."""
    async with database.transaction():
        kept = await store.hold_kept(database, workspace_id)
        if kept is None:
            return False
        await store.advance_trimmed_until(database, workspace_id, now - kept)
    if not await _await_readers(database, is_stopping, steps.wait_seconds):
        _LOG.warning("trim waits for a long transaction", workspace_id=workspace_id)
        return False
    trimming = _Trim(database, workspace_id, kept, now - kept, is_stopping, steps)
    return await trimming.run() and await store.mark_checked(database, workspace_id, now, kept)


async def _await_readers(database: Database, is_stopping: Callable[[], bool], wait_seconds: float) -> bool:
    """Wait until the transactions that may have read an earlier bound have ended; False where that lasts too long."""
    readers = await store.read_readers(database)
    ends_at = time.monotonic() + wait_seconds
    while await store.count_transactions(database, readers):
        if is_stopping() or time.monotonic() > ends_at:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


class _BrokenOffError(Exception):
    """The pass cannot go on: its events are kept for longer now, a rebuild is under way, or the process stops."""


class _OtherRulesError(Exception):
    """The account rules are not those by which events were read."""


@dataclass(slots=True)
class _Trim:
    """One pass through a workspace."""

    database: Database
    workspace_id: int
    kept: timedelta
    until: datetime
    is_stopping: Callable[[], bool]
    steps: Steps
    removed: int = 0
    reduced: int = 0
    told_at: float = field(default_factory=time.monotonic)

    async def run(self) -> bool:
        """Go through all identities, and through what is nobody's. False where that was broken off."""
        try:
            await self._trim_page([None])
            behind = UUID(int=0)
            while ids := await store.list_old_identities(
                self.database, self.workspace_id, behind, self.until, self.steps.identities
            ):
                await self._trim_page(ids)
                behind = ids[-1]
                if self.is_stopping():
                    return False
        except _BrokenOffError:
            return False
        finally:
            if self.removed or self.reduced:
                self._tell("events trimmed")
        return True

    async def _trim_page(self, ids: Sequence[UUID | None]) -> None:
        """Trim what identities sent, some of each at a time."""
        passed = dict.fromkeys(ids, 0)
        while passed:
            messages = await store.read_old_events(
                self.database, self.workspace_id, passed, self.until, self.steps.events_each
            )
            rules = await read_account_rules(self.database, {message.stamp.connection_id for message in messages})
            events = [facts_of_logged(message, rules[message.stamp.connection_id]) for message in messages]
            found, kept = Counter(map(_sender_id, events)), Counter[UUID | None]()
            try:
                for first in range(0, len(events), self.steps.events):
                    settled = await self._settle(events[first : first + self.steps.events], rules)
                    kept.update(map(_sender_id, settled))
            except _OtherRulesError:
                continue  # what stayed until here is read again, and told apart anew
            passed = {id_: passed[id_] + kept[id_] for id_ in passed if found[id_] == self.steps.events_each}

    async def _settle(self, events: Sequence[Facts], rules: Mapping[str, AccountRules]) -> list[Facts]:
        """Remove and reduce events, in a transaction; give those that stay as they are."""
        for _ in range(_TRIES):
            if self.is_stopping():
                raise _BrokenOffError
            try:
                async with self.database.transaction():
                    await self._hold_grounds(rules)
                    return await self._settle_now(events)
            except ConcurrentChangeError:
                continue
        raise ConcurrentChangeError

    async def _hold_grounds(self, rules: Mapping[str, AccountRules]) -> None:
        """Have nobody change, before the transaction ends, what the events are trimmed by; raise where somebody has."""
        kept = await store.hold_kept(self.database, self.workspace_id)
        if kept is None or kept > self.kept:
            raise _BrokenOffError
        if not await share_lock(self.database, REBUILD_LOCK):
            raise _BrokenOffError
        # Rules are changed by a rebuild only, which may have come and gone since.
        if await read_account_rules(self.database, rules) != rules:
            raise _OtherRulesError

    async def _settle_now(self, events: Sequence[Facts]) -> list[Facts]:
        verdict = judge(events, await self._hold(events))
        await store.remove_messages(self.database, self.workspace_id, verdict.removed)
        await store.reduce_messages(self.database, self.workspace_id, [event.message for event in verdict.reduced])
        self.removed += len(verdict.removed)
        self.reduced += len(verdict.reduced)
        if time.monotonic() - self.told_at > _TELL_SECONDS:
            self._tell("trimming events")
        return verdict.kept

    async def _hold(self, events: Sequence[Facts]) -> KnownFacts:
        """Lock the contacts and accounts that events are about, and read what is known of them."""
        named = {named.id for event in events for named in (event.user, event.anonymous) if named is not None}
        placed = await find_identities(self.database, self.workspace_id, named)
        held = await lock_contacts(self.database, self.workspace_id, {known.contact_id for known in placed.values()})
        sightings = await store.read_sightings(self.database, self.workspace_id, named)
        if not all(contact_id in held for contact_id, _ in sightings.values()) or sightings.keys() != named:
            raise ConcurrentChangeError
        accounts = await lock_accounts(
            self.database, self.workspace_id, {event.account_id for event in events if event.account_id}
        )
        pairs = {(e.anonymous.id, e.user.id) for e in events if e.anonymous is not None and e.user is not None}
        return KnownFacts(
            {id_: seen for id_, (_, seen) in sightings.items()},
            {id_: (account.first_seen_at, account.last_seen_at) for id_, account in accounts.items()},
            await store.find_claims_of_pairs(self.database, self.workspace_id, pairs),
            await read_withdrawals(self.database, self.workspace_id),
        )

    def _tell(self, event: str) -> None:
        self.told_at = time.monotonic()
        _LOG.info(event, workspace_id=self.workspace_id, removed=self.removed, reduced=self.reduced)


def _sender_id(event: Facts) -> UUID | None:
    return event.sender.id if event.sender else None
