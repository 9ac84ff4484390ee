"""What no process may say: a word that stands in every message of the fault tests, their secrets, e-mail addresses.

The rig looks for them in all that its processes and servers wrote, after each test.
"""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

CANARY = "nobody-is-told"

SECRET_PREFIX = "secret-of-"  # noqa: S105 (what the secrets of the fault tests begin with)

UNSPEAKABLE = (CANARY, SECRET_PREFIX, "acme.example", "beta.example")


def passwords(*urls: str) -> list[str]:
    """Give the passwords in these URLs."""
    return [password for url in urls if (password := urlsplit(url).password)]


class Listener:
    """Reads what was logged since it last looked."""

    def __init__(self, directory: Path, unspeakable: Iterable[str]) -> None:
        self._directory = directory
        self._unspeakable = [word.encode() for word in unspeakable]
        self._read: dict[Path, int] = {}

    def overheard(self) -> list[str]:
        """Give the lines that say what may not be said."""
        return [
            f"{path.name}: {line.decode(errors='replace')[:500]}"
            for path in sorted(self._directory.rglob("*.log"))
            for line in self._new_lines(path)
            if any(word in line for word in self._unspeakable)
        ]

    def _new_lines(self, path: Path) -> list[bytes]:
        with path.open("rb") as log:
            log.seek(self._read.get(path, 0))
            lines = log.read().splitlines()
            self._read[path] = log.tell()
        return lines
