"""The `variance` command: one file for each command or group of commands."""

from worker.cli.program import main

__all__ = ["main"]
