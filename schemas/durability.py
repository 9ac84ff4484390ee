"""Whether a Redis keeps what it acknowledged: the settings and the state that this needs, on each of its servers."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from schemas.redis_away import REDIS_AWAY

OK = "ok"
OK_BUT = "ok, but "
"""What `redis` begins with where some of a cluster's servers are away, and others are there."""
NOT_CHECKED = "not checked: Redis does not tell this user"

_Checks: TypeAlias = dict[str, str]
_Facts: TypeAlias = Mapping[str, Any]

_INFO_NEEDED = {
    "loading": "0",
    "role": "master",
    "aof_enabled": "1",
    "aof_last_write_status": "ok",
    "maxmemory_policy": "noeviction",
}
_CONFIG_NEEDED = {"appendfsync": "always", "no-appendfsync-on-rewrite": "no"}


async def check_servers(servers: Mapping[str, Redis], timeout_seconds: float) -> dict[str, str]:
    """Check, by its address, each server that has partitions: `redis` is whether it is there, the others its settings.

    Each is OK, NOT_CHECKED, or what is wrong. One of several that is away refuses its own posts only: OK_BUT.
    """
    found = await asyncio.gather(*[_check(server, timeout_seconds) for server in servers.values()])
    return _together(list(servers), found)


def compare(found: object, needed: str) -> str:
    """Say whether a setting is what it must be."""
    if found is None:
        return NOT_CHECKED
    text = found.decode() if isinstance(found, bytes) else str(found)
    return OK if text == needed else f"is {text}, must be {needed}"


def faults_of(checks: Mapping[str, str]) -> list[str]:
    """Give those checks that found something wrong, each in words."""
    return [f"{name}: {found}" for name, found in checks.items() if not _is_well(found)]


def _together(addresses: Sequence[str], found: Sequence[_Checks]) -> _Checks:
    there = [checks for checks in found if checks["redis"] == OK]
    if not there:
        return dict(found[0]) if found else {"redis": "no server of the cluster has partitions"}
    worst = {name: max((checks[name] for checks in there), key=_badness) for name in there[0]}
    if len(addresses) > 1:
        away = []
        for address, checks in zip(addresses, found, strict=True):
            if checks["redis"] == OK:
                worst |= {name: f"{text} (at {address})" for name, text in checks.items() if not _is_well(text)}
            else:
                away.append(f"{address} is away ({checks['redis']})")
        worst["redis"] = f"{OK_BUT}{', '.join(away)}" if away else OK
    return worst


async def _check(server: Redis, timeout_seconds: float) -> _Checks:
    try:
        async with asyncio.timeout(timeout_seconds):
            await server.ping()
            facts = {**await _info(server), **await _config(server)}
    except REDIS_AWAY as error:
        return {"redis": type(error).__name__}
    needed = _INFO_NEEDED | _CONFIG_NEEDED
    return {"redis": OK} | {name: compare(facts.get(name), value) for name, value in needed.items()}


async def _info(server: Redis) -> _Facts:
    try:
        return cast("_Facts", await server.info())
    except ResponseError:
        return {}


async def _config(server: Redis) -> _Facts:
    try:
        facts = [await server.config_get(name) for name in _CONFIG_NEEDED]
    except ResponseError:
        return {}
    return {name: value for fact in facts for name, value in fact.items()}


def _is_well(found: str) -> bool:
    return found in (OK, NOT_CHECKED) or found.startswith(OK_BUT)


def _badness(found: str) -> int:
    return (OK, NOT_CHECKED).index(found) if _is_well(found) else 2
