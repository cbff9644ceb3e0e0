"""An app, tried by people at real browsers: a hub of its own, Chromium, and hands that wander.

Needs Playwright (`pip install 'callmesh[conformance]'`) and a Chromium.
"""

import asyncio
import contextlib
import os
import random
import re
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Error,
    FrameLocator,
    Locator,
    Page,
    async_playwright,
)

from callmesh import installing
from callmesh.catalog import BUILT_IN
from callmesh.errors import BadInput

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TOUCHED = (
    "button, [role=button], input:not([type=file]), select, textarea, canvas, svg[tabindex], "
    "[contenteditable=true]"
)
"""What hands reach for."""
PATIENCE = 10_000
"""Milliseconds for whatever people would wait for."""
KEEP_CONNECTIONS = """
    window.connections = [];
    const Original = window.RTCPeerConnection;
    if (Original) window.RTCPeerConnection = class extends Original {
        constructor(...all) { super(...all); window.connections.push(this); }
    };
"""
SENT = """async id => {
    let sent = 0;
    for (const connection of window.connections ?? []) {
        for (const { type, label, messagesSent } of (await connection.getStats()).values()) {
            if (type === "data-channel" && label.startsWith(`${id}/`)) sent += messagesSent;
        }
    }
    return sent;
}"""
STATE = """id => {
    const { mesh } = window.callmesh.call, state = `state/${id}`;
    return Object.fromEntries([...mesh.keys(state)].map(key => [key, mesh.value(state, key)]));
}"""


@dataclass(eq=False)
class Someone:
    """At a browser of their own."""

    page: Page
    name: str
    problems: list[str] = field(default_factory=list)
    """What the console said was wrong."""

    def read(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.problems.append(said.text)

    def frame(self, title: str) -> FrameLocator:
        return self.page.frame_locator(f'iframe[title="{title}"]')

    def things(self, title: str) -> Locator:
        """What there is to touch in an app."""
        return self.frame(title).locator(TOUCHED)

    async def join(self, address: str, role: str) -> None:
        await self.page.goto(f"{address}#role={role}")
        await self.enter()

    async def enter(self) -> None:
        await self.page.get_by_label("Your name").fill(self.name)
        await self.page.get_by_role("button", name="Join").click()
        await self.until("window.callmesh?.call.status === 'synced'")

    async def until(self, true: str) -> None:
        await self.page.wait_for_function(f"() => {true}", timeout=PATIENCE)

    async def add(self, app: str, title: str) -> str:
        """Add an app and show it to everybody. The id of the resource."""
        id = await self.page.evaluate(
            """async ([app, title]) => {
                const { call } = window.callmesh;
                const { id } = await call.resources.add(app, { title });
                call.show(id);
                return id;
            }""",
            [app, title],
        )
        return str(id)

    async def show(self, id: str) -> None:
        await self.page.evaluate("id => window.callmesh.call.show(id)", id)

    async def remove(self, id: str) -> None:
        await self.page.evaluate("id => window.callmesh.call.resources.remove(id)", id)

    async def until_started(self, title: str) -> None:
        """Wait until the app has connected. Raises Playwright's `Error` where it does not."""
        await self.page.locator(f'iframe[title="{title}"]').wait_for(timeout=PATIENCE)
        words = self.page.get_by_text(f"Starting “{title}”…")
        await words.wait_for(state="detached", timeout=PATIENCE + 5_000)
        if await self.page.get_by_role("button", name="Start it again").count():
            raise Error("it has not connected")

    async def until_saved(self) -> None:
        await self.until("window.callmesh.call.status === 'synced'")

    async def state(self, id: str) -> dict[str, Any]:
        found = await self.page.evaluate(STATE, id)
        assert isinstance(found, dict)
        return found

    async def sent(self, id: str) -> int:
        """Messages that it has sent on streams of a resource, by direct paths."""
        return int(await self.page.evaluate(SENT, id))

    async def wander(self, title: str, chance: random.Random, steps: int) -> None:
        """Touch what there is, as somebody would who does not know what it is for."""
        for _ in range(steps):
            with contextlib.suppress(Error):  # it went away, or lies under something else
                things = await self.things(title).filter(visible=True).all()
                if things:
                    await self._touch(chance.choice(things), chance)

    async def _touch(self, thing: Locator, chance: random.Random) -> None:
        tag, kind = await thing.evaluate("one => [one.tagName.toLowerCase(), one.type ?? '']")
        match tag, kind:
            case "canvas" | "svg", _:
                await self._draw(thing, chance)
            case "select", _:
                count = await thing.evaluate("one => one.options.length")
                await thing.select_option(index=chance.randrange(count), timeout=1_000)
            case "input", "range" | "number":
                await thing.fill(str(chance.randrange(100)), timeout=1_000)
            case "input" | "button", "submit":
                await self._fill_in(thing.locator("xpath=ancestor::form"), chance)
                await thing.click(timeout=1_000)
            case "input", "checkbox" | "radio" | "button" | "reset":
                await thing.click(timeout=1_000)
            case "input" | "textarea" | "div", _:
                await thing.fill(f"word {chance.randrange(1000)}", timeout=1_000)
                await thing.press("Enter")
            case _:
                await thing.click(timeout=1_000)

    async def _fill_in(self, form: Locator, chance: random.Random) -> None:
        """What the form does not go without."""
        for thing in await form.locator(":is(input, textarea):invalid").filter(visible=True).all():
            if await thing.get_attribute("type") in ("checkbox", "radio"):
                await thing.check(timeout=1_000)
            else:
                number = await thing.get_attribute("type") in ("number", "range")
                word = "" if number else "word "
                await thing.fill(f"{word}{chance.randrange(100)}", timeout=1_000)

    async def _draw(self, thing: Locator, chance: random.Random) -> None:
        box = await thing.bounding_box()
        if box is None:
            return
        mouse = self.page.mouse
        for step in range(3):
            x = box["x"] + box["width"] * chance.uniform(0.2, 0.8)
            y = box["y"] + box["height"] * chance.uniform(0.2, 0.8)
            await mouse.move(x, y, steps=3)
            if step == 0:
                await mouse.down()
        await mouse.up()


class Trial:
    """A hub with the app, and who is in its call."""

    def __init__(self, browser: Browser, call: str) -> None:
        self._browser = browser
        self._call = call
        self.people: list[Someone] = []

    async def join(self, name: str, role: str) -> Someone:
        context = await self._browser.new_context(viewport={"width": 1280, "height": 800})
        await context.add_init_script(KEEP_CONNECTIONS)
        someone = Someone(await context.new_page(), name)
        self.people.append(someone)
        someone.page.on("pageerror", lambda error: someone.problems.append(str(error)))
        someone.page.on("console", someone.read)
        await someone.join(self._call, role)
        return someone

    async def leave(self, someone: Someone) -> None:
        self.people.remove(someone)
        await someone.page.context.close()

    async def settled(self) -> None:
        """Until everybody has saved, and had some time to be told."""
        for someone in self.people:
            await someone.until_saved()
        await asyncio.sleep(0.3)
        for someone in self.people:
            await someone.until_saved()


@contextlib.asynccontextmanager
async def trial(app: Path, data: Path) -> AsyncIterator[Trial]:
    """A call on a hub with this app, of a folder or a zip. Raises `BadInput` where it cannot be."""
    if node := shutil.which("node"):  # Playwright's own needs libraries that a bare Debian lacks
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)
    async with _hub(_hub_command(app, data)) as address, async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=_chromium())
        except Error as error:
            raise BadInput(f"Chromium does not start: {error}") from error
        try:
            yield Trial(browser, f"{address}/call/trial")
        finally:
            await browser.close()


def _chromium() -> str | None:
    """Where it is; None for the one that Playwright brings."""
    named = os.environ.get("CHROMIUM")
    if named and shutil.which(named) is None:
        raise BadInput(f"there is no {named}, which CHROMIUM names")
    return next(filter(None, map(shutil.which, [*([named] if named else []), *BROWSERS])), None)


def _hub_command(app: Path, data: Path) -> list[str]:
    command = ["serve", "--dev", "--port", "0", "--data", str(data)]
    if app.is_file():
        installing.add(app, data)
    elif app.resolve().parent != BUILT_IN:
        command += ["--apps", str(app)]
    return command


@contextlib.asynccontextmanager
async def _hub(command: list[str]) -> AsyncIterator[str]:
    hub = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "callmesh", *command, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert hub.stdout is not None
        said = ""
        while "Ctrl-C" not in said and (line := await hub.stdout.readline()):
            said += line.decode()
        found = re.search(r"http://127\.0\.0\.1:\d+\b", said)
        if found is None:
            raise BadInput(f"the hub did not start: {said}")
        yield found[0]
    finally:
        with contextlib.suppress(ProcessLookupError):
            hub.terminate()
        await hub.communicate()
