"""One cluster for all tests here, mended and emptied for each; and the whole system on it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.cli.command import Variance
from tests.cluster.load import Load, workspaces_of
from tests.cluster.servers import Cluster, running_cluster
from tests.system import System, running_system


@pytest.fixture(scope="package")
def one_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(one_cluster: Cluster) -> Cluster:
    """An empty cluster whose servers all run."""
    one_cluster.empty()
    return one_cluster


@pytest.fixture
async def system(cluster: Cluster, redis_url: str, database_url: str) -> AsyncIterator[System]:
    """The whole system on the cluster, with arq's keys on a Redis of its own.

    Nothing is taken for a burst, so that a message lies where its sender's do.
    """
    async with running_system(
        cluster.url, database_url, with_worker=False, burst_messages_per_second=1_000_000
    ) as running:
        await running.start_worker(arq_redis_url=redis_url, drains_at_once=16)
        yield running


@pytest.fixture
async def load(system: System) -> Load:
    """Somebody who can post for every workspace."""
    return Load(system, await workspaces_of(system))


@pytest.fixture
def variance(tmp_path: Path, cluster: Cluster, redis_url: str, database_url: str) -> Variance:
    """The command, told of the cluster by the environment."""
    return Variance(tmp_path, {"REDIS_URL": cluster.url, "DATABASE_URL": database_url, "ARQ_REDIS_URL": redis_url})
