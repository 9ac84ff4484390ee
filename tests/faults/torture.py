"""Faults at random for minutes: `python -m tests.faults.torture --seconds N --seed S`.

Each round sends for some seconds while faults come one after the other and on top of each other; then everything
heals, and the round is judged. Whatever dies is started again, as a supervisor would. The seed decides what is
sent and which faults come; a failure prints it. Among the messages are some that cannot be folded, and one that kills
workers.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tests.faults.altered import DEADLY, POISONOUS
from tests.faults.producer import sending
from tests.faults.program import Program
from tests.faults.rig import Rig, family, new_directory, open_rig, signal_all
from tests.faults.verdict import judge
from worker.embedded.failure import EmbeddedServerError

_ROUND_SECONDS = 6.0
_WATCH_SECONDS = 0.1
_CRASH_POINTS = ("after_read", "before_commit", "after_commit", "after_remove")
_LINKS = ("producer_web", "web_redis", "worker_redis", "worker_postgres")
_WORDS = {"producer_web": b"POST ", "web_redis": b"EXEC", "worker_redis": b"XDEL", "worker_postgres": b"COMMIT;"}

Fault = Callable[[Rig, random.Random], Awaitable[str]]


async def kill_a_program(rig: Rig, chance: random.Random) -> str:
    program = chance.choice([rig.web, *rig.workers])
    program.kill()
    return _name_of(rig, program)


async def end_a_program(rig: Rig, chance: random.Random) -> str:
    program = chance.choice([rig.web, *rig.workers])
    if program.is_alive:
        program.send(signal.SIGTERM)
    return _name_of(rig, program)


async def freeze_a_program(rig: Rig, chance: random.Random) -> str:
    program, seconds = chance.choice([rig.web, *rig.workers]), chance.uniform(0.1, 3)
    if program.is_alive:
        program.send(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        program.send(signal.SIGCONT)
    return f"{_name_of(rig, program)} for {seconds:.1f} s"


async def crash_a_worker(rig: Rig, chance: random.Random) -> str:
    worker, point = chance.choice(rig.workers), f"{chance.choice(_CRASH_POINTS)}:{chance.randrange(1, 6)}"
    worker.kill()
    worker.start(VARIANCE_CRASH_AT=point)
    return f"{_name_of(rig, worker)} at {point}"


async def crash_the_endpoint(rig: Rig, chance: random.Random) -> str:
    point = f"{chance.choice(('before_flush', 'after_flush'))}:{chance.randrange(1, 20)}"
    rig.web.kill()
    rig.web.start(VARIANCE_CRASH_AT=point)
    return point


async def kill_a_server(rig: Rig, chance: random.Random) -> str:
    name = chance.choice(["valkey", "postgres"])
    number = signal.SIGKILL if name == "valkey" else chance.choice([signal.SIGKILL, signal.SIGQUIT])
    if (pid := getattr(rig, name).pid) is not None:
        os.kill(pid, number)
    return f"{name} by {number.name}"


async def freeze_a_server(rig: Rig, chance: random.Random) -> str:
    name, seconds = chance.choice(["valkey", "postgres"]), chance.uniform(0.1, 4)
    if (pid := getattr(rig, name).pid) is not None:
        frozen = family(pid)
        signal_all(frozen, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        signal_all(frozen, signal.SIGCONT)
    return f"{name} for {seconds:.1f} s"


async def slow_a_link(rig: Rig, chance: random.Random) -> str:
    link = chance.choice(_LINKS)
    rig.links[link].delay_seconds = chance.uniform(0, 0.3)
    rig.links[link].bytes_per_second = chance.uniform(10_000, 1_000_000)
    await asyncio.sleep(chance.uniform(0, 2))
    rig.links[link].heal()
    return link


async def deafen_a_link(rig: Rig, chance: random.Random) -> str:
    link, seconds = chance.choice(_LINKS), chance.uniform(0, 3)
    rig.links[link].is_deaf = True
    await asyncio.sleep(seconds)
    rig.links[link].heal()
    return f"{link} for {seconds:.1f} s"


async def reset_a_link(rig: Rig, chance: random.Random) -> str:
    link = chance.choice(_LINKS)
    rig.links[link].reset()
    return link


async def cut_replies(rig: Rig, chance: random.Random) -> str:
    link, share = chance.choice(_LINKS), chance.uniform(0.05, 0.5)
    rig.links[link].cuts_reply = lambda forwarded: _WORDS[link] in forwarded and chance.random() < share
    await asyncio.sleep(chance.uniform(0, 2))
    rig.links[link].heal()
    return link


async def fill_redis(rig: Rig, chance: random.Random) -> str:
    await rig.redis.config_set("maxmemory", 1)
    await asyncio.sleep(chance.uniform(0, 1.5))
    await rig.redis.config_set("maxmemory", 0)
    return ""


async def lose_arqs_keys(rig: Rig, _: random.Random) -> str:
    if keys := await rig.redis.keys("arq:*"):
        await rig.redis.delete(*keys)
    return ""


async def hold_a_lock(rig: Rig, chance: random.Random) -> str:
    async with rig.pool.acquire() as database, database.transaction():
        await database.execute("LOCK TABLE variance_data.identities")
        await asyncio.sleep(chance.uniform(0, 2))
    return ""


FAULTS: tuple[Fault, ...] = (
    kill_a_program, end_a_program, freeze_a_program, crash_a_worker, crash_the_endpoint, kill_a_server,
    freeze_a_server, slow_a_link, deafen_a_link, reset_a_link, cut_replies, fill_redis, lose_arqs_keys, hold_a_lock,
)  # fmt: skip


async def torture(rig: Rig, seed: int, seconds: float) -> None:
    """Run rounds for so long. Raises AssertionError with the seed of the round that failed."""
    ends_at = time.monotonic() + seconds
    number = 0
    while time.monotonic() < ends_at:
        round_seed = seed + number
        number += 1
        await rig.heal()
        producer = await rig.new_producer(round_seed)
        producer.extra += [dict(DEADLY), *(dict(POISONOUS) for _ in range(9))]
        watch = asyncio.create_task(_restart_the_dead(rig))
        try:
            async with sending(producer):
                done = await _misbehave(rig, random.Random(f"{round_seed}/faults"))
                await rig.heal()
            healed_at = time.monotonic()
            fate = await judge(rig, producer)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        _say(
            f"seed {round_seed}: {len(done)} faults, posts {producer.ledger.outcomes}, applied {len(fate.applied)}, "
            f"dead {len(fate.dead)}, settled and judged {time.monotonic() - healed_at:.1f} s after"
        )


async def _misbehave(rig: Rig, chance: random.Random) -> list[str]:
    """Let one fault follow another, some while others last."""
    done: list[str] = []
    ends_at = time.monotonic() + _ROUND_SECONDS

    async def one_after_the_other(order: random.Random) -> None:
        while time.monotonic() < ends_at:
            fault = order.choice(FAULTS)
            done.append(fault.__name__)
            with suppress(Exception):  # a fault that meets another: what it was about to break is broken
                _say(f"    {fault.__name__} {await fault(rig, order)}")
            await asyncio.sleep(order.uniform(0, 0.6))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(one_after_the_other(random.Random(chance.random())))
    return done


async def _restart_the_dead(rig: Rig) -> None:
    while True:
        with suppress(EmbeddedServerError):  # killed again while it starts
            await rig.start_servers()
        for program in (rig.web, *rig.workers):
            if not program.is_alive:
                program.start()
        await asyncio.sleep(_WATCH_SECONDS)


def _name_of(rig: Rig, program: Program) -> str:
    return "web" if program is rig.web else f"worker {rig.workers.index(program)}"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 (what the command is for)


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None)
    parsed = parser.parse_args()
    directory = new_directory("torture")
    _say(f"logs in {directory}")
    async with open_rig(directory, "tests.faults.altered", "worker", "deadly", "poisonous") as rig:
        await torture(rig, random.randrange(10**6) if parsed.seed is None else parsed.seed, parsed.seconds)


if __name__ == "__main__":
    try:
        asyncio.run(_main())
    except AssertionError as failure:
        sys.exit("\n".join([str(failure), *getattr(failure, "__notes__", [])]))
