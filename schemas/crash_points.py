"""Places where a test has a process die. Nothing ever does unless VARIANCE_CRASH_AT names one of them.

VARIANCE_CRASH_AT is a point's name, or `name:n` for the n-th time that it is reached:

    before_flush     web, messages are about to be written to the queue
    after_flush      web, they are on disk in Redis, and nobody has been told
    after_read       worker, messages were read from the queue
    before_commit    worker, they are applied, and the transaction is open
    after_commit     worker, they are committed, and still stand in the queue
    after_remove     worker, they have left the queue
"""

import os
import signal

_name, _, _number = os.environ.get("VARIANCE_CRASH_AT", "").partition(":")
_times_left = int(_number or 1) if _name else 0


def crash_point(name: str) -> None:
    """Die here as by SIGKILL, if this is the point and the time that the environment names."""
    global _times_left  # noqa: PLW0603 (of the process, which it ends)
    if name != _name:
        return
    _times_left -= 1
    if _times_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
