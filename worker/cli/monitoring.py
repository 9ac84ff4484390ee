"""`variance monitoring`: what Grafana and Prometheus need to watch the system."""

from importlib.resources import files

import click


@click.group()
def monitoring() -> None:
    """Print a dashboard for Grafana, or rules for Prometheus' alerts."""


@monitoring.command()
def dashboard() -> None:
    """Print the dashboard, to be imported into Grafana."""
    click.echo(_text("grafana_dashboard.json"), nl=False)


@monitoring.command()
def alerts() -> None:
    """Print the rules, for a file that Prometheus' `rule_files` names."""
    click.echo(_text("alert_rules.yml"), nl=False)


def _text(name: str) -> str:
    return files("worker.monitoring").joinpath(name).read_text()
