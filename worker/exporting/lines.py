"""From a logged message to a line: the message as it was accepted, and the name of its connection in one field more."""

import orjson

CONNECTION_FIELD = "_connection"
"""The field of a line that names the message's connection. `variance import` takes it off again."""


def export_line(connection: str, body: str) -> bytes:
    """Write a line, with its end, of a connection's name and a message's JSON, which is an object."""
    mark = orjson.dumps({CONNECTION_FIELD: connection})
    return mark[:-1] + b"," + body[1:].encode() + b"\n"
