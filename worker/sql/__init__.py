"""The worker's SQL, one statement a file; `$1` is the workspace wherever a statement belongs to one.

Statements that take locks or copy tables for one caller stand beside it, as constants.
"""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """Give the statement in `<name>.sql`."""
    return files(__name__).joinpath(f"{name}.sql").read_text()
