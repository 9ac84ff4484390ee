"""Addresses that not every machine has, for tests that want them."""

import pytest

from schemas.listening import CANNOT_LISTEN, try_listening


def _has(host: str) -> bool:
    try:
        try_listening(host, 0)
    except CANNOT_LISTEN:
        return False
    return True


SECOND_LOOPBACK = pytest.mark.skipif(not _has("127.0.0.2"), reason="the loopback has one address here, as on a Mac")
IPV6 = pytest.mark.skipif(not _has("::1"), reason="this machine has no IPv6")
