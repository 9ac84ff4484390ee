"""Making a connection: its name, its id, and its secret, which nobody keeps."""

import secrets
import string

from schemas.connection import secret_sha256
from schemas.foreseen import ForeseenError
from worker.fold.account_rules import AccountRules
from worker.store.connections import NewConnection, insert_connection
from worker.store.database import Database

_ID_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 12
_SECRET_BYTES = 32


class NameTakenError(ForeseenError):
    """The workspace has a connection of this name; the text says so."""


async def make_connection(database: Database, name: str, workspace: str, rules: AccountRules) -> tuple[str, str]:
    """Make a connection; give its id and its secret. Raises NameTakenError."""
    id_ = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    secret = new_secret()
    if not await insert_connection(database, NewConnection(id_, name, workspace, secret_sha256(secret), rules)):
        message = f"there is a connection {name!r} in workspace {workspace!r} already: choose another name"
        raise NameTakenError(message)
    return id_, secret


def new_secret() -> str:
    """Draw a secret. It does not begin with a dash, so that no shell command takes it for an option."""
    while (secret := secrets.token_urlsafe(_SECRET_BYTES)).startswith("-"):
        pass
    return secret
