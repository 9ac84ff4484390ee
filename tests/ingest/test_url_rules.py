"""URLs that no client could read: each is refused when a process reads its settings, and is not repeated."""

import asyncio
from itertools import product

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.redis_addresses import address_of, server_urls
from schemas.redis_client import RedisClient
from schemas.settings import ConsoleSettings, LogSettings, SettingsError, WebSettings, WorkerSettings, read_settings
from worker.arq_queue import arq_client
from worker.cli.servers import GivenServers

URLS = {
    "REDIS_URL": "redis://127.0.0.1:1",
    "ARQ_REDIS_URL": "redis://127.0.0.1:1",
    "DATABASE_URL": "postgres://127.0.0.1:1/d",
    "PUBLIC_URL": "https://x.example",
    "CONSOLE_URL": "https://x.example",
}
KINDS: tuple[type[LogSettings], ...] = (WebSettings, WorkerSettings, ConsoleSettings, GivenServers)
SECRET = "hunter2"  # noqa: S105 (stands for one)

REDIS = ("redis://", "rediss://", "unix://", "redis+sentinel://")
SCHEMES = {
    "REDIS_URL": REDIS,
    "ARQ_REDIS_URL": REDIS,
    "DATABASE_URL": ("postgres://", "postgresql://"),
    "PUBLIC_URL": ("http://", "https://"),
    "CONSOLE_URL": ("http://", "https://"),
}
BROKEN_FOR_ALL = ("[::1", "[::1:1", "::1]:1", "[]", "[x]:1", "[::1]1", "a[::1]", "x:port", "x:0", "x:70000", "x%00y",
                  "\u2100.example", "a..b", f"{'x' * 64}.example", "\udcff")  # fmt: skip
BROKEN_REDIS = (
    "x/db", "x/0/1", "x/\u0663", f"x/{'9' * 5000}", "x?socket_timeout=abc", "x/0?db=x", "x?db=-1", "x?nonsense=1",
    "x?health_check_interval=1.5", "x?max_connections=-1", "x?protocol=x", "x?retry=1", "x?connection_class=x",
    "x?port=x", "x?ssl_cert_reqs=none", "a,[::1", "a:1,b:port",
)  # fmt: skip
BROKEN_SENTINELS = ("x", "x/", "x/m/abc", "x/m/-1", "x/m/0/1", f"x/m/{'9' * 5000}", "[::1/m", "a,[::1/m", "a,b:port/m")
BROKEN_POSTGRES = (
    "a,/d", ",a/d", "u:p@ss@x/d", "x/d?sslmode", "x/d?sslmode=on", "x/d?port=abc", "x/d?port=1,", "x/d?port=70000",
    "x/d?host=,a", "x/d?host=[::1", "x/d?host=x:y", "x/d?host=a..b", "x/d?target_session_attrs=master",
    "x/d?ssl_min_protocol_version=SSLv3", "x/d?sslnegotiation=no", "x/d?gsslib=no",
)  # fmt: skip
BROKEN_SITES = ("", "/path", "x?a=1", "x#a", ":80")

BROKEN = [
    *((name, scheme + end) for name, schemes in SCHEMES.items() for scheme in schemes for end in BROKEN_FOR_ALL),
    *((name, f"redis://{end}") for name in ("REDIS_URL", "ARQ_REDIS_URL") for end in BROKEN_REDIS),
    *((name, "unix://") for name in ("REDIS_URL", "ARQ_REDIS_URL")),
    *((name, f"redis+sentinel://{end}") for name in ("REDIS_URL", "ARQ_REDIS_URL") for end in BROKEN_SENTINELS),
    *(("DATABASE_URL", f"postgres://{end}") for end in BROKEN_POSTGRES),
    *((name, f"https://{end}") for name in ("PUBLIC_URL", "CONSOLE_URL") for end in BROKEN_SITES),
]  # fmt: skip

characters = st.sampled_from([
    "[", "]", ":", "@", "/", "?", "=", "&", "#", ",", ".", "%", "%00", "::1", "a", "0", " ", "db", "timeout", "host",
    "port", "socket_timeout", "\u2100", "\u00e9", "\udcff",
])  # fmt: skip
ends = st.one_of(st.lists(characters, max_size=12).map("".join), st.text(max_size=12))
variables = st.sampled_from(sorted(URLS))
urls = variables.flatmap(
    lambda name: st.tuples(st.just(name), st.builds(str.__add__, st.sampled_from(SCHEMES[name]), ends))
)


@pytest.mark.parametrize(("name", "url"), BROKEN)
def test_a_url_that_a_client_cannot_read_is_refused_with_the_variables_name_alone(name: str, url: str) -> None:
    scheme, _, rest = url.partition("://")
    secret = url if "@" in rest else f"{scheme}://me:{SECRET}@{rest}"
    kinds = [kind for kind in KINDS if name.lower() in kind.__struct_fields__]
    for kind, each in product(kinds, (url, secret)):
        with pytest.raises(SettingsError, match=f"^{name} [^\n]*$") as refusal:
            read_settings(kind, URLS | {name: each})
        assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://me:p%40ss@[::1]:6379/15?socket_timeout=1.5&client_name=x"),
        ("REDIS_URL", "redis://a:7000,[::1]:7001/0"),
        ("REDIS_URL", "rediss://x?ssl_cert_reqs=none&ssl_ca_certs=/nowhere"),
        ("REDIS_URL", "unix://me:secret@/tmp/a..b?db=1"),
        ("REDIS_URL", "redis+sentinel://:x@a:1,[::1]:2/mymaster/3?sentinel_password=x"),
        ("ARQ_REDIS_URL", "redis+sentinel://a,b/mymaster"),
        ("DATABASE_URL", "postgresql:///d"),
        ("DATABASE_URL", "postgres://me:p%40ss@[::1]:5432/d?sslmode=require&application_name=x&search_path=a,b"),
        ("DATABASE_URL", f"postgres://%2Ftmp%2F{'x' * 70}/d"),
        ("DATABASE_URL", "postgres://me@/d?host=/tmp/a..b,[::1]:1,x&port=5432"),
        ("PUBLIC_URL", "https://b\u00fccher.example:8443/in/"),
        ("CONSOLE_URL", "http://[::1]:8081"),
    ],
)
def test_a_url_that_its_client_can_read_is_taken_as_it_is(name: str, url: str) -> None:
    settings = read_settings(ConsoleSettings, URLS | {name: url})
    assert getattr(settings, name.lower()) == url


@given(urls)
def test_whatever_a_url_is_it_is_taken_or_refused_with_the_variables_name(named: tuple[str, str]) -> None:
    name, url = named
    for kind in KINDS:
        try:
            read_settings(kind, URLS | {name: url})
        except SettingsError as refusal:
            told = str(refusal)
        else:
            continue
        assert told.startswith(f"{name} ")
        assert len(told.splitlines()) == 1


@given(urls.filter(lambda named: named[0].endswith("REDIS_URL")))
def test_a_redis_url_that_is_taken_makes_connections(named: tuple[str, str]) -> None:
    try:
        settings = read_settings(WorkerSettings, dict([*URLS.items(), named]))
    except SettingsError:
        return
    redis = RedisClient(settings.redis_url, timeout_seconds=1, max_connections=1)
    redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    assert [address_of(url) for url in server_urls(settings.redis_url)]
    arq_client(settings, 1).connection_pool.make_connection()  # type: ignore[no-untyped-call]


@given(st.lists(characters, max_size=6).map("".join))
def test_a_postgres_url_that_is_taken_is_one_that_its_client_can_read(end: str) -> None:
    url = f"postgres://127.0.0.1:1/d?{end}"
    try:
        read_settings(WorkerSettings, URLS | {"DATABASE_URL": url})
    except SettingsError:
        return
    with pytest.raises((OSError, asyncpg.InterfaceError)):  # nobody is there
        asyncio.run(asyncpg.connect(url, timeout=5))
