"""The demo's clock and dice: seven days that end now, and every random choice made from one seed."""

import random
import uuid
from datetime import datetime, timedelta

LENGTH = timedelta(days=7)
OFFICE_HOURS = range(7, 19)
"""UTC hours of the working day, wide enough for Lisbon and Warsaw."""

_FRIDAY = 4
_OUT_OF_HOURS = 0.08
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Week:
    """The seven days before `ends_at`, and the dice thrown in them: the same seed throws the same."""

    def __init__(self, ends_at: datetime, seed: int) -> None:
        self.ends_at = ends_at
        self.starts_at = ends_at - LENGTH
        self.random = random.Random(seed)  # noqa: S311 (to be repeated is what the seed is for)

    def chance(self, probability: float) -> bool:
        """Throw a coin that falls on its head with this probability, 0 to 1."""
        return self.random.random() < probability

    def moment(self, after: datetime | None = None, before: datetime | None = None) -> datetime:
        """Draw a moment between the two, mostly in office hours; without them, anywhere in the week."""
        first_at, last_at = after or self.starts_at, before or self.ends_at
        for _ in range(20):
            drawn_at = first_at + (last_at - first_at) * self.random.random()
            if is_office_hour(drawn_at) or self.chance(_OUT_OF_HOURS):
                return drawn_at
        return drawn_at

    def soon(self, after: datetime, least_seconds: float, most_seconds: float) -> datetime:
        """Draw a moment so many seconds later."""
        return after + timedelta(seconds=self.random.uniform(least_seconds, most_seconds))

    def uuid(self) -> str:
        """Draw a random UUID."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def token(self, length: int) -> str:
        """Draw letters and digits, as services make their opaque ids."""
        return "".join(self.random.choices(_BASE62, k=length))


def is_office_hour(moment: datetime) -> bool:
    """Tell whether people are at work then."""
    return moment.weekday() <= _FRIDAY and moment.hour in OFFICE_HOURS
