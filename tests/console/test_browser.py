"""The console in a real Chromium: the newcomer's way, hostile contents, the keyboard, and what keeps people out."""

import asyncio
import itertools
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, expect
from redis import Redis

from tests.console.browser import running_browser
from tests.console.running import Console, running_console
from tests.console.test_pages import EVIL, fill
from tests.journeys.messages import identify, track
from tests.sdks.conftest import NEWEST
from tests.sdks.test_sdks import run
from tests.system import System, running_system

pytestmark = pytest.mark.asyncio(loop_scope="module")

SDK_CALLS = Path(__file__).parents[1] / "sdks" / "python_calls.py"
DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=800)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
TABS = 2
FEW_ROWS = "() => document.querySelectorAll('tbody').forEach(b => [...b.rows].slice(4).forEach(row => row.remove()))"
"""Leaves of a table a few rows, the others are like them."""

LIGHT_AND_WIDTH = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"]
"""Those of axe's rules that another light or another width may break."""

RUN_AXE = """async (rules) => (
    await axe.run(document, {resultTypes: ["violations"], ...(rules && {runOnly: rules})})).violations
    .map(({id, nodes}) => `${id}: ${nodes.map(node => node.html.slice(0, 200)).join(" | ")}`)"""


@dataclass(slots=True)
class Stage:
    """One system, one console and one browser for the tests of this module."""

    system: System
    console: Console
    browser: Browser

    async def context(self, name: str = "ada", **options: Any) -> BrowserContext:
        """Give somebody a browser of their own in which they are signed in; anything odd in it fails the test."""
        context = await self.browser.new_context(**{"viewport": DESKTOP} | options)
        context.set_default_timeout(10_000)
        page = await context.new_page()
        await page.goto(await self.console.link(name))
        await page.get_by_role("button", name=f"Sign in as {name}").click()
        await expect(page.get_by_role("heading", name="Connections")).to_be_visible()
        return context


@pytest.fixture(scope="module")
def own_servers(valkey_url: str, postgres_url: str, template_url: str) -> Iterator[tuple[str, str]]:
    """An empty Valkey and a database for the module."""
    with Redis.from_url(valkey_url) as redis:
        redis.flushall()
        name, template = "console_in_a_browser", template_url.rpartition("/")[2]
        asyncio.run(_execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template}"))
        yield valkey_url, f"{postgres_url.rpartition('/')[0]}/{name}"
        asyncio.run(_execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))
        redis.flushall()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(own_servers: tuple[str, str]) -> AsyncIterator[Stage]:
    """Start everything."""
    redis_url, database_url = own_servers
    async with (
        running_browser() as browser,
        running_system(redis_url, database_url) as system,
        running_console(redis_url, database_url, public_url=system.base_url) as console,
    ):
        yield Stage(system, console, browser)


@pytest_asyncio.fixture(loop_scope="module")
async def page(stage: Stage) -> AsyncIterator[Page]:
    """Give an operator's page; no script may fail in it, and the policy may have nothing to refuse."""
    context = await stage.context()
    (page,) = context.pages
    troubles = watch(page)
    yield page
    await context.close()
    assert troubles == []


def watch(page: Page) -> list[str]:
    """Collect what goes wrong on a page: failing scripts, and what the policy refuses."""
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if is_trouble(said) else None)
    page.on("dialog", lambda dialog: troubles.append(dialog.message))
    return troubles


def is_trouble(said: ConsoleMessage) -> bool:
    """Tell trouble from what a page is said of that is not there, or of requests that a reader left behind."""
    is_left = said.text.startswith(("htmx:afterRequest", "htmx:sendError", "htmx:sendAbort"))
    return said.type == "error" and not is_left and "status of 404" not in said.text


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


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


async def test_everything_can_be_done_by_keyboard(stage: Stage, page: Page) -> None:
    async def tab_to(text: str) -> None:
        for _ in range(60):
            await page.keyboard.press("Tab")
            told = await page.evaluate("() => `${document.activeElement.innerText}|${document.activeElement.name}`")
            if text in told:
                return
        pytest.fail(f"{text} cannot be reached by the keyboard")

    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await tab_to("Add Connection")
    outline = await page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Add Connection")).to_be_visible()
    await tab_to("name")
    await page.keyboard.type("By keyboard")
    await tab_to("accounts")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await tab_to("Add Connection")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="By keyboard is ready")).to_be_focused()
    await tab_to("to the connection")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("E-mail domain")).to_be_visible()
    await tab_to("Disable")
    await page.keyboard.press("Enter")
    await tab_to("Disable By keyboard")
    await page.keyboard.press("Enter")
    await expect(page.locator(".head .state")).to_have_text("Disabled")
    await page.goto(f"{stage.console.base_url}/live")
    await tab_to("Pause")
    await page.keyboard.press("Space")
    await expect(page.locator("#live-state")).to_have_text("Paused")


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
    context = await stage.context(timezone_id="Asia/Tokyo", locale="en-GB")
    (page,) = context.pages
    await page.goto(f"{stage.console.base_url}/contacts?q=timely")
    time = page.get_by_role("row", name="Timely").locator("time").first
    await expect(time).to_have_text("4 Feb 2020")
    title = await time.get_attribute("title") or ""
    assert "08:30:00" in title
    assert "2020-02-03T23:30:00.000+00:00" in title
    await context.close()


@pytest.mark.timeout(300)  # a browser's work, which a busy machine does slowly
async def test_no_page_keeps_anybody_out_in_any_light_or_width_nor_runs_what_was_sent(stage: Stage, page: Page) -> None:
    await fill(stage.system)
    await stage.system.send(
        *(identify(n, userId=f"p{n}", traits={"name": f"Person {n}", "email": f"p{n}@acme.example"}) for n in range(8)),
    )
    base = stage.console.base_url
    pages = await paths_of_every_kind(page, base)
    assert len(pages) == 19, pages
    tabs = [page, *[await page.context.new_page() for _ in range(TABS - 1)]]
    faults = await asyncio.gather(*(faults_of(tab, base, pages[n::TABS]) for n, tab in enumerate(tabs)))
    assert [fault for found in faults for fault in found] == []


async def faults_of(page: Page, base: str, paths: list[str]) -> list[str]:
    """Give what would keep people out of these pages: all of it once, and in each light and width what they change."""
    faults: list[str] = []
    for path in paths:
        await page.goto(base + path)
        await page.evaluate(FEW_ROWS)
        await page.evaluate(AXE)
        for number, (scheme, viewport) in enumerate(itertools.product(SCHEMES, (DESKTOP, PHONE))):
            await page.emulate_media(color_scheme=scheme)
            await page.set_viewport_size(viewport)
            found = await page.evaluate(RUN_AXE, LIGHT_AND_WIDTH if number else None)
            faults += [f"{path} ({scheme}, {viewport['width']}): {fault}" for fault in found]
            is_wider = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
            if await page.evaluate(is_wider):
                faults.append(f"{path} is wider than {viewport['width']}")
    return faults


async def paths_of_every_kind(page: Page, base: str) -> list[str]:
    """Give a path of every kind of page, with the hostile contents where there are some."""
    paths = ["/", "/connections/new", "/connections/defaultmain", "/connections/defaultmain/rules", "/live",
             "/contacts", "/contacts?view=unmatched", "/contacts?q=nobody+is+called+so", "/accounts", "/audiences",
             "/queue", "/dead-letters", "/audit", "/nowhere"]  # fmt: skip
    for listing, pattern in [
        ("/contacts?q=alert", r"/contacts/\d+/"), ("/accounts?q=alert", r"/accounts/\d+/"),
        ("/audiences", "/audience[?]"), ("/dead-letters", r"/dead-letters/\d+"), ("/live?type=group", "/message[?]"),
    ]:  # fmt: skip
        await page.goto(base + listing)
        links = await page.locator("main a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
        found = [link for link in links if re.match(pattern, link)]
        assert found, (listing, links)
        paths.append(found[0])
    return paths


async def test_the_sign_in_page_keeps_nobody_out_and_hostile_names_are_only_text(stage: Stage) -> None:
    context = await stage.browser.new_context(viewport=PHONE)
    page = await context.new_page()
    troubles = watch(page)
    for path in (f"{stage.console.base_url}/sign-in", await stage.console.link(EVIL)):
        await page.goto(path)
        await page.evaluate(AXE)
        assert await page.evaluate(RUN_AXE) == []
    await page.get_by_role("button", name="Sign in as").click()
    await expect(page.get_by_text(f"Signed in as {EVIL}")).to_be_visible()
    assert troubles == []
    await context.close()
