"""REDIS_URL as a user writes it: one server, or some servers of a cluster, `redis://host:7000,host:7001`."""

from urllib.parse import urlsplit

from schemas.redis_pools import is_sentinel


def server_urls(url: str) -> list[str]:
    """Give the URL of each server that is named; of sentinels, which lead to one, the URL as it is."""
    userinfo, at, hosts = urlsplit(url).netloc.rpartition("@")
    if "," not in hosts or is_sentinel(url):
        return [url]
    return [urlsplit(url)._replace(netloc=f"{userinfo}{at}{host}").geturl() for host in hosts.split(",")]


def url_at(url: str, address: str) -> str:
    """Give the URL of another server, `host:port`, that lets us in as this one does."""
    userinfo, at, _ = urlsplit(url).netloc.rpartition("@")
    host, _, port = address.rpartition(":")
    place = f"[{host}]:{port}" if ":" in host else address
    return urlsplit(url)._replace(netloc=f"{userinfo}{at}{place}").geturl()


def address_of(url: str) -> str:
    """Give a server's `host:port`, as a cluster names its servers; something to read for others. Raises ValueError."""
    parts = urlsplit(url)
    if is_sentinel(url):
        return f"{parts.path.strip('/')} of {parts.netloc.rpartition('@')[2]}"
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}" if parts.scheme != "unix" else parts.path
