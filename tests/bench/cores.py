"""Which core runs what: the server that is measured has one to itself, as far as the machine allows."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CAN_PIN = hasattr(os, "sched_setaffinity")


def split() -> tuple[set[int], set[int]]:
    """Give the core of what is measured, and the cores of everything else."""
    if not _CAN_PIN:
        return set(), set()
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others) or {first}


@contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Let the processes started meanwhile run on these cores only."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def machine() -> str:
    """Describe the machine, for who reads the results elsewhere."""
    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(": ")[2] for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    pinning = "" if _CAN_PIN else ", not pinned to cores: this system cannot"
    return f"{os.cpu_count()} cores of {cpu}, Python {platform.python_version()}, {platform.system()}{pinning}"
