"""What became of messages, counted. Every accepted message is counted once, in one of the four ways."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """Messages by outcome."""

    applied: int = 0
    duplicate: int = 0
    suppressed: int = 0
    dead: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Add two counts."""
        return Tally(
            self.applied + other.applied,
            self.duplicate + other.duplicate,
            self.suppressed + other.suppressed,
            self.dead + other.dead,
        )

    @property
    def total(self) -> int:
        """All messages counted."""
        return self.applied + self.duplicate + self.suppressed + self.dead
