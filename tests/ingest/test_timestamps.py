"""Which texts are instants, and of which moment: pure functions, without an endpoint."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.timestamps import read_instant

_MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_EPOCHS = st.floats(1e9, 1e10, exclude_max=True) | st.floats(1e12, 1e13, exclude_max=True)
_WITHOUT_YEAR = (
    "%I:%M:%S %p", "%A %H:%M", "%B", "%d %B", "%a %b %d %H:%M:%S", "%b %d, %H:%M:%S", "%d %b %H:%M:%S.%f",
)  # fmt: skip
_ZONES = st.sampled_from([
    (-300, "EST"), (-420, "PDT"), (-180, "-03"), (-570, "-0930"), (600, "ChST"), (-480, "AKST"), (180, "+03"),
    (345, "+0545"), (120, "CEST"), (0, "UTC"),
])  # fmt: skip


@pytest.mark.parametrize(
    ("dump", "hour"),
    [
        ("2026-11-01 10:00:00 -0500 EST", 15),
        ("2026-11-01 10:00:00 -0500 EST m=+0.0001", 15),
        ("2026-11-01 10:00:00 -0700 PDT m=+5.0", 17),
        ("2026-11-01 10:00:00 -0300 -03 m=+1", 13),
        ("2026-11-01 10:00:00 +0300 +03 m=+1", 7),
        ("2026-11-01 10:00:00.000000000 -0800 AKST m=-1.5", 18),
    ],
)
def test_a_dump_of_go_s_from_west_or_east_of_greenwich_is_read(dump: str, hour: int) -> None:
    assert read_instant(dump) == datetime(2026, 11, 1, hour, tzinfo=UTC)


@given(_MOMENTS, _ZONES, st.integers(0, 999), st.sampled_from(["", " m=+0.000012", " m=-3.25", " m=+1"]))
def test_a_dump_of_go_s_is_read_by_its_offset_whatever_the_zone_is_called(
    moment: datetime, zone: tuple[int, str], nanoseconds: int, monotonic: str
) -> None:
    minutes, name = zone
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    fraction = f"{local:.%f}{nanoseconds:03d}".rstrip("0").rstrip(".")  # as Go writes it: none where there is none
    assert read_instant(f"{local:%Y-%m-%d %H:%M:%S}{fraction} {local:%z} {name}{monotonic}") == moment


@given(_EPOCHS | _EPOCHS.map(int))
@example(1712123100000)  # begins as the last day of the year 1712 does
def test_a_unix_time_as_text_is_the_number_s_instant_with_or_without_a_fraction(number: float) -> None:
    assert read_instant(str(number)) == read_instant(number) is not None


@given(_MOMENTS, st.sampled_from(_WITHOUT_YEAR))
def test_a_text_without_a_year_is_no_instant(moment: datetime, form: str) -> None:
    assert read_instant(moment.strftime(form)) is None
    assert read_instant(f"{moment.strftime(form)} +0530") is None


@given(_MOMENTS, st.sampled_from(_WITHOUT_YEAR[2:]))
def test_the_same_text_with_its_year_is_one(moment: datetime, form: str) -> None:
    found = read_instant(moment.strftime(f"{form} %Y"))
    assert found is not None
    assert (found.year, found.month) == (moment.year, moment.month)


@pytest.mark.parametrize("part", [" +0000 UTC m=", " GMT+0000(", " -0500 -05", " ", "1"])
def test_a_long_text_is_passed_over_at_once(part: str) -> None:
    short, long = (f"2026{part * (letters // len(part))}\nx" for letters in (200, 100_000))
    assert read_instant(long) is None
    # As many letters in short texts: what takes the square of a text's length takes some hundred times as long in one.
    assert cpu_seconds([long]) < 20 * cpu_seconds([short] * 500)


def cpu_seconds(texts: list[str]) -> float:
    """Give the processor time of reading texts."""
    started_at = time.process_time()
    for text in texts:
        read_instant(text)
    return time.process_time() - started_at
