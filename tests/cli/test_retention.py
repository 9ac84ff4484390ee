from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.command import Variance
from tests.journeys.messages import identify, track
from tests.system import System
from tests.waiting import eventually


@pytest.fixture
def old() -> str:
    """An instant that is older than what is kept."""
    return (datetime.now(UTC) - timedelta(days=401)).isoformat()


async def test_a_worker_trims_what_is_older_than_is_kept(system: System, variance: Variance, old: str) -> None:
    new = datetime.now(UTC).isoformat()
    early = (datetime.now(UTC) - timedelta(days=500)).isoformat()
    messages = [
        identify(userId="u", messageId="who", timestamp=early, traits={"plan": 1}),
        track("Old", userId="u", messageId="old", timestamp=old),
        track("New", userId="u", messageId="new", timestamp=new),
    ]
    await system.send(*messages)
    assert len(await system.rows("events")) == 2
    told = (await variance("retention", "set", "400d", "--json")).json
    assert (told["workspace"], told["events_kept"]) == ("default", "400d")
    await system.stop_worker()
    await system.start_worker()

    async def is_trimmed() -> bool:
        return await system.rows("events", "message_id") == [("new",)]

    await eventually(is_trimmed, "the old event to be trimmed")
    contacts = await system.contacts()
    await system.send(*messages)
    assert await is_trimmed()
    assert await system.contacts() == contacts
    (receipt,) = (await variance("receipt", "old", "--json")).json
    assert (receipt["outcome"], receipt["reason"]) == ("suppressed", "expired")
    assert await system.ledger() == {"applied": 3, "duplicate": 2, "suppressed": 1, "dead": 0}


async def test_what_is_kept_is_shown_and_switched_off(system: System, variance: Variance) -> None:
    await system.connect("elsewhere", workspace="other")
    assert "give --workspace: default, other" in (await variance("retention", "set", "30d")).err
    assert "a day (1d) at least" in (await variance("retention", "set", "23h", "--workspace", "other")).err
    for too_long, reason in (("36501d", "36500d at most"), ("800000d", "at most five digits")):
        refused = await variance("retention", "set", too_long, "--workspace", "other")
        assert (refused.exit_code, reason in refused.err) == (2, True), refused.err
    await variance("retention", "set", "36h", "--workspace", "other")
    shown = (await variance("retention", "show", "--json")).json
    assert [(row["workspace"], row["events_kept"]) for row in shown] == [("default", "for good"), ("other", "36h")]
    await variance("retention", "off", "--workspace", "other")
    shown = (await variance("retention", "show", "--json")).json
    assert {row["events_kept"] for row in shown} == {"for good"}
    assert "no workspace 'nobody'" in (await variance("retention", "off", "--workspace", "nobody")).failure


async def test_a_worker_bears_that_events_are_kept_for_longer_than_time_is(system: System, variance: Variance) -> None:
    await system.stop_worker()
    await system.database.execute(
        "INSERT INTO variance_data.retention (workspace_id, kept_seconds) SELECT id, $1 FROM variance_data.workspaces",
        2**63 - 1,
    )
    assert [row["events_kept"] for row in (await variance("retention", "show", "--json")).json] == ["36500d"]
    await system.start_worker()

    async def is_gone_through() -> bool:
        assert system.worker_task is not None
        assert not system.worker_task.done(), system.worker_task.exception()
        return bool(await system.database.fetchval("SELECT checked_at IS NOT NULL FROM variance_data.retention"))

    await eventually(is_gone_through, "the workspace to be gone through")
    await system.send(track("x", userId="u"))
    assert len(await system.rows("events")) == 1
