from pathlib import Path

import asyncpg
import pytest

from schemas.version import VERSION
from tests.cli.command import Variance
from worker.cli.failures import explain, explain_server

COMMANDS = (
    ["migrate"],
    ["connections", "list"],
    ["connections", "add", "app"],
    ["status"],
    ["receipt", "m"],
    ["dead", "list"],
    ["dead", "show", "1"],
    ["dead", "replay", "1"],
    ["dead", "discard", "1"],
    ["import", "-"],
    ["unlink", "m"],
    ["rebuild"],
    ["rebuild", "--dry-run"],
    ["recount"],
    ["explain", "contact", "u"],
    ["export", "contact", "u"],
    ["retention", "show"],
)


@pytest.fixture
def alone(tmp_path: Path) -> Variance:
    """The command where nothing runs and nothing is set."""
    return Variance(tmp_path)


@pytest.mark.parametrize("words", [*COMMANDS, ["env", "DATABASE_URL"]], ids=" ".join)
async def test_where_nothing_runs_one_line_says_what_to_do(alone: Variance, words: list[str]) -> None:
    ended = await alone(*words)
    assert ended.failure == "variance: no running system found in .variance; run `variance up`, or set DATABASE_URL"
    assert ended.out == ""


@pytest.mark.parametrize("words", [words for words in COMMANDS if words != ["status"]], ids=" ".join)
async def test_a_database_that_does_not_answer_is_told_in_one_line(alone: Variance, words: list[str]) -> None:
    url = "postgresql://me:secret@127.0.0.1:1/db"
    failure = (await alone(*words, DATABASE_URL=url, REDIS_URL="redis://127.0.0.1:1")).failure
    assert failure == "variance: Postgres at 127.0.0.1:1 cannot be used: connection refused"


async def test_a_wrong_password_is_told_without_the_password(alone: Variance, database_url: str) -> None:
    user, _, place = database_url.rpartition("@")
    failure = (await alone("migrate", DATABASE_URL=f"{user}x@{place}")).failure
    assert "password authentication failed" in failure
    assert user.rpartition(":")[2] not in failure


async def test_a_database_without_tables_needs_a_migration(
    variance: Variance, postgres_url: str, database_url: str
) -> None:
    assert database_url
    failure = (await variance("connections", "list", DATABASE_URL=postgres_url)).failure
    assert "run `variance migrate` first" in failure


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DATABASE_URL", "mysql://x", "DATABASE_URL must be a URL that begins with postgres:// or postgresql://"),
        ("DATABASE_URL", "postgres://me@host:port/db", "DATABASE_URL is no URL of a server"),
        ("REDIS_URL", "http://x", "REDIS_URL must be a URL that begins with"),
        ("REDIS_URL", "redis://a:7000,b:port", "REDIS_URL is no URL of a server"),
        ("REDIS_URL", "redis://a/db", "REDIS_URL must end with the number of a database"),
        ("REDIS_URL", "redis+sentinel://a", "REDIS_URL must end with the service that the sentinels watch"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL is wrong"),
    ],
)
async def test_a_wrong_variable_is_named(variance: Variance, name: str, value: str, told: str) -> None:
    variance.environ[name] = value
    assert told in (await variance("migrate")).failure


def test_a_connection_to_postgres_that_was_cut_unnoticed_is_told_in_one_line() -> None:
    assert explain(asyncpg.InternalClientError("got result\nfor nothing")) == "Postgres: got result"


def test_whatever_a_server_that_is_away_makes_its_client_raise_has_a_reason() -> None:
    assert explain(RuntimeError("the handler is closed")) is None  # it may as well be a mistake of ours
    assert explain_server(RuntimeError("the handler is closed")) == "the handler is closed"


async def test_an_unreadable_data_directory_is_told(alone: Variance, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("nonsense")
    assert "run.json is not what `variance up` wrote" in (await alone("status", "--data", ".")).failure


async def test_the_console_and_web_cannot_have_the_same_port_and_no_folder_is_made(alone: Variance) -> None:
    told = "variance up: --port (PORT) and --console-port (CONSOLE_PORT) are both 18080: give one of them another"
    assert (await alone("up", "--port", "18080", "--console-port", "18080")).failure == told
    assert (await alone("up", "--port", "18080", CONSOLE_PORT="18080")).failure == told
    assert not (alone.directory / ".variance").exists()


async def test_wrong_usage_is_exit_code_two(alone: Variance) -> None:
    for words in (
        ["fly"], ["env", "PATH"], ["status", "--jsno"], ["receipt"], ["up", "--port", "70000"], ["dead", "show", "x"],
        ["import", "no-such-file"],
    ):  # fmt: skip
        assert (await alone(*words)).wrong_usage.endswith("--help`")


async def test_who_types_no_command_is_shown_all_of_them(alone: Variance) -> None:
    ended = await alone()
    assert (ended.exit_code, ended.out) == (2, "")
    assert "Receive Segment's messages" in ended.err


async def test_help_is_exit_code_zero(alone: Variance) -> None:
    for words in (["--help"], ["connections", "--help"], ["import", "-h"]):
        ended = await alone(*words)
        assert ended.exit_code == 0
        assert "Usage: variance" in ended.out


async def test_the_version_is_told_where_nothing_runs(alone: Variance) -> None:
    assert (await alone("--version")).out == f"variance {VERSION}\n"
