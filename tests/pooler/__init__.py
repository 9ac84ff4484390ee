"""Postgres behind a PgBouncer in transaction mode."""
