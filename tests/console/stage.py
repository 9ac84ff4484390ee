"""One system, one console and one browser, for the tests that look at the console as people do."""

from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, expect

from tests.console.running import Console
from tests.system import System

DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=800)


@dataclass(slots=True)
class Stage:
    """What a module's tests share."""

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
