"""Which message set or removed each trait of a contact."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from worker.fold.identity import Identity
from worker.fold.stamp import Stamp


@dataclass(frozen=True, slots=True)
class Setting:
    """The last message of one identity that set a trait; `value` is None where it removed it."""

    value: Any
    identity: str
    stamp: Stamp


def settings_of(members: Iterable[Identity]) -> dict[str, list[Setting]]:
    """Give by trait, in their names' order, what each identity last said of it: the latest, which counts, first."""
    settings: dict[str, list[Setting]] = {}
    for member in members:
        for name, stamped in member.traits.items():
            settings.setdefault(name, []).append(Setting(stamped[3], member.value, Stamp(*stamped[:3])))
    return {
        name: sorted(said, key=lambda setting: setting.stamp, reverse=True) for name, said in sorted(settings.items())
    }
