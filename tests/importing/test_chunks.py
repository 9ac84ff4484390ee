from hypothesis import given
from hypothesis import strategies as st

from schemas.queue import QueuedMessage
from worker.importing.chunks import CHUNK_BYTES, CHUNK_MESSAGES, Chunk, Gathering
from worker.importing.judged_lines import JudgedLine


def judged_line(number: int, sender: str, size_bytes: int = 2) -> JudgedLine:
    return JudgedLine(number, sender, QueuedMessage("c", str(number), is_accepted=True, value=b" " * size_bytes))


def numbers(chunk: Chunk) -> list[int]:
    return [int(message.message_key) for message in chunk.messages]


@given(senders=st.lists(st.text(st.characters(), max_size=2), max_size=60), fitting=st.integers(1, 9))
def test_each_message_is_in_one_chunk_and_a_senders_are_in_the_files_order(senders: list[str], fitting: int) -> None:
    gathering, chunks = Gathering(), []
    for number, sender in enumerate(senders, 1):
        if full := gathering.add(judged_line(number, sender, CHUNK_BYTES // fitting)):
            chunks.append(full)
        done = {number for chunk in chunks for number in numbers(chunk)}
        assert gathering.first_line() == min(set(range(1, number + 1)) - done, default=None)
    assert all(chunk.is_full for chunk in chunks)
    chunks += gathering.take()
    assert gathering.take() == []
    assert [chunk.first_line for chunk in chunks] == [min(numbers(chunk)) for chunk in chunks]
    assert sorted(number for chunk in chunks for number in numbers(chunk)) == list(range(1, len(senders) + 1))
    for sender in set(senders):
        order = [number for chunk in chunks for number in numbers(chunk) if senders[number - 1] == sender]
        assert order == sorted(order)


def test_a_chunk_is_full_by_its_messages_or_by_their_bytes() -> None:
    gathering = Gathering()
    full = [gathering.add(judged_line(number, "u")) for number in range(1, CHUNK_MESSAGES + 1)]
    assert full[:-1] == [None] * (CHUNK_MESSAGES - 1)
    assert full[-1] is not None
    assert gathering.add(judged_line(1, "u", CHUNK_BYTES)) is not None
