"""What a process tells Prometheus: its counts, and beside them its memory, processor time and files."""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.registry import Collector

HEADERS = {"Content-Type": CONTENT_TYPE_LATEST}
"""Of an answer to `GET /metrics`."""


def add_process_facts(registry: CollectorRegistry) -> None:
    """Have a registry also tell of the process itself."""
    for facts in (ProcessCollector, PlatformCollector, GCCollector):
        facts(registry=registry)


def exposition_of(counts: Collector) -> bytes:
    """Write these counts, as they are now, and the process' facts in the form that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(counts)
    add_process_facts(registry)
    return generate_latest(registry)
