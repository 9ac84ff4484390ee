"""What to do about a message that kills the process: it must not block its partition for ever.

Nobody is left to say what killed a process, so a process notes in Redis what it begins, and removes the note when it
comes to an end, good or bad. Whoever holds a partition's lock and finds another's note knows that the other was
killed. What was taken by several that were is applied one message at a time, each noted by its name, while the
process does nothing else; a message that several processes were killed over, alone, becomes a dead letter.

A note costs a write. Only a process that has just started makes them: a message that kills processes meets one soon.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from schemas.queue import attempts_key
from schemas.redis_away import REDIS_AWAY

_CAREFUL_SECONDS = 60.0
"""For how long after its start a process notes what it begins; longer than a supervisor's pauses add up to."""

_SUSPECT_AFTER = 2
"""Processes killed over the same entries, from which on they are applied one message at a time, which is slow."""

_DEADLY_AFTER = 3
"""Processes killed over one message alone. Whoever kills workers at random hardly ever meets the same one again."""

_PROCESS = uuid.uuid4().hex
_STARTED_AT = time.monotonic()


class Note(NamedTuple):
    """What a process had begun: entries up to this one, and of them a message alone, if it has a name."""

    last_id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A drain's work on the head of a partition, and the notes of processes that were killed over it."""

    redis: Any
    partition: int
    first_id: str
    left: Collection[Note] = ()

    @property
    def is_suspect(self) -> bool:
        """Tell whether several processes were killed that had taken the first entry."""
        return len(self.left) >= _SUSPECT_AFTER

    async def begin_alone(self, name: str) -> bool:
        """Note that a message is applied by itself next. False where too many were killed over it: then do not.

        Raises what is in REDIS_AWAY.
        """
        if [note.name for note in self.left].count(name) >= _DEADLY_AFTER:
            return False
        await _write(self.redis, self.partition, Note(self.first_id, name))
        return True


class Attempts:
    """Notes on one Redis what this process begins."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis
        self._changed = asyncio.Condition()
        self._together = 0
        self._is_one_alone = False

    @asynccontextmanager
    async def begin(self, partition: int, first_id: str, last_id: str) -> AsyncIterator[Attempt]:
        """Note that these entries are being applied. The caller holds the partition's lock.

        Raises what is in REDIS_AWAY.
        """
        if time.monotonic() - _STARTED_AT > _CAREFUL_SECONDS:
            yield Attempt(self._redis, partition, first_id)
            return
        attempt = Attempt(self._redis, partition, first_id, await self._left(partition, first_id))
        # A death while others are at work would be blamed on their messages, too.
        async with self._alone() if attempt.is_suspect else self._with_others():
            await _write(self._redis, partition, Note(last_id))
            try:
                yield attempt
            finally:
                with suppress(*REDIS_AWAY):
                    await self._redis.hdel(attempts_key(partition), _PROCESS)

    async def _left(self, partition: int, first_id: str) -> list[Note]:
        """Read the notes of others, and remove those about entries that were settled since."""
        found = cast("dict[bytes, bytes]", await self._redis.hgetall(attempts_key(partition)))
        notes = {process.decode(): _read(value) for process, value in found.items()}
        passed = [process for process, note in notes.items() if _order(note.last_id) < _order(first_id)]
        if passed:
            await self._redis.hdel(attempts_key(partition), *passed)
        return [note for process, note in notes.items() if process not in (*passed, _PROCESS)]

    @asynccontextmanager
    async def _with_others(self) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_one_alone)
            self._together += 1
        try:
            yield
        finally:
            async with self._changed:
                self._together -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_one_alone)
            self._is_one_alone = True
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not self._together)
            yield
        finally:
            async with self._changed:
                self._is_one_alone = False
                self._changed.notify_all()


def _read(value: bytes) -> Note:
    last_id, _, name = value.decode().partition(" ")
    return Note(last_id, name)


async def _write(redis: Any, partition: int, note: Note) -> None:
    try:
        await redis.hset(attempts_key(partition), _PROCESS, f"{note.last_id} {note.name}")
    except ResponseError:  # a full Redis; an older note left standing would blame an innocent message
        await redis.hdel(attempts_key(partition), _PROCESS)


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number)
