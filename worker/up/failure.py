"""Why the system cannot be brought up."""


class UpError(Exception):
    """`variance up` cannot go on; the text is one sentence that says why and what to do."""
