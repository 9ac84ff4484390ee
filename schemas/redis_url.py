"""A Redis' URL as its client is given it."""

import re
from urllib.parse import parse_qs, urlsplit

SENTINEL_SCHEME = "redis+sentinel"

_HOSTS = re.compile(r"([^:/]+://(?:[^/?#]*@)?)([^/?#]*)(.*)", re.DOTALL)


def is_sentinel(url: str) -> bool:
    """Tell whether a URL names sentinels."""
    return url.startswith(f"{SENTINEL_SCHEME}:")


def each_host(url: str) -> list[str]:
    """Give the URL with each of its hosts alone, of `redis://a:7000,[::1]:7001/0` two.

    Newer Pythons' own reading of URLs refuses several hosts where one is in brackets.
    """
    found = _HOSTS.fullmatch(url)
    if found is None:
        return [url]
    before, hosts, behind = found.groups()
    return [f"{before}{host}{behind}" for host in hosts.split(",")]


def with_host_check(url: str) -> str:
    """Have the client compare a certificate with the host's name, which redis-py by itself does not.

    Who says in the URL how certificates are to be checked is left alone. Raises ValueError where it is no URL.
    """
    parts = urlsplit(url)
    said = parse_qs(parts.query)
    if parts.scheme != "rediss" or "ssl_check_hostname" in said or "ssl_cert_reqs" in said:
        return url
    return parts._replace(query="&".join(filter(None, (parts.query, "ssl_check_hostname=true")))).geturl()
