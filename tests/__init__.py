"""The tests. They talk to a real Redis-protocol server and a real Postgres."""
