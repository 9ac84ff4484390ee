"""The console in a real Chromium: the newcomer's way, live pages, two operators, times."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.console.stage import Stage
from tests.journeys.messages import identify, track
from tests.sdks.conftest import NEWEST
from tests.sdks.test_sdks import run

pytestmark = pytest.mark.asyncio(loop_scope="module")

SDK_CALLS = Path(__file__).parents[1] / "sdks" / "python_calls.py"


async def test_a_newcomer_adds_a_connection_and_sees_a_real_sdks_messages_arrive(
    stage: Stage, page: Page, python_sdk: Callable[[str], Path]
) -> None:
    await page.get_by_role("link", name="Add Connection").first.click()
    await page.get_by_label("Name", exact=True).fill("Web app")
    await page.get_by_label("Identify with custom traits").check()
    await expect(page.get_by_label("Account ID trait")).to_be_visible()
    await expect(page.locator("#preview")).to_contain_text("userId123 would be in the account Awesome Inc.")
    await page.get_by_label("Account ID trait").fill("org.id")
    await page.get_by_label("Try it").fill('{"userId": "u9", "traits": {"org": {"id": "o-1"}}}')
    await expect(page.locator("#preview")).to_contain_text("u9 would be in the account o-1")
    await page.get_by_label("Group", exact=False).first.check()
    await expect(page.get_by_label("Account ID trait")).to_be_hidden()
    await page.get_by_role("button", name="Add Connection").click()
    await expect(page.get_by_role("heading", name="Web app is ready")).to_be_focused()
    secret = await page.locator("#secret").inner_text()
    assert (await page.locator("#webhook-url").inner_text()).startswith(f"{stage.system.base_url}/webhook/")
    await expect(page.locator("#light")).to_contain_text("Waiting for the first message")
    assert page.url.endswith(await page.locator("[data-place]").get_attribute("data-place") or "?")

    folder = await asyncio.to_thread(python_sdk, NEWEST)
    sdk = (sys.executable, str(SDK_CALLS), str(folder), stage.system.base_url, secret, "plain")
    await run(*sdk)
    await expect(page.locator("#light")).to_contain_text("It works")

    await page.locator("#light").get_by_role("link", name="Live").click()
    await expect(page.locator("#live tbody tr")).to_have_count(7)
    await expect(page.locator("#live-state")).to_have_text("Following")
    await run(*sdk)
    await expect(page.locator("#live tbody tr")).to_have_count(14)
    await page.get_by_role("link", name="Report Viewed").first.click()
    await expect(page.locator(".open-row")).to_contain_text('"event": "Report Viewed"')
    await page.locator(".open-row").get_by_role("link", name="ada@acme.example").click()
    await expect(page.get_by_role("heading", name="ada@acme.example")).to_be_visible()
    await page.locator("main .head").get_by_role("link", name="Acme").click()
    await expect(page.get_by_role("heading", name="Acme")).to_be_visible()
    await expect(page.get_by_role("group", name="People")).to_contain_text("ada@acme.example")
    await expect(page.locator(".plot canvas")).to_be_visible()


async def test_a_burst_does_not_drown_live_and_a_pause_holds_it(stage: Stage, page: Page) -> None:
    await page.goto(f"{stage.console.base_url}/live")
    await expect(page.locator("#live-state")).to_have_text("Following")
    for _ in range(3):
        await stage.system.send(*(track(f"Burst {n}", userId=f"b{n % 7}") for n in range(1000)))
    await expect(page.locator("#live-state")).to_contain_text("a sample is shown")
    assert await page.locator("#live tbody tr").count() <= 200
    await page.get_by_role("button", name="Pause").click()
    await stage.system.send(track("While paused", userId="b1"))
    other = await page.context.new_page()
    await other.goto(page.url)
    await expect(other.locator("#live tbody")).to_contain_text("While paused")
    await expect(page.locator("#live tbody")).not_to_contain_text("While paused")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.locator("#live tbody")).to_contain_text("While paused")
    await stage.system.send(track("After the pause", userId="b1"))
    await expect(page.locator("#live tbody")).to_contain_text("After the pause")


async def test_two_operators_at_once_see_each_others_changes(stage: Stage, page: Page) -> None:
    other = await stage.context("bea")
    (theirs,) = other.pages
    for one in (page, theirs):
        await one.goto(f"{stage.console.base_url}/connections/defaultmain")
        await one.get_by_text("Rotate the secret…").click()
    await page.get_by_role("button", name="Make a new secret").click()
    await expect(page.get_by_text("It is shown this once.", exact=False).first).to_be_visible()
    stage.system.secrets["defaultmain"] = await page.locator("#secret").inner_text()
    await theirs.get_by_role("button", name="Make a new secret").click()
    await expect(theirs.get_by_role("alert")).to_contain_text("Somebody else changed main")
    await other.close()


async def test_times_are_the_readers_with_the_exact_one_on_hover(stage: Stage) -> None:
    await stage.system.send(identify(userId="timely", timestamp="2020-02-03T23:30:00.000Z", traits={"name": "Timely"}))
    await stage.console.until_words_are_read()
    context = await stage.context(timezone_id="Asia/Tokyo", locale="en-GB")
    (page,) = context.pages
    await page.goto(f"{stage.console.base_url}/contacts?q=timely")
    time = page.get_by_role("row", name="Timely").locator("time").first
    await expect(time).to_have_text("4 Feb 2020")
    title = await time.get_attribute("title") or ""
    assert "08:30:00" in title
    assert "2020-02-03T23:30:00.000+00:00" in title
    await context.close()
