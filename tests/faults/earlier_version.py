"""An earlier version of the product, out of the repository's history."""

import os
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

BASE = "520fe524aa31"
"""The commit that runs beside this version: the last whose database had the migrations up to 0002 only."""

_ROOT = Path(__file__).parents[2]
_LEFT_OUT = os.environ.get("VARIANCE_TESTS_WITHOUT_HISTORY", "") not in ("", "0")


def check_out(folder: Path) -> Path:
    """Write the earlier version to a folder; fail where the history is not at hand, unless it is to be left out."""
    if _LEFT_OUT:
        pytest.skip("VARIANCE_TESTS_WITHOUT_HISTORY is set")
    packages = ("ingest", "worker", "schemas")
    try:
        done = subprocess.run(["git", "-C", _ROOT, "archive", BASE, *packages], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as failure:
        told = getattr(failure, "stderr", b"") or str(failure).encode()
        pytest.fail(
            f"the earlier version {BASE} is not at hand ({told.decode().strip()}): clone the repository with its "
            "history (`git fetch --unshallow`), or leave this out with VARIANCE_TESTS_WITHOUT_HISTORY=1"
        )
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder
