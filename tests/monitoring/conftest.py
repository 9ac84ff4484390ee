from tests.console.conftest import console, system

__all__ = ["console", "system"]
