"""Addresses that not every machine has, for tests that want them."""

import socket

import pytest


def _has(host: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as listening:
            listening.bind((host, 0))
    except OSError:
        return False
    return True


SECOND_LOOPBACK = pytest.mark.skipif(not _has("127.0.0.2"), reason="the loopback has one address here, as on a Mac")
IPV6 = pytest.mark.skipif(not _has("::1"), reason="this machine has no IPv6")
