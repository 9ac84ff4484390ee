"""How often Python looks for cycles of objects that nobody needs."""

import gc


def look_seldom_for_cycles(objects_between_looks: int) -> None:
    """Suit the collector to a process that handles many objects at once, hardly one of them in a cycle.

    By default Python looks whenever there are some hundred more, and goes through the same ones again and again.
    """
    gc.freeze()  # what was imported stays
    gc.set_threshold(objects_between_looks, 20, 20)
    gc.enable()
