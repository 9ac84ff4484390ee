"""Telling the edge of changed connections, as soon as they are in Postgres."""

from worker.cli.connecting import open_redis
from worker.cli.failures import CommandError, explain_server
from worker.cli.output import tell
from worker.cli.servers import Servers
from worker.failure import SERVERS_AWAY
from worker.publish import publish_connections
from worker.store.database import Database


async def publish(servers: Servers, database: Database) -> None:
    """Publish the connections to Redis.

    Where that fails the change is made nevertheless: every worker repairs what Redis holds every few seconds.
    """
    try:
        async with open_redis(servers) as redis:
            await publish_connections(database, redis)
    except (CommandError, *SERVERS_AWAY) as failure:
        tell(f"the change is kept, and a worker will publish it to Redis, which failed now: {explain_server(failure)}")
