"""One rig for all tests of faults: its servers and processes run on from test to test, and are healed before each."""

import os
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.canary import UNSPEAKABLE, Listener, passwords
from tests.faults.rig import Rig, open_rig


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def one_rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path_factory.mktemp("faults")) as opened:
        yield opened


@pytest.fixture(scope="package")
def listener(one_rig: Rig) -> Listener:
    return Listener(one_rig.directory, [*UNSPEAKABLE, *passwords(one_rig.redis_url, one_rig.database_url)])


@pytest_asyncio.fixture(loop_scope="session")
async def rig(one_rig: Rig, listener: Listener) -> AsyncIterator[Rig]:
    """Give a system in which all is well; whatever happens to it, no log may tell what it was given."""
    await one_rig.heal()
    yield one_rig
    await one_rig.heal()
    assert listener.overheard() == []


@pytest.fixture
def seed() -> int:
    """Give another seed for each run; FAULT_SEED=N repeats one."""
    return int(os.environ.get("FAULT_SEED") or random.randrange(10**6))
