"""Why an embedded server cannot be run here."""


class EmbeddedServerError(Exception):
    """An embedded server cannot be run; the text is one sentence that says why and what to do."""
