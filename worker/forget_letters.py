"""Dead letters of people who were deleted: they go too, whether they died before or come afterwards."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from schemas.acceptance import id_text, name_fields
from schemas.timestamps import counted_at, occurred_at, read_instant
from schemas.tolerant_json import UnreadableJsonError, read_json
from worker.fold.ids import identity_id
from worker.store import letters as letter_store
from worker.store import messages as message_store
from worker.store.database import Database
from worker.store.letters import DeadLetter, LetterBody
from worker.store.messages import MessageKey

_LOG = structlog.get_logger(__name__)
_PERSONS_IDS = ("userId", "anonymousId", "previousId")
_PAGE_LETTERS = 200


class Burials:
    """Who was deleted in a transaction, under which ids, until when."""

    def __init__(self) -> None:
        self.deleted_at: dict[UUID, datetime] = {}

    def add(self, ids: Iterable[UUID], deleted_at: datetime) -> None:
        """Note who was deleted; for who was twice, the later moment counts."""
        for id_ in ids:
            self.deleted_at[id_] = max(deleted_at, self.deleted_at.get(id_, deleted_at))


async def forget_letters(database: Database, workspace_id: int, burials: Burials) -> None:
    """Remove the dead letters that these people said until they were deleted.

    A workspace may have very many: they are read once, for all people of a transaction.
    """
    if not burials.deleted_at:
        return
    await letter_store.hold_letters(database, workspace_id)
    count = 0
    async for page in letter_store.read_dead_letters(database, workspace_id, _PAGE_LETTERS):
        gone = [told.key for told in _read(workspace_id, page) if told.is_before(burials.deleted_at)]
        if gone:
            await letter_store.delete_dead_letters(database, workspace_id, gone)
            await message_store.insert_suppressions(database, workspace_id, gone, datetime.now(UTC), "deleted")
        count += len(gone)
    if count:
        _LOG.info("dead letters forgotten", workspace_id=workspace_id, dead_letters=count)


async def find_forgotten(database: Database, workspace_id: int, letters: Collection[DeadLetter]) -> set[MessageKey]:
    """Give the keys of the letters whose person was deleted since they were said.

    Nobody is deleted from now on until the transaction ends: whoever deletes reads the letters that are kept by then.
    """
    await letter_store.share_letters(database, workspace_id)
    if not await message_store.has_tombstones(database, workspace_id):
        return set()
    told = _read(workspace_id, letters)
    deleted_at = await message_store.find_tombstones(database, workspace_id, {id_ for one in told for id_ in one.ids})
    of_the_deleted = [one for one in told if one.ids & deleted_at.keys()]
    # One without a time of its own has another whenever it comes.
    known = await message_store.find_suppressions(database, workspace_id, [one.key for one in of_the_deleted])
    return {one.key for one in of_the_deleted if one.key in known or one.is_before(deleted_at)}


@dataclass(frozen=True, slots=True)
class _Told:
    """What a letter says, and whom it names. Few are asked for their time: reading it may take the longest."""

    key: MessageKey
    ids: frozenset[UUID]
    raw: Mapping[str, Any]
    received_at: datetime

    def is_before(self, deleted_at: Mapping[UUID, datetime]) -> bool:
        """Tell whether it was said or received before the deletion of somebody whom it names."""
        moments = [deleted_at[id_] for id_ in self.ids & deleted_at.keys()]
        if not moments:
            return False
        # As of what is accepted: Segment received it before it delivered it.
        received_at = min(self.received_at, read_instant(self.raw.get("receivedAt")) or self.received_at)
        said_at = counted_at(occurred_at(self.raw, received_at), received_at)
        return min(said_at, received_at) <= max(moments)


def _read(workspace_id: int, letters: Collection[DeadLetter] | Collection[LetterBody]) -> list[_Told]:
    told = []
    for letter in letters:
        raw = _message(letter.body)
        values = (id_text(raw[name]) for name in _PERSONS_IDS if isinstance(raw.get(name), str | int | float))
        ids = frozenset(identity_id(workspace_id, value) for value in values if value is not None)
        told.append(_Told(letter.key, ids, raw, letter.received_at))
    return told


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
