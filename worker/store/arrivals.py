"""How many messages each connection received when, counted from the log behind the drains' back.

A short span is kept for what came lately, a long one for a month.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.sql import statement
from worker.store.database import Database

SHORT_SECONDS = 10
LONG_SECONDS = 600
_SHORT_KEPT = timedelta(hours=2)
_LONG_KEPT = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Messages that a connection received in the last minute, hour and day, and when the last one of a month came."""

    last_minute: int
    last_hour: int
    last_day: int
    last_at: datetime | None


async def count_arrivals(database: Database, most_positions: int, now: datetime) -> bool:
    """Count what has come, up to a few sweeps ago and at most so many positions; tell whether more can be counted now.

    Does nothing where another process counts. Everything is counted once, whenever this is killed.
    """
    async with database.transaction():
        counted = await database.fetchrow(statement("read_counted_position"))
        if counted is None or not counted["is_next_settled"]:
            return False
        first, last = counted["position"], counted["next_position"]
        if first == last:
            seen: int = await database.fetchval(statement("read_position"))
            if seen != first:
                await database.execute(statement("advance_arrivals"), counted["seen_position"], seen)
            return False
        until = min(last, first + most_positions)
        await database.execute(
            statement("count_arrivals"), first, until, now - _SHORT_KEPT, now - _LONG_KEPT, now,
            SHORT_SECONDS, LONG_SECONDS,
        )  # fmt: skip
        await database.execute(statement("update_counted_position"), until)
        return True


async def forget_old_arrivals(database: Database, now: datetime) -> None:
    """Forget what is not shown any more."""
    await database.execute(statement("delete_old_arrivals"), SHORT_SECONDS, now - _SHORT_KEPT)
    await database.execute(statement("delete_old_arrivals"), LONG_SECONDS, now - _LONG_KEPT)


async def sum_arrivals(database: Database, connection_ids: Sequence[str], now: datetime) -> Mapping[str, Arrivals]:
    """Sum up what connections received, by their ids."""
    rows = await database.fetch(statement("sum_arrivals"), now, SHORT_SECONDS, LONG_SECONDS, connection_ids)
    return {
        row["connection_id"]: Arrivals(row["last_minute"], row["last_hour"], row["last_day"], row["last_at"])
        for row in rows
    }


async def read_arrivals(
    database: Database, connection_ids: Sequence[str], span_seconds: int, since: datetime
) -> Mapping[str, Mapping[datetime, int]]:
    """Give messages by connection and by the beginning of the span in which they came."""
    rows = await database.fetch(statement("read_arrivals"), connection_ids, span_seconds, since)
    arrivals: dict[str, dict[datetime, int]] = {id_: {} for id_ in connection_ids}
    for row in rows:
        arrivals[row["connection_id"]][row["started_at"]] = row["messages"]
    return arrivals
