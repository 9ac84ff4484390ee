"""Why an embedded server cannot be run here."""

from schemas.foreseen import ForeseenError


class EmbeddedServerError(ForeseenError):
    """An embedded server cannot be run; the text is one sentence that says why and what to do."""


class ServerDiedError(EmbeddedServerError):
    """A server ended while it was starting; the text names the file that has all it said."""
