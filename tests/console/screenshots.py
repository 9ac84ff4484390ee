"""Takes a picture of each page of the console: `python -m tests.console.screenshots [FOLDER]`.

Runs the demo in a directory of its own, and draws every page light on a desktop and dark on a phone into FOLDER, by
default a temporary one. Those that stand in the README are written to their place beside this file.
"""

import asyncio
import base64
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import orjson
from playwright.async_api import Browser, Page, ViewportSize

from tests.console.browser import running_browser

PICTURES = Path(__file__).with_name("pictures")
IN_README = ("add-connection", "account")
_PORTS = ("--port", "18080", "--console-port", "18081")
_CONSOLE = "http://127.0.0.1:18081"
_LOOKS = (("desktop-light", ViewportSize(width=1200, height=760)), ("phone-dark", ViewportSize(width=390, height=800)))
_SETTLE_MILLISECONDS = 600
_PAGES = {
    "connections": "/connections", "add-connection": "/connections/new", "live": "/live",
    "contacts": "/contacts?workspace=2", "unmatched": "/contacts?workspace=2&view=unmatched",
    "accounts": "/accounts?workspace=2&view=all", "audiences": "/audiences?workspace=2", "queue": "/queue",
    "dead-letters": "/dead-letters", "audit": "/audit",
}  # fmt: skip
_DETAILS = {
    "connection": ("connections", "tbody th a"), "contact": ("contacts", "tbody th a"),
    "account": ("accounts", "tbody tr:has-text('group') th a"), "audience": ("audiences", "tbody th a"),
    "dead-letter": ("dead-letters", "tbody th a"),
}  # fmt: skip
_TO_WEBP = """async (png) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext("2d").drawImage(image, 0, 0);
    const blob = await canvas.convertToBlob({type: "image/webp", quality: 0.82});
    return btoa(String.fromCharCode(...new Uint8Array(await blob.arrayBuffer())));
}"""


async def _run(folder: Path) -> None:
    async with _running_demo() as sign_in_url, running_browser() as browser:
        state = None
        for look, viewport in _LOOKS:
            context = await browser.new_context(
                viewport=viewport, color_scheme="dark" if "dark" in look else "light", storage_state=state
            )
            page = await context.new_page()
            if state is None:
                await page.goto(sign_in_url)
                await page.get_by_role("button").click()
                await page.wait_for_url(f"{_CONSOLE}/")
                state = await context.storage_state()
            for name, path in _PAGES.items():
                await _take(browser, page, folder / f"{name}-{look}.webp", path)
            for name, (listing, links) in _DETAILS.items():
                await page.goto(_CONSOLE + _PAGES[listing])
                path = await page.locator(links).first.get_attribute("href") or "/"
                await _take(browser, page, folder / f"{name}-{look}.webp", path)
            await context.close()


async def _take(browser: Browser, page: Page, target: Path, path: str) -> None:
    await page.goto(_CONSOLE + path)
    if path.endswith("/new"):
        await page.get_by_label("Name", exact=True).fill("Web app")
        await page.get_by_label("Identify with custom traits").check()
    await page.wait_for_timeout(_SETTLE_MILLISECONDS)  # charts, counts, and the times in the reader's zone
    png = await page.screenshot()
    blank = await browser.new_page()
    webp = await blank.evaluate(_TO_WEBP, base64.b64encode(png).decode())
    await blank.close()
    _write(target, base64.b64decode(webp))


@asynccontextmanager
async def _running_demo() -> AsyncIterator[str]:
    """Run the demo; give the link that signs in."""
    with _open_folder() as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "worker.cli", "up", "--demo", "--json", "--data", f"{folder}/data", *_PORTS,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            text = b""
            while not text.endswith(b"\n}\n"):
                line = await process.stdout.readline()
                if not line:
                    sys.exit("the demo did not start: see above")
                text += line
            yield orjson.loads(text)["console"]["sign_in_url"]
        finally:
            process.send_signal(signal.SIGINT)
            await process.wait()


@contextmanager
def _open_folder() -> Iterator[str]:
    """Give a folder that the embedded PostgreSQL's own user may pass through."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield folder


def _write(target: Path, picture: bytes) -> None:
    target.write_bytes(picture)
    print(f"{target} {len(picture) // 1024} KiB")  # noqa: T201 (what the command is for)


def main() -> None:
    """Take them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(_run(folder))
        for name in IN_README:
            (PICTURES / f"{name}.webp").write_bytes((folder / f"{name}-{_LOOKS[0][0]}.webp").read_bytes())


if __name__ == "__main__":
    main()
