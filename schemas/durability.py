"""Whether a Redis keeps what it acknowledged: the settings and the state that this needs."""

from collections.abc import Mapping
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

OK = "ok"
NOT_CHECKED = "not checked: Redis does not tell this user"

_INFO_NEEDED = {
    "loading": "0",
    "role": "master",
    "aof_enabled": "1",
    "aof_last_write_status": "ok",
    "maxmemory_policy": "noeviction",
}
_CONFIG_NEEDED = {"appendfsync": "always", "no-appendfsync-on-rewrite": "no"}


async def check_durability(redis: Redis) -> dict[str, str]:
    """Check each setting: OK, NOT_CHECKED, or what is wrong. Raises what is in REDIS_AWAY."""
    facts = {**await _info(redis), **await _config(redis)}
    return {name: compare(facts.get(name), needed) for name, needed in (_INFO_NEEDED | _CONFIG_NEEDED).items()}


def compare(found: object, needed: str) -> str:
    """Say whether a setting is what it must be."""
    if found is None:
        return NOT_CHECKED
    text = found.decode() if isinstance(found, bytes) else str(found)
    return OK if text == needed else f"is {text}, must be {needed}"


def faults_of(checks: Mapping[str, str]) -> list[str]:
    """Give those checks that found something wrong, each in words."""
    return [f"{name}: {found}" for name, found in checks.items() if found not in (OK, NOT_CHECKED)]


async def _info(redis: Redis) -> Mapping[str, Any]:
    try:
        return cast("Mapping[str, Any]", await redis.info())
    except ResponseError:
        return {}


async def _config(redis: Redis) -> Mapping[str, Any]:
    try:
        facts = [await redis.config_get(name) for name in _CONFIG_NEEDED]
    except ResponseError:
        return {}
    return {name: value for fact in facts for name, value in fact.items()}
