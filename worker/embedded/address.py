"""Where an embedded server listens, and for what password: kept across restarts."""

import secrets
from pathlib import Path

import msgspec

from schemas.listening import try_listening
from worker.embedded.private_file import write_private_file

HOST = "127.0.0.1"

# Below every system's range of ephemeral ports: in that range a client that keeps trying to reach a server
# which is down can be given the server's own port, connect to itself, and keep the server from coming back.
_PORTS = range(20_000, 32_768)
_TRIES = 200


class Address(msgspec.Struct, frozen=True):
    """A port of the loopback interface, and the password without which the server there answers nothing."""

    port: int
    password: str


def settle_address(path: Path) -> Address:
    """Give the address kept in `path`, with another port where that one is taken, and keep it there.

    Raises OSError where the file cannot be read or written, or no port is free.
    """
    kept = _read(path)
    if kept is not None and is_free(HOST, kept.port):
        return kept
    password = kept.password if kept is not None else secrets.token_hex(24)
    address = Address(port=free_port(), password=password)
    write_private_file(path, msgspec.json.encode(address))
    return address


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    try:
        try_listening(host, port)
    except OSError:
        return False
    return True


def _read(path: Path) -> Address | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Address)
    except FileNotFoundError:
        return None


def free_port() -> int:
    """Give a port that is free now, of those that the system does not give away by itself; OSError where none is."""
    for _ in range(_TRIES):
        port = secrets.choice(_PORTS)
        if is_free(HOST, port):
            return port
    message = f"no port of {HOST} between {_PORTS.start} and {_PORTS.stop} is free"
    raise OSError(message)
