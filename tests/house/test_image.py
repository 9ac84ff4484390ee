"""What `.dockerignore` lets into an image is what the project is built of, and nothing else."""

import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_INSTALLED_BY = {"pyproject.toml", "requirements.lock"}


def test_an_image_gets_what_the_project_is_built_of_and_no_secret_or_history() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    built_of = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"]}
    lines = [line for line in (_ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == built_of | _INSTALLED_BY
