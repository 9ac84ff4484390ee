"""A connection as the edge needs it, in the form in which it is published to Redis."""

import hashlib
import hmac
import time

import msgspec

CONNECTIONS_KEY = "variance:connections"
"""Hash: connection id → JSON of a PublishedConnection."""

CONNECTIONS_VERSION_KEY = "variance:connections:version"
"""Integer that grows with each publication, so that a process can tell whether what it holds is current."""


class PublishedSecret(msgspec.Struct, frozen=True):
    """A secret by its SHA-256; `expires_at` is Unix seconds, for a secret that was rotated away."""

    sha256: str
    expires_at: float | None = None

    def is_alive(self) -> bool:
        """Tell whether the secret is still good."""
        return self.expires_at is None or self.expires_at > time.time()


class PublishedConnection(msgspec.Struct, frozen=True):
    """Who may post to which workspace, and under which name."""

    id: str
    workspace_id: int
    name: str
    is_enabled: bool
    secrets: list[PublishedSecret]

    def is_opened_by(self, secret_sha256: str) -> bool:
        """Tell, in constant time, whether the secret with this SHA-256 opens the connection."""
        return any(
            hmac.compare_digest(secret.sha256.encode(), secret_sha256.encode()) and secret.is_alive()
            for secret in self.secrets
        )


def secret_sha256(secret: str) -> str:
    """Give the form in which a secret is stored and compared. Secrets are 256 random bits, so no salt is needed."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
