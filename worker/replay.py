"""Trying a dead letter again: what became of it takes its death's place in the ledger."""

from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from schemas.acceptance import Accepted, accept
from schemas.foreseen import ForeseenError
from schemas.queue import QueuedMessage, QueuedRefusal
from schemas.reasons import Reason
from schemas.timestamps import write_instant
from schemas.tolerant_json import UnreadableJsonError, read_json
from worker.batch import settle_messages
from worker.store.database import Database
from worker.store.dead_letters import delete_dead_letter, find_dead_letter, settle_replay
from worker.store.letters import DeadLetter
from worker.tally import Tally

_ACCEPTED_BEFORE: frozenset[Reason] = frozenset(("unknown_connection", "unstorable", "deadly"))
"""What messages die of that had been accepted, so that they say nothing which their sender might not."""


class UnreadableBodyError(ForeseenError):
    """The corrected body is no JSON. The letter stays as it is: what was typed is not what was sent."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a dead letter: applied, duplicate, suppressed, dead again under a new id, or gone before."""

    id: int
    outcome: str
    message_id: str | None = None
    new_id: int | None = None


async def replay_letter(database: Database, letter_id: int, corrected_body: bytes | None = None) -> Replayed:
    """Take a dead letter away and apply it. Runs inside the caller's transaction, which may be tried again.

    Raises UnreadableBodyError.
    """
    letter = await delete_dead_letter(database, letter_id)
    if letter is None:
        return Replayed(letter_id, "gone")
    body = letter.body.encode(errors="replace") if corrected_body is None else corrected_body
    queued = _queued(letter, body, is_corrected=corrected_body is not None)
    tally = await settle_messages(database, [queued])
    await settle_replay(database, tally)
    new_id = await find_dead_letter(database, letter.connection_id, letter.message_key) if tally.dead else None
    return Replayed(letter_id, _outcome(tally), letter.message_key, new_id)


def _queued(letter: DeadLetter, body: bytes, *, is_corrected: bool) -> QueuedMessage:
    """Judge the body again, as the queue would carry it: under the letter's own key, whatever id it has now."""
    try:
        raw = read_json(body)
    except UnreadableJsonError as error:
        if is_corrected:
            raise UnreadableBodyError(f"the corrected body is {error}; the dead letter stays as it was") from None
        refusal = QueuedRefusal(
            "not_an_object", f"The body is {error}", body.decode(errors="replace"), write_instant(letter.received_at)
        )
        return _pair(letter, msgspec.json.encode(refusal), is_accepted=False)
    # A body that the operator gives is trusted as Segment is; what was refused may have come with a public write key.
    is_trusted = is_corrected or letter.reason in _ACCEPTED_BEFORE
    judged = accept(raw, letter.received_at, from_segment=is_trusted)
    if isinstance(judged, Accepted):
        return _pair(letter, _under_key(judged, letter.message_key), is_accepted=True)
    refusal = QueuedRefusal(judged.reason, judged.detail, judged.body, write_instant(letter.received_at))
    return _pair(letter, msgspec.json.encode(refusal), is_accepted=False)


def _under_key(judged: Accepted, key: str) -> bytes:
    if judged.message_key == key:
        return judged.body
    message: dict[str, Any] = orjson.loads(judged.body)
    return orjson.dumps(message | {"messageId": key})


def _pair(letter: DeadLetter, value: bytes, *, is_accepted: bool) -> QueuedMessage:
    return QueuedMessage(letter.connection_id, letter.message_key, is_accepted, value)


def _outcome(tally: Tally) -> str:
    if tally.applied:
        return "applied"
    if tally.suppressed:
        return "suppressed"
    return "dead" if tally.dead else "duplicate"
