"""What a page tells its charts: times, and series of numbers beside them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson


def chart(
    instants: Sequence[datetime], series: Mapping[str, Sequence[float | None]], *, bars: bool = False
) -> dict[str, Any]:
    """Describe a chart: `json` for the script, the rest for the table beside it, which says the same in words."""
    drawn = {
        "times": [instant.timestamp() for instant in instants],
        "series": [{"name": name, "values": list(values)} for name, values in series.items()],
        "bars": bars,
    }
    return {"instants": list(instants), "series": drawn["series"], "json": orjson.dumps(drawn).decode()}
