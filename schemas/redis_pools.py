"""Pools of connections to the Redis of a URL; that of `redis+sentinel://` is asked of its sentinels at each connect.

`redis+sentinel://user:password@host:26379,host:26379/mymaster/0?sentinel_password=…`: user, password and database are
the Redis', everything but `mymaster` may be left out.
"""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, ConnectionPool
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

from schemas.redis_url import each_host, is_sentinel, with_host_check

_SENTINEL_PORT = 26379
_SENTINEL_SECONDS = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}  # then another is asked


def open_pool(url: str, **options: Any) -> ConnectionPool:
    """Make a pool. Raises ValueError for a URL that cannot be read. `options` are those of redis-py's pools."""
    if is_sentinel(url):
        return _sentinel_pool(url, options)
    if url.startswith("unix:"):
        options.pop("socket_keepalive", None)  # redis-py refuses what only TCP has
    return BlockingConnectionPool.from_url(with_host_check(url), **options)


async def close_pool(pool: ConnectionPool) -> None:
    """Close a pool's connections, those to its sentinels too. Raises what is in REDIS_AWAY."""
    await pool.disconnect()
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose(close_connection_pool=True)


def _sentinel_pool(url: str, options: dict[str, Any]) -> ConnectionPool:
    hosts = [urlsplit(one) for one in each_host(url)]
    parts = hosts[0]
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("a sentinel's URL names the service: redis+sentinel://host:26379/mymaster")
    sentinels = [(host.hostname or "localhost", host.port or _SENTINEL_PORT) for host in hosts]
    of_sockets = {name: value for name, value in options.items() if name.startswith("socket_")}
    password = parse_qs(parts.query).get("sentinel_password", [None])[0]
    manager = Sentinel(  # type: ignore[no-untyped-call]
        sentinels, sentinel_kwargs=_SENTINEL_SECONDS | of_sockets | {"password": password}
    )
    return SentinelConnectionPool(  # type: ignore[no-untyped-call]
        service,
        manager,
        **{name: value for name, value in options.items() if name != "timeout"},
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        db=int(database or 0),
    )
