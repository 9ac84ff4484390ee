"""Applies messages: drains the partitions, folds the message log, and is run by the `variance` command."""
