"""Which URLs a variable may hold: one that its client could not read is told when the settings are read."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

from schemas.redis_url import SENTINEL_SCHEME, each_host, is_sentinel

_REDIS_SCHEMES = ("redis", "rediss", "unix", SENTINEL_SCHEME)
_WEB_SCHEMES = ("http", "https")
_SCHEMES = {
    "REDIS_URL": _REDIS_SCHEMES,
    "ARQ_REDIS_URL": _REDIS_SCHEMES,
    "DATABASE_URL": ("postgres", "postgresql"),
    "PUBLIC_URL": _WEB_SCHEMES,
    "CONSOLE_URL": _WEB_SCHEMES,
}
URL_VARIABLES = frozenset(_SCHEMES)

_NO_SERVER = "is no URL of a server"
_PLACE = re.compile(r"(\[[^\[\]]+\]|[^\[\]:]*)(:\d*)?", re.ASCII)
_DATABASE_PATH = re.compile(r"/?|/\d{1,9}", re.ASCII)
_SENTINEL_PATH = re.compile(r"/+[^/]+(/+\d{0,9})?/*", re.ASCII)

_TLS_VERSION = r"TLSv1([._][123])?|(MIN|MAX)IMUM_SUPPORTED"
_POSTGRES_OPTIONS = {
    "sslmode": r"disable|allow|prefer|require|verify[-_]ca|verify[-_]full",
    "sslnegotiation": r"postgres|direct",
    "ssl_min_protocol_version": _TLS_VERSION,
    "ssl_max_protocol_version": _TLS_VERSION,
    "target_session_attrs": r"any|primary|standby|prefer-standby|read-write|read-only",
    "gsslib": r"gssapi|sspi",
}
"""What asyncpg itself reads of a URL's query, besides addresses, and takes nothing else for."""


def what_is_wrong(variable: str, url: str) -> str | None:
    """Say what is wrong with a variable's URL, as what follows its name; never the URL, which may hold a password."""
    schemes = _SCHEMES[variable]
    if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        return f"must be a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    has_hosts = is_sentinel(url) or variable == "REDIS_URL"
    if not all(map(_is_address, each_host(url) if has_hosts else [url])):
        return _NO_SERVER
    if is_sentinel(url):
        return _wrong_of_sentinels(each_host(url)[0])
    if schemes is _REDIS_SCHEMES:
        return _wrong_of_redis(each_host(url)[0])
    return _wrong_of_site(url) if schemes is _WEB_SCHEMES else _wrong_of_postgres(url)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
        url.encode()
        for host in unquote(parts.hostname or "").split(","):
            if not host.startswith("/"):  # the folder of a socket
                host.encode("idna")  # as the client does; there are names that it does not even ask for, such as `a..b`
    except ValueError:  # also a port beyond 65535
        return False
    is_place = _PLACE.fullmatch(parts.netloc.rpartition("@")[2]) is not None
    return is_place and port != 0 and "%00" not in url


def _wrong_of_sentinels(url: str) -> str | None:
    path = urlsplit(url).path
    if not path.strip("/"):
        return "must end with the service that the sentinels watch: redis+sentinel://host:26379/mymaster"
    if not _SENTINEL_PATH.fullmatch(path):
        return "must end with the service, or with a database's number behind it: redis+sentinel://host/mymaster/0"
    return None


def _wrong_of_redis(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        if not parts.path:
            return _NO_SERVER
    elif not _DATABASE_PATH.fullmatch(parts.path):  # the client would take database 0 for any other
        return "must end with the number of a database, or with the server: redis://host:6379/0"
    if parts.query and not _makes_connections(url):
        return "has something behind the ? that Redis' client does not take"
    return None


def _makes_connections(url: str) -> bool:
    """Tell whether the client can make a connection, without connecting it, of what a URL's query asks for."""
    # All of Redis' client comes with these, and every command reads settings.
    from redis.exceptions import RedisError  # noqa: PLC0415 (see above)

    from schemas.redis_pools import open_pool  # noqa: PLC0415 (see above)

    try:
        pool = open_pool(url)
        pool.make_connection()  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, AttributeError, UnboundLocalError, RedisError):  # it raises each for some option
        return False
    return int(pool.connection_kwargs.get("db", 0)) >= 0


def _wrong_of_postgres(url: str) -> str | None:
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2]
    # asyncpg takes the first @ for the end of the password, and no host between two commas.
    if parts.netloc.count("@") > 1 or (hosts and not all(hosts.split(","))):
        return _NO_SERVER
    try:
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        return "has something behind the ? that is no name=value"
    for name, values in options.items():
        if not _is_postgres_option(name, values[-1]):
            return f"has a wrong {name} behind the ?"
    return None


def _is_postgres_option(name: str, value: str) -> bool:
    if name == "host":
        return all(host and (host.startswith("/") or _is_address(f"postgres://{host}")) for host in value.split(","))
    if name == "port":
        return all(port and _is_address(f"postgres://x:{port}") for port in value.split(","))
    return name not in _POSTGRES_OPTIONS or re.fullmatch(_POSTGRES_OPTIONS[name], value) is not None


def _wrong_of_site(url: str) -> str | None:
    if re.search(r"[?#]", url):
        return "must have no query and no fragment (? or #): a path is put behind it"
    return None if urlsplit(url).hostname else _NO_SERVER
