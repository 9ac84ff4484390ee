"""When somebody should look: what is beyond its bound, or about to lose data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from schemas.queue import stream_key
from schemas.settings import AlarmSettings

Code = Literal[
    "oldest_message",
    "dead_letters",
    "no_worker",
    "unserved",
    "redis_durability",
    "redis_unreachable",
    "postgres_unreachable",
    "unbalanced",
]
"""
`oldest_message`        a message has waited for longer than ALARM_OLDEST_SECONDS
`dead_letters`          more than ALARM_DEAD_LETTERS died within the last hour
`no_worker`             no worker process lives
`unserved`              messages wait in partitions that no worker drains, since all have other WORKSPACES
`redis_durability`      Redis is set up so that it could lose what was acknowledged
`redis_unreachable`     Redis cannot be used, or one of a cluster's servers
`postgres_unreachable`  Postgres cannot be used
`unbalanced`            what should wait is not what stands in the queue
"""
CODES: tuple[Code, ...] = get_args(Code)


@dataclass(frozen=True, slots=True)
class Signs:
    """What an alarm is decided by; None stands for what could not be read.

    `redis_servers_away` (those of a cluster, where others are there) and `durability_faults` are in words.
    `is_worker_alive` is by what workers leave in Redis and Postgres. `unserved_partitions` are those in which messages
    wait, by their numbers.
    """

    is_redis_there: bool
    is_postgres_there: bool
    redis_servers_away: str | None = None
    oldest_message_age_seconds: float | None = None
    recent_dead_letters: int | None = None
    durability_faults: Sequence[str] = ()
    is_worker_alive: bool | None = None
    is_balanced: bool | None = None
    unserved_partitions: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm; the value and its bound where there are such."""

    code: Code
    text: str
    value: float | None = None
    bound: float | None = None


def alarms_of(signs: Signs, bounds: AlarmSettings) -> list[Alarm]:
    """Give what should be looked at, the worst first."""
    alarms = []
    if not signs.is_redis_there:
        alarms.append(Alarm("redis_unreachable", "Redis cannot be used: posts get 503"))
    elif signs.redis_servers_away is not None:
        text = f"Posts for these servers' partitions get 503: {signs.redis_servers_away}"
        alarms.append(Alarm("redis_unreachable", text))
    if not signs.is_postgres_there:
        alarms.append(Alarm("postgres_unreachable", "Postgres cannot be used: messages wait in Redis"))
    if signs.durability_faults:
        faults = "; ".join(signs.durability_faults)
        alarms.append(Alarm("redis_durability", f"Redis could lose what was acknowledged: {faults}"))
    if signs.is_balanced is False:
        alarms.append(Alarm("unbalanced", "What should wait is not what stands in the queue"))
    if signs.is_worker_alive is False:
        alarms.append(Alarm("no_worker", "No worker lives: messages are accepted, and wait"))
    if signs.unserved_partitions:
        names = ", ".join(map(stream_key, signs.unserved_partitions))
        text = f"Messages wait that no worker serves: start one without WORKSPACES, or with theirs ({names})"
        alarms.append(Alarm("unserved", text))
    age_seconds = signs.oldest_message_age_seconds
    if age_seconds is not None and age_seconds > bounds.alarm_oldest_seconds:
        text = f"A message has waited for {age_seconds:,.0f} seconds"
        alarms.append(Alarm("oldest_message", text, age_seconds, bounds.alarm_oldest_seconds))
    deaths = signs.recent_dead_letters
    if deaths is not None and deaths > bounds.alarm_dead_letters:
        text = f"{deaths:,} dead letters within the last hour"
        alarms.append(Alarm("dead_letters", text, deaths, bounds.alarm_dead_letters))
    return alarms
