"""Where a process listens is reached from here, and which variable is to blame where nobody can listen."""

import errno
import socket

import pytest

from schemas.listening import web_place

PLACE = web_place("host.example", 80)


@pytest.mark.parametrize(
    ("failure", "variable"),
    [
        (OSError(errno.EADDRINUSE, "in use"), "PORT"),
        (OSError(errno.EACCES, "for privileged users"), "PORT"),
        (OSError(errno.EADDRNOTAVAIL, "of another machine"), "HOST"),
        (socket.gaierror(socket.EAI_NONAME, "not known"), "HOST"),
        (UnicodeError("label empty"), "HOST"),
    ],
)
def test_what_a_variable_is_to_blame_for_names_it(failure: OSError | UnicodeError, variable: str) -> None:
    assert str(PLACE.error(failure)).startswith(f"{variable} is wrong: cannot listen on host.example:80: ")


@pytest.mark.parametrize(
    ("host", "asked_at"),
    [
        ("127.0.0.2", "127.0.0.2"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 (nobody listens there)
        ("::", "[::1]"),
        ("::0", "[::1]"),
        ("fd00::2", "[fd00::2]"),
        ("host.example", "host.example"),
    ],
)
def test_who_listens_is_reached_at_its_own_address_or_on_the_loopback_where_it_has_every_one(
    host: str, asked_at: str
) -> None:
    assert web_place(host, 80).url == f"http://{asked_at}:80"


@pytest.mark.parametrize(
    "failure", [OSError(errno.EMFILE, "too many files"), socket.gaierror(socket.EAI_AGAIN, "for now")]
)
def test_what_the_surroundings_are_to_blame_for_names_no_variable(failure: OSError) -> None:
    assert str(PLACE.error(failure)).startswith("cannot listen on host.example:80: ")
