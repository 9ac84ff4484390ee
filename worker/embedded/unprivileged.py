"""As whom PostgreSQL runs, which refuses to run as root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from worker.embedded.failure import EmbeddedServerError

_ACCOUNTS = ("postgres", "nobody")

# What lets a process pass through folders that are closed to its user, the lesser right first; a container
# often has only the second.
_CAPABILITIES = ("dac_read_search", "dac_override")


@dataclass(frozen=True)
class Runner:
    """How to run a program so that it is not root.

    `prefix` goes before the command; `switch_to` (uid, gid), where given, is whom the new process becomes;
    `owner` (uid, gid) is whose the program's files must be.
    """

    owner: tuple[int, int]
    switch_to: tuple[int, int] | None = None
    prefix: tuple[str, ...] = ()


def find_runner(program: Path, directory: Path) -> Runner:
    """Find how to run the program on the directory.

    An ordinary user runs it as they are. Root runs it as `postgres`, or else `nobody`; where that account
    cannot reach both paths (below /root, say), with the one Linux capability added that lets it pass.
    Raises EmbeddedServerError where nothing reaches.
    """
    if os.geteuid() != 0:
        return Runner(owner=(os.geteuid(), os.getegid()))
    uid, gid = _account()
    runners = [Runner(owner=(uid, gid), switch_to=(uid, gid))]
    if setpriv := shutil.which("setpriv"):
        runners += [
            Runner(owner=(uid, gid), prefix=_with_capability(setpriv, uid, gid, name)) for name in _CAPABILITIES
        ]
    for runner in runners:
        if _reaches(runner, program, directory):
            return runner
    message = (
        f"PostgreSQL does not run as root, and the user {pwd.getpwuid(uid).pw_name} cannot reach {program} "
        f"or {directory}: use folders that every user may enter, or be an ordinary user, or set DATABASE_URL"
    )
    raise EmbeddedServerError(message)


def _account() -> tuple[int, int]:
    for name in _ACCOUNTS:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return account.pw_uid, account.pw_gid
    message = "PostgreSQL does not run as root: run this as an ordinary user, or set DATABASE_URL"
    raise EmbeddedServerError(message)


def _with_capability(setpriv: str, uid: int, gid: int, name: str) -> tuple[str, ...]:
    return (
        setpriv,
        f"--reuid={uid}",
        f"--regid={gid}",
        "--clear-groups",
        f"--inh-caps=-all,+{name}",
        f"--ambient-caps=-all,+{name}",
        "--securebits=+no_setuid_fixup",  # or access(2), by which PostgreSQL finds its programs, would not count it
        "--no-new-privs",
    )


def _reaches(runner: Runner, program: Path, directory: Path) -> bool:
    # Asked of the system, as that user, since no rule of ours knows all that can close a folder.
    switch_to = runner.switch_to
    try:
        done = subprocess.run(
            [*runner.prefix, "/bin/sh", "-c", 'cd "$1" && "$0" --version', str(program), str(directory)],
            cwd="/",
            capture_output=True,
            check=False,
            user=switch_to[0] if switch_to else None,
            group=switch_to[1] if switch_to else None,
            extra_groups=[] if switch_to else None,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0 and not done.stderr
