"""Brings identities and contacts up to date with what new messages say of them.

Most messages tell of somebody known no more than that they were there: then a time moves on, and nothing else is read
or written.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from worker.drain_notes import note_aliases, note_merges
from worker.failure import ConcurrentChangeError
from worker.fold.contact import Contact, contact_of
from worker.fold.facts import Facts
from worker.fold.identity import Identity, identities_of
from worker.fold.links import Component, LooseEndError, claims_of, components_of
from worker.hold_contacts import Claims, Held, Locked, hold_neighbours, lock_contacts_of, read_held
from worker.store import identities as identity_store
from worker.store import links as link_store
from worker.store.database import Database
from worker.store.words import mark_contacts, remove_words

_LOG = structlog.get_logger(__name__)


async def update_contacts(database: Database, workspace_id: int, batch: Sequence[Facts]) -> None:
    """Fold messages that are new into the workspace's identities and contacts.

    Raises ConcurrentChangeError where the transaction has to be tried again.
    """
    told = identities_of(batch)
    claims = claims_of(batch)
    if not told:
        await _record_links(database, workspace_id, batch, claims)
        return
    locked = await lock_contacts_of(database, workspace_id, told, claims)
    linked = await _record_links(database, workspace_id, batch, claims)
    quarantined = await _quarantine(database, workspace_id, locked.made.keys(), linked)
    if quarantined:
        _LOG.warning("identities quarantined", workspace_id=workspace_id, identity_ids=sorted(map(str, quarantined)))
    update = _Update(database, workspace_id, told, locked)
    relinked = locked.relinked | linked.keys()
    try:
        changed = await update.change(relinked | update.news(), relinked, quarantined)
    except LooseEndError:  # a link leads to somebody of whom nothing seemed to change
        changed = await update.change_everybody(quarantined)
    await update.move_on(told.keys() - changed)


async def link_again(database: Database, workspace_id: int, identities: Mapping[UUID, Identity]) -> None:
    """Form the contacts of these identities anew, after evidence of links was withdrawn or given back."""
    locked = await lock_contacts_of(database, workspace_id, identities, {})
    if locked.made:
        raise ConcurrentChangeError  # somebody removed them meanwhile
    await _Update(database, workspace_id, {}, locked).change_everybody(set())


@dataclass(frozen=True, slots=True)
class _Update:
    """Writes what a batch told of identities whose contacts are locked."""

    database: Database
    workspace_id: int
    told: Mapping[UUID, Identity]
    locked: Locked

    def news(self) -> set[UUID]:
        """Give those of whom more is told than that they were there."""
        placed = self.locked.placed
        return {
            id_ for id_, identity in self.told.items()
            if id_ not in placed or identity.is_news_to(placed[id_].first_seen_at_microseconds)
        }  # fmt: skip

    async def change_everybody(self, quarantined: Collection[UUID]) -> Collection[UUID]:
        """Read, fold and write all that is locked. Raises ConcurrentChangeError where a link leads beyond."""
        everybody = self.locked.placed.keys() | self.locked.made.keys()
        try:
            return await self.change(everybody, everybody, quarantined)
        except LooseEndError:
            raise ConcurrentChangeError from None

    async def change(
        self, ids: Iterable[UUID], relinked: Collection[UUID], quarantined: Collection[UUID]
    ) -> Collection[UUID]:
        """Read the contacts of these ids, fold, and write what differs; give all of their members.

        Raises LooseEndError where a link leads beyond them, before anything is written.
        """
        changing = self.locked.contacts_of(ids)
        if not changing:
            return set()
        held = await read_held(self.database, self.workspace_id, self.locked, self.told, changing)
        if quarantined:
            await hold_neighbours(self.database, self.workspace_id, held, quarantined)
            relinked = held.members.keys()
        changed = {
            id_ for id_, identity in self.told.items()
            if id_ in held.members and id_ not in self.locked.made and held.members[id_].absorb(identity)
        }  # fmt: skip
        components = await _link_again(self.database, self.workspace_id, held, relinked)
        settled = {id_ for component in components for id_ in component.members}
        components += _as_before(held, set(held.contact_ids.values()), settled)
        await _write(self.database, self.workspace_id, held, components, changed)
        return held.members.keys()

    async def move_on(self, ids: Iterable[UUID]) -> None:
        """Move the times of these on, of whom nothing else was told."""
        seen_at: dict[UUID, datetime] = {}
        contact_ids: dict[UUID, UUID] = {}
        latest: dict[UUID, datetime] = {}
        for id_ in ids:
            known, at = self.locked.placed[id_], self.told[id_].last_seen_at
            if at is not None and (known.last_seen_at is None or known.last_seen_at < at):
                seen_at[id_], contact_ids[id_] = at, known.contact_id
                latest[known.contact_id] = max(at, latest.get(known.contact_id, at))
        if not seen_at:
            return
        moved = await identity_store.move_identities_on(self.database, self.workspace_id, contact_ids, seen_at)
        if moved != len(seen_at):
            raise ConcurrentChangeError  # one was moved before its contact was locked
        await identity_store.move_contacts_on(self.database, self.workspace_id, latest)


async def _quarantine(
    database: Database, workspace_id: int, new_ids: Collection[UUID], linked: Mapping[UUID, int]
) -> set[UUID]:
    """Quarantine those that are linked with too many others now; an id that is new and linked once is none of them."""
    suspects = [id_ for id_, times in linked.items() if times > 1 or id_ not in new_ids]
    if not suspects:
        return set()
    return set(await link_store.update_quarantine(database, workspace_id, suspects, may_free=False))


async def _record_links(
    database: Database, workspace_id: int, batch: Sequence[Facts], claims: Claims
) -> Counter[UUID]:
    """Record the batch's claims and aliases. Gives the ends of the links that may change contacts, and how often."""
    aliases = [facts.alias for facts in batch if facts.alias is not None]
    linked: Counter[UUID] = Counter()
    if claims:
        linked.update(await link_store.upsert_claims(database, workspace_id, claims.values()))
    if aliases:
        await link_store.insert_aliases(database, workspace_id, aliases)
        note_aliases(aliases)
    for alias in aliases:
        if alias.previous_id is not None and alias.user_id is not None:
            linked.update((alias.previous_id, alias.user_id))
    return linked


async def _link_again(
    database: Database, workspace_id: int, held: Held, relinked: Iterable[UUID]
) -> list[Component]:
    """Form the contacts of these identities anew. Raises LooseEndError where a link leads beyond."""
    affected = {held.contact_ids[id_] for id_ in relinked if id_ in held.contact_ids}
    if not affected:
        return []
    members = {id_: identity for id_, identity in held.members.items() if held.contact_ids[id_] in affected}
    aliases = await link_store.find_aliases(database, workspace_id, members)
    claims = await link_store.find_claims(database, workspace_id, members)
    components = components_of(members, aliases, claims)
    note_merges(members, components, aliases)
    return components


def _as_before(held: Held, touched: Iterable[UUID], settled: Collection[UUID]) -> list[Component]:
    """Give the contacts that are touched and that no link changes."""
    members: dict[UUID, list[UUID]] = {contact_id: [] for contact_id in touched}
    for id_, contact_id in held.contact_ids.items():
        if contact_id in members and id_ not in settled:
            members[contact_id].append(id_)
    return [Component(contact_id, tuple(ids), None, is_as_before=True) for contact_id, ids in members.items() if ids]


async def _write(
    database: Database, workspace_id: int, held: Held, components: Sequence[Component], changed: set[UUID]
) -> None:
    """Write the identities and contacts that differ from what is stored."""
    contact_ids = {id_: component.contact_id for component in components for id_ in component.members}
    moved = {id_ for id_, contact_id in contact_ids.items() if held.contact_ids[id_] != contact_id}
    contacts = [_contact(workspace_id, held, component) for component in components]
    emptied = held.contacts.keys() & {held.contact_ids[id_] for id_ in moved} - {contact.id for contact in contacts}
    written = [held.members[id_] for id_ in changed | moved]
    if written:
        await identity_store.update_identities(database, workspace_id, written, contact_ids)
    differing = [contact for contact in contacts if not contact.is_as_stored(held.contacts.get(contact.id))]
    if differing:
        await identity_store.upsert_contacts(database, workspace_id, differing)
    if emptied:
        await identity_store.delete_contacts(database, workspace_id, emptied)
    await _mark_words(database, workspace_id, held, contacts, moved)


async def _mark_words(
    database: Database, workspace_id: int, held: Held, contacts: Sequence[Contact], moved: Iterable[UUID]
) -> None:
    """Have the words of contacts read again that are looked for by others now.

    Where somebody with words was taken out of a contact, its words go at once: whoever they are of may be deleted
    before they are read again.
    """
    left = {held.contact_ids[id_] for id_ in moved if held.members[id_].has_words}
    if left:
        await remove_words(database, workspace_id, left)
    stale = [
        contact.id for contact in contacts
        if contact.id in left or contact.is_found_by_others_than(held.contacts.get(contact.id))
    ]  # fmt: skip
    if stale:
        await mark_contacts(database, workspace_id, stale)


def _contact(workspace_id: int, held: Held, component: Component) -> Contact:
    members = [held.members[id_] for id_ in component.members]
    stored = held.contacts.get(component.contact_id)
    if component.is_as_before and stored is not None:
        external_id = stored.external_id
    elif component.naming_alias is not None:
        external_id = component.naming_alias.user_value
    else:
        external_id = _name_without_alias(members)
    return contact_of(workspace_id, component.contact_id, external_id, members)


def _name_without_alias(members: Sequence[Identity]) -> str | None:
    """Give the user's id, or one that only an alias names which does not count; None for visitors."""
    users = [member.value for member in members if member.is_user]
    return min(users or [member.value for member in members if not member.is_anonymous], default=None)
