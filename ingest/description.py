"""The service's own description, an OpenAPI 3.1 document, for `GET /openapi.json`.

The bodies follow from the types of `schemas.message`, the paths from the names in `ingest.tracking`. A test compares
the paths with the application's routes.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import msgspec
from aiohttp import web

from ingest.answers import Code, as_json
from ingest.tracking import BATCHES, SDK_METRICS
from ingest.tracking import CALLS as CALL_OF_PATH
from ingest.webhook import PATH as WEBHOOK
from schemas.message import CALLS
from schemas.version import VERSION

_Json: TypeAlias = dict[str, Any]

REFUSALS: Mapping[int, tuple[str, Sequence[Code]]] = {
    400: (
        "The request or its message is wrong; `message` names the field by its path. Sending it again is no use.",
        (
            "bad_request", "empty_body", "incomplete_body", "unreadable_body", "invalid_json", "invalid_batch",
            "not_an_object", "missing_field", "invalid_field", "unknown_type", "missing_id", "nested_too_deeply",
        ),
    ),
    401: (
        "No secret was sent, or one that does not fit, or the signature is not the body's.",
        ("unauthorized", "connection_disabled", "wrong_signature"),
    ),
    404: ("There is no such path or connection.", ("not_found", "unknown_connection")),
    405: ("The path is not for this method.", ("method_not_allowed",)),
    413: ("The body is too large.", ("too_large",)),
    429: (
        "Too much of this connection is under way at once: send it again after `Retry-After` seconds.",
        ("too_much_at_once",),
    ),
    503: (
        "The trouble is the service's: keep the messages, and send them again after `Retry-After` seconds.",
        (
            "overloaded", "queue_unavailable", "connections_unavailable", "slow_body", "internal_error", "not_ready",
        ),
    ),
}  # fmt: skip
"""Each status of a refusal: what it tells the sender, and the codes that come with it."""

_ABOUT = """\
The receiving end of Segment's *Variance* destination, and Segment's HTTP Tracking API.

An answer of 200 means that everything in the request is on disk. Bodies are JSON whatever their `Content-Type`; they
may be compressed (`Content-Encoding: gzip` or `deflate`; gzip also unnamed). A field of Segment's own is known however
it is cased (`user_id`, `User ID`); fields of your own are kept. A batch or array that can be read is answered with 200:
its good messages are kept, and each bad one becomes a dead letter with its reason.
"""
_SECURITY = {
    "secret": {
        "type": "http", "scheme": "basic",
        "description": "The connection's secret, which is its write key, is the user's name; without password.",
    },
    "secretAsToken": {"type": "http", "scheme": "bearer", "description": "The connection's secret."},
    "secretInAuthentication": {
        "type": "apiKey", "in": "header", "name": "Authentication", "description": "As `Authorization`.",
    },
}  # fmt: skip
_BY_HEADER: list[_Json] = [{name: []} for name in _SECURITY]
_OR_WRITE_KEY: list[_Json] = [*_BY_HEADER, {}]
"""The body's `writeKey` may open a connection too, for which OpenAPI has no word."""

_SENDER_ID = {"anyOf": [{"type": "string", "pattern": r"\S"}, {"type": "number"}]}
_IDS_NEEDED: Mapping[str, Sequence[Sequence[str]]] = {
    "alias": (("userId", "previousId"), ("userId", "anonymousId")),
    "delete": (("userId",),),
    "group": (("groupId", "userId"), ("groupId", "anonymousId")),
}
"""Of some calls, sets of ids of which one is needed; the others need an id of their sender's."""
_SENDERS_IDS = (("userId",), ("anonymousId",))
_INSTANTS = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
_INSTANT = {"description": "ISO 8601, or Unix time in seconds or milliseconds; what cannot be read is passed over."}
_WRITE_KEY = {"description": "The connection's secret, where no header has it."}
_RETRY_AFTER = {
    "Retry-After": {"required": True, "description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}
}
_ALLOW = {"Allow": {"required": True, "schema": {"type": "string"}}}


async def answer(_: web.Request) -> web.StreamResponse:
    """Answer `GET /openapi.json`, to pages of any origin."""
    described = as_json(describe())
    described.headers["Access-Control-Allow-Origin"] = "*"
    return described


@cache
def describe() -> _Json:
    """Give the description."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Variance ingest", "version": VERSION, "description": _ABOUT},
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "responses": {str(status): _refusal(status) for status in REFUSALS},
            "securitySchemes": _SECURITY,
            "pathItems": _path_items(),
        },
    }


def _paths() -> _Json:
    items = {f"{WEBHOOK}{{connection_id}}{slash}": "webhook" for slash in ("", "/")}
    of_name = dict(CALL_OF_PATH) | dict.fromkeys(BATCHES, "batch") | {SDK_METRICS: "sdkMetrics"}
    for root in ("/v1/", "/"):
        for name, item in of_name.items():
            items |= {f"{root}{name}{slash}": item for slash in ("", "/")}
    items |= {"/health/live": "live", "/health/ready": "ready", "/metrics": "metrics", "/openapi.json": "description"}
    return {path: {"$ref": f"#/components/pathItems/{item}"} for path, item in items.items()}


def _path_items() -> _Json:
    calls = {call: _post(CALLS[call].__doc__ or "", _ref(call), _OR_WRITE_KEY) for call in set(CALL_OF_PATH.values())}
    webhook = _post("Segment's partner delivery: one message, or an array of them.", _ref("delivery"), _BY_HEADER, 404)
    webhook["post"]["parameters"] = [
        {
            "in": "header", "name": "X-Signature", "schema": {"type": "string", "pattern": "^[0-9a-fA-F]{40}$"},
            "description": "HMAC-SHA1, under the secret, of the inflated body, or of an array's first element.",
        },
    ]  # fmt: skip
    webhook["parameters"] = [
        {"in": "path", "name": "connection_id", "required": True, "schema": {"type": "string", "pattern": "^[^/]+$"}}
    ]
    return calls | {
        "webhook": webhook,
        "batch": _post("Many messages, each of which is judged by itself.", _ref("batch"), _OR_WRITE_KEY),
        "sdkMetrics": _post("How the browser's SDK fares: accepted and ignored.", {}, [], needs_body=False),
        "live": _get("Whether the process runs.", _json_of(_ref("accepted"))),
        "ready": _get("Whether a message posted now would be acknowledged.", _json_of(_ref("readiness")), 503),
        "metrics": _get("Counts, for Prometheus.", {"text/plain": {"schema": {"type": "string"}}}),
        "description": _get("This document.", _json_of({"type": "object"})),
    }


def _post(
    summary: str, body: _Json, security: list[_Json], *refusals: int, needs_body: bool = True
) -> _Json:
    statuses = sorted({400, 401, 405, 413, 429, 503, *refusals}) if needs_body else (400, 405, 503)
    return {
        "post": {
            "summary": summary,
            "security": security,
            "requestBody": {"required": needs_body, "content": _json_of(body)},
            "responses": _answers("Accepted, and on disk.", _json_of(_ref("accepted")), statuses),
        },
        "options": {
            "summary": "A browser's preflight: it may post from any origin.",
            "security": [],
            "responses": _answers("It may.", _json_of(_ref("accepted")), (405,)),
        },
    }


def _get(summary: str, content: _Json, *refusals: int) -> _Json:
    return {"get": {"summary": summary, "security": [], "responses": _answers(summary, content, (405, *refusals))}}


def _answers(good: str, content: _Json, refusals: Sequence[int]) -> _Json:
    refused = {str(status): {"$ref": f"#/components/responses/{status}"} for status in refusals}
    return {"200": {"description": good, "content": content}} | refused


def _refusal(status: int) -> _Json:
    description, codes = REFUSALS[status]
    schema = {
        "type": "object",
        "required": ["success", "code", "message"],
        "properties": {
            "success": {"const": False},
            "code": {"enum": list(codes)},
            "message": {"type": "string"},
            "checks": {"type": "object", "description": "Of `/health/ready` only."},
        },
        "additionalProperties": False,
    }
    headers = {405: _ALLOW, 429: _RETRY_AFTER, 503: _RETRY_AFTER}.get(status, {})
    return {"description": description, "headers": headers, "content": _json_of(schema)}


def _schemas() -> _Json:
    _, made = msgspec.json.schema_components(list(CALLS.values()))
    calls = {name: _call(made[kind.__name__], _IDS_NEEDED.get(name, _SENDERS_IDS)) for name, kind in CALLS.items()}
    typed = [{"allOf": [_ref(name), _has({"type": {"const": name}})]} for name in CALLS]
    shared = {name: {"description": "Given to each message that has no such value of its own."} for name in
              ("context", "integrations", "sentAt")}  # fmt: skip
    batch = {
        "type": "object",
        "required": ["batch"],
        "properties": {"batch": {"type": "array", "items": _ref("message")}, "writeKey": _WRITE_KEY} | shared,
    }
    return calls | {
        "message": {"description": "`type` says what the message is.", "anyOf": typed},
        "accountAudience": {
            "description": "A Group call of Engage's, which says of an account alone whether it is in an audience.",
            "allOf": [
                _call(made["Group"], (("groupId",),)),
                _has({"type": {"const": "group"}, "context": _has({"personas": {"type": "object"}})}),
            ],
        },
        "delivered": {"anyOf": [_ref("message"), _ref("accountAudience")]},
        "delivery": {"anyOf": [_ref("delivered"), {"type": "array", "items": _ref("delivered")}]},
        "batch": {"anyOf": [batch, {"type": "array", "items": _ref("message")}]},
        "accepted": _has({"success": {"const": True}}) | {"additionalProperties": False},
        "readiness": _has({"success": {"const": True}, "checks": {"type": "object"}}),
    }


def _call(made: _Json, needed: Sequence[Sequence[str]]) -> _Json:
    """Give a call's schema: without `type`, where the path has it, and with what acceptance looks for by itself."""
    properties = {field: _plain(schema) for field, schema in made["properties"].items() if field != "type"}
    properties |= dict.fromkeys(_INSTANTS, _INSTANT) | {"writeKey": _WRITE_KEY}
    return made | {
        "properties": properties,
        "required": [field for field in made["required"] if field != "type"],
        "anyOf": [_has(dict.fromkeys(ids, _SENDER_ID)) for ids in needed],
    }


def _plain(schema: _Json) -> _Json:
    return {key: value for key, value in schema.items() if key != "default"}


def _has(properties: _Json) -> _Json:
    return {"type": "object", "required": list(properties), "properties": properties}


def _ref(name: str) -> _Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _json_of(schema: _Json) -> _Json:
    return {"application/json": {"schema": schema}}
