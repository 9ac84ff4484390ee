import pytest

from tests.ingest.edge import CONNECTION, SECRET, TRACK, Edge, basic

PATHS = ["/v1/track", "/v1/t/", "/v1/batch", "/b", "/v1/m", f"/webhook/{CONNECTION.id}"]
ORIGIN = {"Origin": "https://shop.example"}


@pytest.mark.parametrize("path", PATHS)
async def test_a_browser_may_post_to_every_path(edge: Edge, path: str) -> None:
    asked = ORIGIN | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}

    answer = await edge.request("OPTIONS", path, headers=asked)

    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization"
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


@pytest.mark.parametrize("asked", [None, "", "żółć", "a\tb;c", "x" * 2000])
async def test_a_preflight_that_names_no_proper_headers_is_told_the_usual_ones(edge: Edge, asked: str | None) -> None:
    headers = ORIGIN if asked is None else ORIGIN | {"Access-Control-Request-Headers": asked}

    answer = await edge.request("OPTIONS", "/v1/t", headers=headers)

    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization, content-type, x-retry-count"


@pytest.mark.parametrize("path", PATHS[:-2])
async def test_a_page_can_read_every_answer(edge: Edge, path: str) -> None:
    body = {"batch": [TRACK]} if path.endswith(("batch", "b")) else TRACK
    answers = [
        await edge.post(path, body, headers=ORIGIN | basic(SECRET)),
        await edge.post(path, body, headers=ORIGIN),
        await edge.post(path, body=b"", headers=ORIGIN | basic(SECRET)),
        await edge.request("GET", path, headers=ORIGIN),
    ]

    assert [answer.status for answer in answers] == [200, 401, 400, 405]
    assert {answer.headers["Access-Control-Allow-Origin"] for answer in answers} == {"*"}
    assert {answer.headers["Access-Control-Expose-Headers"] for answer in answers} == {"Retry-After, X-Request-Id"}
