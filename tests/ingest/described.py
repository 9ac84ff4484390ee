"""Requests made from the service's own description, and answers compared with it, over real HTTP.

`python -m tests.ingest.described --examples 1000` does so at length, on every spelling of every path.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import click
import requests
import schemathesis
import structlog
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Err
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import negative_data_rejection

from tests.ingest.edge import CONNECTION, SECRET, basic
from tests.ingest.threaded import edge_on_a_thread
from worker.embedded.valkey import EmbeddedValkey

Operation: TypeAlias = APIOperation[Any, Any, Any, Any]

_JUDGED_ONE_BY_ONE = ("/batch", "/import", "/b", "/webhook/{connection_id}")
"""Paths on which a wrong message among others is answered with 200, and becomes a dead letter."""


def operations(url: str) -> Iterator[Operation]:
    """Give every operation of the description that is served at this URL, once it is known to be OpenAPI."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    schema.validate()
    for found in schema.get_all_operations():
        if isinstance(found, Err):
            raise found.err()
        yield found.ok()


def try_out(operation: Operation, examples: int) -> Counter[int]:
    """Send requests that fit an operation and some that do not; give how often each status was answered.

    Raises where an answer is not what the description says, is of our own trouble, refuses what fits, or accepts
    what does not fit.
    """
    statuses: Counter[int] = Counter()
    is_lenient = operation.path.removesuffix("/").endswith(_JUDGED_ONE_BY_ONE)
    with requests.Session() as session:

        def send(case: Case[Any]) -> None:
            if case.path_parameters and case.meta is not None and case.meta.generation.mode.is_positive:
                case.path_parameters["connection_id"] = CONNECTION.id
            answer = case.call_and_validate(
                session=session,
                headers=basic(SECRET),
                excluded_checks=[negative_data_rejection] if is_lenient else [],
                timeout=20,
            )
            statuses[answer.status_code] += 1

        for mode in _modes(operation):
            bounds = settings(
                max_examples=examples, derandomize=True, deadline=None, database=None,
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            bounds(given(case=operation.as_strategy(generation_mode=mode))(send))()
    return statuses


def _modes(operation: Operation) -> list[GenerationMode]:
    """Give what can be made: where everything fits, nothing can be made that does not."""
    is_choosy = operation.method == "post" and operation.path.strip("/").rpartition("/")[2] != "m"
    return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if is_choosy else [GenerationMode.POSITIVE]


@click.command()
@click.option("--examples", default=1000, show_default=True, help="Of each operation, fitting and not.")
def main(examples: int) -> None:
    """Try out every operation at length."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    with tempfile.TemporaryDirectory() as directory:
        valkey = EmbeddedValkey(Path(directory))
        try:
            with edge_on_a_thread(valkey.start()) as caller:
                for operation in operations(caller.url):
                    started_at = time.monotonic()
                    statuses = try_out(operation, examples)
                    counts = ", ".join(f"{count} of {status}" for status, count in sorted(statuses.items()))
                    click.echo(f"{operation.label:40} {counts} in {time.monotonic() - started_at:.1f} s")
        finally:
            valkey.stop()


if __name__ == "__main__":
    main()
