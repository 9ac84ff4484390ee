"""Reading messages from files."""
