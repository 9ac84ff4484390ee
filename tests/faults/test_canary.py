"""A word in every place where a sender, a customer or an operator can put one; no log and no complaint repeats it."""

import asyncio
import gzip
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.faults.altered import POISONOUS
from tests.faults.canary import CANARY, Listener
from tests.faults.producer import authorization
from tests.faults.rig import Rig
from tests.waiting import eventually
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.valkey import EmbeddedValkey

pytestmark = pytest.mark.asyncio(loop_scope="session")

_FIELDS = (
    "event", "name", "category", "groupId", "previousId", "userId", "anonymousId", "timestamp", "sentAt",
    "originalTimestamp", "receivedAt", "writeKey", "channel", "version",
)  # fmt: skip


def _messages() -> list[Any]:
    """Give messages with the word as each field's value, name or element, well formed or not."""
    types = ("identify", "track", "page", "screen", "group", "alias", "delete", CANARY)
    said = {name: f"{CANARY} {name}" for name in _FIELDS}
    values: list[Any] = [CANARY, {CANARY: CANARY}, [CANARY], f"{CANARY}\u0000\ud800"]
    return [
        said | {"type": type_, place: value, "email": f"{CANARY}@acme.example"}
        for type_ in types
        for place in ("traits", "properties", "context", "integrations", "event", "userId", "timestamp")
        for value in values
    ]


async def _post_all(rig: Rig, connection: str) -> None:
    """Post what is good, bad and worse."""
    url = f"http://127.0.0.1:{rig.links['producer_web'].port}"
    opened = authorization(connection)
    bodies = [json.dumps(message).encode() for message in _messages()]
    worse = [
        CANARY.encode(), b'{"' + CANARY.encode(), b'["' + CANARY.encode() + b'",' * 3, gzip.compress(bodies[0])[:-9],
        b"[" * 5000 + CANARY.encode(), json.dumps({"batch": CANARY}).encode(), b'"\xff' + CANARY.encode(),
    ]  # fmt: skip
    batch = b'{"batch":[' + b",".join(bodies) + b'],"context":{"' + CANARY.encode() + b'":1}}'
    headers: list[dict[str, str]] = [
        opened, {}, {"Authorization": f"Bearer {CANARY}"}, {"Authorization": f"Basic {CANARY}"},
        opened | {"X-Signature": CANARY}, opened | {"Content-Encoding": CANARY}, {"Expect": CANARY, **opened},
    ]  # fmt: skip
    paths = ("/v1/track", f"/webhook/{connection}", f"/webhook/{CANARY}", f"/{CANARY}", f"/v1/t?{CANARY}=1")
    async with aiohttp.ClientSession() as http:

        async def post(path: str, body: bytes, header: dict[str, str]) -> None:
            async with http.post(url + path, data=body, headers=header) as answer:
                await answer.read()

        await asyncio.gather(
            post("/v1/batch", batch, opened),
            *(post("/v1/track", body, opened) for body in bodies[::5]),
            *(post(path, body, opened) for path in paths for body in worse),
            *(post(path, bodies[0], header) for path in paths for header in headers),
        )
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.links["producer_web"].port)
    writer.write(f"POST /{CANARY} HTTP/9.9\r\n{CANARY}\r\n: {CANARY}\r\n\r\n".encode())
    await reader.read()
    writer.close()


async def _command(rig: Rig, *words: str, given: bytes = b"", **environ: str) -> str:
    """Run a command with all logs on; give what it complained of."""
    servers = {"REDIS_URL": rig.redis_url, "DATABASE_URL": rig.database_url, "LOG_LEVEL": "debug"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worker.cli", *words,
        env={"PATH": os.environ["PATH"]} | servers | environ,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, complaint = await process.communicate(given)
    return complaint.decode()


async def test_no_log_and_no_complaint_tells_what_was_said(rig: Rig, listener: Listener, tmp_path: Path) -> None:
    (workspace,) = await rig.new_workspaces(1)
    rig.is_spoilt = True  # for others: a dead letter that is replayed was counted as dead, and is one no longer
    connection, named = f"{workspace}g", ("--connection", "g", "--workspace", workspace)
    poisoned = rig.worker_program("poisoned", "tests.faults.altered", "worker", "poisonous")
    for worker in rig.workers:
        worker.kill()
    poisoned.start()
    await asyncio.to_thread(poisoned.wait_until_running)
    url = f"http://127.0.0.1:{rig.links['producer_web'].port}/v1/track"
    poison = POISONOUS | {"userId": CANARY, "messageId": "poison", "properties": {CANARY: CANARY}}
    async with (
        aiohttp.ClientSession(headers=authorization(connection)) as http,
        http.post(url, json=poison) as answer,
    ):
        assert answer.status == 200

    async def is_buried() -> bool:
        return bool(await rig.pool.fetchval("SELECT count(*) FROM variance.dead_letters WHERE message_id = 'poison'"))

    await eventually(is_buried, "the poison to be buried")
    assert CANARY in await rig.pool.fetchval("SELECT detail FROM variance.dead_letters WHERE message_id = 'poison'")

    posting = asyncio.create_task(_post_all(rig, connection))
    for server, number in ((rig.valkey, signal.SIGKILL), (rig.postgres, signal.SIGQUIT)):
        assert server.pid is not None
        os.kill(server.pid, number)

        async def is_dead(server: EmbeddedValkey | EmbeddedPostgres = server) -> bool:
            return server.pid is None

        await eventually(is_dead, "the server to die")
    await rig.start_servers()
    await posting

    lines = tmp_path / "messages.ndjson"
    lines.write_text("\n".join([json.dumps(message) for message in _messages()] + [CANARY, f'{{"{CANARY}']))
    wrong = rig.database_url.replace(":", f":{CANARY}", 2).replace(f":{CANARY}", ":", 1)
    complaints = await asyncio.gather(
        _command(rig, "import", str(lines), *named),
        _command(rig, "import", "-", *named, given=gzip.compress(CANARY.encode())[:-5]),
        _command(rig, "dead", "replay", "--all"),
        _command(rig, "status", REDIS_URL=rig.redis_url.replace("default:", f"default:{CANARY}")),
        _command(rig, "status", DATABASE_URL=wrong),
    )
    assert [complaint for complaint in complaints if CANARY in complaint or "Traceback" in complaint] == []
    assert listener.overheard() == []
