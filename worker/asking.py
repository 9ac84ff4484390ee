"""Asks our own processes over HTTP, one small question at a time, by what Python itself has.

Loading aiohttp's client takes longer than the commands that ask.
"""

from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

NOT_ANSWERED = (OSError, HTTPException, ValueError)
"""What `ask` raises."""

_OPENER = build_opener(ProxyHandler({}))  # a proxy is for what is outside


def ask(url: str, timeout_seconds: float) -> tuple[int, bytes]:
    """Give the status and the body of the answer to a GET. Blocks; each wait for the other end is bounded."""
    try:
        with _OPENER.open(url, timeout=timeout_seconds) as answer:
            return answer.status, answer.read()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()
    except URLError as failure:
        raise (failure.reason if isinstance(failure.reason, OSError) else failure) from None
