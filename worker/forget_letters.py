"""Dead letters of people who were deleted: they go too, whether they died before or come afterwards."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.acceptance import id_text, name_fields
from schemas.timestamps import counted_at, occurred_at
from schemas.tolerant_json import UnreadableJsonError, read_json
from worker.fold.ids import identity_id
from worker.store import messages as message_store
from worker.store.database import Database
from worker.store.messages import DeadLetter, MessageKey

_PERSONS_IDS = ("userId", "anonymousId", "previousId")
_PAGE_LETTERS = 200


async def forget_letters(
    database: Database, workspace_id: int, buried: frozenset[UUID], deleted_at: datetime
) -> int:
    """Remove the dead letters of these people, who are buried, that were said until a moment; give how many."""
    await message_store.hold_letters(database, workspace_id)
    count = 0
    async for page in message_store.read_dead_letters(database, workspace_id, _PAGE_LETTERS):
        told = {letter.key: _Told.by(workspace_id, letter.body, letter.received_at) for letter in page}
        gone = [key for key, letter in told.items() if letter.ids & buried and letter.at <= deleted_at]
        if gone:
            await message_store.delete_dead_letters(database, workspace_id, gone)
            await message_store.insert_suppressions(database, workspace_id, gone, datetime.now(UTC), "deleted")
        count += len(gone)
    return count


async def find_forgotten(database: Database, workspace_id: int, letters: Collection[DeadLetter]) -> set[MessageKey]:
    """Give the keys of the letters whose person was deleted since they were said.

    Nobody is deleted from now on until the transaction ends: whoever deletes reads the letters that are kept by then.
    """
    await message_store.share_letters(database, workspace_id)
    told = {letter.key: _Told.by(workspace_id, letter.body, letter.received_at) for letter in letters}
    named = {id_ for letter in told.values() for id_ in letter.ids}
    deleted_at = await message_store.find_tombstones(database, workspace_id, named)
    of_the_deleted = {key: letter for key, letter in told.items() if letter.ids & deleted_at.keys()}
    if not of_the_deleted:
        return set()
    # One without a time of its own has another whenever it comes.
    known = await message_store.find_suppressions(database, workspace_id, of_the_deleted)
    return {key for key, letter in of_the_deleted.items() if key in known or letter.is_before(deleted_at)}


@dataclass(frozen=True, slots=True)
class _Told:
    """Whom a letter names, and when it was said or received, whichever was earlier."""

    ids: frozenset[UUID]
    at: datetime

    @classmethod
    def by(cls, workspace_id: int, body: str, received_at: datetime) -> "_Told":
        raw = _message(body)
        values = (id_text(raw[name]) for name in _PERSONS_IDS if isinstance(raw.get(name), str | int | float))
        ids = frozenset(identity_id(workspace_id, value) for value in values if value is not None)
        return cls(ids, min(received_at, counted_at(occurred_at(raw, received_at), received_at)))

    def is_before(self, deleted_at: Mapping[UUID, datetime]) -> bool:
        return any(self.at <= moment for id_, moment in deleted_at.items() if id_ in self.ids)


def _message(body: str) -> dict[str, Any]:
    """Read a letter's text; what is no message names nobody."""
    try:
        raw = read_json(body.encode(errors="replace"))
    except UnreadableJsonError:
        return {}
    if not isinstance(raw, dict):
        return {}
    name_fields(raw)
    return raw
