import os
from collections.abc import Iterable, Iterator

from hypothesis import given
from hypothesis import strategies as st

from worker.importing.line_feed import LineFeed
from worker.importing.lines import Line, UnreadableFileError, read_lines


def failing(lines: Iterable[Line], failure: Exception) -> Iterator[Line]:
    yield from lines
    raise failure


async def taken_from(feed: LineFeed) -> list[Line | Exception]:
    """Give all lines, and then what ended them."""
    taken: list[Line | Exception] = []
    try:
        while (lines := await feed.take(10)) is not None:
            taken += lines
    except UnreadableFileError as failure:
        taken.append(failure)
    return taken


@given(sizes=st.lists(st.integers(1, 3_000_000), max_size=9), fails=st.booleans())
async def test_all_lines_come_in_their_order_and_then_what_ended_them(sizes: list[int], fails: bool) -> None:
    lines = [Line(number, b"x" * size, is_whole=True) for number, size in enumerate(sizes, 1)]
    failure = UnreadableFileError("cut off")
    if fails:
        assert await taken_from(LineFeed(failing(lines, failure))) == [*lines, failure]
    else:
        assert await taken_from(LineFeed(lines)) == lines


async def test_a_read_that_waits_for_input_holds_nothing_up() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source:
        feed = LineFeed(read_lines(source))
        assert await feed.take(0.01) == []
        os.write(writing, b"{}\n")
        while not (lines := await feed.take(1)):
            pass
        assert [line.text for line in lines] == [b"{}"]
        os.close(writing)
        while (last := await feed.take(1)) == []:
            pass
        assert last is None
