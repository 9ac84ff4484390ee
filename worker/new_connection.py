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
_LONGEST_NAME = 100

DEFAULT_WORKSPACE = "default"


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


def check_name(text: str) -> str:
    """Give a name back. Raises ValueError for one that could not be told apart when it is shown."""
    if text != text.strip() or not text or not text.isprintable() or len(text) > _LONGEST_NAME:
        raise ValueError("a name has 1 to 100 printable characters, without spaces at its ends")
    return text


def read_domain(text: str) -> str:
    """Read an e-mail domain, in lower case. Raises ValueError where it is none."""
    domain = text.strip().lower().rstrip(".")
    if not domain or "@" in domain or not domain.isprintable() or " " in domain:
        raise ValueError(f"{text.strip()!r} is no domain such as acme.com")
    return domain
