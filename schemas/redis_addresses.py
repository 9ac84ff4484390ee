"""REDIS_URL as a user writes it: one server, or some servers of a cluster, `redis://host:7000,host:7001`."""

from urllib.parse import urlsplit

from schemas.redis_url import each_host, is_sentinel


def server_urls(url: str) -> list[str]:
    """Give the URL of each server that is named; of sentinels, which lead to one, the URL as it is."""
    return [url] if is_sentinel(url) else each_host(url)


def url_at(url: str, address: str) -> str:
    """Give the URL of another server, `host:port`, that lets us in as this one does."""
    userinfo, at, _ = urlsplit(url).netloc.rpartition("@")
    host, _, port = address.rpartition(":")
    place = f"[{host}]:{port}" if ":" in host else address
    return urlsplit(url)._replace(netloc=f"{userinfo}{at}{place}").geturl()


def address_of(url: str) -> str:
    """Give a server's `host:port`, as a cluster names its servers; something to read for others. Raises ValueError."""
    if is_sentinel(url):
        sentinels = [urlsplit(one) for one in each_host(url)]
        return f"{sentinels[0].path.strip('/')} of {','.join(one.netloc.rpartition('@')[2] for one in sentinels)}"
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}" if parts.scheme != "unix" else parts.path
