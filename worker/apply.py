"""Applies a batch of one workspace's messages: log, fold, suppress, count. Runs inside the caller's transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from worker.failure import ConcurrentChangeError
from worker.fold.account_rules import AccountRules
from worker.fold.facts import Facts, LoggedMessage, facts_of
from worker.forget import forget_linked, forget_person
from worker.store import messages as message_store
from worker.store.database import Database
from worker.store.messages import MessageKey
from worker.tally import Tally
from worker.update_accounts import update_accounts
from worker.update_contacts import update_contacts


async def apply_messages(
    database: Database, workspace_id: int, messages: Sequence[LoggedMessage], rules: Mapping[str, AccountRules]
) -> Tally:
    """Apply messages exactly once, however often they come. `rules` has each connection's account rules.

    Raises ConcurrentChangeError where the transaction has to be tried again.
    """
    batch = _first_of_each(messages)
    duplicate = len(messages) - len(batch)
    facts = [facts_of(message, rules[message.stamp.connection_id]) for message in batch]
    deleted_at = await _deletions(database, workspace_id, facts)
    kept = [fact for fact in facts if not _is_suppressed(fact, deleted_at)]
    suppressed = [fact for fact in facts if _is_suppressed(fact, deleted_at)]
    new: set[MessageKey] = set()
    if suppressed:
        keys = [fact.message.key for fact in suppressed]
        new = await message_store.insert_suppressions(database, workspace_id, keys, datetime.now(UTC))
    new_keys = await message_store.insert_messages(database, workspace_id, kept) if kept else set()
    fresh = [fact for fact in kept if fact.message.key in new_keys]
    await _fold(database, workspace_id, fresh, rules, deleted_at)
    newly_suppressed = [fact for fact in suppressed if fact.message.key in new]
    await forget_linked(database, workspace_id, newly_suppressed, deleted_at, rules)
    repeated = _repeated(messages, {fact.message.key for fact in suppressed}, fresh)
    if repeated:
        await message_store.upsert_conflicts(database, workspace_id, repeated, datetime.now(UTC))
    duplicate += len(batch) - len(fresh) - len(new)
    return Tally(applied=len(fresh), duplicate=duplicate, suppressed=len(new))


async def _fold(
    database: Database,
    workspace_id: int,
    fresh: Sequence[Facts],
    rules: Mapping[str, AccountRules],
    deleted_at: Mapping[UUID, datetime],
) -> None:
    said = [fact for fact in fresh if fact.message.type != "delete"]
    if said:
        await update_contacts(database, workspace_id, said)
        if await _deletions(database, workspace_id, said) != {
            id_: at for id_, at in deleted_at.items() if id_ in _named(said)
        }:
            raise ConcurrentChangeError  # a deletion was committed since these messages were judged
        await update_accounts(database, workspace_id, said)
    for fact in fresh:
        if fact.message.type == "delete" and fact.sender is not None:
            await forget_person(database, workspace_id, fact.sender.id, fact.message.stamp.occurred_at, rules)


def _first_of_each(messages: Iterable[LoggedMessage]) -> list[LoggedMessage]:
    firsts: dict[tuple[str, str], LoggedMessage] = {}
    for message in messages:
        firsts.setdefault(message.key, message)
    return list(firsts.values())


def _repeated(
    messages: Sequence[LoggedMessage], suppressed: Collection[MessageKey], fresh: Sequence[Facts]
) -> list[LoggedMessage]:
    """Give the messages that are not the first with their key."""
    firsts = {id(fact.message) for fact in fresh}
    return [message for message in messages if id(message) not in firsts and message.key not in suppressed]


async def _deletions(database: Database, workspace_id: int, batch: Sequence[Facts]) -> Mapping[UUID, datetime]:
    named = _named(batch)
    return await message_store.find_tombstones(database, workspace_id, named) if named else {}


def _named(batch: Sequence[Facts]) -> set[UUID]:
    return {named.id for fact in batch for named in (fact.user, fact.anonymous) if named is not None}


def _is_suppressed(fact: Facts, deleted_at: Mapping[UUID, datetime]) -> bool:
    """Tell whether the sender was deleted after saying this."""
    if fact.sender is None or fact.message.type == "delete":
        return False
    moment = deleted_at.get(fact.sender.id)
    return moment is not None and fact.message.occurred_at <= moment

