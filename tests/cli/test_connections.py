import re
from datetime import UTC, datetime, timedelta

from schemas.connection import secret_sha256
from tests.cli.command import Variance
from tests.publishing import publishing_held
from tests.system import System
from tests.waiting import eventually

MESSAGE = {"type": "identify", "userId": "u"}


async def test_an_added_connection_is_printed_with_its_secret_and_webhook_url(variance: Variance) -> None:
    made = (await variance("connections", "add", "app", "--json", PUBLIC_URL="https://in.company.example/")).json
    assert list(made) == ["id", "name", "workspace", "accounts", "webhook_url", "secret"]
    assert re.fullmatch(r"[a-z0-9]{12}", made["id"])
    assert len(made["secret"]) == 43
    assert (made["name"], made["workspace"], made["accounts"]) == ("app", "default", "group")
    assert made["webhook_url"] == f"https://in.company.example/webhook/{made['id']}"


async def test_an_added_connection_is_opened_by_its_secret_at_once(system: System, variance: Variance) -> None:
    made = (await variance("connections", "add", "app", "--workspace", "acme", "--json")).json
    system.secrets[made["id"]] = made["secret"]
    await system.send(MESSAGE | {"messageId": "m"}, connection=made["id"])
    assert await system.rows("contacts", "workspace, external_id") == [("acme", "u")]


async def test_the_account_options_decide_how_accounts_are_found(system: System, variance: Variance) -> None:
    made = (
        await variance(
            "connections", "add", "api", "--accounts", "traits", "--account-id-trait", "org.key",
            "--account-name-trait", "org.label", "--no-email-fallback", "--exclude-domain", "Own.example", "--json",
            "--exclude-domain", "xn--bcher-kva.example", "--include-domain", "BÜCHER.example.",
        )
    ).json  # fmt: skip
    system.secrets[made["id"]] = made["secret"]
    traits = {"org": {"key": "K", "label": "L"}, "email": "a@company.example"}
    await system.send(MESSAGE | {"traits": traits}, connection=made["id"])
    assert await system.rows("accounts", "source, key, name") == [("traits", "K", "L")]
    (listed,) = [row for row in (await variance("connections", "list", "--json")).json if row["name"] == "api"]
    assert listed["excluded_domains"] == ["bücher.example", "own.example"]
    assert listed["included_domains"] == ["bücher.example"]


async def test_a_secret_is_stored_as_its_digest_only(system: System, variance: Variance) -> None:
    secret = (await variance("connections", "add", "app", "--json")).json["secret"]
    row = await system.database.fetchrow("SELECT * FROM variance_data.connections WHERE name = 'app'")
    assert secret not in repr(row)
    assert secret not in repr(await system.redis.hgetall("variance:connections"))  # type: ignore[misc]
    assert secret not in (await variance("connections", "list", "--json")).out


async def test_a_name_that_is_taken_in_its_workspace_is_refused(variance: Variance) -> None:
    await variance("connections", "add", "app")
    assert "choose another name" in (await variance("connections", "add", "app")).failure
    assert (await variance("connections", "add", "app", "--workspace", "other")).exit_code == 0
    assert len((await variance("connections", "list", "--json")).json) == 2
    assert len((await variance("connections", "list", "--json", "--workspace", "other")).json) == 1


async def test_both_secrets_open_a_connection_while_they_overlap(system: System, variance: Variance) -> None:
    rotated = (await variance("connections", "rotate-secret", "main", "--overlap", "30m", "--json")).json
    assert await system.post("/webhook/defaultmain", MESSAGE, "defaultmain") == 200
    system.secrets["defaultmain"] = rotated["secret"]
    assert await system.post("/webhook/defaultmain", MESSAGE, "defaultmain") == 200
    assert rotated["old_secret_expires_at"].endswith("Z")


async def test_the_old_secret_lives_on_for_a_day_unless_it_is_told_otherwise(variance: Variance) -> None:
    await variance("connections", "add", "app")
    rotated = (await variance("connections", "rotate-secret", "app", "--json")).json
    ahead = datetime.fromisoformat(rotated["old_secret_expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=23) < ahead < timedelta(hours=25)


async def test_without_an_overlap_the_old_secret_ends_at_once(system: System, variance: Variance) -> None:
    version = await system.redis.get("variance:connections:version")
    rotated = (await variance("connections", "rotate-secret", "main", "--overlap", "0", "--json")).json
    assert await system.redis.get("variance:connections:version") != version
    old = system.secrets["defaultmain"]
    system.secrets["defaultmain"] = rotated["secret"]
    assert await system.post("/webhook/defaultmain", MESSAGE, "defaultmain") == 200
    system.secrets["defaultmain"] = old
    assert await system.post("/webhook/defaultmain", MESSAGE, "defaultmain") == 401


async def test_a_disabled_connection_refuses_until_it_is_enabled(system: System, variance: Variance) -> None:
    async def answers(status: int) -> bool:
        return await system.post("/webhook/defaultmain", MESSAGE, "defaultmain") == status

    assert (await variance("connections", "disable", "main", "--json")).json["enabled"] is False
    await eventually(lambda: answers(401), "posts to be refused")
    assert (await variance("connections", "enable", "main")).exit_code == 0
    await eventually(lambda: answers(200), "posts to be accepted")


async def test_a_name_in_several_workspaces_needs_the_workspace(variance: Variance) -> None:
    for workspace in ("one", "two"):
        await variance("connections", "add", "app", "--workspace", workspace)
    assert "one, two" in (await variance("connections", "disable", "app")).wrong_usage
    assert (await variance("connections", "disable", "app", "--workspace", "two")).exit_code == 0
    enabled = {found["workspace"]: found["enabled"] for found in (await variance("connections", "list", "--json")).json}
    assert enabled == {"one": True, "two": False}


async def test_a_name_that_is_not_there_is_told(variance: Variance) -> None:
    for command in ("rotate-secret", "disable", "enable"):
        assert "there is no connection 'nobody'" in (await variance("connections", command, "nobody")).failure


async def test_a_change_is_kept_while_redis_is_down(variance: Variance) -> None:
    ended = await variance("connections", "add", "app", "--json", REDIS_URL="redis://127.0.0.1:1")
    assert ended.json["name"] == "app"
    assert "the change is kept, and a worker will publish it" in ended.err
    assert len((await variance("connections", "list", "--json")).json) == 1


async def test_a_secret_is_printed_though_publishing_it_fails(
    system: System, variance: Variance, database_url: str
) -> None:
    await system.stop_worker()  # it publishes, too
    for words in (["add", "app"], ["rotate-secret", "app", "--overlap", "0"]):
        async with publishing_held(database_url):
            ended = await variance("connections", *words, "--json")
        assert "a worker will publish it to Redis, which failed now: Postgres: " in ended.err
        kept = await system.database.fetchval("SELECT secret_sha256 FROM variance_data.connections WHERE name = 'app'")
        assert secret_sha256(ended.json["secret"]) == kept
    await system.start_worker()
    system.secrets[ended.json["id"]] = ended.json["secret"]

    async def is_known() -> bool:
        return await system.post(f"/webhook/{ended.json['id']}", MESSAGE, ended.json["id"]) == 200

    await eventually(is_known, "a worker to publish the connection")


async def test_wrong_usage_is_exit_code_two(variance: Variance) -> None:
    for words in (
        ["add"],
        ["add", " "],
        ["add", "a\nb"],
        ["add", "app", "--accounts", "magic"],
        ["rotate-secret", "app", "--overlap", "soon"],
    ):
        assert (await variance("connections", *words)).wrong_usage
