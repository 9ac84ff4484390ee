"""Input that nobody should send is never our trouble, and costs no neighbour; `nightly_input` does so at length."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.faults.barrage import endpoint, fire, loud_lines
from tests.faults.hostile import make_request
from tests.faults.nightly_input import bombard

_REQUESTS = 2000


@pytest.fixture
def served(tmp_path: Path, redis_url: str) -> Iterator[tuple[int, str]]:
    """Give the port of an endpoint that may not log any trouble."""
    with endpoint(tmp_path, redis_url) as (port, log_path):
        yield port, redis_url
        assert loud_lines(log_path) == []


def test_two_thousand_hostile_requests_lose_nothing_and_trouble_nobody(served: tuple[int, str], seed: int) -> None:
    assert asyncio.run(bombard(*served, Random(seed), _REQUESTS)) == [], f"FAULT_SEED={seed} repeats it"


@settings(
    max_examples=60,
    phases=(Phase.reuse, Phase.generate, Phase.shrink),  # to explain what it found takes it too long
    suppress_health_check=list(HealthCheck),
)
@given(chance=st.randoms(use_true_random=False), names=st.sets(st.integers(0, 9999), min_size=1, max_size=3))
def test_no_few_requests_that_hypothesis_finds_do_so_either(
    served: tuple[int, str], chance: Random, names: set[int]
) -> None:
    requests = [make_request(chance, f"name{number:04d}") for number in names]
    assert asyncio.run(fire(*served, requests)) == []
