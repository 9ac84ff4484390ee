"""Deletion: a person's rows and messages go, and what was said until that moment stays away.

Source: Segment's partner spec, "Delete": a message of type `delete` with the person's userId.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from schemas.acceptance import id_text, name_fields
from schemas.ids import identity_id
from schemas.tolerant_json import UnreadableJsonError, read_json
from worker.failure import ConcurrentChangeError
from worker.fold.account_rules import AccountRules
from worker.fold.facts import Facts, facts_of
from worker.store import identities as identity_store
from worker.store import links as link_store
from worker.store import messages as message_store
from worker.store.database import Database
from worker.update_accounts import update_accounts
from worker.update_contacts import update_contacts

_LOG = structlog.get_logger(__name__)
_PERSONS_IDS = ("userId", "anonymousId", "previousId")


@dataclass(frozen=True, slots=True)
class _Person:
    """The identities to bury, and those of them that there are, whose contact is locked."""

    buried: frozenset[UUID]
    ids: Sequence[UUID]
    contact_ids: Sequence[UUID]


async def forget_person(
    database: Database, workspace_id: int, deleted_id: UUID, deleted_at: datetime, rules: Mapping[str, AccountRules]
) -> None:
    """Delete all that the contact of an identity said until a moment; keep what it said afterwards."""
    person = await _lock_person(database, workspace_id, deleted_id)
    await _forget(database, workspace_id, person, deleted_at, rules)


async def _forget(
    database: Database, workspace_id: int, person: _Person, deleted_at: datetime, rules: Mapping[str, AccountRules]
) -> None:
    """Bury a person, remove what is stored, and fold again what was said later."""
    buried, ids = person.buried, person.ids
    await identity_store.delete_contacts(database, workspace_id, person.contact_ids)
    await message_store.upsert_tombstones(database, workspace_id, buried, deleted_at)
    letters = await _forget_dead_letters(database, workspace_id, buried, deleted_at)
    messages = await message_store.delete_messages(database, workspace_id, ids, deleted_at)
    keys = await link_store.delete_links(database, workspace_id, ids)
    await identity_store.delete_identities(database, workspace_id, ids)
    remaining = await message_store.read_messages(database, workspace_id, ids, keys) if ids else []
    if remaining:
        withdrawn = await message_store.read_withdrawals(database)
        facts = [
            facts_of(
                message,
                rules[message.stamp.connection_id],
                is_withdrawn=(workspace_id, message.key) in withdrawn,
            )
            for message in remaining
        ]
        await update_contacts(database, workspace_id, facts)
        await update_accounts(database, workspace_id, facts)
    _LOG.info(
        "person forgotten",
        workspace_id=workspace_id,
        identity_ids=sorted(map(str, buried)),
        identities=len(ids),
        messages=messages,
        dead_letters=letters,
        messages_kept=len(remaining),
    )


async def forget_linked(
    database: Database,
    workspace_id: int,
    suppressed: Sequence[Facts],
    deleted_at: Mapping[UUID, datetime],
    rules: Mapping[str, AccountRules],
) -> None:
    """Let suppressed messages tell which other ids were the deleted person's; forget those that nobody else has.

    Without this, what an anonymous visitor did would stay if the message that claims it came after the deletion.
    """
    linked: dict[UUID, datetime] = {}
    for facts in suppressed:
        if facts.sender is None:
            continue
        moment = deleted_at[facts.sender.id]
        for id_ in _other_ends(facts):
            linked[id_] = max(moment, linked.get(id_, moment))
    for id_, moment in sorted(linked.items()):
        person = await _lock_person(database, workspace_id, id_)
        if len(person.ids) <= 1:
            await _forget(database, workspace_id, person, moment, rules)


def _other_ends(facts: Facts) -> set[UUID]:
    ends: set[UUID] = set()
    if facts.is_claim and facts.anonymous is not None:
        ends.add(facts.anonymous.id)
    if facts.alias is not None and facts.alias.previous_id is not None and facts.alias.user_id is not None:
        ends.add(facts.alias.previous_id)
    return ends - {facts.sender.id if facts.sender else None}


async def _forget_dead_letters(
    database: Database, workspace_id: int, buried: frozenset[UUID], deleted_at: datetime
) -> int:
    """Remove the dead letters that were received until a moment and name one of these ids as their person's."""
    letters = await message_store.read_dead_letters(database, workspace_id, deleted_at)
    named = [letter.key for letter in letters if buried & _named_by(workspace_id, letter.body)]
    if named:
        await message_store.delete_dead_letters(database, workspace_id, named)
    return len(named)


def _named_by(workspace_id: int, body: str) -> set[UUID]:
    try:
        raw = read_json(body.encode(errors="replace"))
    except UnreadableJsonError:
        return set()
    if not isinstance(raw, dict):
        return set()
    name_fields(raw)
    values = (id_text(raw.get(field)) for field in _PERSONS_IDS if isinstance(raw.get(field), str | int | float))
    return {identity_id(workspace_id, value) for value in values if value is not None}


async def _lock_person(database: Database, workspace_id: int, id_: UUID) -> _Person:
    """Lock the contact that an identity belongs to, if there is one."""
    placed = await identity_store.find_identities(database, workspace_id, [id_])
    if id_ not in placed:
        return _Person(frozenset({id_}), [], [])
    contact_id = placed[id_].contact_id
    await identity_store.lock_contacts(database, workspace_id, [contact_id])
    members, _ = await identity_store.read_members(database, workspace_id, [contact_id])
    if id_ not in members:
        raise ConcurrentChangeError
    return _Person(frozenset(members), sorted(members), [contact_id])
