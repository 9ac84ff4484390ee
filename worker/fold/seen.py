"""When an identity was seen, as far as it is kept beside its messages."""

from datetime import datetime
from typing import NamedTuple

from worker.fold.stamp import Stamp


class Seen(NamedTuple):
    """When an identity was seen: the message that named it first, and the time of its own last one.

    `hides_user`, `hides_visitor`: it was seen in this role as well, but not in the message that named it first.
    """

    first: Stamp | None
    last_at: datetime | None
    hides_user: bool
    hides_visitor: bool
