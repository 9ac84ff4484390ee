import gzip
import io
from datetime import UTC, datetime

import msgspec
import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.queue import QueuedRefusal
from worker.importing.judged_lines import judge_line
from worker.importing.lines import LONGEST_LINE_BYTES, Line, read_lines

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
EVENING = datetime(2024, 1, 1, 18, tzinfo=UTC)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from([
    "type", "userId", "anonymousId", "messageId", "message_id", "_messageId", "event", "traits", "receivedAt",
])  # fmt: skip
types = st.sampled_from(["identify", "track", "alias", "nonsense"])
calls = st.fixed_dictionaries({"type": types, "userId": st.text()})
messages = st.dictionaries(fields, json_values, max_size=8) | calls


@example(b'{"type":"track","userId":"u","event":"E","_messageId":"x"}', 1)
@example(b'{"type":"track","userId":"u","event":"E","messageId":null,"message_id":"x"}', 1)
@example(b'{"type":"track","userId":"u","event":"E","messageId":%s}' % (b"[" * 1010 + b"]" * 1010), 1)
@given(text=st.binary(max_size=200) | messages.map(msgspec.json.encode), number=st.integers(1, 9))
def test_whatever_a_line_holds_it_has_one_key_for_good(text: bytes, number: int) -> None:
    line = Line(number, text, is_whole=True)
    first, second = judge_line(line, "c", NOON).message, judge_line(line, "c", EVENING).message
    assert (first.message_key, first.is_accepted) == (second.message_key, second.is_accepted)
    if first.is_accepted:
        assert orjson.loads(first.value)["messageId"]
    else:
        assert msgspec.json.decode(first.value, type=QueuedRefusal).detail.endswith(f"in line {number}")


@given(lines=st.lists(st.binary(max_size=30).filter(lambda text: b"\n" not in text), max_size=20))
def test_gzip_and_plain_files_have_the_same_lines(lines: list[bytes]) -> None:
    content = b"\n".join(lines)
    plain = list(read_lines(io.BufferedReader(io.BytesIO(b" \n" + content))))
    assert plain == list(read_lines(io.BytesIO(gzip.compress(b" \n") + gzip.compress(content))))
    assert [line.number for line in plain] == [number for number, text in enumerate(lines, 2) if text.strip()]


def test_a_line_that_is_too_long_keeps_its_beginning_and_harms_no_other() -> None:
    content = b"{}\n" + b"x" * (2 * LONGEST_LINE_BYTES + 7) + b"\n{}\n"
    first, long, last = read_lines(io.BytesIO(content))
    assert (first.number, long.number, last.number) == (1, 2, 3)
    assert (first.is_whole, long.is_whole, last.is_whole) == (True, False, True)
    refusal = msgspec.json.decode(judge_line(long, "c", NOON).message.value, type=QueuedRefusal)
    assert "longer than" in refusal.detail
    assert 1000 < len(refusal.body) < 100_000
