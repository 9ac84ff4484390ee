import asyncio
import base64
import gc
import time
import tracemalloc
from typing import Any

import msgspec
import pytest

from schemas.connection import PublishedConnection, PublishedSecret, secret_sha256
from tests.ingest.edge import CONNECTION, SECRET, TRACK, Edge, basic, publish
from tests.waiting import eventually, own_seconds

UNPADDED = base64.b64encode(SECRET.encode()).decode().rstrip("=")
OTHER_SECRET = "another-connection-s"  # noqa: S105
OTHER = PublishedConnection(
    id="0ther", workspace_id=8, name="other", is_enabled=True, secrets=[PublishedSecret(secret_sha256(OTHER_SECRET))]
)
WEBHOOK = f"/webhook/{CONNECTION.id}"

GOOD_HEADERS: dict[str, dict[str, str]] = {
    "basic": basic(SECRET),
    "basic without colon": basic(SECRET, colon=""),
    "basic with a password": basic(SECRET, colon=":anything"),
    "basic without padding": {"Authorization": f"Basic {UNPADDED}"},
    "basic in small letters": {"Authorization": f"basic {UNPADDED}"},
    "authentication": {"Authentication": basic(SECRET)["Authorization"]},
    "bearer": {"Authorization": f"Bearer {SECRET}"},
    "one of two": basic("wrong") | {"Authentication": f"Bearer {SECRET}"},
}
BAD_HEADERS: dict[str, dict[str, str]] = {
    "none": {},
    "wrong": basic("wrong"),
    "blank": {"Authorization": ""},
    "scheme only": {"Authorization": "Basic"},
    "blank secret": basic(""),
    "as password": basic("", colon=f":{SECRET}"),
    "another scheme": {"Authorization": f"Digest {SECRET}"},
    "no base64": {"Authorization": "Basic ???"},
    "base64 cut short": {"Authorization": "Basic A"},
    "not ascii": {"Authorization": "Basic żółć"},
    "not ascii bearer": {"Authorization": "Bearer żółć"},
    "not utf-8 in base64": {"Authorization": "Basic /////w=="},
    "digest of the secret": basic(secret_sha256(SECRET)),
}
PATHS = ["/v1/track", "/v1/batch", "/t/", "/import", WEBHOOK, f"{WEBHOOK}/"]


def body_of(path: str) -> Any:
    return {"batch": [TRACK]} if path.endswith(("batch", "import")) else TRACK


@pytest.mark.parametrize("headers", GOOD_HEADERS.values(), ids=GOOD_HEADERS.keys())
@pytest.mark.parametrize("path", PATHS)
async def test_every_form_of_a_good_credential_opens_every_path(edge: Edge, path: str, headers: dict[str, str]) -> None:
    assert (await edge.post(path, body_of(path), headers=headers)).status == 200
    assert len(await edge.messages()) == 1


@pytest.mark.parametrize("headers", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
@pytest.mark.parametrize("path", PATHS)
async def test_no_bad_credential_opens_any_path(edge: Edge, path: str, headers: dict[str, str]) -> None:
    answer = await edge.post(path, body_of(path), headers=headers)

    assert (answer.status, answer.json["code"]) == (401, "unauthorized")
    assert await edge.entries() == []


async def test_bytes_that_are_no_utf_8_in_a_header_are_a_wrong_secret(edge: Edge) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(b"POST /v1/t HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\nContent-Length: 2\r\n\r\n{}")

    assert (await reader.readline()).startswith(b"HTTP/1.1 401")
    writer.close()


@pytest.mark.parametrize("write_key", ["wrong", "", None, 5, {}])
async def test_a_wrong_write_key_opens_nothing(edge: Edge, write_key: object) -> None:
    answer = await edge.post("/v1/track", TRACK | {"writeKey": write_key}, headers={})

    assert (answer.status, answer.json["code"]) == (401, "unauthorized")


async def test_made_up_write_keys_of_any_length_are_not_kept(edge: Edge) -> None:
    async def post(number: int) -> None:
        assert (await edge.post("/v1/track", TRACK | {"writeKey": f"{number:0200000}"}, headers={})).status == 401

    await post(0)
    tracemalloc.start()
    try:
        for number in range(1, 60):
            await post(number)
        gc.collect()
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes < 2_000_000


async def test_the_write_key_may_be_in_the_body(edge: Edge) -> None:
    assert (await edge.post("/v1/track", TRACK | {"writeKey": SECRET}, headers={})).status == 200
    assert (await edge.post("/v1/batch", {"writeKey": SECRET, "batch": [TRACK]}, headers={})).status == 200


async def test_the_body_s_write_key_counts_beside_a_foreign_authorization(edge: Edge) -> None:
    headers = {"Authorization": "Bearer a-token-of-somebody-else"}

    assert (await edge.post("/v1/track", TRACK | {"writeKey": SECRET}, headers=headers)).status == 200


async def test_of_two_good_secrets_the_header_s_counts_even_where_it_was_made_just_now(edge: Edge) -> None:
    assert (await edge.post("/v1/track", TRACK)).status == 200
    await publish(edge.redis, CONNECTION, OTHER)

    await edge.post("/v1/track", TRACK | {"writeKey": SECRET}, headers=basic(OTHER_SECRET))

    assert [pair.connection_id for pair in await edge.pairs()] == [CONNECTION.id, OTHER.id]


async def test_a_webhook_is_not_opened_by_a_write_key_in_the_body(edge: Edge) -> None:
    assert (await edge.post(WEBHOOK, TRACK | {"writeKey": SECRET}, headers={})).status == 401


async def test_an_unknown_connection_is_404_whatever_the_secret(edge: Edge) -> None:
    for headers in ({}, basic(SECRET), basic("wrong")):
        answer = await edge.post("/webhook/nobody", TRACK, headers=headers)
        assert (answer.status, answer.json["code"]) == (404, "unknown_connection")


async def test_another_connection_s_secret_does_not_open_a_webhook(edge: Edge) -> None:
    await publish(edge.redis, CONNECTION, OTHER)

    answer = await edge.post(WEBHOOK, TRACK, headers=basic(OTHER_SECRET))

    assert (answer.status, answer.json["code"]) == (401, "unauthorized")


async def test_the_workspace_and_connection_come_from_the_secret(edge: Edge) -> None:
    await publish(edge.redis, CONNECTION, OTHER)

    await edge.post("/v1/track", TRACK | {"workspace": 7, "connection": CONNECTION.id}, headers=basic(OTHER_SECRET))

    assert [pair.connection_id for pair in await edge.pairs()] == [OTHER.id]


@pytest.mark.parametrize("path", ["/v1/track", WEBHOOK])
async def test_a_connection_can_be_used_at_the_moment_it_is_published(edge: Edge, path: str) -> None:
    await publish(edge.redis)
    await eventually(lambda: _is_refused(edge, path), "the secret to be refused")

    await publish(edge.redis, CONNECTION)

    assert (await edge.post(path, TRACK)).status == 200


@pytest.mark.parametrize("path", ["/v1/track", WEBHOOK])
async def test_a_disabled_connection_is_refused_within_a_second_with_its_own_code(edge: Edge, path: str) -> None:
    assert (await edge.post(path, TRACK)).status == 200
    await publish(edge.redis, msgspec.structs.replace(CONNECTION, is_enabled=False))

    async with own_seconds() as clock:
        await eventually(lambda: _is_refused(edge, path), "the secret to be refused")
        assert clock.passed < 1

    answer = await edge.post(path, TRACK)
    assert (answer.status, answer.json["code"]) == (401, "connection_disabled")
    assert (await edge.post(path, TRACK, headers=basic("wrong"))).json["code"] == "unauthorized"


async def test_an_enabled_connection_is_open_at_once(edge: Edge) -> None:
    await publish(edge.redis, msgspec.structs.replace(CONNECTION, is_enabled=False))
    await eventually(lambda: _is_refused(edge, WEBHOOK), "the secret to be refused")

    await publish(edge.redis, CONNECTION)

    assert (await edge.post(WEBHOOK, TRACK)).status == 200


@pytest.mark.parametrize("path", ["/v1/track", WEBHOOK])
async def test_a_rotated_secret_works_until_it_expires(edge: Edge, path: str) -> None:
    expires_at = time.time() + 0.3
    secrets = [PublishedSecret(secret_sha256("new")), PublishedSecret(secret_sha256(SECRET), expires_at)]
    await publish(edge.redis, msgspec.structs.replace(CONNECTION, secrets=secrets))

    async def is_refused_in_time() -> bool:
        is_refused = await _is_refused(edge, path)
        assert not is_refused or time.time() >= expires_at
        return is_refused

    assert (await edge.post(path, TRACK, headers=basic("new"))).status == 200
    await eventually(is_refused_in_time, "the secret to be refused")
    assert (await edge.post(path, TRACK, headers=basic("new"))).status == 200


async def test_a_connection_that_cannot_be_read_costs_no_other(edge: Edge) -> None:
    await edge.redis.hset("variance:connections", "broken", "{")  # type: ignore[misc]
    await edge.redis.incr("variance:connections:version")

    assert (await edge.post("/webhook/broken", TRACK)).status == 404
    assert (await edge.post(WEBHOOK, TRACK)).status == 200


async def _is_refused(edge: Edge, path: str) -> bool:
    return (await edge.post(path, TRACK)).status in (401, 404)
