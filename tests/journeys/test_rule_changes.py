"""How accounts are matched is changed while messages are applied: all of them follow one set of rules afterwards."""

import itertools

import pytest

from tests.journeys.messages import identify
from tests.partitions import partition_of
from tests.system import System
from tests.waiting import eventually
from worker.fold.account_rules import AccountRules
from worker.rebuild import Difference, RebuildOptions, rebuild

_CONNECTION = "defaultmain"
_NO_ACCOUNTS = AccountRules("group", email_fallback=False)
# Not pg_stat_activity, of which a transaction sees what it saw at its first look.
_IS_WAITING = """
    SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'variance_data.dead_letters'::regclass
"""


def ada() -> dict[str, object]:
    return identify(1, userId="ada", traits={"email": "ada@acme.example"})


class BrokenOffError(Exception):
    pass


def break_off(_done: int, _total: int) -> None:
    raise BrokenOffError


async def what_a_rebuild_would_change(system: System) -> Difference:
    return await rebuild(system.database_url, RebuildOptions(is_dry_run=True), lambda _done, _total: None)


async def test_a_batch_whose_rules_were_read_before_a_change_follows_the_new_ones(system: System) -> None:
    neighbours = (f"of nobody {number}" for number in itertools.count())
    refused = next(key for key in neighbours if partition_of(1, key) == partition_of(1, "ada"))
    async with system.database.transaction():
        await system.database.execute("LOCK TABLE variance_data.dead_letters IN SHARE MODE")
        assert await system.post(f"/webhook/{_CONNECTION}", [ada(), {"messageId": refused}], _CONNECTION) == 200

        async def is_held_up() -> bool:
            return bool(await system.database.fetchval(_IS_WAITING))

        await eventually(is_held_up, "the drain to have read the rules, and to wait")
        await rebuild(system.database_url, RebuildOptions(1, {_CONNECTION: _NO_ACCOUNTS}), lambda _done, _total: None)
    await system.settled()
    assert (await system.contacts())["ada"]["account"] is None
    assert not any((await what_a_rebuild_would_change(system)).rows.values())


async def test_a_change_that_is_broken_off_changes_nothing(system: System) -> None:
    await system.send(ada())
    with pytest.raises(BrokenOffError):
        await rebuild(system.database_url, RebuildOptions(1, {_CONNECTION: _NO_ACCOUNTS}), break_off)
    assert not any((await what_a_rebuild_would_change(system)).rows.values())
    await system.send(ada())
    assert (await system.contacts())["ada"]["account"] == "acme.example"
