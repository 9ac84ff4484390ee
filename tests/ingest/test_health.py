from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.ingest.conftest import publish_default
from tests.ingest.edge import SECRET, TRACK, Edge, basic, publish, raw_command, running_edge
from tests.ingest.valkey import Valkey
from tests.waiting import eventually


async def test_a_process_that_runs_is_live(edge: Edge) -> None:
    answer = await edge.get("/health/live")

    assert (answer.status, answer.json) == (200, {"success": True})


async def test_a_process_that_acknowledges_is_ready(edge: Edge) -> None:
    answer = await edge.get("/health/ready")

    assert answer.status == 200
    assert answer.json["success"] is True
    assert set(answer.json["checks"].values()) == {"ok"}


async def test_asking_whether_it_is_ready_queues_nothing(edge: Edge) -> None:
    await edge.get("/health/ready")

    assert await edge.entries() == []
    assert await edge.accepted_count() == 0


@pytest.mark.parametrize(
    ("setting", "value", "check"),
    [
        ("appendonly", "no", "aof_enabled"),
        ("appendfsync", "everysec", "appendfsync"),
        ("no-appendfsync-on-rewrite", "yes", "no-appendfsync-on-rewrite"),
        ("maxmemory-policy", "allkeys-lru", "maxmemory_policy"),
        ("min-replicas-to-write", "1", "write"),
    ],
)
async def test_a_redis_that_could_lose_a_message_is_named_and_makes_unready(
    breakable_edge: Edge, setting: str, value: str, check: str
) -> None:
    assert (await breakable_edge.get("/health/ready")).status == 200
    await breakable_edge.redis.config_set(setting, value)

    answer = await breakable_edge.get("/health/ready")

    assert (answer.status, answer.json["code"]) == (503, "not_ready")
    assert answer.json["message"].startswith(check)
    assert answer.json["checks"][check] != "ok"
    assert "Retry-After" in answer.headers


async def test_a_replica_makes_unready(breakable_edge: Edge) -> None:
    await breakable_edge.redis.replicaof("127.0.0.1", "1")

    answer = await breakable_edge.get("/health/ready")

    assert answer.status == 503
    assert answer.json["message"].startswith("role")
    assert answer.json["checks"]["write"] == "READONLY" or "ReadOnly" in answer.json["checks"]["write"]


async def test_a_redis_that_is_gone_or_frozen_makes_unready_and_back_ready(
    breakable_edge: Edge, valkey: Valkey
) -> None:
    valkey.freeze()
    frozen = await breakable_edge.get("/health/ready")
    valkey.thaw()
    await eventually(lambda: _is_ready(breakable_edge), "it to be ready")
    valkey.kill()
    gone = await breakable_edge.get("/health/ready")
    live = await breakable_edge.get("/health/live")
    valkey.start()
    await eventually(lambda: _is_ready(breakable_edge), "it to be ready")

    assert (frozen.status, gone.status, live.status) == (503, 503, 200)
    assert frozen.json["message"].startswith("redis")
    assert gone.json["message"].startswith("redis")


async def test_without_published_connections_it_is_not_ready(redis_url: str) -> None:
    async with running_edge(redis_url) as edge:
        answer = await edge.get("/health/ready")
        assert answer.status == 503
        assert answer.json["message"].startswith("connections")

        await publish(edge.redis)
        await eventually(lambda: _is_ready(edge), "it to be ready")


async def test_above_its_bound_it_is_not_ready(redis_url: str) -> None:
    await publish_default(redis_url)
    async with running_edge(redis_url, max_queued_messages=1) as edge:
        await edge.post("/v1/batch", {"batch": [TRACK, TRACK]})
        await eventually(lambda: _is_unready(edge), "it to be unready")
        assert (await edge.get("/health/ready")).json["message"].startswith("pressure")


async def test_what_redis_does_not_tell_is_reported_and_does_not_make_unready(tmp_path: Path) -> None:
    valkey = Valkey(tmp_path)
    valkey.start()
    try:
        await publish_default(valkey.url)
        admin = Redis(port=valkey.port)
        rules = ("on", ">pw", "~variance:*", "+@all", "-@admin", "-@dangerous")
        await raw_command(admin, "ACL", "SETUSER", "edge", *rules)
        await admin.aclose()
        async with running_edge(f"redis://edge:pw@127.0.0.1:{valkey.port}") as edge:
            answer = await edge.get("/health/ready")

            assert answer.status == 200
            assert "not checked" in answer.json["checks"]["appendfsync"]
            assert "not checked" in answer.json["checks"]["role"]
            assert (await edge.post("/v1/track", TRACK, headers=basic(SECRET))).status == 200
    finally:
        valkey.kill()


async def _is_ready(edge: Edge) -> bool:
    return (await edge.get("/health/ready")).status == 200


async def _is_unready(edge: Edge) -> bool:
    return not await _is_ready(edge)
