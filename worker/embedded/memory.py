"""How much memory the machine has, or the container in it."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux says what a container may take, in its newer and its older way."""

_MEGABYTE = 1024**2
_LEAST_MEGABYTES, _MOST_MEGABYTES = 128, 4096


def memory_bytes(limits: Iterable[Path] = _LIMITS) -> int:
    """Give the memory that there is for this process and its like: the machine's, or what one of these files allows."""
    found: int = psutil.virtual_memory().total
    for path in limits:
        with suppress(OSError, ValueError):  # no such file, or `max`
            found = min(found, int(path.read_text()))
    return found


def shared_buffers_megabytes(available_bytes: int) -> int:
    """Give how much of the memory PostgreSQL keeps its tables' pages in: an eighth, beside everything else here.

    With its default of 128 MB it writes out each page of a long log's index soon after a message has touched it.
    """
    return min(max(available_bytes // 8 // _MEGABYTE, _LEAST_MEGABYTES), _MOST_MEGABYTES)
