"""The secrets of the connections that `variance up` made, kept in its directory for their owner only.

Postgres has no secret, only digests. `up` prints a command that works each time it is started, so it keeps the
secrets of its own connections in `secrets.json`, mode 0600, beside its servers' passwords. No other connection's
secret is ever written down.
"""

from pathlib import Path

import msgspec

from schemas.connection import secret_sha256
from worker.embedded.data_dir import DataDirectoryError
from worker.embedded.private_file import write_private_file
from worker.store.connections import Connection


class KeptSecrets:
    """The secrets in one directory, by the connections' ids."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "secrets.json"

    def secret_of(self, connection: Connection) -> str | None:
        """Give the connection's secret; None where it is not kept, or is not the one that is good now."""
        secret = self._read().get(connection.id)
        return secret if secret is not None and secret_sha256(secret) == connection.secret_sha256 else None

    def keep(self, connection_id: str, secret: str) -> None:
        """Keep a secret. Raises DataDirectoryError."""
        kept = self._read() | {connection_id: secret}
        try:
            write_private_file(self._path, msgspec.json.encode(kept))
        except OSError as error:
            message = f"{self._path} cannot be written: {error.strerror or error}"
            raise DataDirectoryError(message) from error

    def replace(self, connection_id: str, secret: str) -> None:
        """Keep a secret where the one before it was kept. Raises DataDirectoryError."""
        if connection_id in self._read():
            self.keep(connection_id, secret)

    def _read(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            message = f"{self._path} cannot be read: {error}"
            raise DataDirectoryError(message) from error
