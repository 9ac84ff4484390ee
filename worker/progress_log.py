"""A worker's own account of its work: a line now and then, however many drains there were."""

import time

import structlog

from worker.tally import Tally

_LOG = structlog.get_logger(__name__)
_SECONDS_BETWEEN_LINES = 10.0


class ProgressLog:
    """Adds up what drains did, and tells it in one line, at most every ten seconds; nothing done is not told."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._drains = 0
        self._told_at = float("-inf")

    def add(self, tally: Tally) -> None:
        """Add a drain that was committed."""
        self._tally += tally
        self._drains += 1

    def tell(self, *, at_once: bool = False) -> None:
        """Log what was done since the last line, if it is time, or the process ends."""
        if not self._drains or not (at_once or time.monotonic() - self._told_at >= _SECONDS_BETWEEN_LINES):
            return
        _LOG.info(
            "messages settled",
            drains=self._drains,
            applied=self._tally.applied,
            duplicate=self._tally.duplicate,
            suppressed=self._tally.suppressed,
            dead=self._tally.dead,
        )
        self._tally, self._drains, self._told_at = Tally(), 0, time.monotonic()
