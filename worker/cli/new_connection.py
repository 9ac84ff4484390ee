"""Making a connection: its id, and its secret, which nobody keeps."""

import secrets
import string

from schemas.connection import secret_sha256
from worker.cli.failures import CommandError
from worker.fold.account_rules import AccountRules
from worker.store.connections import Connection, NewConnection, find_connections, insert_connection
from worker.store.database import Database

_ID_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 12
_SECRET_BYTES = 32

DEFAULT_WORKSPACE = "default"


async def make_connection(database: Database, name: str, workspace: str, rules: AccountRules) -> tuple[str, str]:
    """Make a connection; give its id and its secret. Raises CommandError where the name is taken."""
    id_ = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    secret = new_secret()
    if not await insert_connection(database, NewConnection(id_, name, workspace, secret_sha256(secret), rules)):
        message = f"there is a connection {name!r} in workspace {workspace!r} already: choose another name"
        raise CommandError(message)
    return id_, secret


def new_secret() -> str:
    """Draw a secret. It does not begin with a dash, so that no shell command takes it for an option."""
    while (secret := secrets.token_urlsafe(_SECRET_BYTES)).startswith("-"):
        pass
    return secret


async def find_connection(database: Database, name: str, workspace: str | None) -> Connection:
    """Find the one connection with this name. Raises CommandError where there is none, or several."""
    found = await find_connections(database, name, workspace)
    if len(found) == 1:
        return found[0]
    if found:
        workspaces = ", ".join(connection.workspace for connection in found)
        message = f"there is a connection {name!r} in several workspaces ({workspaces}): add --workspace"
        raise CommandError(message)
    place = "" if workspace is None else f" in workspace {workspace!r}"
    message = f"there is no connection {name!r}{place}: `variance connections list` shows all"
    raise CommandError(message)
