"""One OpenTelemetry trace for each message, from its post to its row. Off unless an endpoint for it is set."""

import importlib
import os
from collections.abc import Iterable
from typing import Protocol

import structlog

_LOG = structlog.get_logger(__name__)
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Tracing(Protocol):
    """Writes the spans of messages, which are named by their fields in the queue. Instants are Unix seconds."""

    def queued(self, fields: Iterable[str], began_at: float) -> None:
        """Write that messages were posted then, and are in Redis now."""

    def settled(self, fields: Iterable[str], began_at: float, partition: int) -> None:
        """Write that messages were settled in Postgres now, by a drain that began then."""

    def close(self) -> None:
        """Send what is still to be sent; may take seconds."""


def tracing_of(service: str) -> Tracing | None:
    """Give the tracing that OpenTelemetry's own variables ask for; None where they ask for none."""
    is_disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if is_disabled or not any(os.environ.get(name) for name in _ENDPOINTS):
        return None
    try:
        spans = importlib.import_module("schemas.spans")  # takes long, and needs what only the extra installs
    except ImportError:
        _LOG.warning("tracing is asked for and not installed; it is in the extra `tracing`")
        return None
    tracing: Tracing = spans.exported_spans(os.environ.get("OTEL_SERVICE_NAME") or f"variance-{service}")
    return tracing
