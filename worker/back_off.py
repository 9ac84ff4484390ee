"""How long to wait before what has ended is begun again: longer each time, unless it had lasted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackOff:
    """The shortest and the longest pause. What lasted for as long as the longest one was well."""

    first_seconds: float
    longest_seconds: float

    def next_seconds(self, last_seconds: float, lasted_seconds: float) -> float:
        """Give the next pause, after one of `last_seconds` (0: none yet) and a run that lasted so long."""
        if not last_seconds or lasted_seconds >= self.longest_seconds:
            return self.first_seconds
        return min(last_seconds * 2, self.longest_seconds)
