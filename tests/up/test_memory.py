"""How much memory the embedded PostgreSQL gets for its pages."""

from pathlib import Path

import psutil
from hypothesis import given
from hypothesis import strategies as st

from worker.embedded.memory import memory_bytes, shared_buffers_megabytes

_GIBIBYTE = 1024**3


@given(st.integers(0, 1024 * _GIBIBYTE))
def test_postgres_gets_an_eighth_of_the_memory_but_neither_too_little_nor_too_much(available_bytes: int) -> None:
    megabytes = shared_buffers_megabytes(available_bytes)
    assert 128 <= megabytes <= 4096
    if _GIBIBYTE <= available_bytes <= 32 * _GIBIBYTE:
        assert 0 <= available_bytes / 8 - megabytes * 1024**2 < 1024**2


def test_a_containers_limit_counts_where_there_is_one(tmp_path: Path) -> None:
    limited, unlimited, absent = tmp_path / "limited", tmp_path / "unlimited", tmp_path / "absent"
    limited.write_text("1048576\n")
    unlimited.write_text("max\n")
    assert memory_bytes([unlimited, limited]) == 1024**2
    assert memory_bytes([unlimited, absent]) == psutil.virtual_memory().total
