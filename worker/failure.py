"""Whose fault a failure is: the surroundings' (wait and try again, for ever) or a message's (dead letter).

asyncpg.PostgresError by SQLSTATE class
├── 22, 23, 54 (data, integrity, program limits)   the message
└── everything else                                the surroundings
asyncpg.DataError, ValueError, TypeError, ...      the message
OSError, TimeoutError, InterfaceError, RedisError  the surroundings
asyncpg.InternalClientError                        the surroundings: its connection was cut while nobody looked
"""

import asyncpg
from redis.exceptions import RedisError

from schemas.redis_away import REDIS_AWAY

POSTGRES_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What Postgres makes a call raise that is away, or will not let it in; a time-out is an OSError."""

SERVERS_AWAY = (*REDIS_AWAY, *POSTGRES_AWAY)
"""What either server makes a call raise that is away, or will not let it in."""

_MESSAGE_CLASSES = frozenset({"22", "23", "54"})


class ConcurrentChangeError(Exception):
    """Somebody else changed what was read before it could be held; the transaction has to be tried again."""


_SURROUNDINGS = (
    ConcurrentChangeError, OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, RedisError, MemoryError,
)  # fmt: skip


def is_messages_fault(failure: BaseException) -> bool:
    """Tell whether trying the same messages again would fail in the same way."""
    if isinstance(failure, asyncpg.PostgresError):
        return (failure.sqlstate or "")[:2] in _MESSAGE_CLASSES
    if isinstance(failure, asyncpg.DataError):
        return True
    return isinstance(failure, Exception) and not isinstance(failure, _SURROUNDINGS)
