import asyncio

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.ingest.edge import TRACK, Edge, basic
from tests.waiting import eventually

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def read(edge: Edge) -> Samples:
    async with aiohttp.request("GET", f"http://127.0.0.1:{edge.port}/metrics") as response:
        text = await response.text()
    families = list(text_string_to_metric_families(text))
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


async def test_posts_messages_and_flushes_are_counted(edge: Edge) -> None:
    await asyncio.gather(*[edge.post("/v1/track", TRACK) for _ in range(3)])
    await edge.post("/v1/batch", {"batch": [TRACK, {}, {}]})
    await edge.post("/v1/track", {"userId": "u"})
    await edge.post("/v1/track", TRACK, headers={})
    await edge.post("/webhook/c0ffee", TRACK)
    await edge.post("/webhook/c0ffee", [TRACK])
    await edge.post("/webhook/made-up", TRACK)
    await edge.post("/webhook/c0ffee", TRACK, headers=basic("made up"))

    samples = await read(edge)

    posts = {labels: value for (name, labels), value in samples.items() if name == "variance_posts_total"}
    assert posts == {
        (("connection_id", "c0ffee"), ("status", "200")): 6,
        (("connection_id", "c0ffee"), ("status", "400")): 1,
        (("connection_id", ""), ("status", "401")): 2,
        (("connection_id", ""), ("status", "404")): 1,
    }
    assert samples["variance_messages_accepted_total", ()] == 6
    assert samples["variance_messages_refused_total", (("reason", "missing_field"),)] == 3
    assert samples["variance_acknowledgement_seconds_count", ()] == 6
    assert samples["variance_acknowledgement_seconds_bucket", (("le", "+Inf"),)] == 6
    assert samples["variance_flush_messages_sum", ()] == 8
    assert samples["variance_flush_seconds_count", ()] == samples["variance_flush_messages_count", ()]
    assert 0 < samples["variance_flush_seconds_sum", ()] < 60
    assert any(name == "python_info" for name, _ in samples)
    assert samples["variance_flushes_failed_total", ()] == 0


async def test_the_depth_of_the_queue_is_told(edge: Edge) -> None:
    await edge.post("/v1/batch", {"batch": [TRACK] * 5})

    async def is_told() -> bool:
        return (await read(edge)).get(("variance_queued_messages", ())) == 5

    await eventually(is_told, "the metrics to tell of it")
