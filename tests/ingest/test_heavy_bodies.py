import pytest

from ingest.answers import RefusalError, unavailable
from ingest.heavy_bodies import HeavyBodies

OURS = [
    unavailable("The queue cannot be written to at the moment", code="queue_unavailable"),
    RefusalError(429, "too_much_at_once", "Too much is under way at once", retry_after_seconds=1),
]
THEIRS = RefusalError(400, "invalid_json", "The body is not JSON")


async def refused(bodies: HeavyBodies, refusal: RefusalError) -> RefusalError:
    with pytest.raises(RefusalError) as raised:
        async with bodies.turn("a"):
            raise refusal
    return raised.value


async def test_who_sends_one_bad_large_body_after_the_other_has_no_turn_for_a_while_and_others_have() -> None:
    bodies = HeavyBodies()
    assert [await refused(bodies, THEIRS) for _ in range(4)] == [THEIRS] * 4

    assert (await refused(bodies, THEIRS)).status == 429
    async with bodies.turn("b"):
        pass


@pytest.mark.parametrize("refusal", OURS, ids=lambda refusal: refusal.code)
async def test_our_own_trouble_with_large_bodies_costs_nobody_a_turn(refusal: RefusalError) -> None:
    bodies = HeavyBodies()
    assert [await refused(bodies, refusal) for _ in range(8)] == [refusal] * 8
