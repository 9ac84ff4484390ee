"""The `web` process: accepts messages over HTTP and acknowledges each one once Redis has it on disk.

It needs Redis only, so it goes on acknowledging while Postgres is away.
"""
