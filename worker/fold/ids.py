"""Ids of identities and accounts: digests of what they stand for.

So they do not depend on the order in which things were first seen, and folding the message log again gives every row
the id it had.
"""

import hashlib
from functools import lru_cache
from uuid import UUID

from asyncpg.pgproto import pgproto  # whose UUIDs are made, hashed and sent several times as fast as Python's own

_LONGEST_KEPT = 200
"""Characters of a key that is kept with its id: a sender may make one as long as a message."""


def identity_id(workspace_id: int, value: str) -> UUID:
    """Give the id of the identity with this userId or anonymousId in a workspace."""
    return _digest_id(b"identity", workspace_id, value)


def account_id(workspace_id: int, source: str, key: str) -> UUID:
    """Give the id of the account that `source` (`group`, `traits`, `email`) knows under `key` in a workspace."""
    if len(key) > _LONGEST_KEPT:
        return _digest_id(source.encode(), workspace_id, key)
    return _kept_account_id(workspace_id, source, key)


@lru_cache(maxsize=10_000)  # the messages of a moment name few accounts, each many times
def _kept_account_id(workspace_id: int, source: str, key: str) -> UUID:
    return _digest_id(source.encode(), workspace_id, key)


def _digest_id(kind: bytes, workspace_id: int, value: str) -> UUID:
    salt = workspace_id.to_bytes(hashlib.blake2b.SALT_SIZE)
    text = value.encode(errors="surrogatepass")
    return pgproto.UUID(hashlib.blake2b(text, digest_size=16, salt=salt, person=kind).digest())
