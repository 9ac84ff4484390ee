import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ingest.app import create_app
from ingest.server import Site
from schemas.settings import WebSettings, WorkerSettings
from schemas.spans import Spans
from schemas.tracing import tracing_of
from tests.ingest.conftest import publish_default
from tests.ingest.test_process import port_of, post, started
from tests.system import System, running_system
from tests.waiting import DEADLINE_SECONDS, eventually
from worker.service import run_worker

TRACK = {"type": "track", "userId": "u", "event": "E"}


@asynccontextmanager
async def traced(redis_url: str, database_url: str, exporter: InMemorySpanExporter) -> AsyncIterator[System]:
    """A system whose two processes write spans, each by itself."""
    web_spans, worker_spans = [Spans(name, SimpleSpanProcessor(exporter)) for name in ("web", "worker")]
    async with running_system(redis_url, database_url, with_worker=False) as system:
        settings = WorkerSettings(redis_url=redis_url, database_url=database_url)
        system.worker_task = asyncio.create_task(run_worker(settings, system.worker_stop, None, worker_spans))
        runner = web.AppRunner(create_app(WebSettings(redis_url=redis_url), web_spans), access_log=None)
        await runner.setup()
        site = Site(runner, "127.0.0.1", 0)
        await site.start()
        system.base_url = f"http://127.0.0.1:{site.port}"
        try:
            yield system
        finally:
            await runner.cleanup()


def by_message(spans: Sequence[ReadableSpan]) -> Mapping[str, dict[str, ReadableSpan]]:
    traces: dict[str, dict[str, ReadableSpan]] = defaultdict(dict)
    for span in spans:
        traces[str((span.attributes or {})["variance.message"])][span.name] = span
    return traces


async def test_each_message_has_one_trace_from_its_post_to_its_row(redis_url: str, database_url: str) -> None:
    exporter = InMemorySpanExporter()
    async with traced(redis_url, database_url, exporter) as system:
        await system.post("/webhook/defaultmain", [TRACK | {"messageId": "a"}, {"messageId": "bad"}], "defaultmain")
        await system.post("/v1/track", TRACK | {"messageId": "straight"}, "defaultmain")
        await system.settled()
        await eventually(lambda: has_spans(exporter, 6), "the spans of three messages")
        traces = by_message(exporter.get_finished_spans())
    assert set(traces) == {"defaultmain:a", "defaultmain!bad", "defaultmain:straight"}
    for trace in traces.values():
        post, settle = trace["variance.post"], trace["variance.settle"]
        assert post.context is not None
        assert settle.context is not None
        assert post.context.trace_id == settle.context.trace_id
        assert (post.parent, settle.parent and settle.parent.span_id) == (None, post.context.span_id)
        starts, ends = zip(*[(span.start_time or 0, span.end_time or 0) for span in (post, settle)], strict=True)
        assert starts[0] <= ends[0]
        assert starts[0] < starts[1] < ends[1] < starts[0] + 60e9
    assert len({trace["variance.post"].context.trace_id for trace in traces.values()}) == 3


async def test_web_sends_its_traces_to_the_endpoint_that_is_set(redis_url: str) -> None:
    exported: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def collect(request: web.Request) -> web.Response:
        await exported.put((request.path, await request.read()))
        return web.Response()

    collector = web.Application()
    collector.router.add_post("/{path:.*}", collect)
    await publish_default(redis_url)
    async with (
        TestServer(collector) as server,
        started(
            REDIS_URL=redis_url, OTEL_EXPORTER_OTLP_ENDPOINT=str(server.make_url("")), OTEL_BSP_SCHEDULE_DELAY="50"
        ) as process,
        aiohttp.ClientSession() as http,
    ):
        assert await post(http, await port_of(process)) == 200
        path, sent = await asyncio.wait_for(exported.get(), DEADLINE_SECONDS)
    assert path == "/v1/traces"
    assert b"variance.post" in sent


async def has_spans(exporter: InMemorySpanExporter, number: int) -> bool:
    return len(exporter.get_finished_spans()) == number


def test_a_sampler_takes_the_same_messages_in_both_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    fields = [f"main:{number}" for number in range(100)]
    exporters = [InMemorySpanExporter(), InMemorySpanExporter()]
    Spans("web", SimpleSpanProcessor(exporters[0])).queued(fields, 1.0)
    Spans("worker", SimpleSpanProcessor(exporters[1])).settled(fields, 2.0, partition=3)
    posted, settled = [set(by_message(exporter.get_finished_spans())) for exporter in exporters]
    assert posted == settled
    assert 20 < len(posted) < 80


def test_it_is_off_unless_an_endpoint_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracing_of("web") is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert tracing_of("web") is None
