"""Messages that lack what their call must have, as broken instrumentation sends them: the dead letters."""

from collections.abc import Iterator
from datetime import timedelta

from worker.demo.calls import DemoMessage, JsonObject
from worker.demo.connections import APP, BACKEND, WEBSITE, DemoConnection
from worker.demo.week import Week


def mistakes(week: Week) -> Iterator[DemoMessage]:
    """Give the week's bad messages, spread over its connections."""
    for connection, fields in _bad_fields():
        body = {"messageId": week.uuid(), "context": {"library": {"name": "in-house"}}} | fields
        at = week.moment(before=week.ends_at - timedelta(hours=1))
        yield DemoMessage(connection.name, at, "server", "in-house", body, is_bad=True)


def _bad_fields() -> list[tuple[DemoConnection, JsonObject]]:
    return [
        (APP, {"type": "track", "userId": None, "anonymousId": None, "event": "Report Created"}),
        (APP, {"type": "group", "userId": "usr_10442210", "traits": {"name": "Sable Robotics"}}),
        (APP, {"type": "alias", "userId": "usr_10442210"}),
        (BACKEND, {"type": "track", "userId": "20417", "properties": {"total": 12}}),
        (BACKEND, {"type": "indentify", "userId": "20417", "traits": {"plan": "team"}}),
        (BACKEND, {"type": "identify", "userId": {"id": 20417}, "traits": {"plan": "team"}}),
        (WEBSITE, {"type": "page", "properties": {"path": "/pricing"}}),
        (WEBSITE, {"type": "track", "anonymousId": "8d1c64f2-visitor", "event": {"name": "Demo Requested"}}),
    ]
