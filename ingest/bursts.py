"""Which messages are part of a burst: those of a workspace that sends faster than its share for longer than a moment.

They go to partitions of their own, so that what others send does not stand behind them. Each `web` process judges by
what it has received itself, and asks nobody.
"""

_SECONDS_AT_ONCE = 5.0
"""How many seconds' worth of messages a workspace may send at once; and how long a burst has to be over."""


class Bursts:
    """Counts what each workspace sends. Instants are seconds of a clock that never goes back.

    What a workspace is ahead of its share is counted in seconds, by which it would have sent as much at that rate. As
    long as it is too far ahead, all that it sends belongs to the burst; then it has its usual partitions again.
    """

    def __init__(self, messages_per_second: float) -> None:
        self._message_seconds = 1 / messages_per_second
        self._even_at: dict[int, float] = {}
        """When each workspace would be no longer ahead, if it sent nothing more."""

    def take(self, workspace_id: int, now: float, messages: int) -> bool:
        """Count messages that a workspace sends now, together; tell whether they belong to a burst."""
        even_at = self._even_at.get(workspace_id, now)
        even_at = max(now, even_at) + messages * self._message_seconds
        if even_at <= now + _SECONDS_AT_ONCE:
            self._even_at[workspace_id] = even_at
            return False
        longest = now + 2 * _SECONDS_AT_ONCE
        self._even_at[workspace_id] = min(longest, even_at)
        return True
