"""The stage in somebody else's page."""

import contextlib
import functools
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, FrameLocator, Page, Route, expect

from tests.browser.people import Person, person
from tests.browser.screens import keyed, of
from tests.processes import HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

EXAMPLES = Path(__file__).parents[2] / "docs" / "embedding"
JITSI = """window.JitsiMeetExternalAPI = class {
    constructor(domain, { userInfo }) {
        document.getElementById("meet").textContent = userInfo.displayName;
    }
    addListener(event, listener) { window.hangUp = listener; }
};"""
LIVEKIT = """export const RoomEvent = { TrackSubscribed: "on", TrackUnsubscribed: "off" };
export class Room {
    localParticipant = { enableCameraAndMicrophone: () => undefined };
    on() {}
    connect(url) { document.getElementById("faces").textContent = url; }
}"""
PAGE = """<!doctype html><title>Elsewhere</title>
<script type="module" src="{hub}/sdk/stage.js"></script>
<callmesh-stage call="{call}" name="Ada" role="host" theme="dark" lang="de"
    style="height: 90vh; --callmesh-accent: rgb(255, 0, 128); --callmesh-text: url(x);
    --callmesh-radius: 3px">
</callmesh-stage>
<script>
    window.told = [];
    const stage = document.querySelector("callmesh-stage");
    stage.addEventListener("callmesh", (event) => told.push(event.detail));
</script>"""


@contextlib.contextmanager
def elsewhere(folder: Path) -> Iterator[str]:
    """Pages of another origin; its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None: ...

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def stage_of(page: Page) -> FrameLocator:
    return page.frame_locator("callmesh-stage iframe")


async def add(stage: FrameLocator, app: str) -> None:
    await stage.locator(".controls button").first.click()
    await stage.locator(f".apps li:has({of(app)})").get_by_role("button").click()


async def look_of(page: Page, token: str) -> str:
    script = f"getComputedStyle(document.documentElement).getPropertyValue('{token}')"
    return str(await page.frames[1].evaluate(script))


async def test_a_stage_is_part_of_another_page(browser: Browser, tmp_path: Path) -> None:
    """[G40] In a call without being asked, in the page's colours, and in step with the others."""
    pages = tmp_path / "pages"
    pages.mkdir()
    with hub_process(tmp_path / "data") as hub, elsewhere(pages) as origin:
        (pages / "index.html").write_text(PAGE.format(hub=hub.address, call=hub.call()))
        async with (
            person(browser, "Ada", color_scheme="null") as ada,
            person(browser, "Bob") as bob,
        ):
            await ada.page.goto(origin)
            stage = stage_of(ada.page)
            await expect(stage.locator(".stage")).to_be_visible()
            await expect(stage.locator("video, .tiles")).to_have_count(0)
            await expect(stage.locator("html")).to_have_attribute("lang", "de")
            assert await look_of(ada.page, "--accent") == "rgb(255, 0, 128)"
            assert await look_of(ada.page, "--radius-3") == "3px"
            dark = "matchMedia('(prefers-color-scheme: dark)').matches"
            assert await ada.page.frames[1].evaluate(dark), "as `theme` says"
            assert "url" not in await look_of(ada.page, "--text"), "which is no colour"

            await bob.join(hub.call())
            await add(stage, "poll")
            await expect(bob.tab("Poll")).to_be_visible()
            poll = stage.frame_locator('iframe[title="Umfrage"]')
            await expect(poll.locator("form, button").first).to_be_visible()
            said = "(n) => told.some((d) => d.phase === 'call' && d.participants === n)"
            await ada.page.wait_for_function(said, arg=2)
            await ada.page.evaluate("document.querySelector('callmesh-stage').remove()")
            await expect(bob.page.get_by_text("Ada", exact=True)).to_have_count(0)
            assert ada.problems == bob.problems == []


async def test_what_a_page_around_it_says_is_no_command(browser: Browser, tmp_path: Path) -> None:
    """[G40] Whatever it posts, the stage goes on; it alone is told how it stands."""
    pages = tmp_path / "pages"
    pages.mkdir()
    with hub_process(tmp_path / "data") as hub, elsewhere(pages) as origin:
        (pages / "index.html").write_text(PAGE.format(hub=hub.address, call=hub.call()))
        async with person(browser, "Ada") as ada:
            await ada.page.goto(origin)
            stage = stage_of(ada.page)
            await expect(stage.locator(".stage")).to_be_visible()
            await ada.page.evaluate("""() => {
                const { contentWindow: frame } =
                    document.querySelector("callmesh-stage").shadowRoot.querySelector("iframe");
                for (const data of [null, 7, {}, { callmesh: "look" },
                    { callmesh: "look", variables: null },
                    { callmesh: "look", variables: { accent: 7, back: "red; } *", __proto__: {} } },
                    { callmesh: "remove" }])
                    frame.postMessage(data, "*");
                window.postMessage({ callmesh: "said", phase: "forged", participants: 99 }, "*");
                document.querySelector("callmesh-stage").refresh();
            }""")
            await add(stage, "poll")
            await expect(stage.get_by_role("tab")).to_have_count(1)
            assert await look_of(ada.page, "--accent") == "rgb(255, 0, 128)"
            assert not await ada.page.evaluate("told.some((d) => d.phase === 'forged')")
            assert ada.problems == []


async def test_no_other_page_shows_it(browser: Browser, tmp_path: Path) -> None:
    """[G40] Nor does any page show the call page with its cameras."""
    pages = tmp_path / "pages"
    pages.mkdir()
    with (
        elsewhere(pages) as origin,
        hub_process(**keyed(tmp_path), more=("--embed", origin)) as hub,
    ):
        link = hub.invite("demo", "--role", "host", "--name", "Ada")
        staged = link.replace("/call/demo", "/call/demo/stage")
        for name, address in (("stage", staged), ("whole", link)):
            (pages / f"{name}.html").write_text(f'<iframe src="{address}"></iframe>')
        async with person(browser, "Ada") as ada:
            await ada.page.goto(f"{origin}/stage.html")
            frame = ada.page.frame_locator("iframe")
            await expect(frame.locator(".stage")).to_be_visible()
            for address in (
                f"{origin}/whole.html",
                f"{origin.replace('127.0.0.1', 'localhost')}/stage.html",
            ):
                async with ada.page.expect_console_message(
                    lambda said: "frame-ancestors" in said.text
                ):
                    await ada.page.goto(address)
                await expect(frame.locator(".stage, .lobby")).to_have_count(0)


@pytest.mark.parametrize("example", ["jitsi", "livekit"])
async def test_the_examples(browser: Browser, tmp_path: Path, example: str) -> None:
    """[G40] As they stand in docs/embedding, but for where the hub is and who has the media."""
    with (
        elsewhere(EXAMPLES) as origin,
        hub_process(**keyed(tmp_path), more=("--embed", origin)) as hub,
    ):
        async with person(browser, "Ada") as ada:
            await _stand_in(ada, hub, example)
            await ada.page.goto(f"{origin}/{example}.html")
            stage = stage_of(ada.page)
            await expect(stage.locator(".stage")).to_be_visible()
            await add(stage, "poll")
            await expect(stage.get_by_role("tab", name="Poll")).to_be_visible()
            if example == "jitsi":
                await expect(ada.page.locator("#meet")).to_have_text("Ada")
                await ada.page.evaluate("hangUp()")
                await expect(ada.page.locator("callmesh-stage")).to_have_count(0)
            else:
                await expect(ada.page.locator("#faces")).to_have_text("wss://meet.example.org")
                await expect(ada.page).to_have_title("A lesson: apps are call")
            assert ada.problems == []


async def _stand_in(one: Person, hub: HubProcess, example: str) -> None:
    link = hub.invite("demo", "--role", "host", "--name", "Ada")
    answer = {"link": link, "name": "Ada", "url": "wss://meet.example.org", "token": "t"}
    script = JITSI if example == "jitsi" else LIVEKIT

    async def media(route: Route) -> None:
        headers = {"Access-Control-Allow-Origin": "*"}
        await route.fulfill(body=script, content_type="text/javascript", headers=headers)

    async def element(route: Route) -> None:
        await route.fulfill(response=await route.fetch(url=f"{hub.address}/sdk/stage.js"))

    async def backend(route: Route) -> None:
        await route.fulfill(json=answer)

    await one.page.route("https://meet.example.org/**", media)
    await one.page.route("https://calls.example.org/sdk/stage.js", element)
    await one.page.route(re.compile(r"/(invitation|lesson)\?"), backend)
