"""How long events are kept, and what stays of those that are trimmed."""
