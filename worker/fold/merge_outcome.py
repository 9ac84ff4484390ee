"""What became of an alias, by the same rules as the view `variance.merges`."""

from collections.abc import Container, Iterable, Mapping
from typing import Literal
from uuid import UUID

from worker.fold.facts import AliasCall
from worker.fold.identity import Identity
from worker.fold.stamp import Stamp

MergeOutcome = Literal["merged", "renamed", "recorded", "refused"]


def merge_outcome(
    alias: AliasCall,
    identities: Mapping[UUID, Identity],
    contact_ids: Mapping[UUID, UUID],
    repetitions: Container[Stamp],
) -> MergeOutcome:
    """Tell what an alias does to the contacts of its two ends, where it and they are known like this."""
    previous_id, user_id = alias.previous_id, alias.user_id
    if previous_id is None or user_id is None or alias.is_withdrawn:
        return "refused"
    if previous_id == user_id:
        return "recorded"
    if contact_ids.get(previous_id) != contact_ids.get(user_id):
        return "refused"
    if alias.stamp in repetitions or not _is_known(identities.get(previous_id), alias):
        return "recorded"
    return "merged" if _is_known(identities.get(user_id), alias) else "renamed"


def repetitions_among(aliases: Iterable[AliasCall], contact_ids: Mapping[UUID, UUID]) -> set[Stamp]:
    """Give the stamps of those aliases that say what an earlier one says.

    None has come in between that renames the same id otherwise, or directly back.
    `aliases` are all of some identities', and `contact_ids` says which of these are one contact.
    """
    repetitions: set[Stamp] = set()
    renamed: dict[UUID, UUID] = {}
    for alias in sorted(aliases, key=lambda alias: alias.stamp):
        previous_id, user_id = alias.previous_id, alias.user_id
        if previous_id is None or user_id is None or previous_id == user_id or alias.is_withdrawn:
            continue
        if contact_ids.get(previous_id) != contact_ids.get(user_id):
            continue
        if renamed.get(previous_id) == user_id:
            repetitions.add(alias.stamp)
        renamed[previous_id] = user_id
        if renamed.get(user_id) == previous_id:
            del renamed[user_id]  # this one goes the other way, so that the next one back has an effect again
    return repetitions


def _is_known(identity: Identity | None, alias: AliasCall) -> bool:
    """Tell whether an identity had been seen by then in another message."""
    seen = None if identity is None else identity.first_seen
    if seen is None or seen.occurred_at_microseconds > alias.stamp.occurred_at_microseconds:
        return False
    return seen[1:] != alias.stamp[1:]
