"""Deletion: a person's rows and messages go, and what was said until that moment stays away.

Source: Segment's partner spec, "Delete": a message of type `delete` with the person's userId.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from worker.failure import ConcurrentChangeError
from worker.fold.facts import AliasCall, Facts, Named, facts_of_logged
from worker.fold.identity import Identity, identities_of
from worker.fold.links import Claim, LooseEndError
from worker.fold.person import has_earlier_bid, person_of
from worker.fold.stamp import Stamp
from worker.forget_letters import Burials
from worker.store import identities as identity_store
from worker.store import links as link_store
from worker.store import messages as message_store
from worker.store.database import Database
from worker.store.ledger import read_account_rules
from worker.store.messages import MessageKey
from worker.store.words import mark_contacts, remove_words
from worker.update_accounts import update_accounts
from worker.update_contacts import link_again, update_contacts

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Person:
    """Whom to forget. What may change with them is locked: `touched` are the identities of all contacts concerned.

    `bystanders` are others whom the person's messages name. `withdrawn` are the workspace's withdrawn
    claims, which name visitors without having an effect.
    """

    buried: frozenset[UUID]
    bystanders: frozenset[UUID]
    touched: Mapping[UUID, UUID]
    withdrawn: Sequence[Claim]


async def forget_person(
    database: Database, workspace_id: int, deleted: Named, deleted_at: datetime, burials: Burials
) -> None:
    """Delete all that somebody said until a moment, under any id known as theirs then; keep what came later."""
    members, aliases, claims = await _hold_known(database, workspace_id, deleted)
    try:
        buried = person_of(deleted.id, members, aliases, claims, deleted_at)
    except LooseEndError:
        raise ConcurrentChangeError from None
    await _forget(database, workspace_id, await _hold(database, workspace_id, buried), deleted_at)
    burials.add(buried, deleted_at)


async def forget_linked(
    database: Database,
    workspace_id: int,
    suppressed: Sequence[Facts],
    deleted_at: Mapping[UUID, datetime],
    burials: Burials,
) -> None:
    """Let suppressed messages tell which other ids were the deleted person's, and forget those as well.

    Without this, what an anonymous visitor did would stay if the message that claims it came after the deletion.
    """
    linked: dict[UUID, tuple[Stamp, Named, datetime]] = {}
    for facts in suppressed:
        if facts.sender is None:
            continue
        moment = deleted_at[facts.sender.id]
        for end in _other_ends(facts):
            known = linked.get(end.id)
            if known is None or facts.message.stamp < known[0]:
                linked[end.id] = (facts.message.stamp, end, moment)
    for _, (stamp, end, moment) in sorted(linked.items()):
        members, aliases, claims = await _hold_known(database, workspace_id, end)
        member = members[end.id]
        if member.is_user and not end.is_user:
            continue  # a claim of what is a user itself links nothing
        if member.is_user or (end.is_user and not member.is_anonymous):  # an alias of what is no visitor joins
            await forget_person(database, workspace_id, end, moment, burials)
        elif not has_earlier_bid(end.id, stamp, aliases, claims):
            person = await _hold(database, workspace_id, frozenset({end.id}))
            await _forget(database, workspace_id, person, moment)
            burials.add({end.id}, moment)


def _other_ends(facts: Facts) -> list[Named]:
    """Give whom a message links with its sender: the visitor that it claims, the user that it renames."""
    ends: list[Named] = []
    if facts.is_claim and facts.anonymous is not None:
        ends.append(facts.anonymous)
    alias = facts.alias
    if alias is not None and alias.previous_id is not None and alias.user_id is not None:
        ends.append(Named(alias.previous_id, alias.previous_value, is_user=True))
    return [end for end in ends if facts.sender is None or end.id != facts.sender.id]


async def _hold_known(
    database: Database, workspace_id: int, named: Named
) -> tuple[dict[UUID, Identity], list[AliasCall], list[Claim]]:
    """Lock an identity's contact, and read its members and links. One that is not known is made, to be forgotten.

    Its row makes those wait who are about to make one: they see the tombstone afterwards.
    """
    stranger = Identity(named.id, named.value)
    await identity_store.insert_identities(database, workspace_id, [stranger], {named.id: named.id})
    placed = await identity_store.find_identities(database, workspace_id, [named.id])
    if not placed:
        raise ConcurrentChangeError
    contact_id = placed[named.id].contact_id
    await identity_store.lock_contacts(database, workspace_id, [contact_id])
    members, _ = await identity_store.read_members(database, workspace_id, [contact_id])
    if named.id not in members:
        raise ConcurrentChangeError
    aliases = await link_store.find_aliases(database, workspace_id, members)
    return members, aliases, await link_store.find_claims(database, workspace_id, members)


async def _hold(database: Database, workspace_id: int, buried: frozenset[UUID]) -> _Person:
    """Lock the contacts that change when these identities are forgotten."""
    withdrawn = await link_store.find_withdrawn_claims(database, workspace_id)
    named = await link_store.find_named(database, workspace_id, buried)
    named |= {claim.anonymous_id for claim in withdrawn if claim.user_id in buried}
    bystanders = named - buried
    placed = await identity_store.find_identities(database, workspace_id, buried | bystanders)
    contact_ids = {known.contact_id for known in placed.values()}
    await identity_store.lock_contacts(database, workspace_id, contact_ids)
    _, touched = await identity_store.read_members(database, workspace_id, contact_ids)
    if not placed.keys() <= touched.keys():
        raise ConcurrentChangeError
    return _Person(buried, frozenset(bystanders), touched, withdrawn)


async def _forget(database: Database, workspace_id: int, person: _Person, deleted_at: datetime) -> None:
    """Bury a person, remove what is stored, and fold again what was said later."""
    ids = sorted(person.buried)
    await message_store.upsert_tombstones(database, workspace_id, ids, deleted_at)
    links = await link_store.delete_links(database, workspace_id, ids)
    linking = links.keys | _withdrawn_keys(person)
    messages = await message_store.delete_messages(database, workspace_id, ids, deleted_at, datetime.now(UTC))
    await identity_store.delete_identities(database, workspace_id, ids)
    gone = person.buried | await _mention_again(database, workspace_id, person)
    left = {id_: contact_id for id_, contact_id in person.touched.items() if id_ not in gone}
    empty = set(person.touched.values()) - set(left.values())
    await identity_store.delete_contacts(database, workspace_id, empty)
    await remove_words(database, workspace_id, person.buried | set(person.touched.values()))
    if left:
        await mark_contacts(database, workspace_id, set(left.values()))
    remaining = await _said_later(database, workspace_id, ids, linking)
    await update_contacts(database, workspace_id, remaining)
    await update_accounts(database, workspace_id, remaining)
    changed = left.keys() | identities_of(remaining).keys()
    freed = await link_store.update_quarantine(database, workspace_id, links.ends - gone, may_free=True)
    if freed:
        changed |= await link_store.find_neighbours(database, workspace_id, freed)
    known = await identity_store.find_identities(database, workspace_id, changed)
    await link_again(database, workspace_id, {id_: Identity(id_, "") for id_ in known})
    _LOG.info(
        "person forgotten",
        workspace_id=workspace_id,
        identity_ids=[str(id_) for id_ in ids],
        messages=messages,
        messages_kept=len(remaining),
    )


def _withdrawn_keys(person: _Person) -> set[MessageKey]:
    """Give the messages whose withdrawn claims name a person's ids, as the user or as the visitor."""
    claims = [claim for claim in person.withdrawn if person.buried & {claim.anonymous_id, claim.user_id}]
    return {(claim.stamp.connection_id, claim.stamp.message_key) for claim in claims}


async def _mention_again(database: Database, workspace_id: int, person: _Person) -> set[UUID]:
    """Correct what is known of those whom messages named that are gone; remove and give those whom none names now."""
    if not person.bystanders:
        return set()
    mentions = await identity_store.read_mentions(database, workspace_id, person.bystanders)
    withdrawn = [claim for claim in person.withdrawn if claim.user_id not in person.buried]
    mentions = {
        id_: mention.with_claims(claim.stamp for claim in withdrawn if claim.anonymous_id == id_)
        for id_, mention in mentions.items()
    }
    known = {id_: mention for id_, mention in mentions.items() if mention.is_known}
    unknown = mentions.keys() - known.keys()
    if known:
        await identity_store.mention_identities(database, workspace_id, known)
    if unknown:
        await identity_store.delete_identities(database, workspace_id, sorted(unknown))
    return unknown


async def _said_later(
    database: Database, workspace_id: int, ids: Sequence[UUID], keys: set[MessageKey]
) -> list[Facts]:
    """Read what identities said after their deletion, and what others said of them."""
    messages = await message_store.read_messages(database, workspace_id, ids, keys)
    if not messages:
        return []
    withdrawn = await message_store.read_withdrawals(database, workspace_id)
    rules = await read_account_rules(database, {message.stamp.connection_id for message in messages})
    return [
        facts_of_logged(
            message,
            rules[message.stamp.connection_id],
            is_withdrawn=message.key in withdrawn,
        )
        for message in messages
    ]
