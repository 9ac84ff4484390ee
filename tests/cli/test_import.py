import asyncio
import gzip
import os
import pty
import re
import signal
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import asyncpg
import orjson
import pytest

from tests.cli.command import Variance
from tests.system import System

NOTHING = {"read": 0, "applied": 0, "duplicate": 0, "suppressed": 0, "dead": 0}


def lines(*messages: Any) -> bytes:
    """Write NDJSON; bytes are a line as it is."""
    return b"".join((m if isinstance(m, bytes) else orjson.dumps(m)) + b"\n" for m in messages)


TRACKS = [{"type": "track", "userId": f"u{number}", "event": "E", "messageId": f"m{number}"} for number in range(5)]


@pytest.fixture
async def app(variance: Variance) -> str:
    """A connection; its id."""
    id_: str = (await variance("connections", "add", "app", "--json")).json["id"]
    return id_


@pytest.mark.parametrize("form", ["plain", "gzip", "stdin", "gzip stdin"])
async def test_a_file_is_applied_once_however_often_it_is_imported(
    system: System, variance: Variance, tmp_path: Path, form: str
) -> None:
    content = lines(*TRACKS)
    content = gzip.compress(content) if "gzip" in form else content
    (tmp_path / "messages").write_bytes(content)
    words = ("import", "-" if "stdin" in form else "messages", "--json", "--connection", "main")
    stdin = content if "stdin" in form else b""
    assert (await variance(*words, stdin=stdin)).json == NOTHING | {"read": 5, "applied": 5}
    assert (await variance(*words, stdin=stdin)).json == NOTHING | {"read": 5, "duplicate": 5}
    assert len(await system.rows("events")) == 5
    status = (await variance("status", "--json")).json
    assert (status["accepted"], status["applied"], status["duplicate"]) == (10, 5, 5)
    assert status["balanced"] is True


@pytest.mark.usefixtures("app")
async def test_no_redis_is_needed(variance: Variance) -> None:
    ended = await variance("import", "-", "--json", stdin=lines(*TRACKS), REDIS_URL="redis://127.0.0.1:1")
    assert ended.json["applied"] == 5


@pytest.mark.usefixtures("app")
async def test_bad_lines_become_dead_letters_without_harm_to_their_neighbours(
    system: System, variance: Variance
) -> None:
    content = lines(
        TRACKS[0], b"", b"{broken", b"\xff\xfe", b"[1]", {"type": "track", "userId": "u"}, {"type": "nonsense"},
        b"[" * 2000, {"type": "track", "event": "E"}, b"  ", TRACKS[1],
    )  # fmt: skip
    words = ("import", "-", "--connection", "app", "--json")
    assert (await variance(*words, stdin=content)).json == NOTHING | {"read": 9, "applied": 2, "dead": 7}
    assert (await variance(*words, stdin=content)).json == NOTHING | {"read": 9, "duplicate": 9}
    letters = (await variance("dead", "list", "--json")).json
    assert {re.findall(r"in line (\d+)$", letter["detail"])[0] for letter in letters} == set("3456789")
    assert len(await system.rows("events")) == 2


@pytest.mark.usefixtures("app")
async def test_a_line_without_message_id_gets_one_that_follows_from_it(system: System, variance: Variance) -> None:
    same = {"type": "track", "userId": "u", "event": "E"}
    content = lines(same, same, same | {"messageId": None}, same | {"message_id": "own"}, same | {"MessageID": " "})
    words = ("import", "-", "--connection", "app", "--json")
    assert (await variance(*words, stdin=content)).json["applied"] == 5
    assert (await variance(*words, stdin=content.replace(b"\n", b"\r\n"))).json["duplicate"] == 5
    ids = [row[0] for row in await system.rows("events", "message_id")]
    assert sum(id_.startswith("import-") for id_ in ids) == 4
    assert "own" in ids


@pytest.mark.usefixtures("app")
async def test_received_at_is_kept_and_counts_as_the_time_where_there_is_no_other(
    system: System, variance: Variance
) -> None:
    message = TRACKS[0] | {"receivedAt": "2024-05-06T07:08:09.123Z"}
    await variance("import", "-", "--connection", "app", stdin=lines(message))
    ((occurred_at, received_at),) = await system.rows("events", "occurred_at, received_at")
    assert occurred_at == received_at
    assert received_at.isoformat() == "2024-05-06T07:08:09.123000+00:00"


@pytest.mark.usefixtures("app")
async def test_many_chunks_are_all_applied(variance: Variance) -> None:
    messages = ({"type": "track", "userId": f"u{n % 50}", "event": "E", "messageId": str(n)} for n in range(3456))
    content = lines(*messages)
    assert (await variance("import", "-", "--json", stdin=content)).json == NOTHING | {"read": 3456, "applied": 3456}


@pytest.mark.usefixtures("app")
async def test_lines_wait_for_no_others_where_the_input_pauses(variance: Variance) -> None:
    process = await variance.start("import", "-", "--json")
    assert process.stdin is not None
    process.stdin.write(lines(*TRACKS[:3]))
    await process.stdin.drain()
    async with asyncio.timeout(20):
        while (await variance("status", "--json")).json["applied"] < 3:
            pass
    out, _ = await process.communicate(lines(*TRACKS[3:]))
    assert orjson.loads(out) == NOTHING | {"read": 5, "applied": 5}


@pytest.mark.usefixtures("app")
async def test_on_a_terminal_a_bar_shows_how_far_it_is(variance: Variance, tmp_path: Path) -> None:
    (tmp_path / "messages").write_bytes(lines(*TRACKS))
    ours, terminal = pty.openpty()
    process = await variance.start_on(terminal, "import", "messages", "--json", TERM="xterm")
    os.close(terminal)
    with os.fdopen(ours, "rb", buffering=0) as screen:
        shown = await asyncio.to_thread(read_to_end, screen)
    out, _ = await process.communicate()
    assert orjson.loads(out) == NOTHING | {"read": 5, "applied": 5}
    assert b"Importing" in shown
    assert b"100%" in shown


def read_to_end(screen: IO[bytes]) -> bytes:
    """Read what is shown, until nobody has the terminal any more."""
    shown = b""
    with suppress(OSError):  # Linux' way to say so
        while piece := screen.read(1000):
            shown += piece
    return shown


@pytest.mark.usefixtures("app")
async def test_a_file_that_is_cut_off_is_imported_up_to_there(variance: Variance, tmp_path: Path) -> None:
    content = lines(*TRACKS, *({"type": "identify", "userId": str(hash(str(n)))} for n in range(5000)))
    (tmp_path / "cut.gz").write_bytes(gzip.compress(content)[:-5000])
    failure = (await variance("import", "cut.gz")).failure
    found = re.search(r"cut off or corrupt after line (\d+).* the (\d+) messages before that are imported", failure)
    assert found is not None
    assert found[1] == found[2]
    assert (await variance("status", "--json")).json["applied"] == int(found[1])


async def test_which_connection_is_meant_must_be_clear(variance: Variance) -> None:
    assert "variance connections add NAME" in (await variance("import", "-", stdin=lines(*TRACKS))).failure
    await variance("connections", "add", "one")
    assert (await variance("import", "-", "--json", stdin=lines(*TRACKS))).json["applied"] == 5
    await variance("connections", "add", "two")
    await variance("connections", "add", "two", "--workspace", "other")
    for words in ([], ["--connection", "two"]):
        ended = await variance("import", "-", *words, stdin=lines(*TRACKS))
        assert ended.exit_code == 2
        assert "two (workspace other)" in ended.err
    ended = await variance("import", "-", "--connection", "two", "--workspace", "other", "--json", stdin=lines(*TRACKS))
    assert ended.json["applied"] == 5
    assert "there is no connection 'three'" in (await variance("import", "-", "--connection", "three")).failure
    assert (await variance("import", "nowhere.ndjson")).exit_code == 2


@pytest.mark.usefixtures("app")
async def test_control_c_says_how_far_it_got_and_what_to_do(variance: Variance) -> None:
    messages = ({"type": "track", "userId": "u", "event": "E", "messageId": str(n)} for n in range(1000))
    process = await variance.start("import", "-", "--connection", "app")
    assert process.stdin is not None
    process.stdin.write(lines(*messages))
    await process.stdin.drain()
    async with asyncio.timeout(20):
        while (await variance("status", "--json")).json["applied"] < 1000:
            pass
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert err.decode().strip() == (
        "variance: stopped after line 1000 (1000 messages): run it again on the whole file: "
        "what was imported already is recognised"
    )


@pytest.mark.usefixtures("app")
async def test_an_import_goes_on_after_its_connection_was_cut(
    database: "asyncpg.Connection[asyncpg.Record]", variance: Variance
) -> None:
    def some(numbers: range) -> bytes:
        return lines(*({"type": "track", "userId": "u", "event": "E", "messageId": str(n)} for n in numbers))

    process = await variance.start("import", "-", "--connection", "app", "--json")
    assert process.stdin is not None
    process.stdin.write(some(range(1000)))
    await process.stdin.drain()
    cut = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE application_name = 'variance' AND datname = current_database() AND EXISTS (
            SELECT FROM variance_data.ledger WHERE accepted = 1000)"""
    async with asyncio.timeout(20):
        while not await database.fetchval(cut):
            pass
    out, _ = await process.communicate(some(range(1000, 1500)))
    assert orjson.loads(out) == NOTHING | {"read": 1500, "applied": 1500}


async def test_an_import_goes_on_beside_a_worker_that_changes_the_same_contacts(
    system: System, variance: Variance
) -> None:
    def messages(source: str) -> list[dict[str, Any]]:
        return [
            {"type": "identify", "userId": f"u{n % 20}", "anonymousId": f"a{n % 40}", "messageId": f"{source}{n}"}
            for n in range(2000)
        ]

    importing = asyncio.create_task(variance("import", "-", "--json", stdin=lines(*messages("file"))))
    sent = messages("post")
    for start in range(0, len(sent), 100):
        await system.post("/webhook/defaultmain", sent[start : start + 100], "defaultmain")
    assert (await importing).json == NOTHING | {"read": 2000, "applied": 2000}
    async with asyncio.timeout(20):
        while (status := (await variance("status", "--json")).json)["pending"]:
            pass
    assert (status["accepted"], status["applied"], status["balanced"]) == (4000, 4000, True)
