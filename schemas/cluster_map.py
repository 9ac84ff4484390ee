"""Which server of a Redis Cluster has which hash slots, and what a server says that no longer has one.

Source: Redis' documentation, "Redis cluster specification": MOVED names the owner from now on, ASK one for this time
only, to be asked with ASKING first, while the slot is on its way; TRYAGAIN is for keys that are on their way apart.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import ResponseError

_TRY_AGAIN = "TRYAGAIN"
_KEYS_APART = ResponseError(f"{_TRY_AGAIN} some of the transaction's keys have left")


class Redirection(NamedTuple):
    """Where to go instead with a slot's command: for this time only, where `is_asking`, else from now on."""

    slot: int
    address: str
    is_asking: bool


class ClusterMap:
    """The masters' addresses, `host:port`, by hash slot. It is corrected as servers say that they moved."""

    def __init__(self, slots: Sequence[Any], asked: str) -> None:
        """Read the reply to CLUSTER SLOTS of the server at the address `asked`."""
        self._owners: list[str | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, (host, port, *_), *_ in slots:
            address = _complete(f"{(host or b'').decode()}:{port}", asked)
            self._owners[first : last + 1] = [address] * (last + 1 - first)

    def owner(self, slot: int) -> str | None:
        """Give the server that has a slot; None where none has."""
        return self._owners[slot]

    def move(self, slot: int, address: str) -> None:
        """Note who has a slot from now on."""
        self._owners[slot] = address

    @property
    def masters(self) -> list[str]:
        """Give the servers that have slots."""
        return sorted({owner for owner in self._owners if owner is not None})


def slot_of(key: str | bytes) -> int:
    """Give the hash slot of a key."""
    return key_slot(key.encode() if isinstance(key, str) else key)


def redirection_of(error: Exception, asked: str) -> Redirection | None:
    """Read where an error of the server at `asked` sends us; None where it is another error."""
    kind, _, rest = str(error).partition(" ")
    if kind not in ("MOVED", "ASK"):
        return None
    slot, _, address = rest.partition(" ")
    return Redirection(int(slot), _complete(address, asked), kind == "ASK")


def is_on_its_way(error: Exception) -> bool:
    """Tell whether a slot's keys are partly here and partly there, for a moment."""
    return str(error).startswith(_TRY_AGAIN)


def transaction_error(replies: Sequence[Any]) -> Exception | None:
    """Give the first error among the replies from MULTI to EXEC; where EXEC did not run, nothing was written.

    It is ASK only where none of the transaction's keys is left. Where some are, a server that looks at each command as
    it is queued says ASK of the others alone, and one that looks at EXEC says TRYAGAIN, which is the same.
    """
    last = replies[-1]
    for reply in (*replies, *(last if isinstance(last, list) else ())):
        if isinstance(reply, Exception):
            is_of_some = reply is not last and b"QUEUED" in replies
            return _KEYS_APART if is_of_some and str(reply).startswith("ASK ") else reply
    return None


def _complete(address: str, asked: str) -> str:
    """Add the host where a server names none, or `?`: then it is the one that was asked."""
    host, _, port = address.rpartition(":")
    return address if host not in ("", "?") else f"{asked.rpartition(':')[0]}:{port}"
