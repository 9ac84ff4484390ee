"""Applies a batch of one workspace's messages: log, fold, suppress, count. Runs inside the caller's transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from worker.drain_notes import step
from worker.failure import ConcurrentChangeError
from worker.fold.facts import Facts, LoggedMessage, Named
from worker.forget import forget_linked, forget_person
from worker.forget_letters import Burials, forget_letters
from worker.store import messages as message_store
from worker.store.database import Database
from worker.store.messages import MessageKey
from worker.tally import Tally
from worker.update_accounts import update_accounts
from worker.update_contacts import update_contacts


async def apply_messages(database: Database, workspace_id: int, told: Sequence[Facts]) -> Tally:
    """Apply what messages told exactly once, however often they come.

    Raises ConcurrentChangeError where the transaction has to be tried again.
    """
    batch = _first_of_each(told)
    burials = Burials()
    deletions = await _forget(database, workspace_id, [fact for fact in batch if fact.is_deletion], burials)
    said = [fact for fact in batch if not fact.is_deletion]
    named = _named(said)
    deleted_at = await message_store.find_tombstones(database, workspace_id, named)
    gone = await _find_gone(database, workspace_id, said, deleted_at)
    kept = [fact for fact in said if not _is_suppressed(fact, deleted_at, gone)]
    suppressed = [fact for fact in said if _is_suppressed(fact, deleted_at, gone)]
    # Also where nothing is kept: the log is held before any contact, in a rebuild's order, or both would wait for ever.
    fresh = await _log(database, workspace_id, kept)
    if fresh:
        await _fold(database, workspace_id, fresh, named, deleted_at)
        await _forget_aliased(database, workspace_id, fresh, deleted_at, burials)
    newly_suppressed = await _suppress(database, workspace_id, suppressed, deleted_at, burials)
    await forget_letters(database, workspace_id, burials)
    applied = [*deletions, *fresh]
    repeated = _repeated(told, {fact.message.key for fact in suppressed}, applied)
    if repeated:
        await message_store.upsert_conflicts(database, workspace_id, repeated, datetime.now(UTC))
    duplicate = len(told) - len(applied) - newly_suppressed
    return Tally(applied=len(applied), duplicate=duplicate, suppressed=newly_suppressed)


@step("log")
async def _log(database: Database, workspace_id: int, batch: Sequence[Facts]) -> list[Facts]:
    """Log messages; give those that are new."""
    keys = await message_store.insert_messages(database, workspace_id, batch)
    return [fact for fact in batch if fact.message.key in keys]


async def _forget(
    database: Database, workspace_id: int, deletions: Sequence[Facts], burials: Burials
) -> list[Facts]:
    """Delete people; give the deletions that are new. What comes with one is judged as if it came after it."""
    fresh = await _log(database, workspace_id, deletions) if deletions else []
    for fact in fresh:
        if fact.sender is not None:
            await forget_person(database, workspace_id, fact.sender, fact.message.stamp.occurred_at, burials)
    return fresh


async def _find_gone(
    database: Database, workspace_id: int, said: Sequence[Facts], deleted_at: Mapping[UUID, datetime]
) -> set[MessageKey]:
    """Give which messages of people who were deleted came before, and are suppressed since.

    Their times do not tell: one without a time of its own has another whenever it comes.
    """
    keys = [fact.message.key for fact in said if fact.sender is not None and fact.sender.id in deleted_at]
    return await message_store.find_suppressions(database, workspace_id, keys) if keys else set()


async def _suppress(
    database: Database,
    workspace_id: int,
    suppressed: Sequence[Facts],
    deleted_at: Mapping[UUID, datetime],
    burials: Burials,
) -> int:
    """Remember messages of deleted people by their keys alone; give how many were not suppressed before."""
    if not suppressed:
        return 0
    keys = [fact.message.key for fact in suppressed]
    new = await message_store.insert_suppressions(database, workspace_id, keys, datetime.now(UTC), "deleted")
    newly_suppressed = [fact for fact in suppressed if fact.message.key in new]
    await forget_linked(database, workspace_id, newly_suppressed, deleted_at, burials)
    return len(new)


@step("fold")
async def _fold(
    database: Database,
    workspace_id: int,
    fresh: Sequence[Facts],
    named: Collection[UUID],
    deleted_at: Mapping[UUID, datetime],
) -> None:
    """Fold messages that are new. `named` are those of whom it was asked when they were deleted."""
    await update_contacts(database, workspace_id, fresh)
    if await message_store.find_tombstones(database, workspace_id, named) != deleted_at:
        raise ConcurrentChangeError  # a deletion was committed since these messages were judged
    await update_accounts(database, workspace_id, fresh)


async def _forget_aliased(
    database: Database,
    workspace_id: int,
    fresh: Sequence[Facts],
    deleted_at: Mapping[UUID, datetime],
    burials: Burials,
) -> None:
    """Forget who was deleted under an id that turns out to be another one's as well."""
    for fact in fresh if deleted_at else ():
        alias = fact.alias
        if alias is not None and alias.previous_id is not None and alias.user_id is not None:
            moment = deleted_at.get(alias.previous_id)
            if moment is not None and alias.stamp.occurred_at <= moment:
                previous = Named(alias.previous_id, alias.previous_value, is_user=True)
                await forget_person(database, workspace_id, previous, moment, burials)


def _first_of_each(told: Iterable[Facts]) -> list[Facts]:
    firsts: dict[MessageKey, Facts] = {}
    for fact in told:
        firsts.setdefault(fact.message.key, fact)
    return list(firsts.values())


def _repeated(
    told: Sequence[Facts], suppressed: Collection[MessageKey], fresh: Sequence[Facts]
) -> list[LoggedMessage]:
    """Give the messages that are not the first with their key."""
    firsts = {id(fact) for fact in fresh}
    return [fact.message for fact in told if id(fact) not in firsts and fact.message.key not in suppressed]


def _named(batch: Sequence[Facts]) -> set[UUID]:
    ids = {named.id for fact in batch for named in (fact.user, fact.anonymous) if named is not None}
    return ids | {fact.alias.previous_id for fact in batch if fact.alias is not None and fact.alias.previous_id}


def _is_suppressed(fact: Facts, deleted_at: Mapping[UUID, datetime], gone: Collection[MessageKey]) -> bool:
    """Tell whether the sender was deleted after saying this, now or when it came before."""
    if fact.sender is None:
        return False
    moment = deleted_at.get(fact.sender.id)
    return moment is not None and (fact.message.counted_at <= moment or fact.message.key in gone)

