"""Several commands in one exchange, with whatever a client stands for: one Redis, or a cluster."""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from schemas.redis_client import Command, RedisClient


async def run_all(redis: Redis, commands: Sequence[Command], *, at_one_moment: bool = False) -> list[Any]:
    """Run commands in one exchange with each server; of a single Redis, if wanted, at one moment.

    For what could not be asked of one of a cluster's servers, its error stands in the reply's place; where none could
    be asked, it is raised. Raises what is in REDIS_AWAY.
    """
    if isinstance(redis, RedisClient) and await redis.is_cluster():
        replies = await redis.run_by_server(commands)
        if replies and all(isinstance(reply, Exception) for reply in replies):
            raise replies[0]
        return replies
    async with redis.pipeline(transaction=at_one_moment) as pipeline:
        for command in commands:
            pipeline.execute_command(*command)
        found: list[Any] = await pipeline.execute()
    return found


async def run_together(redis: Redis, commands: Sequence[Command]) -> None:
    """Run commands as one transaction; on a cluster, where their keys may lie apart, one after the other.

    Raises what is in REDIS_AWAY.
    """
    if isinstance(redis, RedisClient) and await redis.is_cluster():
        for command in commands:
            await redis.execute_command(*command)
    else:
        await run_all(redis, commands, at_one_moment=True)
