import asyncio
import shlex
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.addresses import IPV6, SECOND_LOOPBACK
from tests.cli.command import ROOT, Variance
from worker.cli.kept_secrets import KeptSecrets
from worker.embedded.address import free_port

NOWHERE = {"DATABASE_URL": "postgresql://127.0.0.1:1/d", "REDIS_URL": "redis://127.0.0.1:1"}
"""Servers with which nothing starts."""

COUNTS = ("applied", "duplicate", "suppressed", "dead", "pending")


@pytest.fixture
def variance(tmp_path: Path) -> Variance:
    """The command where nothing is set; `variance` is in the path, as where the project is installed."""
    program = tmp_path / "bin" / "variance"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m worker.cli "$@"\n')
    program.chmod(0o755)
    tmp_path.chmod(0o711)
    return Variance(tmp_path, {"PATH": f"{program.parent}:/usr/bin:/bin"})


@pytest.fixture
def port() -> int:
    """A free port."""
    return free_port()


@pytest.fixture
def servers(redis_url: str, database_url: str) -> dict[str, str]:
    """Servers that are there already, so that none is made for what is only printed."""
    return {"REDIS_URL": redis_url, "DATABASE_URL": database_url}


def ports_of(port: int) -> tuple[str, ...]:
    """Give the options that say where to listen."""
    return ("--port", str(port), "--console-port", str(free_port()))


@asynccontextmanager
async def running_up(
    variance: Variance, *words: str, said: list[str] | None = None, **environ: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `variance up` until the block ends, then end it with Ctrl-C; add to `said` what it wrote beside results."""
    process = await variance.start("up", *words, **environ)
    assert process.stderr is not None
    reading = asyncio.create_task(process.stderr.read())
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()
        err = (await reading).decode()
    if said is not None:
        said.append(err)
    assert process.returncode == 0, err
    assert "Traceback" not in err


async def read_document(process: asyncio.subprocess.Process) -> Any:
    """Read the one JSON document that a command prints while it goes on running."""
    assert process.stdout is not None
    text = b""
    async with asyncio.timeout(60):
        while not text.endswith(b"\n}\n"):
            line = await process.stdout.readline()
            assert line, "it ended early"
            text += line
    return orjson.loads(text)


async def output_of(line: str, folder: Path) -> str:
    """Run a line in a shell where nothing of ours is in the path; give what it prints."""
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", line, cwd=folder, env={"PATH": "/usr/bin:/bin"}, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await shell.communicate()
    return printed.decode()


async def test_the_demo_comes_out_as_tables_and_the_ledger_balances(
    variance: Variance, port: int, tmp_path: Path
) -> None:
    async with running_up(variance, "--demo", "--json", *ports_of(port)) as process:
        results = await read_document(process)
        ledger = results["ledger"]
        assert ledger["pending"] == 0
        assert ledger["applied"] > 3000
        assert ledger["accepted"] == sum(ledger[name] for name in COUNTS)
        assert {row["source"] for row in results["accounts"]["rows"]} == {"group", "traits", "email"}
        assert results["contacts"]["total"] > 100
        status = (await variance("status", "--json")).json
        assert {name: status[name] for name in ledger} == ledger
        assert status["balanced"] is True
        states = {each["name"]: each["state"] for each in status["processes"]}
        assert (states["web"], states["console"]) == ("ready", "running")
        listed = (await variance("connections", "list", "--json")).json
        assert sorted((found["workspace"], found["name"]) for found in listed) == [
            ("default", "default"), ("demo", "app"), ("demo", "backend"), ("demo", "website"),
        ]  # fmt: skip
        assert results["connection"]["webhook_url"].startswith(f"http://127.0.0.1:{port}/webhook/")
        assert "(10 rows)" in await output_of(results["look_for_yourself"][0], tmp_path)


async def test_what_is_printed_works_and_is_the_same_after_a_restart(
    variance: Variance, port: int, tmp_path: Path
) -> None:
    words = ("--json", *ports_of(port), "--data", "data")
    said: list[str] = []
    async with running_up(variance, *words, said=said) as process:
        first = (await read_document(process))["connection"]
        assert await post(first["curl"]) == {"success": True}
        async with asyncio.timeout(20):
            while (await variance("status", "--json", "--data", "data")).json["applied"] < 1:
                pass
        assert (tmp_path / "data" / "secrets.json").stat().st_mode & 0o777 == 0o600
        assert "another `variance up`" in (await variance("up", *words)).failure
    assert "no running system found in data" in (await variance("status", "--data", "data")).failure
    async with running_up(variance, *words, said=said) as process:
        document = await read_document(process)
        assert document["connection"] == first
        async with aiohttp.ClientSession() as session, session.get(document["console"]["sign_in_url"]) as answer:
            page = await answer.text()
            assert "Sign in as operator" in page, (answer.status, page)
        rotated = (await variance("connections", "rotate-secret", "default", "--json", "--data", "data")).json
    async with running_up(variance, *words) as process:
        assert (await read_document(process))["connection"]["secret"] == rotated["secret"]
    assert ["release | applied" in text for text in said] == [True, False]
    assert "release |" not in said[1]  # it would have found nothing to do


async def test_people_get_lines_to_copy(variance: Variance, port: int, servers: dict[str, str]) -> None:
    variance.environ |= servers
    async with running_up(variance, *ports_of(port)) as process:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            text = (await process.stdout.readuntil(b"try it")).decode()
            assert "/sign-in?token=" in text
            line = (await process.stdout.readline()).decode()
        assert f"webhook URL  http://127.0.0.1:{port}/webhook/" in text
        assert await post(line.strip()) == {"success": True}


@IPV6
@SECOND_LOOPBACK
async def test_processes_that_listen_on_other_addresses_are_found_there(variance: Variance, port: int) -> None:
    async with running_up(variance, "--json", *ports_of(port), HOST="::1", CONSOLE_HOST="127.0.0.2") as process:
        document = await read_document(process)
        assert document["connection"]["webhook_url"].startswith(f"http://[::1]:{port}/webhook/")
        assert document["console"]["sign_in_url"].startswith("http://127.0.0.2:")
        curl = document["connection"]["curl"]
        assert f" 'http://[::1]:{port}/" in curl  # for shells that take brackets for a pattern
        assert await post(curl) == {"success": True}
        status = (await variance("status", "--json")).json
        states = {each["name"]: each["state"] for each in status["processes"]}
        assert (states["web"], states["console"]) == ("ready", "running")
        assert "http://127.0.0.2:" in (await variance("console-user", "link", "ada")).out


async def test_the_environment_says_where_to_listen_unless_an_option_does(
    variance: Variance, port: int, servers: dict[str, str]
) -> None:
    other = free_port()
    variance.environ |= servers | {"PORT": str(port), "CONSOLE_PORT": "not looked at"}
    async with running_up(variance, "--json", "--console-port", str(other)) as process:
        document = await read_document(process)
    assert document["connection"]["webhook_url"].startswith(f"http://127.0.0.1:{port}/webhook/")
    assert document["console"]["sign_in_url"].startswith(f"http://127.0.0.1:{other}/")


async def test_a_blank_port_of_the_environment_is_none(variance: Variance, tmp_path: Path) -> None:
    variance.environ |= NOWHERE | {"PORT": " ", "CONSOLE_PORT": "\t"}
    assert "both 8081" in (await variance("up", "--port", "8081")).failure
    assert "both 8080" in (await variance("up", "--console-port", "8080")).failure
    assert not (tmp_path / ".variance").exists()


@pytest.mark.parametrize(("option", "variable"), [("--port", "PORT"), ("--console-port", "CONSOLE_PORT")])
async def test_metrics_on_a_port_that_up_uses_itself_are_one_line_and_leave_no_data_folder(
    variance: Variance, tmp_path: Path, port: int, option: str, variable: str
) -> None:
    variance.environ |= NOWHERE | {"WORKER_METRICS_PORT": str(port)}
    told = (await variance("up", *ports_of(free_port()), option, str(port))).failure
    assert told.endswith(f"{option} ({variable}) and WORKER_METRICS_PORT are both {port}: give one of them another")
    assert not (tmp_path / ".variance").exists()


@pytest.mark.parametrize(("name", "option"), [("PORT", "--port"), ("CONSOLE_PORT", "--console-port")])
@pytest.mark.parametrize("value", ["x", "0", "65536"])
async def test_a_wrong_port_of_the_environment_is_one_line_and_leaves_no_data_folder(
    variance: Variance, tmp_path: Path, name: str, option: str, value: str
) -> None:
    variance.environ[name] = value
    told = (await variance("up")).wrong_usage
    assert f"'{option}' (env var: '{name}'): " in told
    assert not (tmp_path / ".variance").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "loud"),
        ("DATABASE_URL", "mysql://x"),
        ("REDIS_URL", "redis://[::1:6379"),
        ("REDIS_URL", "redis://x/0?socket_timeout=abc"),
        ("ARQ_REDIS_URL", "redis+sentinel://x:1/m/abc"),
        ("MAX_BODY_BYTES", "-1"),
        ("DRAINS_AT_ONCE", "x"),
        ("WORKER_METRICS_HOST", "a..b"),
        ("PROMETHEUS_MULTIPROC_DIR", "/nowhere"),
        ("CONSOLE_SESSION_SECONDS", "0"),
    ],
)
async def test_a_wrong_value_for_any_of_the_processes_is_one_line_and_leaves_no_data_folder(
    variance: Variance, tmp_path: Path, name: str, value: str
) -> None:
    variance.environ |= {"WORKER_METRICS_PORT": str(free_port()), name: value}
    assert name in (await variance("up")).failure
    assert not (tmp_path / ".variance").exists()


def test_only_secrets_that_are_there_are_replaced(tmp_path: Path) -> None:
    kept = KeptSecrets(tmp_path)
    kept.replace("c", "new")
    assert not (tmp_path / "secrets.json").exists()
    kept.keep("c", "old")
    kept.replace("c", "new")
    kept.replace("d", "other")
    assert orjson.loads((tmp_path / "secrets.json").read_bytes()) == {"c": "new"}


async def post(curl_line: str) -> Any:
    """Run the line in a shell, as people do; where there is no curl, do as it would."""
    if shutil.which("curl"):
        process = await asyncio.create_subprocess_shell(f"{curl_line} -s", stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        return orjson.loads(out)
    _, _, credentials, _, _, _, body, url = shlex.split(curl_line)
    headers = {"Authorization": aiohttp.encode_basic_auth(credentials.rstrip(":"), "")}
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        return await answer.json()
