"""Brings accounts up to date with what new messages say of them."""

from collections.abc import Sequence

from worker.fold.account import accounts_of
from worker.fold.facts import Facts
from worker.fold.identity import are_same_traits, plain_traits
from worker.store import accounts as account_store
from worker.store.database import Database
from worker.store.words import mark_accounts


async def update_accounts(database: Database, workspace_id: int, batch: Sequence[Facts]) -> None:
    """Fold messages that are new into the workspace's accounts and audiences."""
    told = accounts_of(batch)
    if told:
        made = await account_store.insert_accounts(database, workspace_id, told.values())
        known = await account_store.lock_accounts(database, workspace_id, told.keys() - made)
        before = {id_: plain_traits(account.traits) for id_, account in known.items() if told[id_].traits}
        changed = [account for id_, account in known.items() if account.absorb(told[id_])]
        if changed:
            await account_store.update_accounts(database, workspace_id, changed)
        after = {id_: plain_traits(known[id_].traits) for id_ in before}
        stale = {*made, *(id_ for id_ in before if not are_same_traits(before[id_], after[id_]))}
        if stale:
            await mark_accounts(database, workspace_id, stale)
    await account_store.insert_audience_signals(database, workspace_id, batch)
