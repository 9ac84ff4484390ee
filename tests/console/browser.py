"""A headless Chromium: the machine's own, or else the one that Playwright keeps."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

WITHOUT_BROWSER = os.environ.get("VARIANCE_TESTS_WITHOUT_BROWSER", "") not in ("", "0")
"""Whoever has no browser leaves these tests out by saying so; otherwise they fail."""

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """Start a Chromium. Skips the test where browsers are to be left out."""
    if WITHOUT_BROWSER:
        pytest.skip("VARIANCE_TESTS_WITHOUT_BROWSER is set")
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    async with async_playwright() as playwright:
        # Root, and containers, have no sandbox; the only pages are our own.
        browser = await playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            await browser.close()
