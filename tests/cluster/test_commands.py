"""The commands and the worker's start on a cluster."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ingest.app import CONNECTIONS, GROUP_COMMIT, PRESSURE, create_app
from ingest.queue_writes import Pair
from schemas.partitions import NEVER_CHANGED
from schemas.queue import PARTITIONS, accepted_field
from schemas.settings import WebSettings
from tests.cli.command import Variance
from tests.cluster.load import Load
from tests.cluster.servers import Cluster, ask
from tests.faults.program import Program
from tests.ingest.valkey import Valkey
from tests.security.rights import WEB, WORKER, block
from tests.system import System, running_system

_MESSAGE = b'{"type":"identify","userId":"u1","messageId":"m1","receivedAt":"2026-01-01T00:00:00Z"}'
_COPIES = [Pair(number, accepted_field("defaultmain", "m1"), _MESSAGE) for number in range(PARTITIONS)]


async def test_status_and_receipt_read_the_whole_cluster(
    system: System, load: Load, variance: Variance
) -> None:
    for partition in range(16):
        await load.say(partition)
    await load.balances()
    await system.stop_worker()
    await load.say(7)
    report = (await variance("status", "--json")).json
    assert (report["accepted"], report["pending"], report["balanced"]) == (17, 1, True)
    assert len(report["queue"]["partitions"]) == NEVER_CHANGED.most
    (receipt,) = (await variance("receipt", "--json", "m16")).json
    assert receipt["outcome"] == "pending"


@pytest.mark.parametrize("name", ["REDIS_URL", "ARQ_REDIS_URL"])
async def test_without_a_single_redis_for_arq_the_worker_says_what_to_set(
    cluster: Cluster, database_url: str, tmp_path: Path, name: str
) -> None:
    urls = {"REDIS_URL": cluster.url, "DATABASE_URL": database_url, name: cluster.servers[0].url}
    worker = Program(tmp_path / "worker.log", "worker", **urls)
    worker.start()
    assert worker.wait() == 1
    assert (tmp_path / "worker.log").read_text().splitlines()[-1] == (
        f"worker: {name} names a cluster: set ARQ_REDIS_URL to a single Redis, for arq's own keys"
    )


async def test_the_readmes_users_are_enough_on_a_cluster(
    cluster: Cluster, redis_url: str, database_url: str, variance: Variance
) -> None:
    for server in cluster.servers:
        for line in block("redis users").splitlines():
            ask(server, *line.split())
        ask(server, "ACL", "LOG", "RESET")
    web_url, worker_url = (cluster.url.replace("//", f"//{user}@") for user in (WEB, WORKER))
    async with running_system(worker_url, database_url, with_worker=False) as system:
        await system.start_worker(arq_redis_url=redis_url)
        app = create_app(WebSettings(redis_url=web_url))
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            assert await app[CONNECTIONS].look_again()
            assert await app[PRESSURE].measure() is None
            await app[GROUP_COMMIT].put(_COPIES)
            target = next(server for server in cluster.servers if server is not cluster.owner(0))
            cluster.begin_move(0, target)
            cluster.move_keys(0, target)
            await app[GROUP_COMMIT].put(_COPIES)
        finally:
            await runner.cleanup()
        await system.settled()
        report = (await variance("status", "--json", REDIS_URL=worker_url)).json
    assert (report["balanced"], report["duplicate"]) == (True, 2 * PARTITIONS - 1)
    denied = [entry for server in cluster.servers for entry in _acl_log(server) if entry["object"] != "config|get"]
    assert denied == []
    for server in cluster.servers:
        ask(server, "ACL", "DELUSER", "variance-web", "variance-worker")


def _acl_log(server: Valkey) -> Sequence[dict[str, Any]]:
    with server.client() as client:
        found: Sequence[dict[str, Any]] = client.acl_log()
        return found
