"""A stand-in for `web` that answers 200 to everything, on HOST and PORT, and shows its environment."""

import json
import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer with the environment."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in os.environ.get("HOST", "") else socket.AF_INET


_Server((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])), _Handler).serve_forever()
