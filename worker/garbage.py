"""How often Python looks for cycles of objects that nobody needs."""

import gc

_ALLOCATIONS_BETWEEN_LOOKS = 100_000


def look_seldom_for_cycles() -> None:
    """Suit the collector to drains: their objects, hardly one of them in a cycle, live as long as the drain.

    By default Python would go through them some hundred times in each, which took a fifth of the processor's time.
    """
    gc.freeze()  # what was imported stays
    gc.set_threshold(_ALLOCATIONS_BETWEEN_LOOKS, 20, 20)
