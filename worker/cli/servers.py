"""Where a command's servers are: what the environment names, else those of the running `variance up`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.settings import LogSettings, read_settings
from worker.cli.failures import CommandError
from worker.embedded.data_dir import DataDirectoryError, RunningServers, running_servers

_DEFAULT_PUBLIC_URL = "http://127.0.0.1:8080"
_DEFAULT_CONSOLE_URL = "http://127.0.0.1:8081"


class GivenServers(LogSettings, frozen=True, kw_only=True, rename="upper"):
    """What the environment says of the servers; each may be missing."""

    database_url: str | None = None
    redis_url: str | None = None
    arq_redis_url: str | None = None
    public_url: str | None = None
    console_url: str | None = None


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers that were found.

    `web_url` is where this machine reaches the endpoint, `console_at` where the console; None where that is unknown.
    """

    directory: Path
    database_url: str | None
    redis_url: str | None
    public_url: str
    web_url: str | None
    console_url: str
    arq_redis_url: str | None = None
    console_at: str | None = None

    def require_database(self) -> str:
        """Give the URL of Postgres. Raises CommandError where there is none."""
        return self._require("DATABASE_URL", self.database_url)

    def require_redis(self) -> str:
        """Give the URL of Redis. Raises CommandError where there is none."""
        return self._require("REDIS_URL", self.redis_url)

    def webhook_url(self, connection_id: str) -> str:
        """Give the URL that a connection's messages are posted to."""
        return f"{self.public_url}/webhook/{connection_id}"

    def _require(self, name: str, url: str | None) -> str:
        if url is None:
            message = f"no running system found in {self.directory}; run `variance up`, or set {name}"
            raise CommandError(message)
        return url


def find_servers(directory: Path, environ: Mapping[str, str] | None = None) -> Servers:
    """Find the servers. Raises SettingsError for a wrong variable, DataDirectoryError for an unreadable directory."""
    given = read_settings(GivenServers, os.environ if environ is None else environ)
    running = _running(directory, given)
    # A system that runs on another database says nothing of this one.
    is_its_own = running is not None and given.database_url in (None, running.database_url)
    local_url = running.web_at if running is not None and is_its_own else None
    public_url = given.public_url or local_url or _DEFAULT_PUBLIC_URL
    return Servers(
        directory=directory,
        database_url=given.database_url or (running.database_url if running else None),
        redis_url=given.redis_url or (running.redis_url if running else None),
        public_url=public_url.rstrip("/"),
        web_url=local_url or given.public_url,
        console_url=_console_url(given, running if is_its_own else None),
        arq_redis_url=given.arq_redis_url,
        console_at=(running.console_at if running is not None and is_its_own else None) or given.console_url,
    )


def servers_of(running: RunningServers, directory: Path) -> Servers:
    """Give the servers of a system that runs in this very process."""
    given = read_settings(GivenServers)
    public_url = (given.public_url or running.web_at).rstrip("/")
    console_url = _console_url(given, running)
    return Servers(directory, running.database_url, running.redis_url, public_url, running.web_at, console_url)


def _console_url(given: GivenServers, running: RunningServers | None) -> str:
    local_url = running.console_at or f"http://127.0.0.1:{running.console_port}" if running else _DEFAULT_CONSOLE_URL
    return (given.console_url or local_url).rstrip("/")


def _running(directory: Path, given: GivenServers) -> RunningServers | None:
    try:
        return running_servers(directory)
    except DataDirectoryError:
        if given.database_url and given.redis_url:
            return None
        raise
