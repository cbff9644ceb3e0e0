"""The call page in a headless Chromium, with a watch on its socket."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from playwright.async_api import Browser, async_playwright

from callmesh.ids import StateId
from tests.browser.people import person

# Times are taken where the page makes its socket, and around the handler that gets the first
# bundle: the page reads and applies it before that returns. No camera: nobody measures it here.
WATCH = """
(() => {
  const watch = (window.watch = { opened: 0, began: 0, applied: 0 });
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      watch.opened = performance.now();
      super(...given);
    }
    set onmessage(handler) {
      super.onmessage = handler && ((event) => {
        const began = performance.now();
        handler(event);
        if (watch.applied === 0) Object.assign(watch, { began, applied: performance.now() });
      });
    }
  };
  Object.defineProperty(navigator, "mediaDevices", { value: undefined });
})();
"""
VALUES = """([state, keys]) => {
  const { mesh } = window.callmesh.call;
  return Object.fromEntries(keys.map((key) => [key, mesh.value(state, key)]));
}"""


@dataclass(frozen=True, slots=True)
class Seen:
    """Seconds."""

    in_step: float
    """From making the socket until the first batch was applied."""
    applying: float
    """Reading and applying the first bundle: the page's own work."""


class CallPage:
    """Joins calls, each time with a page and a profile of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.version = f"Chromium {browser.version}"

    async def join(self, call: str, state: StateId, values: Mapping[str, object]) -> Seen:
        """Join, look whether everything is there, and leave."""
        async with person(self._browser, "New", before=WATCH) as new:
            await new.join(call)
            found = await new.page.evaluate(VALUES, [state, list(values)])
            if found != values:
                raise RuntimeError(f"the page is not in step: {found}")
            if new.problems:
                raise RuntimeError(f"the page complained: {new.problems}")
            watch = await new.page.evaluate("window.watch")
            await new.in_call("call.leave()")
        opened, began, applied = (watch[name] / 1000 for name in ("opened", "began", "applied"))
        return Seen(applied - opened, applied - began)


@contextlib.asynccontextmanager
async def call_page() -> AsyncIterator[CallPage | None]:
    """None where there is no Chromium (`CHROMIUM=` names another one)."""
    if _path() is None:
        yield None
        return
    async with chromium() as browser:
        yield CallPage(browser)


@contextlib.asynccontextmanager
async def chromium(*arguments: str) -> AsyncIterator[Browser]:
    """Headless. Raises `RuntimeError` where there is none."""
    path = _path()
    if path is None:
        raise RuntimeError("Chromium is missing: install it, or name one with CHROMIUM=")
    if node := shutil.which("node"):  # Playwright's own needs libraries that a bare Debian lacks
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(arguments))
        yield browser
        await browser.close()


def _path() -> str | None:
    return shutil.which(os.environ.get("CHROMIUM", "chromium"))
