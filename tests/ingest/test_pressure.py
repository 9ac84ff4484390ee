from structlog.testing import capture_logs
from structlog.typing import EventDict

from schemas.queue import PARTITIONS, accepted_key, removed_key, stream_key
from tests.ingest.conftest import publish_default
from tests.ingest.edge import TRACK, Edge, running_edge
from tests.ingest.valkey import Valkey
from tests.waiting import eventually


async def test_above_the_bound_of_messages_posts_get_503_until_there_is_room(redis_url: str) -> None:
    await publish_default(redis_url)
    async with running_edge(redis_url, max_queued_messages=2) as edge:
        assert (await edge.post("/v1/batch", {"batch": [TRACK] * 3})).status == 200
        await eventually(lambda: _is_overloaded(edge), "a post to be put off")

        answer = await edge.post("/v1/track", TRACK)
        assert int(answer.headers["Retry-After"]) > 0
        assert (await edge.request("OPTIONS", "/v1/track")).status == 200
        assert (await edge.get("/health/live")).status == 200

        for partition in range(PARTITIONS):
            await edge.redis.delete(stream_key(partition))
        await edge.redis.set(removed_key(0), 100)
        await eventually(lambda: _is_accepted(edge), "a post to be accepted")


async def test_above_the_bound_of_memory_posts_get_503_until_there_is_room(breakable_edge: Edge) -> None:
    used_bytes = (await breakable_edge.redis.info("memory"))["used_memory"]
    await breakable_edge.redis.config_set("maxmemory", int(used_bytes * 1.15))
    await eventually(lambda: _is_overloaded(breakable_edge), "a post to be put off")

    await breakable_edge.redis.config_set("maxmemory", used_bytes * 10)
    await eventually(lambda: _is_accepted(breakable_edge), "a post to be accepted")


async def test_without_a_bound_of_redis_own_it_is_the_machines_memory_that_counts(valkey: Valkey) -> None:
    await publish_default(valkey.url)
    async with running_edge(valkey.url, max_redis_memory_ratio=1e-9) as edge:
        assert await edge.redis.config_get("maxmemory") == {"maxmemory": "0"}
        await eventually(lambda: _is_overloaded(edge), "a post to be put off")

        await edge.redis.config_set("maxmemory", 2**62)
        await eventually(lambda: _is_accepted(edge), "a post to be accepted")


async def test_a_counter_that_somebody_wrote_to_stops_neither_posts_nor_the_measurements(redis_url: str) -> None:
    await publish_default(redis_url)
    async with running_edge(redis_url, max_queued_messages=2) as edge:
        await edge.redis.set(accepted_key(0), "many")
        with capture_logs() as logs:
            await eventually(lambda: _has_failed(logs), "a measurement to fail")
        assert (await edge.post("/v1/batch", {"batch": [TRACK] * 3})).status == 200
        await edge.redis.delete(accepted_key(0))
        await eventually(lambda: _is_overloaded(edge), "a post to be put off")


async def _has_failed(logs: list[EventDict]) -> bool:
    return any(log["event"] == "pressure_unknown" and log["log_level"] == "error" for log in logs)


async def _is_overloaded(edge: Edge) -> bool:
    answer = await edge.post("/v1/track", TRACK)
    return answer.status == 503 and answer.json["code"] == "overloaded"


async def _is_accepted(edge: Edge) -> bool:
    return (await edge.post("/v1/track", TRACK)).status == 200
