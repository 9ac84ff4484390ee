"""Who gets in, and what a browser is bound to."""

import asyncio
import re

from tests.console.running import Console, add_user, running_console
from worker.console.passwords import hash_password

PASSWORD = "a long enough password"  # noqa: S105 (of nobody)
PAGES = (
    "/", "/connections/new", "/live", "/contacts", "/accounts", "/audiences", "/queue", "/dead-letters", "/audit",
)  # fmt: skip


async def test_nothing_is_shown_to_a_stranger(console: Console) -> None:
    stranger = console.stranger()
    for path in (*PAGES, "/message?connection=a&id=b", "/dead-letters/1", "/nowhere"):
        answer = await stranger.get(path)
        assert answer.status == 303
        assert answer.location.startswith("/sign-in?next=")
    assert (await stranger.get("/live/stream")).status == 401
    assert (await stranger.get("/queue", **{"HX-Request": "true"})).headers["HX-Redirect"] == "/sign-in"
    assert (await stranger.post("/connections", {"name": "x"})).status == 401


async def test_a_link_signs_in_once_and_looking_at_it_does_not_use_it_up(console: Console) -> None:
    stranger, second = console.stranger(), console.stranger()
    token = (await console.link()).partition("token=")[2]
    for _ in range(2):
        assert "Sign in as ada" in (await stranger.get(f"/sign-in?token={token}")).text
    answer = await stranger.enter({"token": token})
    assert (answer.status, answer.location) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert (await stranger.get("/")).status == 200
    assert (await second.enter({"token": token})).status == 410
    assert (await second.get("/")).status == 303
    assert await console.audited() == [("ada", "signed in", "console")]


async def test_a_link_is_not_good_for_ever(console: Console) -> None:
    token = (await console.link()).partition("token=")[2]
    await console.database.execute("UPDATE variance_data.sign_in_links SET expires_at = now()")
    assert (await console.stranger().enter({"token": token})).status == 410


async def test_a_password_opens_and_a_wrong_one_does_not(console: Console) -> None:
    await add_user(console.database, "ada", hash_password(PASSWORD))
    stranger = console.stranger()
    for name, password in [("ada", "something else!"), ("nobody", PASSWORD), ("ada", ""), ("", "")]:
        assert (await stranger.enter({"name": name, "password": password})).status == 403
    answer = await stranger.enter({"name": "ada", "password": PASSWORD, "next": "/live?type=track"})
    assert (answer.status, answer.location) == (303, "/live?type=track")
    assert (await stranger.get("/")).status == 200


async def test_signing_in_leads_nowhere_else(console: Console) -> None:
    await add_user(console.database, "ada", hash_password(PASSWORD))
    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:1"):
        answer = await console.stranger().enter({"name": "ada", "password": PASSWORD, "next": elsewhere})
        assert (answer.status, answer.location) == (303, "/")


async def test_a_wrong_password_keeps_the_page_that_one_wanted_and_no_other(console: Console) -> None:
    await add_user(console.database, "ada", hash_password(PASSWORD))
    stranger = console.stranger()
    asked = await stranger.get((await stranger.get("/live?type=track")).location)
    form = {"name": "ada", "password": "a wrong password", "next": asked.value("next")}
    refused = await stranger.post("/sign-in", form)
    assert (refused.status, refused.value("next")) == (403, "/live?type=track")
    elsewhere = await stranger.post("/sign-in", form | {"next": "//evil.example"})
    assert (elsewhere.status, elsewhere.value("next")) == (403, "/")
    answer = await stranger.enter({"name": "ada", "password": PASSWORD, "next": refused.value("next")})
    assert (answer.status, answer.location) == (303, "/live?type=track")


async def test_passwords_cannot_be_guessed_in_a_hurry(console: Console) -> None:
    await add_user(console.database, "ada", hash_password(PASSWORD))
    stranger = console.stranger()
    wrong = {"name": "ada", "password": "a wrong password"}
    answers = await asyncio.gather(*(stranger.post("/sign-in", wrong) for _ in range(12)))
    assert {answer.status for answer in answers} == {403, 429}
    assert (await stranger.post("/sign-in", {"name": "ada", "password": PASSWORD})).status == 429


async def test_who_signs_out_or_is_removed_or_waits_too_long_is_out(console: Console) -> None:
    ada, bea, cleo = [await console.operator(name) for name in ("ada", "bea", "cleo")]
    cookies = {cookie.key: cookie.value for cookie in ada.http.cookie_jar}
    assert (await ada.post("/sign-out")).status == 303
    ada.http.cookie_jar.update_cookies(cookies)  # the token itself is dead, not only forgotten
    assert (await ada.get("/")).status == 303
    await console.database.execute("DELETE FROM variance_data.console_users WHERE name = 'bea'")
    assert (await bea.get("/")).status == 303
    await console.database.execute("UPDATE variance_data.console_sessions SET expires_at = now()")
    assert (await cleo.get("/")).status == 303


async def test_whoever_goes_on_working_stays_signed_in_however_short_a_session_is(
    redis_url: str, database_url: str
) -> None:
    async with running_console(redis_url, database_url, console_session_seconds=300) as console:
        ada = await console.operator()
        await console.database.execute(
            "UPDATE variance_data.console_sessions SET expires_at = now() + interval '1 minute'"
        )
        assert (await ada.get("/")).status == 200
        assert await console.database.fetchval(
            "SELECT expires_at > now() + interval '4 minutes' FROM variance_data.console_sessions"
        )


async def test_the_database_has_neither_tokens_nor_passwords(console: Console) -> None:
    await add_user(console.database, "bea", hash_password(PASSWORD))
    ada = await console.operator()
    link = await console.link()
    tables = ("console_users", "console_sessions", "sign_in_links", "audit_log")
    rows = [await console.database.fetch(f"SELECT * FROM variance_data.{table}") for table in tables]  # noqa: S608
    kept = repr(rows)
    (cookie,) = ada.http.cookie_jar
    assert "$argon2id$" in kept
    assert PASSWORD not in kept
    assert cookie.value not in kept
    assert link.partition("token=")[2] not in kept


async def test_a_change_needs_the_sessions_token_and_our_own_origin(console: Console) -> None:
    ada, bea = await console.operator("ada"), await console.operator("bea")
    form = {"name": "x", "accounts": "group"}
    assert (await ada.post("/connections", form | {"csrf": ""})).status == 403
    assert (await ada.post("/connections", form | {"csrf": bea.csrf})).status == 403
    assert (await ada.post("/connections", form, Origin="https://evil.example")).status == 403
    assert (await ada.post("/connections", form, Origin="null")).status == 403
    async with ada.http.post(f"{ada.base_url}/connections", data=form | {"csrf": ada.csrf}) as answer:
        assert answer.status == 403  # no browser leaves the origin out
    assert await console.database.fetchval("SELECT count(*) FROM variance_data.connections") == 0
    assert (await ada.post("/connections", form)).status == 200


async def test_every_answer_binds_the_browser(console: Console) -> None:
    ada = await console.operator()
    for path in (*PAGES, "/sign-in", "/nowhere", "/static/console.css"):
        headers = (await ada.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"https?:|\*|data:", policy)
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert (await ada.get("/")).headers["Cache-Control"] == "no-store"


async def test_no_page_has_inline_script_or_style_or_an_address_outside(console: Console) -> None:
    ada = await console.operator()
    for path in (*PAGES, "/sign-in"):
        text = (await ada.get(path)).text
        assert not re.search(r"<style|<script(?! src=\"/static/)|\sstyle=|\son\w+=|javascript:", text), path
        assert not re.search(r'(?:src|href|action)="(?!/|#|\?)', text), path


async def test_behind_https_the_cookie_is_secure(redis_url: str, database_url: str) -> None:
    outside = "https://console.example"
    async with running_console(redis_url, database_url, console_url=outside) as console:
        token = (await console.link()).partition("token=")[2]
        answer = await console.stranger().post("/sign-in", {"token": token}, Origin=outside)
        assert answer.headers["Set-Cookie"].startswith("__Host-variance=")
        assert "Secure" in answer.headers["Set-Cookie"]


async def test_it_says_so_where_redis_is_away(database_url: str) -> None:
    async with running_console("redis://127.0.0.1:1/0", database_url) as console:
        ada = await console.operator()
        answer = await ada.get("/queue")
        assert answer.status == 200
        assert "Redis cannot be used" in answer.text
