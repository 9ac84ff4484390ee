"""Settings from the environment: typed, read once by each process, and refused with the variable's name."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar, get_args, get_origin

import msgspec

from schemas.foreseen import ForeseenError
from schemas.url_rules import URL_VARIABLES, what_is_wrong

Positive = Annotated[int, msgspec.Meta(gt=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0.001, le=2_147_483)]
"""In whole milliseconds neither 0, which would be no limit at all, nor more than 31 bits take."""

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class SettingsError(ForeseenError):
    """A variable of the environment is missing or wrong; the text names it."""


class LogSettings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """What every process reads."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    redis_certificate: Literal["checked", "unchecked"] = "checked"


class WebSettings(LogSettings, frozen=True, kw_only=True, rename="upper"):
    """What a `web` process reads. Sizes in bytes, times in seconds."""

    redis_url: str
    host: str = "0.0.0.0"  # noqa: S104 (a platform's router reaches the process from outside)
    port: Port = 8080
    max_body_bytes: Positive = 16 * 1024 * 1024
    max_queued_messages: Positive = 5_000_000
    burst_messages_per_second: Positive = 200
    max_redis_memory_ratio: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.8
    redis_timeout_seconds: Seconds = 2.0
    max_open_sockets: Positive = 12_000
    max_bytes_in_flight: Positive = 256 * 1024 * 1024
    max_posts_under_load: Positive = 8
    header_timeout_seconds: Seconds = 10.0
    body_timeout_seconds: Seconds = 30.0
    keepalive_seconds: Seconds = 75.0
    shutdown_seconds: Seconds = 10.0


class WorkerSettings(LogSettings, frozen=True, kw_only=True, rename="upper"):
    """What a `worker` process reads. Times in seconds."""

    redis_url: str
    arq_redis_url: str | None = None
    database_url: str
    drains_at_once: Positive = 8
    drain_messages: Positive = 1000
    sweep_seconds: Seconds = 0.03
    shutdown_seconds: Seconds = 10.0
    redis_timeout_seconds: Seconds = 5.0
    statement_timeout_seconds: Seconds = 60.0
    worker_metrics_port: Port | None = None
    worker_metrics_host: str = "127.0.0.1"
    workspaces: Annotated[str, msgspec.Meta(pattern=r"[^,\s]")] | None = None

    @property
    def workspace_names(self) -> frozenset[str]:
        """Give the names of the workspaces to serve; none where all are."""
        return frozenset(name.strip() for name in (self.workspaces or "").split(",") if name.strip())

    @property
    def is_arq_apart(self) -> bool:
        """Tell whether arq's keys are on another Redis than the streams."""
        return self.arq_redis_url not in (None, self.redis_url)


class AlarmSettings(LogSettings, frozen=True, kw_only=True, rename="upper"):
    """The bounds beyond which `variance status` and the console raise an alarm.

    `alarm_oldest_seconds` is for the oldest message that waits; `alarm_dead_letters` for those that died within an
    hour.
    """

    alarm_oldest_seconds: Seconds = 60.0
    alarm_dead_letters: Positive = 100


class ConsoleSettings(AlarmSettings, frozen=True, kw_only=True, rename="upper"):
    """What a `console` process reads. Times in seconds.

    `console_url` is what its links begin with, where a proxy stands before it.
    """

    redis_url: str
    arq_redis_url: str | None = None
    database_url: str
    public_url: str = "http://127.0.0.1:8080"
    console_host: str = "127.0.0.1"
    console_port: Port = 8081
    console_url: str | None = None
    console_session_seconds: Seconds = 12 * 3600.0
    redis_timeout_seconds: Seconds = 5.0


_Settings = TypeVar("_Settings", bound=LogSettings)


def read_settings(kind: type[_Settings], environ: Mapping[str, str] | None = None) -> _Settings:
    """Read one process' settings. Raises SettingsError with the variable's name; never with its value."""
    given = dict(os.environ if environ is None else environ)
    given = {name: value for name, value in given.items() if value.strip()}
    if "LOG_LEVEL" in given:
        given["LOG_LEVEL"] = given["LOG_LEVEL"].lower()
    _check_required(kind, given)
    for field in msgspec.structs.fields(kind):
        _check(field.encode_name, field.type, given)
    if given.get("REDIS_CERTIFICATE") == "unchecked":
        redis_urls = {name: given[name] for name in ("REDIS_URL", "ARQ_REDIS_URL") if name in given}
        given |= {name: without_certificate_check(url) for name, url in redis_urls.items()}
    return msgspec.convert(given, kind, strict=False)


def without_certificate_check(redis_url: str) -> str:
    """Have redis-py take any certificate, as hosts ask for whose servers' are signed by themselves."""
    if not redis_url.startswith("rediss://"):
        return redis_url
    return f"{redis_url}{'&' if '?' in redis_url else '?'}ssl_cert_reqs=none"


def _check_required(kind: type[_Settings], given: Mapping[str, str]) -> None:
    for field in msgspec.structs.fields(kind):
        if field.required and field.encode_name not in given:
            message = f"{field.encode_name} is not set"
            raise SettingsError(message)


def _check(name: str, kind: object, given: Mapping[str, str]) -> None:
    value = given.get(name)
    if value is None:
        return
    wrong = what_is_wrong(name, value) if name in URL_VARIABLES else None
    if wrong is not None:
        raise SettingsError(f"{name} {wrong}")
    try:
        msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        choices = f"; it may be {', '.join(get_args(kind))}" if get_origin(kind) is Literal else ""
        message = f"{name} is wrong: {str(error)[0].lower()}{str(error)[1:]}{choices}"
        raise SettingsError(message) from None
