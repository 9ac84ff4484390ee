"""Dead letters by their reason: looked at, corrected, tried again, or thrown away."""

from collections import Counter
from functools import partial

from aiohttp import web

from schemas.tolerant_json import storable
from worker.console.parts import (
    PAGE_ROWS,
    SESSION,
    SETTINGS,
    draw,
    now,
    open_database,
    query_text,
    read_form,
    see_other,
    write_audit,
)
from worker.replay import Replayed, UnreadableBodyError, replay_letter
from worker.store.audit import insert_audit_entry
from worker.store.database import Database
from worker.store.dead_letters import (
    count_dead_letters,
    discard_dead_letter,
    list_letters_of_reason,
    read_dead_letter,
)
from worker.store.transactions import Transactions

MOST_REPLAYED = 500
"""Dead letters that one press of a button tries again."""


async def list_letters(request: web.Request) -> web.StreamResponse:
    """Show how many died of what, and those of one reason."""
    reason, before = query_text(request, "reason"), request.query.get("before", "")
    async with open_database(request) as database:
        reasons = await count_dead_letters(database)
        chosen = reason or (reasons[0]["reason"] if reasons else None)
        letters = []
        if chosen is not None:
            number = int(before) if before.isdecimal() and len(before) < 19 else None  # noqa: PLR2004 (digits of a bigint)
            letters = await list_letters_of_reason(database, chosen, number, PAGE_ROWS + 1)
    return draw(
        "dead_letters.html", request, reasons=reasons, chosen=chosen, letters=letters[:PAGE_ROWS],
        next=letters[PAGE_ROWS - 1]["id"] if len(letters) > PAGE_ROWS else None, most_replayed=MOST_REPLAYED,
        outcome=_told(request),
    )  # fmt: skip


async def show_letter(request: web.Request) -> web.StreamResponse:
    """Show one dead letter, its body ready to be corrected."""
    async with open_database(request) as database:
        letter = await read_dead_letter(database, int(request.match_info["id"]))
    if letter is None:
        raise web.HTTPNotFound(text="This dead letter is gone: somebody tried it again, or threw it away.")
    return draw("dead_letter.html", request, letter=letter)


async def replay(request: web.Request) -> web.StreamResponse:
    """Try one dead letter again, with the body as it was corrected."""
    id_ = int(request.match_info["id"])
    form = await read_form(request)
    async with open_database(request) as database:
        letter = await read_dead_letter(database, id_)
    # Browsers send line breaks as CRLF; what was not touched is tried as it was received.
    body = form.get("body", "").replace("\r\n", "\n")
    is_corrected = letter is not None and body.strip() != "" and body != letter["body"].replace("\r\n", "\n")
    try:
        replayed = await _replay(request, [id_], body.encode(errors="replace") if is_corrected else None)
    except UnreadableBodyError as error:
        raise web.HTTPBadRequest(text=f"Not tried: {error}.") from None
    outcome = replayed[0]
    if outcome.new_id is not None:
        return see_other(f"/dead-letters/{outcome.new_id}")
    return see_other(f"/dead-letters?{outcome.outcome}=1")


async def replay_reason(request: web.Request) -> web.StreamResponse:
    """Try the dead letters of a reason again, the newest of them, each in a transaction of its own."""
    reason = storable((await read_form(request)).get("reason", ""))
    async with open_database(request) as database:
        letters = await list_letters_of_reason(database, reason, None, MOST_REPLAYED)
    replayed = await _replay(request, [letter["id"] for letter in reversed(letters)], None)
    counts = Counter(letter.outcome for letter in replayed)
    return see_other("/dead-letters?" + "&".join(f"{name}={count}" for name, count in sorted(counts.items())))


async def discard(request: web.Request) -> web.StreamResponse:
    """Throw a dead letter away for good. It stays counted as dead."""
    id_ = int(request.match_info["id"])
    async with open_database(request) as database, database.transaction():
        letter = await discard_dead_letter(database, id_, now())
        if letter is not None:
            await write_audit(
                request, database, "discarded a dead letter", str(id_),
                message_id=letter.message_key, connection_id=letter.connection_id, reason=letter.reason,
            )  # fmt: skip
    return see_other(f"/dead-letters?{'gone' if letter is None else 'discarded'}=1")


async def _replay(request: web.Request, ids: list[int], corrected_body: bytes | None) -> list[Replayed]:
    async def work(database: Database, letter_id: int) -> Replayed:
        replayed = await replay_letter(database, letter_id, corrected_body)
        if replayed.outcome != "gone":
            await insert_audit_entry(
                database, request[SESSION].name, "replayed a dead letter", str(letter_id),
                outcome=replayed.outcome, message_id=replayed.message_id, corrected=corrected_body is not None,
            )  # fmt: skip
        return replayed

    transactions = Transactions(request.app[SETTINGS].database_url)
    try:
        return [await transactions.run(partial(work, letter_id=id_)) for id_ in ids]
    finally:
        await transactions.close()


_OUTCOMES = {
    "applied": "applied", "duplicate": "known already", "suppressed": "suppressed", "dead": "died again",
    "gone": "gone already", "discarded": "thrown away",
}  # fmt: skip


def _told(request: web.Request) -> str:
    """Say what became of the letters that were just tried again, by the URL's counts."""
    counts = [(request.query.get(name, ""), text) for name, text in _OUTCOMES.items()]
    return ", ".join(f"{count} {text}" for count, text in counts if count.isdecimal())
