"""What a user writes, and how a cluster's servers name each other."""

from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import ConnectionPool
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import ResponseError

from schemas.cluster_map import ClusterMap, Redirection, redirection_of
from schemas.redis_addresses import address_of, server_urls, url_at
from schemas.redis_pools import open_pool
from schemas.redis_url import each_host
from schemas.settings import WebSettings, read_settings

_HOSTS = st.sampled_from(["a.internal", "127.0.0.1", "::1", "2001:db8::7"])
_PORTS = st.integers(1, 65535)


@given(password=st.text(min_size=1), places=st.lists(st.tuples(_HOSTS, _PORTS), min_size=1, max_size=4))
def test_each_server_that_is_named_is_reached_with_the_same_password(
    password: str, places: list[tuple[str, int]]
) -> None:
    hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in places)
    urls = server_urls(f"rediss://me:{quote(password, safe='')}@{hosts}/0?ssl_ca_certs=/etc/ca.pem")
    assert [address_of(url) for url in urls] == [f"{host}:{port}" for host, port in places]
    for url in (*urls, url_at(urls[0], "c.internal:7007"), url_at(urls[0], "::2:7007")):
        kwargs = ConnectionPool.from_url(url).connection_kwargs
        assert (kwargs["username"], kwargs["password"], kwargs["ssl_ca_certs"]) == ("me", password, "/etc/ca.pem")
        assert urlsplit(url).scheme == "rediss"


@pytest.mark.parametrize(("scheme", "path"), [("rediss://", "0"), ("redis+sentinel://", "mymaster")])
def test_hosts_in_brackets_may_stand_anywhere(scheme: str, path: str) -> None:
    url = f"{scheme}me:secret@a.internal:1,[::1]:2/{path}"
    settings = read_settings(WebSettings, {"REDIS_URL": url, "REDIS_CERTIFICATE": "unchecked"})
    assert [urlsplit(one).port for one in each_host(settings.redis_url)] == [1, 2]
    assert [urlsplit(one).hostname for one in each_host(settings.redis_url)] == ["a.internal", "::1"]
    if scheme == "rediss://":
        pools = [open_pool(one) for one in server_urls(settings.redis_url)]
        assert [pool.connection_kwargs["ssl_cert_reqs"] for pool in pools] == ["none", "none"]
    else:
        assert address_of(url) == "mymaster of a.internal:1,[::1]:2"
        pool = open_pool(url)
        assert isinstance(pool, SentinelConnectionPool)
        addresses = [one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels]
        assert [(one["host"], one["port"]) for one in addresses] == [("a.internal", 1), ("::1", 2)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("MOVED 3999 127.0.0.1:7001", Redirection(3999, "127.0.0.1:7001", is_asking=False)),
        ("ASK 3999 a.internal:7001", Redirection(3999, "a.internal:7001", is_asking=True)),
        ("MOVED 1 ::1:7001", Redirection(1, "::1:7001", is_asking=False)),
        ("MOVED 1 :7001", Redirection(1, "asked:7001", is_asking=False)),
        ("MOVED 1 ?:7001", Redirection(1, "asked:7001", is_asking=False)),
        ("TRYAGAIN Multiple keys request during rehashing of slot", None),
        ("ERR unknown command", None),
    ],
)
def test_a_servers_word_on_where_to_go_is_understood(text: str, found: Redirection | None) -> None:
    assert redirection_of(ResponseError(text), "asked:7000") == found


def test_the_map_knows_who_has_a_slot_and_that_nobody_has() -> None:
    cluster = ClusterMap([[0, 5, [b"a", 7000, b"id", []]], [7, 9, [b"", 7001, b"id"], [b"c", 7002, b"id"]]], "b:1")
    assert [cluster.owner(slot) for slot in (0, 5, 6, 7, 9, 10)] == ["a:7000", "a:7000", None, "b:7001", "b:7001", None]
    assert cluster.masters == ["a:7000", "b:7001"]
    cluster.move(6, "c:7002")
    assert cluster.owner(6) == "c:7002"
