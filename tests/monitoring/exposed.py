"""What a `/metrics` exposes, read as Prometheus does."""

from prometheus_client.parser import text_string_to_metric_families

Samples = dict[tuple[str, str], float]
"""Values by the name, and the labels written as `a=b,c=d`."""

_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def samples_of(text: str) -> Samples:
    return {
        (sample.name, ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def names_of(text: str) -> set[str]:
    """Give the names that can be asked for, of families without samples, too."""
    return {
        f"{family.name}{suffix}"
        for family in text_string_to_metric_families(text)
        for suffix in _SUFFIXES.get(family.type, ())
    }
