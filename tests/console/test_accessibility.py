"""The console in a real Chromium: what keeps people out of its pages, the keyboard, and hostile contents."""

import asyncio
import itertools
import re
from importlib.resources import files
from typing import Literal

import pytest
from playwright.async_api import Page, expect

from tests.console.stage import DESKTOP, PHONE, Stage, watch
from tests.console.test_pages import EVIL, fill
from tests.journeys.messages import identify

pytestmark = pytest.mark.asyncio(loop_scope="module")

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


@pytest.mark.timeout(300)  # a browser's work, which a busy machine does slowly
async def test_no_page_keeps_anybody_out_in_any_light_or_width_nor_runs_what_was_sent(stage: Stage, page: Page) -> None:
    await fill(stage.system)
    await stage.console.until_words_are_read()
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
