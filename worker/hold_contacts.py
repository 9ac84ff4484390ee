"""Locks the contacts that a batch speaks of, and reads those that it changes in more than their times.

All of a batch's contacts are locked in one order; what was read before the lock is checked after it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from worker.failure import ConcurrentChangeError
from worker.fold.contact import Contact
from worker.fold.identity import Identity
from worker.fold.links import Claim
from worker.store import identities as identity_store
from worker.store import links as link_store
from worker.store.database import Database
from worker.store.identities import Placed

Claims: TypeAlias = Mapping[tuple[UUID, UUID], Claim]
"""The earliest claim of each visitor and user among a batch's messages."""


@dataclass(frozen=True, slots=True)
class Locked:
    """Identities whose contacts are locked: those that were known, and the contacts of those that were made.

    `relinked` are those whose links have to be looked at, whatever the batch links: an id that is seen as a user or as
    a visitor for the first time, for which links may have waited, the other ends of these links, and a visitor that
    was made where it is expected to belong.
    """

    placed: dict[UUID, Placed]
    made: dict[UUID, UUID]
    relinked: frozenset[UUID]

    def contacts_of(self, ids: Iterable[UUID]) -> set[UUID]:
        """Give the contacts that these identities belong to, as far as they are locked."""
        known = {self.placed[id_].contact_id for id_ in ids if id_ in self.placed}
        return known | {self.made[id_] for id_ in ids if id_ in self.made}


@dataclass(frozen=True, slots=True)
class Held:
    """Contacts as they are stored, all their members, and where each member belongs."""

    contacts: dict[UUID, Contact]
    members: dict[UUID, Identity]
    contact_ids: dict[UUID, UUID]


async def lock_contacts_of(
    database: Database, workspace_id: int, told: Mapping[UUID, Identity], claims: Claims
) -> Locked:
    """Make the identities that are missing, and lock the contacts of all of them, and of those whom they wait for.

    Raises ConcurrentChangeError where a contact is gone meanwhile.
    """
    placed, made = await _place(database, workspace_id, told, claims)
    new_roles = [
        id_ for id_, known in placed.items()
        if (told[id_].is_user and not known.is_user) or (told[id_].is_anonymous and not known.is_anonymous)
    ]  # fmt: skip
    partners = await _alias_partners(database, workspace_id, new_roles)
    if unknown := partners - told.keys():
        placed.update(await identity_store.find_identities(database, workspace_id, unknown))
    if wanted := {known.contact_id for known in placed.values()}:
        locked = await identity_store.lock_contacts(database, workspace_id, wanted)
        if wanted != locked:
            raise ConcurrentChangeError
    elsewhere = {id_ for id_, contact_id in made.items() if contact_id != id_}
    return Locked(placed, made, frozenset({*new_roles, *partners, *elsewhere}))


async def read_held(
    database: Database, workspace_id: int, locked: Locked, told: Mapping[UUID, Identity], contact_ids: set[UUID]
) -> Held:
    """Read some of the locked contacts and their members.

    Raises ConcurrentChangeError where an identity was moved before its contact was locked.
    """
    held = Held({}, {}, {})
    if known := contact_ids & {known.contact_id for known in locked.placed.values()}:
        await _read_into(held, database, workspace_id, known)
    expected = {id_ for id_, placed in locked.placed.items() if placed.contact_id in contact_ids}
    if not expected <= held.members.keys():
        raise ConcurrentChangeError
    for id_, contact_id in locked.made.items():
        if contact_id in contact_ids:
            held.members[id_], held.contact_ids[id_] = told[id_], contact_id
    return held


async def hold_neighbours(database: Database, workspace_id: int, held: Held, quarantined: Iterable[UUID]) -> None:
    """Lock also those who get the visitors of identities that were quarantined.

    They are locked after others, in no common order; who dies of a deadlock tries again, and an id is quarantined once.
    """
    neighbours = await link_store.find_neighbours(database, workspace_id, quarantined)
    placed = await identity_store.find_identities(database, workspace_id, neighbours - held.members.keys())
    wanted = {known.contact_id for known in placed.values()} - held.contacts.keys()
    if not wanted:
        return
    locked = await identity_store.lock_contacts(database, workspace_id, wanted)
    await _read_into(held, database, workspace_id, wanted)
    if wanted != locked or not placed.keys() <= held.members.keys():
        raise ConcurrentChangeError


async def _read_into(held: Held, database: Database, workspace_id: int, contact_ids: set[UUID]) -> None:
    held.contacts.update(await identity_store.read_contacts(database, workspace_id, contact_ids))
    members, places = await identity_store.read_members(database, workspace_id, contact_ids)
    held.members.update(members)
    held.contact_ids.update(places)


async def _place(
    database: Database, workspace_id: int, told: Mapping[UUID, Identity], claims: Claims
) -> tuple[dict[UUID, Placed], dict[UUID, UUID]]:
    """Find where identities belong, and make those that are missing. Gives the former, and the latter's contacts."""
    placed = await identity_store.find_identities(database, workspace_id, told)
    missing = told.keys() - placed.keys()
    if not missing:
        return placed, {}
    expected = _expected_contacts(missing, placed, claims)
    made = await identity_store.insert_identities(database, workspace_id, [told[id_] for id_ in missing], expected)
    if missing != made:  # somebody else made some of them meanwhile
        placed.update(await identity_store.find_identities(database, workspace_id, missing - made))
        if not missing <= placed.keys() | made:
            raise ConcurrentChangeError
    return placed, {id_: expected[id_] for id_ in made}


def _expected_contacts(
    missing: Iterable[UUID], placed: Mapping[UUID, Placed], claims: Claims
) -> dict[UUID, UUID]:
    """Give where new identities belong if no other link is known: a visitor to its user, and need not be moved then."""
    claimed: dict[UUID, Claim] = {}
    for claim in claims.values():
        known = claimed.get(claim.anonymous_id)
        if known is None or claim.stamp < known.stamp:
            claimed[claim.anonymous_id] = claim
    expected = {}
    for id_ in missing:
        owner = claimed[id_].user_id if id_ in claimed else id_
        expected[id_] = placed[owner].contact_id if owner in placed else owner
    return expected


async def _alias_partners(database: Database, workspace_id: int, ids: Iterable[UUID]) -> set[UUID]:
    """Give the other ends of aliases whose effect depends on the role in which these identities were seen."""
    if not ids:
        return set()
    aliases = await link_store.find_aliases(database, workspace_id, ids)
    return {id_ for alias in aliases for id_ in (alias.previous_id, alias.user_id) if id_ is not None}
