"""After a fault has healed: everything settles in time, and nothing was lost, doubled, invented or miscounted."""

from dataclasses import dataclass, field
from functools import partial

from schemas.partitions import NEVER_CHANGED
from schemas.queue import stream_key
from tests.convergence.model import expected
from tests.convergence.stage import Stage
from tests.convergence.worlds import METHODS
from tests.faults.altered import DEADLY, POISONOUS
from tests.faults.ledger import Key
from tests.faults.producer import Producer
from tests.faults.rig import Rig
from tests.waiting import eventually
from worker.balance import read_balance
from worker.queue_reading import QueueReading
from worker.tally import Tally

QUIET_SECONDS = 40.0
_MEANT_TO_DIE = (DEADLY["event"], POISONOUS["event"])


@dataclass
class Fate:
    """What became of a producer's messages, by connection and messageId."""

    applied: set[Key] = field(default_factory=set)
    dead: set[Key] = field(default_factory=set)
    suppressed: set[Key] = field(default_factory=set)


async def quiet(rig: Rig) -> None:
    """Wait until nothing waits in the queue."""
    await eventually(partial(is_quiet, rig), "the queue to be empty", QUIET_SECONDS)


async def is_quiet(rig: Rig) -> bool:
    """Tell whether nothing waits in the queue."""
    return not any([await rig.redis.xlen(stream_key(partition)) for partition in range(NEVER_CHANGED.most)])


async def judge(rig: Rig, producer: Producer) -> Fate:
    """Check everything that is promised of what a producer sent; give what became of it."""
    try:
        await quiet(rig)
        assert not producer.ledger.strange, producer.ledger.strange[:3]
        assert producer.ledger.outcomes["acknowledged"], f"nothing was acknowledged: {producer.ledger.outcomes}"
        fate = Fate()
        for workspace, told in producer.ledger.read().items():
            found = await _fate_of(rig, workspace)
            every = found.applied | found.dead | found.suppressed
            assert not (lost := told.acknowledged - every), f"{len(lost)} acknowledged are lost: {sorted(lost)[:5]}"
            assert not (made_up := every - set(told.sent)), f"nobody sent {sorted(made_up)[:5]}"
            assert not (twice := found.applied & found.dead), f"both applied and dead: {sorted(twice)[:5]}"
            innocent = {key for key in found.dead if told.sent[key].get("event") not in _MEANT_TO_DIE}
            assert not innocent, f"{len(innocent)} are dead without being bad: {sorted(innocent)[:5]}"
            world = [told.sent[key] for key in found.applied]
            async with rig.pool.acquire() as database:
                state = await Stage(rig.database_url, rig.redis, database, []).state(workspace)  # type: ignore[arg-type]
            assert state == expected(world, METHODS), f"the state of {workspace} is not the model's"
            fate.applied |= found.applied
            fate.dead |= found.dead
            fate.suppressed |= found.suppressed
        await _check_counts(rig)
    except AssertionError as failure:
        rig.is_spoilt = True
        failure.add_note(f"FAULT_SEED={producer.seed} repeats it; the sender's ledger is {producer.ledger.path}")
        raise
    return fate


async def settled(rig: Rig) -> Tally:
    """Give what the product's ledger counts in all."""
    row = await rig.pool.fetchrow(
        """SELECT coalesce(sum(applied), 0)::int AS applied, coalesce(sum(duplicate), 0)::int AS duplicate,
        coalesce(sum(suppressed), 0)::int AS suppressed, coalesce(sum(dead), 0)::int AS dead
        FROM variance_data.ledger"""
    )
    assert row is not None
    return Tally(**dict(row))


async def _check_counts(rig: Rig) -> None:
    """Each message that is there was counted once. There are no deletions here, which would take messages away."""
    tally = await settled(rig)
    logged = await rig.pool.fetchval("SELECT count(*) FROM variance_data.messages")
    buried = await rig.pool.fetchval("SELECT count(*) FROM variance_data.dead_letters")
    assert (tally.applied, tally.dead) == (logged, buried), "messages were counted more or less than once"
    async with rig.pool.acquire() as database:
        balance = await read_balance(database, QueueReading(rig.redis))
    assert balance.is_balanced, f"the books do not balance: {balance.counts()}"
    assert balance.pending == 0, f"the books do not balance: {balance.counts()}"


async def _fate_of(rig: Rig, workspace: str) -> Fate:
    async def keys(table: str) -> set[Key]:
        rows = await rig.pool.fetch(
            f"""SELECT connection_id, message_id FROM variance_data.{table}
            WHERE workspace_id = (SELECT id FROM variance_data.workspaces WHERE name = $1)""",  # noqa: S608
            workspace,
        )
        return {(row["connection_id"], row["message_id"]) for row in rows}

    return Fate(await keys("messages"), await keys("dead_letters"), await keys("suppressions"))
