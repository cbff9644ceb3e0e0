"""Files between a program and an app in a frame, in real Chromium."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest
from playwright.async_api import Browser

import callmesh
from tests.browser.people import Person, person
from tests.processes import SHELF, hub_process

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
