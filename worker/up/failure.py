"""Why the system cannot be brought up."""

from schemas.foreseen import ForeseenError


class UpError(ForeseenError):
    """`variance up` cannot go on; the text is one sentence that says why and what to do."""
