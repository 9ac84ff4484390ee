"""The Python of an environment as the README's first command makes it, for whoever measures memory or time.

Beside the tests' packages a process is some ten MiB larger: redis-py imports `cryptography` wherever it finds it.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = Path(__file__).parents[2] / "requirements.lock"


@contextmanager
def installed() -> Iterator[Path]:
    """Make the environment, and remove it afterwards. The project itself is that of the working directory."""
    with tempfile.TemporaryDirectory(prefix="variance-installed-") as directory:
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        python = Path(directory, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", _LOCK], check=True)
        yield python
