import pytest

from schemas.settings import ConsoleSettings, SettingsError, WebSettings, WorkerSettings, read_settings
from worker.store.database import server_settings

SERVERS = {"REDIS_URL": "redis://x", "DATABASE_URL": "postgres://x"}


@pytest.mark.parametrize("name", ["STATEMENT_TIMEOUT_SECONDS", "SWEEP_SECONDS"])
@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e10", "0.0005", "0", "-1", "soon"])
def test_a_time_that_is_none_or_too_short_or_too_long_is_refused_with_the_variables_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is wrong: .*$"):
        read_settings(WorkerSettings, SERVERS | {name: value})


@pytest.mark.parametrize("value", ["0.001", "2147483"])
def test_a_time_that_is_allowed_is_one_for_postgres_too(value: str) -> None:
    settings = read_settings(WorkerSettings, SERVERS | {"STATEMENT_TIMEOUT_SECONDS": value})
    given = server_settings("worker", settings.statement_timeout_seconds)
    assert all(0 < int(given[name]) < 2**31 for name in ("statement_timeout", "lock_timeout"))


def test_postgres_ends_a_frozen_process_transaction_after_at_most_fifteen_seconds() -> None:
    assert 0 < int(server_settings("worker", 3600)["idle_in_transaction_session_timeout"]) <= 15_000


@pytest.mark.parametrize("name", ["PUBLIC_URL", "CONSOLE_URL"])
@pytest.mark.parametrize("end", ["?", "?a=1", "#", "in/#b"])
def test_a_url_that_paths_are_put_behind_has_no_query_and_no_fragment(name: str, end: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} must have no query and no fragment"):
        read_settings(ConsoleSettings, SERVERS | {name: f"https://x.example/{end}"})


def test_a_url_that_paths_are_put_behind_may_have_a_path_itself() -> None:
    assert read_settings(ConsoleSettings, SERVERS | {"PUBLIC_URL": "https://x.example/in/"}).public_url.endswith("/in/")


def test_certificates_are_unchecked_of_each_redis_and_one_redis_named_twice_stays_one() -> None:
    urls = {"REDIS_URL": "rediss://x", "ARQ_REDIS_URL": "rediss://y", "REDIS_CERTIFICATE": "unchecked"}
    assert read_settings(WebSettings, urls).redis_url == "rediss://x?ssl_cert_reqs=none"
    settings = read_settings(WorkerSettings, SERVERS | urls)
    assert settings.arq_redis_url == "rediss://y?ssl_cert_reqs=none"
    assert settings.is_arq_apart

    same = read_settings(WorkerSettings, SERVERS | urls | {"ARQ_REDIS_URL": "rediss://x"})
    assert not same.is_arq_apart
