"""Sends requests that nobody should send, by the hundred thousand, and says what is not as it must be.

python -m tests.faults.nightly_input --examples 100000
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random, randrange

import click

from tests.faults.barrage import endpoint, fire, fire_broken, loud_lines
from tests.faults.hostile import make_request
from worker.embedded.valkey import EmbeddedValkey

AT_ONCE = 250
_BROKEN_OF = 10
"""One in so many requests is broken on its way as well."""


async def bombard(port: int, redis_url: str, chance: Random, examples: int, *, is_quiet: bool = True) -> list[str]:
    """Send so many requests; give what is not as it must be."""
    complaints: list[str] = []
    kinds: Counter[str] = Counter()
    started_at = time.monotonic()
    for done in range(0, examples, AT_ONCE):
        names = [f"{chance.getrandbits(64):016x}" for _ in range(min(AT_ONCE, examples - done))]
        requests = [make_request(chance, name) for name in names]
        kinds.update(request.kind for request in requests)
        complaints += await fire(port, redis_url, requests)
        broken = [fire_broken(port, request, chance) for request in requests[::_BROKEN_OF]]
        for found in await asyncio.gather(*broken):
            complaints += found
        await fire(port, redis_url, [])  # what landed of those is nobody's
        if not is_quiet:
            sent = done + len(names)
            rate = sent / (time.monotonic() - started_at)
            click.echo(f"\r{sent} requests, {rate:.0f}/s, {len(complaints)} complaints", nl=False, err=True)
    if not is_quiet:
        click.echo(f"\n{dict(kinds)}", err=True)
    return complaints


@click.command()
@click.option("--examples", default=100_000, show_default=True, help="Requests to send.")
@click.option("--seed", default=None, type=int, help="Repeats a run.")
def main(examples: int, seed: int | None) -> None:
    """Send requests that nobody should send."""
    chosen = randrange(10**6) if seed is None else seed
    click.echo(f"--seed {chosen}")
    with tempfile.TemporaryDirectory() as directory:
        valkey = EmbeddedValkey(Path(directory) / "valkey")
        try:
            redis_url = valkey.start()
            with endpoint(Path(directory), redis_url) as (port, log_path):
                found = asyncio.run(bombard(port, redis_url, Random(chosen), examples, is_quiet=False))
                found += loud_lines(log_path)
        finally:
            valkey.stop()
    for complaint in found[:20]:
        click.echo(complaint[:1000])
    click.echo(f"{examples} requests, {len(found)} complaints")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
