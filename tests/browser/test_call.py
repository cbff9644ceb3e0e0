"""The decisive path: people at real browsers, a Python program, and a hub that is killed."""

import asyncio
import contextlib
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

import callmesh
from callmesh import messages
from tests.browser.people import PHONE, Person, person
from tests.processes import ROOT, HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

RECORDING = ROOT / "examples" / "data" / "mitdb-208-mlii.i16"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with hub_process(tmp_path_factory.mktemp("data")) as hub:
        yield hub


async def test_two_browsers_and_a_program_vote_and_a_third_joins_late(
    browser: Browser, hub: HubProcess
) -> None:
    """[A2, A3, R1, R7, J1, S5, S6, K1] One vote per person, however often they reload."""
    call_url = hub.call("vote")
    async with (
        person(browser, "Ada") as ada,
        person(browser, "Bob") as bob,
        callmesh.join(call_url, name="Pia") as pia,
    ):
        await ada.join(call_url, role="host")
        await bob.join(call_url)
        await ada.add("Poll")
        await expect(bob.app("Poll").get_by_text("Do you agree?")).to_be_visible()
        await bob.app("Poll").get_by_label("Yes").check()
        await expect(ada.app("Poll").get_by_text("1 vote · 100 %")).to_be_visible()
        await pia.until(lambda: len(pia.resources) == 1)
        (poll,) = pia.resources.values()
        assert "question" not in poll.state  # each reads the first one in their own language
        bobs = await bob.in_call("call.me.person")
        await pia.until(lambda: poll.state.get(f"votes/{bobs}") == "1")
        poll.state[f"votes/{pia.me.person}"] = "2"
        await poll.state.saved()
        await expect(bob.app("Poll").get_by_text("2 votes", exact=True)).to_be_visible()

        await bob.page.reload()
        await bob.enter()
        assert await bob.in_call("call.me.person") == bobs
        await expect(bob.app("Poll").get_by_label("Yes")).to_be_checked()
        await bob.app("Poll").get_by_label("No").check()
        await pia.until(lambda: poll.state.get(f"votes/{bobs}") == "2")
        assert sorted(key for key in poll.state if key.startswith("votes/")) == sorted(
            [f"votes/{bobs}", f"votes/{pia.me.person}"]
        )
        async with person(browser, "Cleo") as cleo:
            await cleo.join(call_url)
            await expect(cleo.app("Poll").get_by_text("2 votes · 100 %")).to_be_visible()
            names = await cleo.in_call("[...call.participants.values()].map(p => p.name).sort()")
            assert names == ["Ada", "Bob", "Cleo", "Pia"]
            assert ada.problems == bob.problems == cleo.problems == []


async def test_an_app_cannot_write_what_its_rules_forbid(browser: Browser, hub: HubProcess) -> None:
    """[A3, S10, K2] Denied by the hub, undone in the frame, told there."""
    async with person(browser, "Ada") as ada, callmesh.join(hub.call("deny"), name="Pia") as pia:
        poll = await pia.resources.add("poll", state={"question": "?", "options/1": "Yes"})
        pia.resources.show(poll)
        await ada.join(hub.call("deny"))
        await expect(ada.app("Poll").get_by_label("Yes")).to_be_visible()
        outcome = await ada.in_app(
            "Poll",
            """async () => {
                const { connect } = await import("callmesh/app");
                const { state } = await connect();
                state.set("votes/somebody", "1");
                const before = state.get("votes/somebody");
                try { await state.saved(); return "saved"; }
                catch ({ code, reason }) {
                    return [before, code, reason, state.has("votes/somebody")];
                }
            }""",
        )
        assert outcome == ["1", "denied", "no_right", False]
        assert dict(poll.state) == {"question": "?", "options/1": "Yes"}


async def test_the_cache_survives_switching_unmounting_and_reload(
    browser: Browser, hub: HubProcess
) -> None:
    """[C1, C2, A4, R7]"""
    call_url = hub.call("cache")
    async with person(browser, "Ada") as ada, person(browser, "Bob") as bob:
        await ada.join(call_url, role="host")
        await bob.join(call_url)
        await ada.add("Poll")
        await ada.app("Poll").get_by_role("button", name="Edit question").click()
        await ada.app("Poll").get_by_label("Question", exact=True).fill("A draft of mine")
        await ada.add("Poll")
        await expect(ada.app("Poll 2").get_by_text("Do you agree?")).to_be_visible()
        await ada.tab("Poll").first.click()
        draft = ada.app("Poll").get_by_label("Question", exact=True)
        await expect(draft).to_have_value("A draft of mine")
        await expect(ada.page.get_by_text("Only you see this")).to_be_visible()
        await expect(bob.app("Poll 2").get_by_text("Do you agree?")).to_be_visible()
        await ada.page.reload()
        await ada.enter()
        await ada.tab("Poll").first.click()
        await expect(draft).to_have_value("A draft of mine")
        await bob.tab("Poll").first.click()
        await expect(bob.app("Poll").get_by_text("Do you agree?")).to_be_visible()
        states = await bob.in_call("call.resources.all().map(r => r.state.toObject())")
        assert "draft" not in str(states)


async def test_people_see_and_hear_each_other(browser: Browser, hub: HubProcess) -> None:
    """[D5] Decoded frames are counted; who has no camera has a tile all the same."""
    call_url = hub.call("video")
    async with (
        person(browser, "Ada", permissions=["camera", "microphone"]) as ada,
        person(browser, "Bob", permissions=["camera", "microphone"]) as bob,
        callmesh.join(call_url, name="Pia"),
    ):
        await ada.join(call_url, role="host")
        await bob.join(call_url)
        for one, other in ((ada, "Bob"), (bob, "Ada")):
            tile = one.page.get_by_role("listitem").filter(has_text=other)
            video = tile.locator("video")
            await expect(video).to_be_visible()
            await one.page.wait_for_function(
                "video => video.getVideoPlaybackQuality().totalVideoFrames > 5",
                arg=await video.element_handle(),
                timeout=20_000,
            )
            levels = """async video => {
                const audio = new AudioContext();
                const heard = audio.createAnalyser();
                audio.createMediaStreamSource(video.srcObject).connect(heard);
                const wave = new Float32Array(heard.fftSize);
                for (let n = 0; n < 200; n++) {
                    await new Promise(done => setTimeout(done, 50));
                    heard.getFloatTimeDomainData(wave);
                    if (wave.some(level => Math.abs(level) > 0.01)) return "heard";
                }
                return "silence";
            }"""
            assert await video.evaluate(levels) == "heard"
            pia = one.page.get_by_role("listitem").filter(has_text="Pia")
            await expect(pia).to_be_visible()
            await expect(pia.locator("video")).to_have_count(0)


@contextlib.asynccontextmanager
async def vitals_source(call: str, *arguments: str) -> AsyncIterator[None]:
    """The example, as somebody at a terminal runs it."""
    script = ROOT / "examples" / "vitals_source.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), call, *arguments,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        assert b"sending" in line
        yield
    finally:
        process.terminate()
        await process.communicate()


def samples_of(recording: Path) -> list[int]:
    data = recording.read_bytes()
    return list(struct.unpack(f"<{len(data) // 2}h", data))


def find(samples: list[int], recorded: list[int]) -> int:
    """Where in the recording `samples` stand, all of them; -1 if they do not."""
    for start in range(0, len(recorded) - len(samples)):
        if recorded[start : start + 50] == samples[:50]:
            return start if recorded[start : start + len(samples)] == samples else -1
    return -1


async def test_the_ecg_that_arrives_is_the_one_that_was_sent(
    browser: Browser, hub: HubProcess, tmp_path: Path
) -> None:
    """[D1, D2, D5] Peer to peer, from Python into two frames; two vitals do not mix."""
    call_url = hub.call("vitals")
    upside_down = tmp_path / "upside-down.i16"
    recorded = samples_of(RECORDING)
    inverted = [5_000 - sample for sample in recorded]
    upside_down.write_bytes(struct.pack(f"<{len(inverted)}h", *inverted))
    async with person(browser, "Ada") as ada, person(browser, "Bob") as bob:
        await ada.join(call_url, role="host")
        await bob.join(call_url)
        async with (
            vitals_source(call_url, "--title", "Bed 1"),
            vitals_source(call_url, "--title", "Bed 2", "--recording", str(upside_down)),
        ):
            for one in (ada, bob):
                for bed, source in (("Bed 1", recorded), ("Bed 2", inverted)):
                    await one.page.wait_for_selector(f'iframe[title="{bed}"]', state="attached")
                    await wait_for_samples(one, bed, 1500)
                    received = await one.in_app(bed, "window.vitals.received")
                    gaps = await one.in_app(bed, "window.vitals.gaps")
                    assert find(received, source) >= 0, f"{bed} of {one.name} is not what was sent"
                    assert gaps == 0
            await ada.until_path("ECG monitor", "direct")
            await ada.until_path("Bob", "direct")


async def wait_for_samples(one: Person, bed: str, count: int) -> None:
    async with asyncio.timeout(30):
        while await one.in_app(bed, "window.vitals?.received.length ?? 0") < count:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


# As behind a firewall that lets nothing through: no candidate ever leaves or arrives.
NO_ROUTE = r"""
    const pc = RTCPeerConnection.prototype;
    const blind = d => d && { type: d.type, sdp: d.sdp.replace(/a=candidate.*\r\n/g, "") };
    const { setRemoteDescription, addEventListener } = pc;
    pc.addIceCandidate = async () => {};
    pc.setRemoteDescription = function (d) { return setRemoteDescription.call(this, blind(d)); };
    pc.addEventListener = function (type, ...rest) {
        if (type !== "icecandidate") addEventListener.call(this, type, ...rest);
    };
    Object.defineProperty(pc, "onicecandidate", { set() {} });
    Object.defineProperty(pc, "localDescription", {
        get() { return blind(this.currentLocalDescription ?? this.pendingLocalDescription); },
    });
"""


@pytest.mark.parametrize(
    "before", ["delete window.RTCPeerConnection", NO_ROUTE], ids=["no WebRTC", "no route"]
)
async def test_where_no_direct_path_can_be_had_the_hub_relays(
    browser: Browser, hub: HubProcess, before: str
) -> None:
    """[D5, D6]"""
    call_url = hub.call(f"relay-{len(before)}")
    recorded = samples_of(RECORDING)
    async with person(browser, "Ada", before=before) as ada:
        await ada.join(call_url, role="host")
        async with vitals_source(call_url, "--title", "Bed 1"):
            await wait_for_samples(ada, "Bed 1", 1000)
            received = await ada.in_app("Bed 1", "window.vitals.received")
            assert find(received, recorded) >= 0
            await ada.until_path("ECG monitor", "relay")


async def test_kill_9_and_everybody_goes_on(browser: Browser, tmp_path: Path) -> None:
    """[L5, W7, S11, R2] What was saved is there, what was written meanwhile is saved later."""
    hub = HubProcess(tmp_path)
    try:
        call_url = hub.call("killed")
        async with (
            person(browser, "Ada") as ada,
            person(browser, "Bob") as bob,
            callmesh.join(call_url, name="Pia") as pia,
        ):
            await ada.join(call_url, role="host")
            await bob.join(call_url)
            await ada.add("Poll")
            await bob.app("Poll").get_by_label("Yes").check()
            await bob.until_call("call.status === 'synced'")
            me = await ada.in_call("call.me.id")
            await pia.until(lambda: len(pia.resources) == 1)
            (poll,) = pia.resources.values()
            await pia.until(lambda: len(poll.state) == 1)
            before = dict(poll.state)
            hub.kill()
            await expect(ada.page.get_by_text("Reconnecting…").first).to_be_visible()
            await ada.app("Poll").get_by_label("No").check()
            hub = HubProcess(tmp_path, port=hub.port)
            await expect(ada.page.get_by_text("Saved").first).to_be_visible(timeout=20_000)
            adas = await ada.in_call("call.me.person")
            await pia.until(lambda: poll.state.get(f"votes/{adas}") == "2", timeout=20)
            assert dict(poll.state) == before | {f"votes/{adas}": "2"}
            assert await ada.in_call("call.me.id") == me
            await expect(bob.app("Poll").get_by_text("2 votes", exact=True)).to_be_visible()
        async with callmesh.join(call_url, name="Late") as late:
            assert dict(late.resources[poll.id].state) == before | {f"votes/{adas}": "2"}
    finally:
        hub.end()


async def test_a_name_with_markup_is_shown_and_not_obeyed(
    browser: Browser, hub: HubProcess
) -> None:
    """[J10]"""
    name = '<img src=x onerror="window.hacked = true">'
    async with person(browser, "Ada") as ada, callmesh.join(hub.call("markup"), name=name) as pia:
        await pia.resources.add("poll", title="<b>bold</b>")
        await ada.join(hub.call("markup"))
        await expect(ada.page.get_by_text(name)).to_be_visible()
        await expect(ada.tab("<b>bold</b>")).to_be_visible()
        assert await ada.page.evaluate("window.hacked") is None


async def test_presence_goes_when_a_tab_is_closed(browser: Browser, hub: HubProcess) -> None:
    """[P2]"""
    async with callmesh.join(hub.call("leave"), name="Pia") as pia, person(browser, "Ada") as ada:
        await ada.join(hub.call("leave"))
        await pia.until(lambda: len(pia.participants) == 2)
        await ada.page.close()
        await pia.until(lambda: len(pia.participants) == 1, timeout=2)


async def test_two_tabs_are_one_person_and_two_participants(
    browser: Browser, hub: HubProcess
) -> None:
    """[J2, J3]"""
    async with person(browser, "Ada") as ada, callmesh.join(hub.call("tabs"), name="Pia") as pia:
        await ada.join(hub.call("tabs"))
        second = Person(await ada.page.context.new_page(), "Ada")
        await second.join(hub.call("tabs"))
        await pia.until(lambda: len(pia.participants) == 3)
        adas = [p for p in pia.participants.values() if p.name == "Ada"]
        assert adas[0].person == adas[1].person
        assert adas[0].id != adas[1].id


async def test_a_resource_is_removed_for_everybody(browser: Browser, hub: HubProcess) -> None:
    """[R4, R5]"""
    async with person(browser, "Ada") as ada, callmesh.join(hub.call("remove"), name="Pia") as pia:
        await ada.join(hub.call("remove"), role="host")
        await ada.add("Poll")
        await pia.until(lambda: len(pia.resources) == 1)
        await ada.page.get_by_role("button", name="Remove Poll").click()
        await pia.until(lambda: not pia.resources)
        await expect(ada.page.get_by_role("tab")).to_have_count(0)


async def test_what_was_removed_is_brought_back_by_a_button(
    browser: Browser, hub: HubProcess
) -> None:
    """[R12] With its state, for everybody; by another host too, once who removed it has left."""
    call = hub.call("undo")
    async with person(browser, "Bob") as bob, callmesh.join(call, name="Pia") as pia:
        poll = await pia.resources.add("poll", title="Lunch?", state={"question": "Where to?"})
        pia.resources.show(poll)
        await bob.join(call)
        async with person(browser, "Ada") as ada:
            await ada.join(call, role="host")
            await ada.page.get_by_role("button", name="Remove Lunch?").press("Enter")
            undo = ada.page.get_by_role("button", name="Undo")
            await expect(undo).to_be_focused()
            gone = bob.page.get_by_role("status").filter(has_text="Ada has removed “Lunch?”")
            await expect(gone).to_be_visible()
            await expect(bob.page.get_by_role("tab")).to_have_count(0)
            await undo.press("Enter")
            for one in (ada, bob):
                await expect(one.app("Lunch?").get_by_text("Where to?")).to_be_visible()
            await ada.page.get_by_role("button", name="Remove Lunch?").click()
            await expect(undo).to_be_focused()
            await ada.page.get_by_role("button", name="Leave").click()
        await pia.until(lambda: poll.id in pia.resources.removed)
        again = await pia.resources.restore(poll.id)
        assert again.state["question"] == "Where to?"
        await expect(bob.app("Lunch?").get_by_text("Where to?")).to_be_visible()
        assert bob.problems == []


COLLECT = """(async mode => {
    const [resource] = window.callmesh.call.resources.all();
    const stream = resource.stream(`to-all-${mode}`, { mode });
    window.heard ??= {};
    const names = new Map(window.callmesh.call.participants);
    stream.subscribe(({ data, sender }) => {
        (window.heard[mode] ??= []).push(`${names.get(sender)?.name} ${data.n ?? data[0]}`);
    });
})"""
SEND = """(async ([mode, count]) => {
    const [resource] = window.callmesh.call.resources.all();
    const stream = resource.stream(`to-all-${mode}`, { mode });
    const { me, participants } = window.callmesh.call;
    await stream.ready({ to: [...participants.keys()].filter(id => id !== me.id) });
    for (let n = 0; n < count; n++) {
        await stream.send(n % 2 ? { n } : new Uint8Array([n]));
        if (mode === "latest") await new Promise(done => setTimeout(done, 20));
    }
})"""
COUNT = 40


async def test_streams_go_from_everybody_to_everybody_without_a_hub(
    browser: Browser, tmp_path: Path
) -> None:
    """[D1, D2, D3, D4, D5] Both modes, browser and Python; the hub is dead: nothing is relayed."""
    hub = HubProcess(tmp_path)
    try:
        call_url = hub.call("streams")
        async with (
            person(browser, "Ada") as ada,
            person(browser, "Bob") as bob,
            callmesh.join(call_url, name="Pia") as pia,
        ):
            vitals = await pia.resources.add("vitals", title="Streams")
            await ada.join(call_url, role="host")
            await bob.join(call_url)
            for one, others in ((ada, ("Bob", "Pia")), (bob, ("Ada", "Pia"))):
                for other in others:
                    await one.until_path(other, "direct")
            heard: dict[str, list[str]] = {"reliable": [], "latest": []}
            names = {id: p.name for id, p in pia.participants.items()}
            modes: tuple[messages.Mode, ...] = ("reliable", "latest")
            streams = {mode: vitals.stream(f"to-all-{mode}", mode=mode) for mode in modes}

            async def collect(mode: messages.Mode) -> None:
                async for message in streams[mode]:
                    n = message.data["n"] if isinstance(message.data, dict) else message.data[0]
                    heard[mode].append(f"{names[message.sender]} {n}")
                    last = [m for m in heard["latest"] if m.endswith(f" {COUNT - 1}")]
                    if len(heard["reliable"]) == 2 * COUNT and len(last) == 2:
                        complete.set()

            complete = asyncio.Event()
            reading = [asyncio.create_task(collect(mode)) for mode in modes]
            hub.kill()
            for mode in modes:
                for one in (ada, bob):
                    await one.page.evaluate(COLLECT, mode)
                await streams[mode].ready(to=[id for id in pia.participants if id != pia.me.id])
                for n in range(COUNT):
                    await streams[mode].send({"n": n} if n % 2 else bytes([n]))
                    await asyncio.sleep(0.02 if mode == "latest" else 0)
                for one in (ada, bob):
                    await one.page.evaluate(SEND, [mode, COUNT])
            async with asyncio.timeout(30):
                await complete.wait()
            for name, found in (
                ("Ada", await heard_by(ada)), ("Bob", await heard_by(bob)), ("Pia", heard)
            ):  # fmt: skip
                for sender in {"Ada", "Bob", "Pia"} - {name}:
                    numbers = [m.split()[1] for m in found["reliable"] if m.startswith(sender)]
                    assert numbers == [str(n) for n in range(COUNT)], f"{sender} to {name}"
                    newest = [int(m.split()[1]) for m in found["latest"] if m.startswith(sender)]
                    assert newest == sorted(set(newest)), f"{sender} to {name}"
                    assert newest[-1] == COUNT - 1
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)
    finally:
        hub.end()


async def heard_by(one: Person) -> dict[str, list[str]]:
    """What a browser has heard, once it has heard the last of it."""
    await one.page.wait_for_function(
        f"() => window.heard?.reliable?.length === {2 * COUNT}"
        f" && window.heard.latest?.filter(m => m.endsWith(' {COUNT - 1}')).length === 2"
    )
    found: dict[str, list[str]] = await one.page.evaluate("window.heard")
    return found


async def test_the_page_fits_a_phone(browser: Browser, hub: HubProcess) -> None:
    """[R7, J10] Nothing sticks out at 390 pixels, and what one needs can be pressed."""
    async with (
        person(browser, "Ada", viewport=PHONE, has_touch=True) as ada,
        callmesh.join(hub.call("phone"), name="Somebody with quite a long name"),
    ):
        await ada.join(hub.call("phone"), role="host")
        for _ in range(3):
            await ada.add("Poll")
        await ada.app("Poll 3").get_by_label("Yes").check()
        assert await ada.page.evaluate("document.documentElement.scrollWidth") <= 390
        toast = await ada.page.evaluate(
            """() => {
                const toast = document.querySelector(".toasts").firstElementChild;
                toast.innerHTML = '<div class="toast problem"><p>Not allowed</p></div>';
                const [one, ...others] = [".toast", ".tiles", ".controls"].map(
                    name => document.querySelector(name).getBoundingClientRect());
                const apart = others.map(
                    other => other.bottom <= one.top || one.bottom <= other.top);
                toast.innerHTML = "";
                return apart;
            }"""
        )
        assert toast == [True, True], "it covers the faces, or the controls"
        for name in ("Apps", "Camera", "Microphone", "Leave"):
            button = ada.page.get_by_role("button", name=name).first
            await expect(button).to_be_in_viewport(ratio=1)


async def test_a_stream_goes_on_in_frames_through_a_hub_that_is_killed_and_paths_that_break(
    browser: Browser, tmp_path: Path
) -> None:
    """[D2, D10, D14, D15] From a program into a frame and back: all of it, once and in order."""
    hub = HubProcess(tmp_path)
    count = 1_500
    try:
        call_url = hub.call("through")
        async with person(browser, "Ada") as ada, callmesh.join(call_url, name="Pia") as pia:
            vitals = await pia.resources.add("vitals", title="Bed 1")
            pia.resources.show(vitals)
            await ada.join(call_url)
            await ada.page.wait_for_selector('iframe[title="Bed 1"]', state="attached")
            await ada.until_path("Pia", "direct")
            await ada.until_connected("Bed 1")
            there = vitals.stream("there")
            back, got = vitals.stream("back"), list[int]()
            await ada.in_app(
                "Bed 1",
                """async () => {
                    const { connect } = await import("callmesh/app");
                    const resource = await connect();
                    const back = window.back = resource.stream("back");
                    window.ways = new Set();
                    (async () => {
                        for await (const { data, sender } of resource.stream("there")) {
                            await back.send(data);
                            window.ways.add(resource.stream("there").stats.get(sender)?.path);
                        }
                    })();
                }""",
            )

            async def follow() -> None:
                async for message in back:
                    got.append(int.from_bytes(message.data[:4], "big"))
                    if len(got) == count:
                        return

            following = asyncio.create_task(follow())
            reader = next(p.id for p in pia.participants.values() if p.name == "Ada")
            await there.ready(to=[reader], timeout=20)  # before it opened it, nothing is for it
            for number in range(count):
                await there.send(number.to_bytes(4, "big") + b"x" * 3_000, timeout=60)
                if number in (300, 1_200):
                    peers = pia._streams.peers
                    assert peers is not None
                    for peer in list(pia.participants):
                        peers.disconnect(peer)
                        pia._streams.path_changed(peer, "cut")
                elif number == 600:
                    hub.kill()
                    hub = HubProcess(tmp_path, port=hub.port)
                    await pia.until(lambda: len(pia.participants) == 2, timeout=30)
                await asyncio.sleep(0.001)
            await asyncio.wait_for(following, 60)
            assert got == list(range(count))
            assert set(await ada.in_app("Bed 1", "[...window.ways]")) & {"relay", "direct"}
    finally:
        hub.end()
