"""`variance recount`."""

import asyncio
from pathlib import Path

import click

from schemas.queue import stream_key
from worker.cli.connecting import open_database, open_redis
from worker.cli.options import data_option, json_option
from worker.cli.output import print_json
from worker.cli.servers import find_servers
from worker.recount import recount as correct_counters


@click.command()
@data_option
@json_option
def recount(directory: Path, *, as_json: bool) -> None:
    """Balance the ledger again after Redis or Postgres was restored from a copy. Safe to run twice."""
    corrections = asyncio.run(_recount(directory))
    if as_json:
        print_json({"corrections": corrections})
        return
    lines = [f"{stream}: {number:+,} messages accepted" for stream, number in corrections.items()]
    click.echo("\n".join(lines) or "the counters are right already")


async def _recount(directory: Path) -> dict[str, int]:
    servers = find_servers(directory)
    async with open_database(servers) as database, open_redis(servers) as redis:
        corrections = await correct_counters(database, redis)
    return {stream_key(partition): number for partition, number in corrections.items()}
