"""What became of an alias, by the same rules as the view `variance.merges`."""

from collections.abc import Iterable, Mapping
from typing import Literal
from uuid import UUID

from worker.fold.facts import AliasCall
from worker.fold.identity import Identity

MergeOutcome = Literal["merged", "renamed", "recorded", "refused"]


def merge_outcome(
    alias: AliasCall,
    identities: Mapping[UUID, Identity],
    contact_ids: Mapping[UUID, UUID],
    aliases: Iterable[AliasCall],
) -> MergeOutcome:
    """Tell what an alias does to the contacts of its two ends, where it, they and their aliases are known like this."""
    previous_id, user_id = alias.previous_id, alias.user_id
    if previous_id is None or user_id is None or alias.is_withdrawn:
        return "refused"
    if previous_id == user_id:
        return "recorded"
    if contact_ids.get(previous_id) != contact_ids.get(user_id):
        return "refused"
    if any(_says_before(other, alias) for other in aliases) or not _is_known(identities.get(previous_id), alias):
        return "recorded"
    return "merged" if _is_known(identities.get(user_id), alias) else "renamed"


def _says_before(other: AliasCall, alias: AliasCall) -> bool:
    is_same = (other.previous_id, other.user_id) == (alias.previous_id, alias.user_id)
    return is_same and not other.is_withdrawn and other.stamp < alias.stamp


def _is_known(identity: Identity | None, alias: AliasCall) -> bool:
    """Tell whether an identity had been seen by then in another message."""
    seen = None if identity is None else identity.first_seen
    if seen is None or seen.occurred_at_microseconds > alias.stamp.occurred_at_microseconds:
        return False
    return seen[1:] != alias.stamp[1:]
