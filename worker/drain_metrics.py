"""What a worker counts for Prometheus: a few numbers a drain, none for a message.

The steps of a drain are: `connect` (waiting for one of the pool's connections to Postgres, and for the transaction to
begin), `read` (the lock, and reading from Redis), `log` and `fold` (those parts of applying), `apply` (the rest of
it), `settle` (the ledger), `commit`, and `remove` (from Redis).
"""

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from worker.drain_notes import DrainNotes
from worker.fold.merge_outcome import merge_outcome
from worker.tally import Tally

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)
_MESSAGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)


class DrainMetrics:
    """One worker's counts since it started; with PROMETHEUS_MULTIPROC_DIR, part of those of its machine."""

    def __init__(self, registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a second series beside each, which nobody reads
        self._seconds = Histogram(
            "variance_drain_seconds", "Time of a drain that settled messages.", buckets=_SECONDS, registry=registry
        )
        self._step_seconds = Histogram(
            "variance_drain_step_seconds", "Time of a drain's steps.", ["step"], buckets=_SECONDS, registry=registry
        )
        self._size = Histogram(
            "variance_drain_messages", "Messages that a drain settled.", buckets=_MESSAGES, registry=registry
        )
        self._messages = Counter(
            "variance_messages_settled", "Messages by what became of them.", ["outcome"], registry=registry
        )
        self._merges = Counter(
            "variance_merges", "Alias calls by what became of them as they came.", ["outcome"], registry=registry
        )
        self._deaths = Counter("variance_dead_letters", "Dead letters by reason.", ["reason"], registry=registry)
        self._failures = Counter(
            "variance_drains_failed", "Drains that the surroundings failed, by the error.", ["error"], registry=registry
        )

    def observe(self, tally: Tally, notes: DrainNotes) -> None:
        """Count a drain that was committed."""
        self._seconds.observe(sum(notes.seconds.values()))
        for name, seconds in notes.seconds.items():
            self._step_seconds.labels(name).observe(seconds)
        self._size.observe(tally.total)
        for outcome in ("applied", "duplicate", "suppressed", "dead"):
            self._messages.labels(outcome).inc(getattr(tally, outcome))
        for reason in notes.deaths:
            self._deaths.labels(reason).inc()
        unlinked = [merge_outcome(alias, {}, {}, ()) for alias in notes.take_aliases()]
        for outcome in (*notes.merges, *unlinked):
            self._merges.labels(outcome).inc()

    def count_failure(self, failure: BaseException) -> None:
        """Count a drain that was not committed."""
        self._failures.labels(type(failure).__name__).inc()
