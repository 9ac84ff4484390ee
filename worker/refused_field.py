"""Which field a refusal is about, as it stands in the message's own body."""

import re

_PLACE = re.compile(r" - at `\$(?:\.batch(?=\[\d))?(?:\[\d+\])?([^`]*)`")
_MISSING = re.compile(r"missing required field (`[^`]+`(?: or `[^`]+`)*)")


def refused_field(detail: str) -> str | None:
    """Give the field's path from a refusal's detail, such as `$.event`; None where it is about the message whole.

    The detail says where the field stood in what was posted, which may have been a batch.
    """
    place = _PLACE.search(detail)
    if place is None:
        return None
    path = f"${place[1]}"
    missing = _MISSING.search(detail)
    if missing is not None:
        return " or ".join(f"{path}.{name}" for name in re.findall(r"`([^`]+)`", missing[1]))
    return None if path == "$" else path
