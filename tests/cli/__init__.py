"""The `variance` command, run as users run it."""
