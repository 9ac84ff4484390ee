import json
import re
from importlib.resources import files

import asyncpg
from click.testing import CliRunner
from prometheus_client import CollectorRegistry, generate_latest

from schemas.partitions import NEVER_CHANGED
from schemas.redis_client import RedisClient
from schemas.settings import AlarmSettings
from tests.console.running import Console
from tests.monitoring.exposed import names_of, samples_of
from tests.system import System
from tests.waiting import eventually
from worker.alarms import CODES
from worker.cli.program import program
from worker.console.queue_metrics import QueueMetrics
from worker.drain_metrics import DrainMetrics
from worker.store.status import count_worker_sessions

RULES = files("worker.monitoring").joinpath("alert_rules.yml").read_text()
DASHBOARD = files("worker.monitoring").joinpath("grafana_dashboard.json").read_text()
NAME = re.compile(r"\b(?:variance|process)_[a-z_]+")


def expressions() -> list[str]:
    rules = re.findall(r"^ +expr: (.+)$", RULES, re.MULTILINE)
    targets = [target["expr"] for panel in json.loads(DASHBOARD)["panels"] for target in panel["targets"]]
    return [*rules, *targets]


async def test_whatever_the_dashboard_and_the_rules_ask_for_is_exposed(console: Console, system: System) -> None:
    exposed: set[str] = set()

    async def is_depth_told() -> bool:
        async with system.http.get(f"{system.base_url}/metrics") as answer:
            exposed.update(names_of(await answer.text()))
        return "variance_queued_messages" in exposed

    await eventually(is_depth_told, "the depth of the queue to be told")
    exposed |= names_of((await console.stranger().get("/metrics")).text)
    registry = CollectorRegistry()
    DrainMetrics(registry)
    exposed |= names_of(generate_latest(registry).decode())
    asked = {name for expression in expressions() for name in NAME.findall(expression)}
    assert asked <= exposed, asked - exposed


def test_the_rules_know_every_alarm() -> None:
    codes = {code for text in re.findall(r'code=~?"([a-z_|]+)"', RULES) for code in text.split("|")}
    assert codes == set(CODES)


async def test_the_console_tells_of_the_whole_queue_without_a_sign_in(console: Console, system: System) -> None:
    async def has_no_worker_left() -> bool:
        return await count_worker_sessions(system.database) == 0

    await system.send({"type": "x", "messageId": "bad"}, {"type": "track", "userId": "u", "event": "E"})
    await system.stop_worker()
    await eventually(has_no_worker_left, "Postgres to have seen the worker off")
    await system.redis.delete("arq:queue:health-check")  # or it lapses after eleven seconds
    await system.post("/webhook/defaultmain", [{"type": "track", "userId": "u", "event": "E"}], "defaultmain")
    answer = await console.stranger().get("/metrics")
    samples = samples_of(answer.text)
    ledger = {labels: value for (name, labels), value in samples.items() if name == "variance_ledger_messages"}
    assert ledger == {
        "outcome=applied": 1, "outcome=duplicate": 0, "outcome=suppressed": 0, "outcome=dead": 1, "outcome=pending": 1,
    }  # fmt: skip
    assert samples["variance_dead_letters_waiting", "reason=unknown_type"] == 1
    entries = [value for (name, _), value in samples.items() if name == "variance_queue_entries"]
    ages = [value for (name, _), value in samples.items() if name == "variance_queue_oldest_age_seconds"]
    assert (len(entries), sum(entries), len(ages)) == (NEVER_CHANGED.most, 1, NEVER_CHANGED.most)
    assert 0 < max(ages) < 60
    assert samples["variance_alarm", "code=no_worker"] == 1
    assert sum(value for (name, _), value in samples.items() if name == "variance_alarm") == 1
    assert "main" not in answer.text.replace("domain", "")


async def test_the_console_goes_on_telling_what_it_can_while_postgres_is_away(redis_url: str) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    pool = await asyncpg.create_pool(nowhere, min_size=0)
    async with RedisClient(redis_url, timeout_seconds=5.0, max_connections=4) as redis:
        answer = await QueueMetrics(pool, redis, None, AlarmSettings()).answer()
    await pool.close()
    samples = samples_of(str(answer.text))
    raised = {labels for (name, labels), value in samples.items() if name == "variance_alarm" and value}
    assert raised == {"code=postgres_unreachable"}
    assert ("variance_queue_entries", "partition=p00") in samples
    assert not any(name == "variance_ledger_messages" for name, _ in samples)


def test_both_are_printed_as_they_are() -> None:
    for word, text in (("dashboard", DASHBOARD), ("alerts", RULES)):
        printed = CliRunner().invoke(program, ["monitoring", word])
        assert (printed.exit_code, printed.output) == (0, text)
