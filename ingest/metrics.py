"""Counts for Prometheus.

They are plain integers that are read when somebody asks: on the way of each post, the client library's locked
counters would be a tenth of the work.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate

from aiohttp import web
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.exposition import HEADERS, exposition_of

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_MESSAGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)


class Histogram:
    """Counts of observations at most as large as each bound."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def family(self, name: str, documentation: str) -> HistogramMetricFamily:
        """Give the histogram in the form that Prometheus reads."""
        names = [str(float(bound)) for bound in self._bounds] + ["+Inf"]
        buckets = list(zip(names, map(float, accumulate(self._counts)), strict=True))
        return HistogramMetricFamily(name, documentation, buckets=buckets, sum_value=self._sum)


class Metrics(Collector):
    """What one process has counted since it started."""

    def __init__(self) -> None:
        self.posts: Counter[tuple[int, str]] = Counter()
        """Posts answered, by status and the connection's id; that is empty where the post was let in to none."""
        self.accepted_messages = 0
        self.burst_messages = 0
        self.refused_messages: Counter[str] = Counter()
        self.failed_flushes = 0
        self.acknowledgement_seconds = Histogram(_SECONDS)
        self.flush_messages = Histogram(_MESSAGES)
        self.flush_seconds = Histogram(_SECONDS)
        self.queued_messages: int | None = None

    def collect(self) -> Iterator[Metric]:
        """Give every count, as Prometheus' client asks for them."""
        posts = CounterMetricFamily(
            "variance_posts", "Posts answered, by HTTP status and connection.", labels=["status", "connection_id"]
        )
        for (status, connection_id), count in self.posts.items():
            posts.add_metric([str(status), connection_id], count)
        yield posts
        yield CounterMetricFamily(
            "variance_messages_accepted", "Messages acknowledged.", value=self.accepted_messages
        )
        yield CounterMetricFamily(
            "variance_messages_of_bursts", "Messages that make way for other workspaces'.", value=self.burst_messages
        )
        refused = CounterMetricFamily(
            "variance_messages_refused", "Messages refused, by reason.", labels=["reason"]
        )
        for reason, count in self.refused_messages.items():
            refused.add_metric([reason], count)
        yield refused
        yield CounterMetricFamily(
            "variance_flushes_failed", "Writes that Redis did not confirm.", value=self.failed_flushes
        )
        yield self.acknowledgement_seconds.family(
            "variance_acknowledgement_seconds", "Time from a post's headers to its acknowledgement."
        )
        yield self.flush_messages.family("variance_flush_messages", "Messages that shared one write.")
        yield self.flush_seconds.family("variance_flush_seconds", "Time until Redis had a write on disk.")
        if self.queued_messages is not None:
            yield GaugeMetricFamily(
                "variance_queued_messages", "Messages in the queue.", value=self.queued_messages
            )

    async def answer(self, _: web.Request) -> web.Response:
        """Answer `GET /metrics`."""
        return web.Response(body=exposition_of(self), headers=HEADERS)
