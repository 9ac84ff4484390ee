"""Brings identities and contacts up to date with what new messages say of them.

The contacts that are touched are locked first, in one order; what was read before the lock is checked after it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from worker.drain_notes import note_aliases, note_merges
from worker.failure import ConcurrentChangeError
from worker.fold.contact import Contact, contact_of
from worker.fold.facts import Facts
from worker.fold.identity import Identity, identities_of
from worker.fold.links import Component, LooseEndError, claims_of, components_of
from worker.store import identities as identity_store
from worker.store import links as link_store
from worker.store.database import Database
from worker.store.identities import Placed

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """What is locked: contacts as they are stored, all their members, and where each member belongs.

    `new_ids` were never seen before. `has_new_roles`: an id is seen as a user or as a visitor for the first time,
    which links may have waited for.
    """

    contacts: dict[UUID, Contact]
    members: dict[UUID, Identity]
    contact_ids: dict[UUID, UUID]
    new_ids: set[UUID]
    has_new_roles: bool


async def update_contacts(database: Database, workspace_id: int, batch: Sequence[Facts]) -> None:
    """Fold messages that are new into the workspace's identities and contacts.

    Raises ConcurrentChangeError where the transaction has to be tried again.
    """
    told = identities_of(batch)
    if not told:
        await _record_links(database, workspace_id, batch)
        return
    held = await _hold(database, workspace_id, told)
    touched = {held.contact_ids[id_] for id_ in told}
    changed = {id_ for id_, identity in told.items() if held.members[id_].absorb(identity)}
    linked = await _record_links(database, workspace_id, batch)
    quarantined = await _quarantine(database, workspace_id, held.new_ids, linked)
    if quarantined:
        _LOG.warning("identities quarantined", workspace_id=workspace_id, identity_ids=sorted(map(str, quarantined)))
        await _hold_neighbours(database, workspace_id, held, quarantined)
    if linked or held.has_new_roles:
        components = await _link_again(database, workspace_id, held)
        note_merges(held.members, components)
    else:
        components = _as_before(held, touched)
    await _write(database, workspace_id, held, components, changed)


async def link_again(database: Database, workspace_id: int, identities: dict[UUID, Identity]) -> None:
    """Form the contacts of these identities anew, after evidence of links was withdrawn or given back."""
    held = await _hold(database, workspace_id, identities)
    await _write(database, workspace_id, held, await _link_again(database, workspace_id, held), set())


async def _hold(database: Database, workspace_id: int, told: dict[UUID, Identity]) -> Held:
    placed, made = await _place(database, workspace_id, told)
    new_roles = [
        id_ for id_, known in placed.items()
        if (told[id_].is_user and not known.is_user) or (told[id_].is_anonymous and not known.is_anonymous)
    ]  # fmt: skip
    partners = await _alias_partners(database, workspace_id, new_roles)
    placed.update(await identity_store.find_identities(database, workspace_id, partners - told.keys()))
    wanted = made | {known.contact_id for known in placed.values()}
    contacts = await identity_store.lock_contacts(database, workspace_id, wanted)
    members, contact_ids = await identity_store.read_members(database, workspace_id, wanted)
    is_held = wanted - made <= contacts.keys()
    if not is_held or not (told.keys() | placed.keys()) <= members.keys():
        raise ConcurrentChangeError
    return Held(contacts, members, contact_ids, made, bool(new_roles))


async def _place(
    database: Database, workspace_id: int, told: dict[UUID, Identity]
) -> tuple[dict[UUID, Placed], set[UUID]]:
    """Find where identities belong, and make those that are missing; give the former, and the ids of the latter."""
    placed = await identity_store.find_identities(database, workspace_id, told)
    missing = told.keys() - placed.keys()
    if not missing:
        return placed, set()
    made = await identity_store.insert_identities(database, workspace_id, [told[id_] for id_ in missing])
    if missing != made:  # somebody else made some of them meanwhile
        placed.update(await identity_store.find_identities(database, workspace_id, missing - made))
    return placed, made


async def _quarantine(
    database: Database, workspace_id: int, new_ids: set[UUID], linked: Mapping[UUID, int]
) -> set[UUID]:
    """Quarantine those that are linked with too many others now; an id that is new and linked once is none of them."""
    suspects = [id_ for id_, times in linked.items() if times > 1 or id_ not in new_ids]
    if not suspects:
        return set()
    return set(await link_store.update_quarantine(database, workspace_id, suspects, may_free=False))


async def _hold_neighbours(database: Database, workspace_id: int, held: Held, quarantined: Iterable[UUID]) -> None:
    """Lock also those who get the visitors of identities that were quarantined.

    They are locked after others, in no common order; who dies of a deadlock tries again, and an id is quarantined once.
    """
    neighbours = await link_store.find_neighbours(database, workspace_id, quarantined)
    placed = await identity_store.find_identities(database, workspace_id, neighbours - held.members.keys())
    wanted = {known.contact_id for known in placed.values()} - held.contacts.keys()
    if not wanted:
        return
    held.contacts.update(await identity_store.lock_contacts(database, workspace_id, wanted))
    members, contact_ids = await identity_store.read_members(database, workspace_id, wanted)
    if not wanted <= held.contacts.keys() or not placed.keys() <= held.members.keys() | members.keys():
        raise ConcurrentChangeError
    held.members.update(members)
    held.contact_ids.update(contact_ids)


async def _alias_partners(database: Database, workspace_id: int, ids: Sequence[UUID]) -> set[UUID]:
    """Give the other ends of aliases whose effect depends on the role in which these identities were seen."""
    if not ids:
        return set()
    aliases = await link_store.find_aliases(database, workspace_id, ids)
    return {id_ for alias in aliases for id_ in (alias.previous_id, alias.user_id) if id_ is not None}


async def _record_links(database: Database, workspace_id: int, batch: Sequence[Facts]) -> Counter[UUID]:
    """Record the batch's claims and aliases. Gives the ends of the links that may change contacts, and how often."""
    aliases = [facts.alias for facts in batch if facts.alias is not None]
    claims = claims_of(batch)
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


async def _link_again(database: Database, workspace_id: int, held: Held) -> list[Component]:
    aliases = await link_store.find_aliases(database, workspace_id, held.members.keys())
    claims = await link_store.find_claims(database, workspace_id, held.members.keys())
    try:
        return components_of(held.members, aliases, claims)
    except LooseEndError:
        raise ConcurrentChangeError from None


def _as_before(held: Held, touched: Iterable[UUID]) -> list[Component]:
    members: dict[UUID, list[UUID]] = {contact_id: [] for contact_id in touched}
    for id_, contact_id in held.contact_ids.items():
        if contact_id in members:
            members[contact_id].append(id_)
    return [Component(contact_id, tuple(ids), None, is_as_before=True) for contact_id, ids in members.items()]


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
    differing = [contact for contact in contacts if held.contacts.get(contact.id) != contact]
    if differing:
        await identity_store.upsert_contacts(database, workspace_id, differing)
    if emptied:
        await identity_store.delete_contacts(database, workspace_id, emptied)


def _contact(workspace_id: int, held: Held, component: Component) -> Contact:
    members = [held.members[id_] for id_ in component.members]
    stored = held.contacts.get(component.contact_id)
    if component.is_as_before and stored is not None:
        external_id = stored.external_id
    elif component.naming_alias is not None:
        external_id = component.naming_alias.user_value
    else:
        external_id = min((member.value for member in members if member.is_user), default=None)
    return contact_of(workspace_id, component.contact_id, external_id, members)
