"""Where a process listens: whether it could, and which variable is wrong where it cannot."""

import errno
import ipaddress
import os
import socket
from dataclasses import dataclass

from schemas.settings import SettingsError, WorkerSettings

CANNOT_LISTEN = (OSError, UnicodeError)
"""What listening raises; the latter for a name that the system is not even asked for, such as `a..b`."""

_LOOPBACK = {4: "127.0.0.1", 6: "::1"}
_FAULTS_OF_PORT = (errno.EADDRINUSE, errno.EACCES)  # taken, or for privileged users only
_FAULTS_OF_HOST = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@dataclass(frozen=True, slots=True)
class Place:
    """An address to listen on, with the names of the variables that say where it is."""

    host: str
    port: int
    host_variable: str
    port_variable: str

    @property
    def url(self) -> str:
        """Where this machine reaches who listens there; who listens on every address is asked on the loopback's."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:  # a name
            return f"http://{self.host}:{self.port}"
        host = _LOOPBACK[address.version] if address.is_unspecified else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def error(self, failure: OSError | UnicodeError) -> SettingsError:
        """Give the error of one of CANNOT_LISTEN: the variable that is wrong, and what the system says."""
        variable = self.wrong_variable(failure)
        message = f"cannot listen on {self.host}:{self.port}: {why_not(failure)}"
        return SettingsError(f"{variable} is wrong: {message}" if variable else message)

    def wrong_variable(self, failure: OSError | UnicodeError) -> str | None:
        """Name the variable to which a failure is due; None where it is the surroundings'."""
        if isinstance(failure, socket.gaierror):
            return None if failure.errno == socket.EAI_AGAIN else self.host_variable
        if isinstance(failure, UnicodeError) or failure.errno in _FAULTS_OF_HOST:
            return self.host_variable
        return self.port_variable if failure.errno in _FAULTS_OF_PORT else None


def web_place(host: str, port: int) -> Place:
    """Give the place where `web` listens."""
    return Place(host, port, "HOST", "PORT")


def console_place(host: str, port: int) -> Place:
    """Give the place where the console listens."""
    return Place(host, port, "CONSOLE_HOST", "CONSOLE_PORT")


def metrics_place(settings: WorkerSettings) -> Place | None:
    """Give the place where a worker answers `GET /metrics`, if it is to."""
    port = settings.worker_metrics_port
    return None if port is None else Place(
        settings.worker_metrics_host, port, "WORKER_METRICS_HOST", "WORKER_METRICS_PORT"
    )


def why_not(failure: OSError | UnicodeError) -> str:
    """Say in few words why nobody can listen there."""
    if isinstance(failure, UnicodeError):
        return "this is no name of a host"
    if isinstance(failure, socket.gaierror) or not failure.errno:
        return (failure.strerror or str(failure)).lower()
    return os.strerror(failure.errno).lower()  # without the address, which asyncio puts there too


def try_listening(host: str, port: int) -> None:
    """Listen for a moment, on the first address that the host has. Raises one of CANNOT_LISTEN where nobody can."""
    family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        # As servers do, so that connections which have ended do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(where)
        probe.listen()
