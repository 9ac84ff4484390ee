"""Failures that can be foreseen."""


class ForeseenError(Exception):
    """Something that is not the program's fault; the text is one line that says what is wrong, and what to do."""
