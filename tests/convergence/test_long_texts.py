"""A sender's text may be as long as a message; what is remembered to save work must not grow with it."""

import tracemalloc
from collections.abc import Callable

import pytest

from worker.fold.account_rules import AccountRules, company_domain
from worker.fold.ids import account_id

_RULES = AccountRules("email")
_LONG = 100_000


@pytest.mark.parametrize(
    "read",
    [
        lambda text: account_id(1, "group", text),
        lambda text: company_domain(f"jane@{text}.example", _RULES),
        lambda text: company_domain(f"jane@ü{text}.example", _RULES),
    ],
    ids=["a group's id", "an address' host", "an international host"],
)
def test_no_long_text_is_kept_in_memory(read: Callable[[str], object]) -> None:
    read("acme")  # which reads the public suffixes
    tracemalloc.start()
    try:
        for number in range(20):
            read("x" * _LONG + str(number))
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes < 3 * _LONG


def test_the_id_of_an_account_is_the_same_however_long_its_key_is() -> None:
    ids = {str(account_id(1, "group", "x" * length)) for length in range(150, 251)}
    assert len(ids) == 101
    assert str(account_id(7, "traits", "k")) == "52b1312f-65e6-aea9-a01b-74ce74764496"
    assert str(account_id(7, "traits", "k" * 1000)) == "f8f0cdc7-3299-9542-2311-f9eb09f53607"
