import asyncio
import json

import aiohttp
import pytest
from structlog.testing import capture_logs

from ingest.answers import RefusalError
from ingest.metrics import Metrics
from ingest.refusals import Refusals
from tests.ingest.edge import SECRET, TRACK, Edge, basic
from tests.ingest.test_process import port_of, started
from tests.ingest.valkey import Valkey
from tests.processes import until_logged


async def test_a_refusal_is_found_in_the_log_under_the_id_that_was_answered(redis_url: str, edge: Edge) -> None:
    del edge  # has published the connection
    async with started(REDIS_URL=redis_url) as process, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{await port_of(process)}/v1/track"
        async with session.post(url, json={"userId": "secret payload"}, headers=basic(SECRET)) as answer:
            request_id = answer.headers["X-Request-Id"]
        record = await until_logged(process, "post_refused")
    assert (record["request_id"], record["status"], record["code"]) == (request_id, 400, "missing_field")
    assert (record["connection_id"], record["level"]) == ("c0ffee", "info")
    assert "secret" not in json.dumps(record)


@pytest.mark.parametrize("given", ["id-from.a/proxy_1:2", "x" * 128])
async def test_an_id_that_the_request_came_with_is_kept(edge: Edge, given: str) -> None:
    answer = await edge.post("/v1/track", TRACK, headers={"X-Request-Id": given})
    assert (answer.status, answer.headers["X-Request-Id"]) == (401, given)


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, '{"a":1}', "né"])
async def test_an_id_that_is_not_fit_for_a_log_gives_way_to_a_new_one(edge: Edge, given: str) -> None:
    answer = await edge.post("/v1/track", TRACK, headers={"X-Request-Id": given})
    assert len(answer.headers["X-Request-Id"]) == 36


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/v1/track", 405)])
async def test_a_path_or_method_that_is_not_there_has_an_id_which_a_verbose_log_has_too(
    edge: Edge, method: str, path: str, status: int
) -> None:
    with capture_logs() as lines:
        answers = [await edge.request(method, path, headers=given) for given in ({"X-Request-Id": "given"}, {})]
    assert [answer.status for answer in answers] == [status, status]
    ids = [answer.headers["X-Request-Id"] for answer in answers]
    assert (ids[0], len(ids[1])) == ("given", 36)
    assert [line["request_id"] for line in lines if line["event"] == "request_refused"] == ids


@pytest.mark.parametrize(("target", "status"), [(b"OPTIONS * HTTP/1.1", b"404"), (b"nonsense", b"400")])
async def test_a_request_for_no_path_or_that_is_no_http_has_an_id(edge: Edge, target: bytes, status: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(target + b"\r\nHost: x\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()
    assert head.split()[1] == status
    assert b"\r\nX-Request-Id: " in head


async def test_our_own_trouble_has_an_id_on_both_ways_and_an_accepted_post_has_none(
    breakable_edge: Edge, valkey: Valkey
) -> None:
    accepted = await breakable_edge.post("/v1/track", TRACK)
    valkey.kill()
    given = {"X-Request-Id": "given"} | basic(SECRET)
    answers = [await breakable_edge.post(path, TRACK, headers=given) for path in ("/v1/track", "/v1/track/")]
    answers += [await breakable_edge.post(path, TRACK) for path in ("/v1/track", "/v1/track/")]
    assert {answer.status for answer in answers} == {503}
    ids = [answer.headers["X-Request-Id"] for answer in answers]
    assert (ids[:2], len(set(ids))) == (["given", "given"], 3)
    assert "X-Request-Id" not in accepted.headers


def test_a_flood_of_refusals_is_no_flood_of_lines_and_none_goes_uncounted() -> None:
    metrics = Metrics()
    refusals = Refusals(metrics)
    with capture_logs() as lines:
        for _ in range(5000):
            refusals.answer(RefusalError(401, "unauthorized", "No"), connection_id="")
    assert metrics.posts == {(401, ""): 5000}
    assert 0 < len(lines) <= 200
