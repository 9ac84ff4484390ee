import json
import re
from importlib.resources import files

from click.testing import CliRunner
from prometheus_client import CollectorRegistry, generate_latest

from tests.console.running import Console
from tests.monitoring.exposed import names_of
from tests.system import System, eventually
from worker.alarms import CODES
from worker.cli.program import program
from worker.drain_metrics import DrainMetrics

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


def test_both_are_printed_as_they_are() -> None:
    for word, text in (("dashboard", DASHBOARD), ("alerts", RULES)):
        printed = CliRunner().invoke(program, ["monitoring", word])
        assert (printed.exit_code, printed.output) == (0, text)
