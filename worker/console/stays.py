"""Audiences over time: stays from the signals of one subject, and an audience's members by day. Pure functions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from worker.store.database import Row


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay in an audience; an end is None where it is not known, or has not come."""

    audience: str
    entered_at: datetime | None
    exited_at: datetime | None

    @property
    def is_member(self) -> bool:
        """Whether the stay goes on."""
        return self.exited_at is None


def stays_of(signals: Iterable[Row]) -> list[Stay]:
    """Give the stays of one subject, the latest first, from its signals in order; repeated ones change nothing."""
    stays: list[Stay] = []
    state: dict[str, bool] = {}
    for signal in signals:
        audience, is_member, at = signal["audience"], signal["is_member"], signal["occurred_at"]
        if state.get(audience) == is_member:
            continue
        if is_member:
            stays.append(Stay(audience, at, None))
        elif audience in state:
            stays = [
                Stay(audience, stay.entered_at, at) if stay.audience == audience and stay.is_member else stay
                for stay in stays
            ]
        else:
            stays.append(Stay(audience, None, at))
        state[audience] = is_member
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(stays, key=lambda stay: (stay.is_member, stay.exited_at or stay.entered_at or oldest), reverse=True)


def members_by_day(
    changes: Sequence[Row], days: int, now: datetime
) -> list[tuple[datetime, int, int, int]]:
    """Give for each of the last days its beginning, the members at its end, who came, and who went.

    Who is said to be out before ever having been in, has not gone.
    """
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [today - timedelta(days=days - 1 - number) for number in range(days)]
    came, went = dict.fromkeys(starts, 0), dict.fromkeys(starts, 0)
    members, inside = 0, set()
    for change in changes:
        subject, day = change["subject"], change["occurred_at"].astimezone(UTC)
        day = day.replace(hour=0, minute=0, second=0, microsecond=0)
        if change["is_member"]:
            inside.add(subject)
            step, counts = 1, came
        elif subject in inside:
            inside.discard(subject)
            step, counts = -1, went
        else:
            continue
        if day < starts[0]:
            members += step
        elif day in counts:
            counts[day] += 1
    result = []
    for start in starts:
        members += came[start] - went[start]
        result.append((start, members, came[start], went[start]))
    return result
