"""The service's description says neither more nor less than what the service does."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from aiohttp import web
from jsonschema_rs import is_valid

from ingest.answers import Code
from ingest.app import create_app
from ingest.description import REFUSALS, describe
from schemas.reasons import Reason
from schemas.settings import WebSettings
from tests.ingest.described import operations, try_out
from tests.ingest.edge import Edge
from tests.ingest.threaded import Caller, edge_on_a_thread

_OF_WORKERS = {"unstorable", "deadly"}
_EXAMPLES = 8


@pytest.fixture
def caller(redis_url: str) -> Iterator[Caller]:
    with edge_on_a_thread(redis_url) as caller:
        yield caller


def routes(app: web.Application) -> set[tuple[str, str]]:
    """Give every method and path with a handler of its own. HEAD comes with GET, and what is left is refused."""
    return {
        (route.method.lower(), route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method not in ("*", "HEAD")
    }


def described() -> set[tuple[str, str]]:
    document = describe()
    items: dict[str, dict[str, Any]] = document["components"]["pathItems"]
    return {
        (method, path)
        for path, reference in document["paths"].items()
        for method in items[reference["$ref"].rpartition("/")[2]]
        if method != "parameters"
    }


def test_every_route_is_described_and_nothing_else_is() -> None:
    assert routes(create_app(WebSettings(redis_url="redis://127.0.0.1:1"))) == described()


def test_every_code_of_an_answer_is_described_and_no_other() -> None:
    codes = {code for vocabulary in get_args(Code) for code in get_args(vocabulary)}
    assert set(get_args(Reason)) < codes
    assert {code for _, told in REFUSALS.values() for code in told} == codes - _OF_WORKERS


def fits(name: str, value: object) -> bool:
    """Tell whether a body is as a schema of the document has it."""
    return is_valid({"$ref": f"#/components/schemas/{name}", "components": describe()["components"]}, value)


@pytest.mark.parametrize("ids", [{"previousId": "p"}, {"anonymousId": 5}, {"previousId": " ", "anonymousId": "a"}])
def test_an_alias_of_either_id_is_described(ids: dict[str, Any]) -> None:
    assert fits("alias", {"userId": "u"} | ids)


@pytest.mark.parametrize("ids", [{"userId": "u"}, {"userId": "u", "previousId": ""}, {"anonymousId": "a"}])
def test_an_alias_of_one_id_alone_is_not(ids: dict[str, Any]) -> None:
    assert not fits("alias", ids)


@pytest.mark.parametrize("ids", [{}, {"userId": None, "anonymousId": ""}])
def test_an_account_s_audience_without_anybody_s_id_is_described_for_the_webhook_alone(ids: dict[str, Any]) -> None:
    audience = {"type": "group", "groupId": "g", "context": {"personas": {}}} | ids
    assert fits("delivery", audience)
    assert fits("delivery", [audience])
    assert not fits("batch", [audience])
    assert not fits("group", audience)
    assert not fits("delivery", audience | {"context": {}})
    assert not fits("delivery", audience | {"groupId": None})


async def test_the_description_can_be_read_by_a_page_of_any_origin(edge: Edge) -> None:
    answer = await edge.get("/openapi.json")

    assert (answer.status, answer.json) == (200, describe())
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_answers_are_as_described_to_what_fits_the_description_and_to_what_does_not(caller: Caller) -> None:
    first_paths = {reference["$ref"]: path for path, reference in reversed(describe()["paths"].items())}
    for operation in operations(caller.url):
        if operation.path in first_paths.values():
            try_out(operation, _EXAMPLES)
