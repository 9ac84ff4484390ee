"""Structured logs on standard error: JSON lines, or coloured text on a terminal. Ids only, never payloads."""

import asyncio
import logging
import sys
from types import TracebackType
from typing import Any

import structlog

_LOG: structlog.stdlib.BoundLogger = structlog.get_logger()


class _WithoutTexts(structlog.tracebacks.ExceptionDictTransformer):
    """Describes an exception by its type and where it was raised: its text may hold what a message says."""

    def __init__(self) -> None:
        super().__init__(show_locals=False)

    def __call__(self, exc_info: Any) -> list[dict[str, Any]]:
        return [_without_text(stack) for stack in super().__call__(exc_info)]


def _without_text(stack: dict[str, Any]) -> dict[str, Any]:
    return {
        "exc_type": stack["exc_type"],
        "is_cause": stack["is_cause"],
        "frames": [f"{frame['filename']}:{frame['lineno']} {frame['name']}" for frame in stack["frames"]],
        "exceptions": [[_without_text(each) for each in stacks] for stacks in stack.get("exceptions", ())],
    }


def set_up_logs(level: str) -> None:
    """Send structlog's and the standard library's records through one chain, at `level` and above."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", key="logged_at"),
        structlog.processors.ExceptionRenderer(_WithoutTexts()),
    ]
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.getLogger("arq").setLevel(logging.WARNING)  # a line for each job, with its arguments
    sys.excepthook = _log_end


def log_unhandled(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what an event loop has nobody to tell. Its own handler writes down the texts of exceptions."""
    _LOG.error("unhandled in the event loop", context=context["message"], exc_info=context.get("exception"))


def _log_end(_: type[BaseException], failure: BaseException, __: TracebackType | None) -> None:
    _LOG.critical("process failed", exc_info=failure)
