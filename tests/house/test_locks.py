"""The lock files: nothing is installed that is not known by its hash, from wherever it is fetched."""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).parents[2]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text())
_EXTRAS = {"requirements.lock": ["embedded"], "requirements-test.lock": ["embedded", "tracing", "test"]}
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


class Pin(NamedTuple):
    version: str
    hashes: set[str]


def pins_of(lock: str) -> dict[str, Pin]:
    """Give a lock file's pins by name; fail for a line that is anything else."""
    text = "\n".join(line for line in (_ROOT / lock).read_text().splitlines() if not line.startswith("#"))
    pins: dict[str, Pin] = {}
    for line in text.replace("\\\n", " ").splitlines():
        requirement, *options = re.split(r"\s+(?=--)", line.strip())
        parsed = Requirement(requirement)
        (specifier,) = parsed.specifier
        assert (specifier.operator, parsed.url) == ("==", None), line
        assert all(map(_HASH.fullmatch, options)), parsed.name
        pins[canonicalize_name(parsed.name)] = Pin(specifier.version, set(options))
    return pins


@pytest.mark.parametrize("lock", _EXTRAS)
def test_each_pin_has_its_hashes_and_nothing_says_from_where(lock: str) -> None:
    assert all(pin.hashes for pin in pins_of(lock).values())
    assert not re.search(r"://|--(?:extra-)?index|--find-links", (_ROOT / lock).read_text())


@pytest.mark.parametrize("lock", _EXTRAS)
def test_the_pins_are_what_the_project_asks_for_and_what_builds_it(lock: str) -> None:
    project, extras = _PROJECT["project"], _PROJECT["project"]["optional-dependencies"]
    wanted = [*project["dependencies"], *_PROJECT["dependency-groups"]["build"], *_PROJECT["build-system"]["requires"]]
    wanted += [requirement for extra in _EXTRAS[lock] for requirement in extras[extra]]
    pins = pins_of(lock)
    for requirement in map(Requirement, wanted):
        assert pins[canonicalize_name(requirement.name)].version in requirement.specifier, requirement


def test_the_tests_run_on_the_very_packages_that_are_run() -> None:
    pins, test_pins = pins_of("requirements.lock"), pins_of("requirements-test.lock")
    assert pins.items() <= test_pins.items()
    # The build needs `packaging`, too, and the migrations' library sqlglot.
    extra = map(Requirement, _PROJECT["project"]["optional-dependencies"]["test"])
    assert pins.keys() & {canonicalize_name(requirement.name) for requirement in extra} <= {"packaging", "sqlglot"}
