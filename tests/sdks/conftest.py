"""The SDKs, installed from their registries into a folder of the test run's own."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.system import System, running_system

NEWEST = "segment-analytics-python"
STRICTEST = "segment-analytics-python==2.3.4"
"""Takes nothing but 200 for a success, and sends the key only in the body."""


@pytest.fixture
async def system(redis_url: str, database_url: str) -> AsyncIterator[System]:
    """The whole system, with a connection `main` of the method `group`."""
    async with running_system(redis_url, database_url) as running:
        yield running


@pytest.fixture(scope="package")
def node_sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder in which the Node SDK is installed; without Node, leave its tests out."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("there is no Node on this machine")
    folder = tmp_path_factory.mktemp("node-sdk")
    command = [npm, "install", "--silent", "--fetch-retries=1", "--prefix", str(folder), "@segment/analytics-node"]
    try:
        subprocess.run(command, check=True, timeout=60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("the npm registry cannot be reached from this machine")
    return folder
