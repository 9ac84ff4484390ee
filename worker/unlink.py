"""Withdraws the link that one message made, or gives it back: the state is as if the link had never been."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from worker.fold.account_rules import AccountRules
from worker.fold.facts import Facts, Named, facts_of_logged
from worker.fold.identity import Identity
from worker.fold.links import claims_of
from worker.store import identities as identity_store
from worker.store import links as link_store
from worker.store import messages as message_store
from worker.store.database import Database
from worker.store.locks import REBUILD_LOCK, share_lock
from worker.store.messages import MessageKey
from worker.update_contacts import link_again


class NoLinkError(Exception):
    """The message made no link, or it cannot be withdrawn now; the text says which."""


async def unlink(
    database: Database, workspace_id: int, key: MessageKey, rules: Mapping[str, AccountRules], *, undo: bool = False
) -> None:
    """Withdraw a message's link, or give it back with `undo`. Runs inside the caller's transaction.

    Raises NoLinkError, and ConcurrentChangeError where the transaction has to be tried again.
    """
    messages = await message_store.read_messages(database, workspace_id, [], [key])
    facts = [facts_of_logged(message, rules[key[0]]) for message in messages]
    if not facts or not (facts[0].is_claim or facts[0].alias):
        raise NoLinkError("the message made no link: it is no Alias call, and does not carry both ids")
    if not await share_lock(database, REBUILD_LOCK):
        raise NoLinkError("a rebuild is under way: try again when it is done")
    ends = _ends(facts[0])
    await _lock(database, workspace_id, ends | await _rivals(database, workspace_id, ends))
    if undo:
        await link_store.give_back(database, workspace_id, key)
    else:
        await link_store.withdraw(database, workspace_id, key, datetime.now(UTC), is_claim=facts[0].is_claim)
    if facts[0].user is not None and facts[0].anonymous is not None and facts[0].is_claim:
        await _claim_again(database, workspace_id, facts[0].user, facts[0].anonymous, rules)
    freed = await link_store.update_quarantine(database, workspace_id, ends, may_free=True)
    if freed:
        ends |= await link_store.find_neighbours(database, workspace_id, freed)
    ends |= await _rivals(database, workspace_id, ends)
    known = await identity_store.find_identities(database, workspace_id, ends)
    if known:
        await link_again(database, workspace_id, {id_: Identity(id_, "") for id_ in known})


async def _lock(database: Database, workspace_id: int, ids: set[UUID]) -> None:
    """Lock the contacts of identities, so that nobody links them before their links are read."""
    placed = await identity_store.find_identities(database, workspace_id, ids)
    await identity_store.lock_contacts(database, workspace_id, {known.contact_id for known in placed.values()})


def _ends(facts: Facts) -> set[UUID]:
    """Give the identities that the message's links connect."""
    ends = {named.id for named in (facts.user, facts.anonymous) if named is not None}
    if facts.alias is not None:
        ends |= {id_ for id_ in (facts.alias.previous_id, facts.alias.user_id) if id_ is not None}
    return ends


async def _claim_again(
    database: Database, workspace_id: int, user: Named, visitor: Named, rules: Mapping[str, AccountRules]
) -> None:
    """Find the earliest claim of the two that still counts."""
    messages = await message_store.read_claiming_messages(database, workspace_id, user.id, visitor.value)
    claims = claims_of(
        facts_of_logged(message, rules[message.stamp.connection_id]) for message in messages
    )
    await link_store.delete_claim(database, workspace_id, visitor.id, user.id)
    if claims:
        await link_store.upsert_claims(database, workspace_id, claims.values())


async def _rivals(database: Database, workspace_id: int, ends: set[UUID]) -> set[UUID]:
    """Give who else claimed these identities: the next in line may have them now."""
    claims = await link_store.find_claims(database, workspace_id, ends)
    aliases = await link_store.find_aliases(database, workspace_id, ends)
    rivals = {claim.user_id for claim in claims}
    return rivals | {alias.user_id for alias in aliases if alias.user_id and alias.previous_id in ends}
