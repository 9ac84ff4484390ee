"""The connections that `variance up` makes for itself, whose secrets it can show each time."""

import shlex
from dataclasses import dataclass

from schemas.connection import secret_sha256
from worker.cli.kept_secrets import KeptSecrets
from worker.fold.account_rules import AccountRules
from worker.new_connection import make_connection, new_secret
from worker.store.connections import find_connections, rotate_secret
from worker.store.database import Database

_SAMPLE = '{"type": "identify", "userId": "you", "traits": {"name": "You", "email": "you@company.example"}}'


@dataclass(frozen=True, slots=True)
class OwnConnection:
    """A connection of `up`. `secret` is None where somebody else made it, or rotated its secret elsewhere."""

    id: str
    name: str
    secret: str | None

    def curl_line(self, base_url: str) -> str | None:
        """Give a line for a shell that posts one message; None where the secret is not known."""
        if self.secret is None:
            return None
        words = ("curl", "-u", f"{self.secret}:", "-H", "Content-Type: application/json", "-d", _SAMPLE)
        return shlex.join([*words, f"{base_url}/webhook/{self.id}"])


async def ensure_connection(
    database: Database, kept: KeptSecrets, name: str, workspace: str, rules: AccountRules
) -> OwnConnection:
    """Make a connection where it is missing, and keep its secret. Raises DataDirectoryError where that fails."""
    found = await find_connections(database, name, workspace)
    if found:
        return OwnConnection(found[0].id, name, kept.secret_of(found[0]))
    id_, secret = await make_connection(database, name, workspace, rules)
    kept.keep(id_, secret)
    return OwnConnection(id_, name, secret)


async def with_secret(database: Database, kept: KeptSecrets, connection: OwnConnection) -> OwnConnection:
    """Give the connection with a secret that is known: where it was not, a new one in its place."""
    if connection.secret is not None:
        return connection
    secret = new_secret()
    await rotate_secret(database, connection.id, secret_sha256(secret), None)
    kept.keep(connection.id, secret)
    return OwnConnection(connection.id, connection.name, secret)
