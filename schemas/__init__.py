"""What crosses a boundary: messages on the wire, the queue's layout, the database's migrations, the settings.

Both `ingest` and `worker` import this package; it imports neither.
"""
