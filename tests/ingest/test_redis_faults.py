import asyncio

import pytest
from structlog.testing import capture_logs

from tests.ingest.conftest import publish_default
from tests.ingest.edge import CONNECTION, SECRET, TRACK, Edge, basic, publish, running_edge
from tests.ingest.valkey import Valkey
from tests.waiting import eventually, own_seconds

WEBHOOK = f"/webhook/{CONNECTION.id}"
TIMEOUT_SECONDS = 0.5


async def test_while_redis_is_frozen_posts_get_503_in_time_and_then_200_again(
    breakable_edge: Edge, valkey: Valkey
) -> None:
    assert (await breakable_edge.post("/v1/track", TRACK)).status == 200
    valkey.freeze()
    for _ in range(3):
        async with own_seconds() as clock:
            answers = await asyncio.gather(*[breakable_edge.post("/v1/track", TRACK) for _ in range(20)])
        assert {(answer.status, answer.json["code"]) for answer in answers} == {(503, "queue_unavailable")}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        assert clock.passed < TIMEOUT_SECONDS * 2
    valkey.thaw()

    await eventually(lambda: _is_accepted(breakable_edge), "a post to be accepted")


async def test_who_waits_behind_a_frozen_flush_is_answered_in_time_too(breakable_edge: Edge, valkey: Valkey) -> None:
    assert (await breakable_edge.post("/v1/track", TRACK)).status == 200
    valkey.freeze()

    async def timed(delay_seconds: float) -> float:
        await asyncio.sleep(delay_seconds)
        async with own_seconds() as clock:
            assert (await breakable_edge.post("/v1/track", TRACK)).status == 503
        return clock.passed

    slowest_seconds = max(await asyncio.gather(*[timed(index * TIMEOUT_SECONDS / 10) for index in range(20)]))
    valkey.thaw()

    assert slowest_seconds < TIMEOUT_SECONDS * 1.5


async def test_while_redis_is_dead_posts_get_503_and_then_200_again_and_nothing_acknowledged_is_lost(
    breakable_edge: Edge, valkey: Valkey
) -> None:
    acknowledged = set()
    refused = 0
    for attempt in range(60):
        if attempt == 20:
            valkey.kill()
        if attempt == 40:
            valkey.start()
        message_id = f"m{attempt}"
        answer = await breakable_edge.post("/v1/track", TRACK | {"messageId": message_id})
        assert answer.status in (200, 503)
        if answer.status == 200:
            acknowledged.add(message_id)
        refused += answer.status == 503
    await eventually(lambda: _is_accepted(breakable_edge), "a post to be accepted")

    assert refused == 20
    assert acknowledged <= {message["messageId"] for message in await breakable_edge.messages()}


async def test_a_restart_of_redis_between_two_posts_is_not_noticed(breakable_edge: Edge, valkey: Valkey) -> None:
    assert (await breakable_edge.post("/v1/track", TRACK)).status == 200
    valkey.kill()
    valkey.start()

    assert (await breakable_edge.post("/v1/track", TRACK)).status == 200


@pytest.mark.parametrize(
    ("setting", "value", "back"),
    [("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0"), ("replica-serve-stale-data", "", "")],
    ids=["out of memory", "no replicas", "read only"],
)
async def test_a_redis_that_refuses_writes_gives_503_and_then_200_again(
    breakable_edge: Edge, setting: str, value: str, back: str
) -> None:
    redis = breakable_edge.redis
    if value:
        await redis.config_set(setting, value)
    else:
        await redis.replicaof("127.0.0.1", "1")

    answer = await breakable_edge.post("/v1/track", TRACK)

    assert answer.status == 503
    assert answer.json["code"] in ("queue_unavailable", "overloaded")
    assert "Retry-After" in answer.headers
    if value:
        await redis.config_set(setting, back)
    else:
        await redis.replicaof("NO", "ONE")
    await eventually(lambda: _is_accepted(breakable_edge), "a post to be accepted")


async def test_after_a_refused_write_no_reply_is_taken_for_another_s(breakable_edge: Edge) -> None:
    acknowledged = set()
    for attempt in range(12):
        await breakable_edge.redis.config_set("min-replicas-to-write", int(attempt % 3 == 1))
        message_id = f"m{attempt}"
        answer = await breakable_edge.post("/v1/track", TRACK | {"messageId": message_id})
        assert answer.status == (503 if attempt % 3 == 1 else 200)
        if answer.status == 200:
            acknowledged.add(message_id)

    assert acknowledged == {message["messageId"] for message in await breakable_edge.messages()}


async def test_a_write_that_fails_halfway_is_not_acknowledged(edge: Edge) -> None:
    for partition in range(16):
        await edge.redis.set(f"variance:{{p{partition:02d}}}", "no stream")

    answer = await edge.post("/v1/track", TRACK)

    assert (answer.status, answer.json["code"]) == (503, "queue_unavailable")


async def test_no_fault_writes_a_message_or_a_secret_to_the_log(breakable_edge: Edge, valkey: Valkey) -> None:
    message = TRACK | {"traits": {"email": "jane@acme.example"}, "writeKey": SECRET}
    with capture_logs() as logs:
        for fault in (None, valkey.freeze, valkey.thaw, valkey.kill):
            if fault is not None:
                fault()
            for body in (message, {"batch": [message, {"type": "track", "email": "jane@acme.example"}]}):
                await breakable_edge.post("/v1/batch", body)
                await breakable_edge.post(WEBHOOK, body)

    assert "jane" not in str(logs)
    assert SECRET not in str(logs)
    assert "queue_unavailable" in [entry["event"] for entry in logs]


@pytest.mark.parametrize("fault", ["freeze", "kill"])
async def test_while_redis_is_away_known_connections_stay_known_and_nobody_is_turned_away(
    breakable_edge: Edge, valkey: Valkey, fault: str
) -> None:
    assert (await breakable_edge.post(WEBHOOK, TRACK)).status == 200
    getattr(valkey, fault)()

    answers = [
        await breakable_edge.post(WEBHOOK, TRACK),
        await breakable_edge.post("/webhook/new", TRACK),
        await breakable_edge.post("/v1/track", TRACK, headers=basic("new")),
        await breakable_edge.post(WEBHOOK, {"type": "nope"}),
    ]

    assert [(answer.status, answer.json["code"]) for answer in answers] == [
        (503, "queue_unavailable"),
        (503, "connections_unavailable"),
        (503, "connections_unavailable"),
        (400, "unknown_type"),
    ]
    valkey.kill()


async def test_before_anything_was_published_nobody_is_turned_away(redis_url: str) -> None:
    async with running_edge(redis_url) as edge:
        for path in ("/v1/track", WEBHOOK):
            answer = await edge.post(path, TRACK)
            assert (answer.status, answer.json["code"]) == (503, "connections_unavailable")
        await publish(edge.redis, CONNECTION)
        assert (await edge.post(WEBHOOK, TRACK)).status == 200


async def test_it_starts_while_redis_is_away(valkey: Valkey) -> None:
    valkey.kill()
    async with running_edge(valkey.url, redis_timeout_seconds=TIMEOUT_SECONDS) as edge:
        assert (await edge.get("/health/live")).status == 200
        assert (await edge.post("/v1/track", TRACK)).status == 503
        valkey.start()
        await publish_default(valkey.url)
        assert (await edge.post("/v1/track", TRACK)).status == 200


async def test_a_redis_that_was_emptied_and_published_to_anew_is_read_anew(breakable_edge: Edge) -> None:
    assert (await breakable_edge.post("/v1/track", TRACK)).status == 200
    await breakable_edge.redis.flushall()
    assert (await breakable_edge.post("/v1/track", TRACK, headers=basic("new"))).status == 503
    assert (await breakable_edge.post("/v1/track", TRACK)).status == 200
    await publish(breakable_edge.redis)

    assert (await breakable_edge.post("/webhook/new", TRACK)).status == 404
    assert (await breakable_edge.post("/v1/track", TRACK)).status == 401


async def _is_accepted(edge: Edge) -> bool:
    return (await edge.post("/v1/track", TRACK)).status == 200
