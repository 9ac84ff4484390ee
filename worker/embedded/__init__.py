"""A PostgreSQL and a Valkey of one's own, from wheels, durable, for this machine's loopback only."""
