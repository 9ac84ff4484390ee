"""The running system, and the command beside it, as the commands' own tests have them."""

from tests.cli.conftest import system, variance

__all__ = ("system", "variance")
