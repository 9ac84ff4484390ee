"""Messages out of the log, as lines that `variance import` takes again: what `variance export` does."""
