"""The spans of messages, by OpenTelemetry. Imported only where tracing is on.

Nothing is carried along with a message for its trace: the trace's id and that of its first span follow from the
message's field in the queue, that is from its connection and messageId. So `web` and a worker, however far apart, write
to the same trace, and both take the same decision of a sampler that goes by the trace's id. A repeated message is
posted in the same trace again.
"""

import hashlib
import time
from collections.abc import Iterable

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

_POST, _SETTLE = "variance.post", "variance.settle"


class Spans:
    """Writes spans through a processor."""

    def __init__(self, service_name: str, processor: SpanProcessor) -> None:
        self._ids = _Ids()
        resource = Resource.create({"service.name": service_name})
        self._provider = TracerProvider(resource=resource, id_generator=self._ids)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("variance")

    def queued(self, fields: Iterable[str], began_at: float) -> None:
        """Write each message's first span: from its post to Redis."""
        ended_at = time.time_ns()
        for field in fields:
            self._ids.given = ids_of(field)
            span = self._tracer.start_span(
                _POST, Context(), SpanKind.SERVER, {"variance.message": field}, start_time=int(began_at * 1e9)
            )
            span.end(ended_at)
        self._ids.given = None

    def settled(self, fields: Iterable[str], began_at: float, partition: int) -> None:
        """Write each message's second span: from the drain's beginning to Postgres."""
        ended_at = time.time_ns()
        for field in fields:
            trace_id, post_id = ids_of(field)
            sampled = self._provider.sampler.should_sample(None, trace_id, _POST).decision
            flags = TraceFlags(TraceFlags.SAMPLED if sampled.name.endswith("SAMPLE") else TraceFlags.DEFAULT)
            post = NonRecordingSpan(SpanContext(trace_id, post_id, is_remote=True, trace_flags=flags))
            span = self._tracer.start_span(
                _SETTLE, set_span_in_context(post), SpanKind.CONSUMER, {"variance.message": field},
                start_time=int(began_at * 1e9),
            )  # fmt: skip
            span.set_attribute("variance.partition", partition)
            span.end(ended_at)

    def close(self) -> None:
        """Send what is still to be sent; may take seconds."""
        self._provider.shutdown()


class _Ids(RandomIdGenerator):
    """Gives the ids that are given, else random ones."""

    def __init__(self) -> None:
        self.given: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        return self.given[0] if self.given else super().generate_trace_id()

    def generate_span_id(self) -> int:
        return self.given[1] if self.given else super().generate_span_id()


def ids_of(field: str) -> tuple[int, int]:
    """Give the ids of a message's trace and of its first span."""
    digest = hashlib.blake2b(field.encode(errors="replace"), digest_size=24).digest()
    return int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:]) or 1


def exported_spans(service_name: str, exporter: SpanExporter | None = None) -> Spans:
    """Give spans that are sent in batches, by default to where OpenTelemetry's variables say."""
    return Spans(service_name, BatchSpanProcessor(exporter or OTLPSpanExporter()))
