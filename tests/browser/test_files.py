"""Files between a program and an app in a frame, in real Chromium."""

import asyncio
import hashlib
import os
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser

import callmesh
from tests.browser.people import Person, person
from tests.processes import SHELF, HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]
SIZE = 9_000_000

# Sends back each file that it is offered, under a name of its own, and refuses small ones.
ECHO = """async () => {
    const { connect } = await import("callmesh/app");
    const { files } = await connect();
    files.onOffer(async (offer) => {
        if (offer.size < 10) return offer.refuse("too small to bother");
        const blob = await offer.blob();
        const file = new File([blob], `back/${offer.name}`);
        const back = await files.send(file, { to: [offer.sender] });
        await back.done();
        window.echoed = back.progress.get(offer.sender);
    });
}"""


async def test_a_file_goes_into_a_frame_and_back(browser: Browser, tmp_path: Path) -> None:
    """[F1, F2, F3, F4, F5] Through a direct path that breaks."""
    data = os.urandom(SIZE)
    with hub_process(
        tmp_path / "hub", apps=(SHELF,), limits={"relay_bytes_per_second": SIZE}
    ) as hub:
        call_url = hub.call("files")
        async with person(browser, "Ada") as ada, callmesh.join(call_url, name="Pia") as pia:
            await exchange(ada, pia, call_url, data, tmp_path)


async def exchange(
    ada: Person, pia: callmesh.Call, call_url: str, data: bytes, folder: Path
) -> None:
    shelf = await pia.resources.add("shelf", title="Bed 1")
    pia.resources.show(shelf)
    await ada.join(call_url)
    await ada.until_path("Pia", "direct")
    await ada.until_connected("Bed 1")
    await ada.in_app("Bed 1", ECHO)
    small = await shelf.files.send(b"abc")
    with pytest.raises(callmesh.Refused, match="too small to bother"):
        await small.done(timeout=20)
    transfer = await shelf.files.send(data, name="scan.bin")
    async for progress in transfer:
        if progress.sent > SIZE // 2 and pia.path(progress.receiver) == "direct":
            assert pia._streams.peers is not None
            pia._streams.peers.disconnect(progress.receiver)
            pia._streams.path_changed(progress.receiver, "cut")
    offer = await asyncio.wait_for(anext(aiter(shelf.files.offers())), 30)
    saved = await offer.save(folder, timeout=30)
    await transfer.done(timeout=20)
    assert saved == folder / "scan.bin"
    assert hashlib.sha256(saved.read_bytes()).digest() == hashlib.sha256(data).digest()
    async with asyncio.timeout(10):
        while await ada.in_app("Bed 1", "window.echoed ?? null") is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    echoed = await ada.in_app("Bed 1", "window.echoed")
    assert (echoed["sent"], echoed["over"], echoed.get("error")) == (SIZE, True, None)


# Leaves a file with the hub for one person, of bytes that a rule makes: Bob compares what comes.
KEEP = """async () => {
    const { connect } = await import("callmesh/app");
    const { files } = await connect();
    const bytes = new Uint8Array(SIZE).map((_, at) => (at * 40503) >>> 9);
    window.keeping = files.keep(new Blob([bytes]), { name: "scan.bin", to: ["WHOM"] });
    window.keeping.done().then(
        () => (window.outcome = "kept"),
        (error) => (window.outcome = String(error)),
    );
}"""
# Takes what is offered, and says where the first byte is that is another.
TAKE = """async () => {
    const { connect } = await import("callmesh/app");
    const { files } = await connect();
    files.onOffer(async (offer) => {
        window.offer = offer;
        const bytes = new Uint8Array(await (await offer.blob()).arrayBuffer());
        const wrong = bytes.findIndex((byte, at) => byte !== (((at * 40503) >>> 9) & 255));
        window.taken = [offer.name, offer.keptUntil > 0, bytes.length, wrong];
    });
}"""
KEPT = 24_000_000


async def test_a_frame_leaves_a_file_for_one_who_is_away(browser: Browser, tmp_path: Path) -> None:
    """[F7, F9, F12] Its page is closed before they come, and the hub dies in the middle of both."""
    hub = HubProcess(tmp_path / "hub", apps=(SHELF,))
    try:
        async with person(browser, "Bob") as bob, person(browser, "Ada") as ada:
            await bob.join(hub.call())
            whom = await bob.in_call("call.me.person")
            await bob.page.goto("about:blank")
            await ada.join(hub.call(), role="host")
            await ada.in_call(
                "call.resources.add('shelf', { title: 'Bed 1' }).then(({ id }) => call.show(id))"
            )
            await ada.until_connected("Bed 1")
            await ada.in_app("Bed 1", KEEP.replace("SIZE", str(KEPT)).replace("WHOM", whom))
            await until_in_app(ada, "window.keeping.progress.sent > 2_000_000")
            hub = again(hub, tmp_path)
            assert await ada.in_app("Bed 1", "window.outcome ?? null") is None
            await until_in_app(ada, "window.outcome")
            assert await ada.in_app("Bed 1", "window.outcome") == "kept"
            await ada.page.close()

            await bob.join(hub.call())
            assert await bob.in_call("call.me.person") == whom
            await bob.until_connected("Bed 1")
            await bob.in_app("Bed 1", TAKE)
            await until_in_app(bob, "window.offer?.received > 2_000_000")
            hub = again(hub, tmp_path)
            assert await bob.in_app("Bed 1", "window.taken ?? null") is None
            await until_in_app(bob, "window.taken")
            assert await bob.in_app("Bed 1", "window.taken") == ["scan.bin", True, KEPT, -1]
            async with callmesh.join(hub.call(), name="Pia", role="host") as pia:
                (shelf,) = pia.resources.values()
                await pia.until(
                    lambda: [kept.answers for kept in shelf.files.kept] == [{whom: "taken"}]
                )
    finally:
        hub.end()


async def until_in_app(someone: Person, script: str) -> None:
    async with asyncio.timeout(40):
        while not await someone.in_app("Bed 1", script):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def again(hub: HubProcess, folder: Path) -> HubProcess:
    """Kill it, and start it once more."""
    hub.kill()
    return HubProcess(folder / "hub", apps=(SHELF,), port=hub.port)


CONNECT = """async () => {
    const { connect } = await import("callmesh/app");
    window.resource = await connect();
    resource.state.set("title", "Lunch");
    resource.stream("pen");
    try { resource.files; } catch (error) { return `${error.code}: ${error.message}`; }
}"""
USE = """async () => {
    for (;;) {
        try { return resource.files.kept.length; }
        catch (error) { if (error.code !== "broken") throw error; }
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}"""


async def test_what_did_not_come_of_the_sdk_comes_when_it_is_used(
    browser: Browser, tmp_path: Path
) -> None:
    """[A23] Browsers remember of a module that it did not come."""
    part = re.compile("/sdk/files-")
    with hub_process(tmp_path / "hub", apps=(SHELF,)) as hub:
        async with person(browser, "Ada") as ada:
            await ada.page.route(part, lambda route: route.abort())
            await ada.join(hub.call("parts"), role="host")
            await ada.add("Shelf")
            await ada.until_connected("Shelf")
            said = await ada.in_app("Shelf", CONNECT)
            assert said.startswith("broken: the SDK's part for files did not come")
            await ada.page.unroute(part)
            assert await ada.in_app("Shelf", USE) == 0
            assert ada.problems == []
