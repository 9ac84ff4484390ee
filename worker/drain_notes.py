"""What a drain notes beside its tally: how many messages it took, how long each step took, who died, aliases' fate.

A drain has few steps and notes nothing for each message. Where no drain is under way, as in an import, nothing is
noted.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import ParamSpec, TypeVar
from uuid import UUID

from worker.fold.facts import AliasCall
from worker.fold.identity import Identity
from worker.fold.links import Component
from worker.fold.merge_outcome import MergeOutcome, merge_outcome, repetitions_among

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


@dataclass(slots=True)
class DrainNotes:
    """One drain's notes. `messages` are those that it read; `seconds` has the time of each step, by its name."""

    messages: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    deaths: list[str] = field(default_factory=list)
    merges: list[MergeOutcome] = field(default_factory=list)
    _aliases: list[AliasCall] = field(default_factory=list)
    _lap_began_at: float = field(default_factory=time.perf_counter)
    _parts_seconds: float = 0.0

    def lap(self, step: str) -> None:
        """Note that a step ends here. It began where the one before it ended, and is without its parts."""
        now = time.perf_counter()
        self._add(step, now - self._lap_began_at - self._parts_seconds)
        self._lap_began_at, self._parts_seconds = now, 0.0

    def part(self, step: str, seconds: float) -> None:
        """Note some time of a step that is a part of another."""
        self._add(step, seconds)
        self._parts_seconds += seconds

    def _add(self, step: str, seconds: float) -> None:
        self.seconds[step] = self.seconds.get(step, 0.0) + seconds

    def take_aliases(self) -> list[AliasCall]:
        """Give the aliases whose outcome is not known yet, which it is now."""
        aliases, self._aliases = self._aliases, []
        return aliases

    def add_aliases(self, aliases: Iterable[AliasCall]) -> None:
        """Note aliases whose outcome will be known once their contacts are."""
        self._aliases.extend(aliases)

    def marks(self) -> tuple[int, int, int]:
        """Give how much is noted of what a rollback undoes."""
        return len(self.deaths), len(self.merges), len(self._aliases)

    def forget_since(self, marks: tuple[int, int, int]) -> None:
        """Forget what was noted since, and rolled back."""
        deaths, merges, aliases = marks
        del self.deaths[deaths:], self.merges[merges:], self._aliases[aliases:]


_NOTES: ContextVar[DrainNotes | None] = ContextVar("drain_notes", default=None)


@contextmanager
def noting() -> Iterator[DrainNotes]:
    """Note what is done within."""
    notes = DrainNotes()
    token = _NOTES.set(notes)
    try:
        yield notes
    finally:
        _NOTES.reset(token)


@contextmanager
def noting_if_kept() -> Iterator[None]:
    """Forget what is noted within, where it ends with an exception, and so is rolled back."""
    notes = _NOTES.get()
    marks = notes.marks() if notes is not None else None
    try:
        yield
    except BaseException:
        if notes is not None and marks is not None:
            notes.forget_since(marks)
        raise


def step(
    name: str,
) -> Callable[[Callable[_Parameters, Awaitable[_Result]]], Callable[_Parameters, Awaitable[_Result]]]:
    """Note the time of a function as a step of its drain."""

    def decorate(work: Callable[_Parameters, Awaitable[_Result]]) -> Callable[_Parameters, Awaitable[_Result]]:
        @wraps(work)
        async def timed(*args: _Parameters.args, **options: _Parameters.kwargs) -> _Result:
            notes = _NOTES.get()
            if notes is None:
                return await work(*args, **options)
            began_at = time.perf_counter()
            try:
                return await work(*args, **options)
            finally:
                notes.part(name, time.perf_counter() - began_at)

        return timed

    return decorate


def note_deaths(reasons: Iterable[str]) -> None:
    """Note new dead letters by their reasons."""
    notes = _NOTES.get()
    if notes is not None:
        notes.deaths.extend(reasons)


def note_aliases(aliases: Iterable[AliasCall]) -> None:
    """Note new aliases."""
    notes = _NOTES.get()
    if notes is not None:
        notes.add_aliases(aliases)


def note_merges(
    identities: Mapping[UUID, Identity], components: Sequence[Component], aliases: Sequence[AliasCall]
) -> None:
    """Note what became of the new aliases, now that the contacts are formed. `aliases` are all of the identities'."""
    notes = _NOTES.get()
    new = notes.take_aliases() if notes is not None else []
    if notes is not None and new:
        contact_ids = {id_: component.contact_id for component in components for id_ in component.members}
        repetitions = repetitions_among(aliases, contact_ids)
        notes.merges.extend(merge_outcome(alias, identities, contact_ids, repetitions) for alias in new)
