"""Ids of identities and accounts: digests of what they stand for.

So they do not depend on the order in which things were first seen, and folding the message log again gives every row
the id it had.
"""

import hashlib
from functools import lru_cache
from uuid import UUID

from asyncpg.pgproto import pgproto  # whose UUIDs are made, hashed and sent several times as fast as Python's own


def identity_id(workspace_id: int, value: str) -> UUID:
    """Give the id of the identity with this userId or anonymousId in a workspace."""
    return _digest_id(b"identity", workspace_id, value)


@lru_cache(maxsize=10_000)  # the messages of a moment name few accounts, each many times
def account_id(workspace_id: int, source: str, key: str) -> UUID:
    """Give the id of the account that `source` (`group`, `traits`, `email`) knows under `key` in a workspace."""
    return _digest_id(source.encode(), workspace_id, key)


def _digest_id(kind: bytes, workspace_id: int, value: str) -> UUID:
    salt = workspace_id.to_bytes(hashlib.blake2b.SALT_SIZE)
    text = value.encode(errors="surrogatepass")
    return pgproto.UUID(hashlib.blake2b(text, digest_size=16, salt=salt, person=kind).digest())
