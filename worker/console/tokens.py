"""Tokens that a browser holds: drawn at random, kept by their SHA-256."""

import hashlib
import hmac
import secrets

_TOKEN_BYTES = 32


def new_token() -> str:
    """Draw a token."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def token_sha256(token: str) -> str:
    """Give the form in which a token is kept."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def csrf_token(session_token: str) -> str:
    """Give the token that the forms of a session carry, which no other page can know."""
    return hashlib.sha256(f"csrf:{session_token}".encode(errors="surrogatepass")).hexdigest()


def is_csrf_token(given: str, session_token: str) -> bool:
    """Tell, in constant time, whether a form came from one of the session's own pages."""
    return hmac.compare_digest(given.encode(errors="replace"), csrf_token(session_token).encode())
