"""From the queue's pairs to each workspace's messages, and through Postgres.

A message that is refused there is found by halving the batch, and becomes a dead letter in the same transaction,
without harm to its neighbours.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import orjson
import structlog

from schemas.queue import QueuedMessage, QueuedRefusal
from schemas.reasons import Reason
from schemas.timestamps import counted_at, occurred_at, read_instant
from worker.apply import apply_messages
from worker.drain_notes import note_deaths, noting_if_kept
from worker.failure import ConcurrentChangeError, is_messages_fault
from worker.fold.account_rules import AccountRules
from worker.fold.facts import Facts, LoggedMessage, facts_of
from worker.fold.stamp import Stamp
from worker.forget_letters import find_forgotten
from worker.retention.age import is_expired
from worker.store.database import Database, to_jsonb
from worker.store.ledger import ConnectionRules, read_connection_rules
from worker.store.letters import DeadLetter, hold_letters, insert_dead_letters
from worker.store.messages import insert_suppressions
from worker.tally import Tally

_LOG = structlog.get_logger(__name__)
_NO_WORKSPACE = 0


async def settle_messages(database: Database, queued: Sequence[QueuedMessage]) -> Tally:
    """Apply queued messages, each exactly once. Runs inside the caller's transaction.

    Raises only what is the surroundings' fault (`worker.failure`): then the transaction has to be tried again.
    """
    ids = {message.connection_id for message in queued}
    connections = await read_connection_rules(database, ids)
    by_workspace: dict[int, list[QueuedMessage]] = defaultdict(list)
    for message in queued:
        known = connections.get(message.connection_id)
        by_workspace[known.workspace_id if known else _NO_WORKSPACE].append(message)
    tally = Tally()
    for workspace_id, messages in sorted(by_workspace.items()):
        tally += await _Settling(database, workspace_id, connections).settle(messages)
    # Now that the log is held, a rebuild that changes them waits for this transaction; before, it may have been done.
    if tally.applied and await read_connection_rules(database, ids) != connections:
        raise ConcurrentChangeError
    return tally


async def bury_deadly(database: Database, message: QueuedMessage) -> Tally:
    """Make a dead letter of a message that kills whoever tries to apply it."""
    connections = await read_connection_rules(database, {message.connection_id})
    known = connections.get(message.connection_id)
    settling = _Settling(database, known.workspace_id if known else _NO_WORKSPACE, connections)
    return await settling.bury(message, "deadly", "Every worker that tried to apply it was killed.")


@dataclass(frozen=True, slots=True)
class _Settling:
    database: Database
    workspace_id: int
    connections: Mapping[str, ConnectionRules]

    async def settle(self, queued: Sequence[QueuedMessage]) -> Tally:
        """Settle one workspace's messages together, or in halves where one of them is refused."""
        try:
            with noting_if_kept():
                async with self.database.transaction():
                    return await self._settle_together(queued)
        except Exception as failure:
            if not is_messages_fault(failure):
                raise
            if len(queued) == 1:
                return await self.bury(queued[0], "unstorable", f"{type(failure).__name__}: {failure}"[:500])
        middle = len(queued) // 2
        return await self.settle(queued[:middle]) + await self.settle(queued[middle:])

    async def _settle_together(self, queued: Sequence[QueuedMessage]) -> Tally:
        told = [
            told_by(self.workspace_id, message, self.connections[message.connection_id].rules) for message in queued
            if message.is_accepted and message.connection_id in self.connections
        ]  # fmt: skip
        if any(fact.is_deletion for fact in told):
            await hold_letters(self.database, self.workspace_id)  # before anything that somebody with letters may hold
        letters = [letter for message in queued if (letter := self._refusal(message))]
        buried = await self._keep(letters) if letters else Tally()
        if not told:
            return buried
        trimmed_until = self.connections[told[0].message.stamp.connection_id].trimmed_until
        if trimmed_until is not None:
            expired = [fact.message for fact in told if is_expired(fact.message, trimmed_until)]
            if expired:
                buried += await self._suppress(expired)
                told = [fact for fact in told if not is_expired(fact.message, trimmed_until)]
        return buried + await apply_messages(self.database, self.workspace_id, told)

    def _refusal(self, message: QueuedMessage) -> DeadLetter | None:
        """Give the dead letter of a message that is refused before the fold."""
        if not message.is_accepted:
            refusal = msgspec.json.decode(message.value, type=QueuedRefusal)
            received_at = read_instant(refusal.received_at) or datetime.now(UTC)
            return DeadLetter(
                message.connection_id, message.message_key, refusal.reason, refusal.detail, refusal.body, received_at
            )
        if message.connection_id not in self.connections:
            return _letter(message, "unknown_connection", "The connection is not in the database.")
        return None

    async def _suppress(self, expired: Sequence[LoggedMessage]) -> Tally:
        """Leave out events that nothing could tell from repeats of trimmed ones, and remember their keys."""
        keys = {message.key for message in expired}
        new = await insert_suppressions(self.database, self.workspace_id, keys, datetime.now(UTC), "expired")
        return Tally(suppressed=len(new), duplicate=len(expired) - len(new))

    async def bury(self, message: QueuedMessage, reason: Reason, detail: str) -> Tally:
        """Make a dead letter of one message."""
        _LOG.warning(
            "message died",
            workspace_id=self.workspace_id,
            connection_id=message.connection_id,
            message_id=message.message_key,
            failure=detail.partition(":")[0],
        )
        return await self._keep([_letter(message, reason, detail)])

    async def _keep(self, letters: Sequence[DeadLetter]) -> Tally:
        """Keep dead letters, but for those of somebody who was deleted since."""
        firsts = {letter.key: letter for letter in reversed(letters)}
        gone = await find_forgotten(self.database, self.workspace_id, firsts.values())
        kept = [letter for key, letter in firsts.items() if key not in gone]
        now = datetime.now(UTC)
        new = await insert_dead_letters(self.database, self.workspace_id, kept, now)
        note_deaths(firsts[key].reason for key in new)
        suppressed = await insert_suppressions(self.database, self.workspace_id, gone, now, "deleted") if gone else ()
        duplicate = len(letters) - len(new) - len(suppressed)
        return Tally(dead=len(new), suppressed=len(suppressed), duplicate=duplicate)


def told_by(workspace_id: int, message: QueuedMessage, rules: AccountRules) -> Facts:
    """Decode an accepted message, and read what it says under its connection's account rules."""
    body = orjson.loads(message.value)
    received_at = read_instant(body.get("receivedAt")) or datetime.now(UTC)
    at = occurred_at(body, received_at)
    counted = counted_at(at, received_at)
    is_deletion = body["type"] == "delete"
    logged = LoggedMessage(
        workspace_id=workspace_id,
        stamp=Stamp.of(counted, message.message_key, message.connection_id),
        counted_at=counted,
        occurred_at=at,
        received_at=received_at,
        type=body["type"],
        # The log keeps that somebody was deleted, not who.
        text=to_jsonb({"type": "delete", "receivedAt": body["receivedAt"]}) if is_deletion else message.value.decode(),
    )
    return facts_of(logged, body, rules)


def _letter(message: QueuedMessage, reason: Reason, detail: str) -> DeadLetter:
    """Give the dead letter of an accepted message."""
    return DeadLetter(
        message.connection_id,
        message.message_key,
        reason,
        detail,
        message.value.decode(errors="replace").replace("\x00", "\ufffd"),
        _received_at(message.value) or datetime.now(UTC),
    )


def _received_at(value: bytes) -> datetime | None:
    try:
        return read_instant(orjson.loads(value)["receivedAt"])
    except (orjson.JSONDecodeError, KeyError, TypeError):  # none of our processes wrote it
        return None
