"""Messages from files, straight through Postgres: what `variance import` does."""
