"""The commands and the worker's start on a cluster."""

from pathlib import Path

import pytest

from tests.cli.command import Variance
from tests.cluster.load import Load
from tests.cluster.servers import Cluster
from tests.faults.program import Program
from tests.system import System


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
    assert len(report["queue"]["partitions"]) == 16
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
