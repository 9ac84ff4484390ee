"""`variance partitions`: over how many streams messages are spread."""

import asyncio
from pathlib import Path

import click

from schemas.partitions import MOST_PARTITIONS, Partitions, change_partitions, find_partitions
from worker.cli.connecting import open_redis
from worker.cli.options import data_option, json_option
from worker.cli.output import print_json
from worker.cli.servers import Servers, find_servers


@click.command()
@click.argument("number", metavar="[N]", required=False, type=click.IntRange(min=1, max=MOST_PARTITIONS))
@data_option
@json_option
def partitions(number: int | None, directory: Path, *, as_json: bool) -> None:
    """Show, or change, over how many partitions messages are spread.

    It takes effect within a second, while all goes on. Partitions that are not used any more are still drained.
    Behind them are a few for bursts.
    """
    found = asyncio.run(_partitions(find_servers(directory), number))
    if as_json:
        print_json({"current": found.current, "most": found.most})
    else:
        click.echo(
            f"messages are spread over {found.current} partitions, and bursts over {len(found.bursts)} more; "
            f"workers drain all {found.most}"
        )


async def _partitions(servers: Servers, number: int | None) -> Partitions:
    async with open_redis(servers) as redis:
        if number is not None:
            await change_partitions(redis, number)
        return await find_partitions(redis)
