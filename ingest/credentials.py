"""The secrets that a request presents, in every form in which Segment and its SDKs send them.

Source: Segment's partner documentation, "Build webhook" and "Build functions"; the HTTP Tracking API.
"""

import binascii
import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache

import msgspec

_HEADERS = ("Authorization", "Authentication")


def presented_secrets(headers: Mapping[str, str]) -> list[str]:
    """Give the secrets of the headers, in the order in which they are to be tried.

    `Basic base64(secret:)`, with or without the colon or padding (the secret is the user's name), or
    `Bearer secret`. What has another form is no secret; nothing is raised.
    """
    secrets = []
    for name in _HEADERS:
        header = headers.get(name)
        if header is not None:
            secret = _secret_of(header)
            if secret:
                secrets.append(secret)
    return secrets


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Tell whether `signature` is the hex HMAC-SHA1, under this secret, of the body or its first element.

    Segment signs what it serialised, before any compression; of a batch it signs only the first message.
    """
    if _is_digest(body, signature, secret):
        return True
    try:
        elements = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return False
    return bool(elements) and _is_digest(bytes(elements[0]), signature, secret)


@lru_cache(maxsize=256)  # a sender's header is the same in each of its requests
def _secret_of(header: str) -> str | None:
    scheme, _, value = header.strip().partition(" ")
    value = value.strip()
    match scheme.lower():
        case "basic":
            return _user_name(value)
        case "bearer":
            return value
        case _:
            return None


def _user_name(value: str) -> str | None:
    try:
        encoded = value.rstrip("=").encode("ascii")
        decoded = binascii.a2b_base64(encoded + b"=" * (-len(encoded) % 4))
    except ValueError:
        return None
    return decoded.partition(b":")[0].decode(errors="surrogateescape")


def _is_digest(body: bytes, signature: str, secret: str) -> bool:
    digest = hmac.new(secret.encode(errors="surrogateescape"), body, hashlib.sha1).hexdigest()
    return hmac.compare_digest(digest.encode(), signature.strip().lower().encode(errors="surrogateescape"))
