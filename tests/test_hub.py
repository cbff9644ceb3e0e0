"""A real hub process: its pages, its socket, rubbish, and `kill -9`."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import callmesh
from callmesh import messages
from callmesh.auth import Authority
from callmesh.catalog import Catalog
from callmesh.hub import application
from callmesh.ids import Writer, state_of
from callmesh.manifest import schema_text
from callmesh.messages import Message
from callmesh.pages import PAGE
from callmesh.state import Entry
from callmesh.storage.memory import MemoryStorage
from callmesh.values import encode
from tests import vectors
from tests.processes import SERVED, HubProcess, hub_process

pytestmark = pytest.mark.anyio

HELLO = messages.Hello(1, "demo", "Ada")


@pytest.fixture(scope="module", params=SERVED)
def hub(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HubProcess]:
    with hub_process(tmp_path_factory.mktemp("data"), python=SERVED[request.param]) as hub:
        yield hub


def bundle(*given: Message) -> bytes:
    return messages.bundle([messages.encode(message) for message in given])


class Raw:
    """A socket without any manners. `ending` is the error that was named, and the close code."""

    def __init__(self, hub: HubProcess, call: str = "demo") -> None:
        self.url = f"{hub.call(call).replace('http', 'ws')}/socket"

    async def ending(self, *data: bytes | str) -> tuple[str | None, int]:
        named = None
        async with connect(self.url, max_size=None) as socket:
            try:
                for number, part in enumerate(data):
                    if number:
                        await socket.recv()  # a large one is taken after the welcome (W4)
                    await socket.send(part)
                while True:
                    received = await asyncio.wait_for(socket.recv(), 15)
                    assert isinstance(received, bytes)
                    for message in messages.unbundle(received, limit=None):
                        if isinstance(message, messages.Error):
                            named = message.code
            except ConnectionClosed as closed:
                return named, closed.rcvd.code if closed.rcvd else 1006


async def test_the_greeting_says_where_to_go(hub: HubProcess) -> None:
    """[J11]"""
    assert f"{hub.call()}#role=host" in hub.greeting
    assert f"{hub.call()}#role=guest" in hub.greeting
    assert f'callmesh.join("{hub.call()}"' in hub.greeting
    assert "as a host" in hub.greeting


def here(call: callmesh.Call) -> list[callmesh.Participant]:
    return [participant for participant in call.participants.values() if participant.here]


async def test_others_have_their_turn_while_a_large_bundle_is_taken(hub: HubProcess) -> None:
    """[W11] What it writes comes to them bit by bit, as it is taken."""
    url = f"{hub.call('turns').replace('http', 'ws')}/socket"
    seen: list[int] = []
    async with (
        callmesh.join(hub.call("turns"), name="Bystander", rtc=False) as bystander,
        connect(url, max_size=None, max_queue=None) as socket,
    ):
        poll = await bystander.resources.add("poll")
        poll.state.listen(lambda change: seen.append(change["question"][1]), key="question")
        await socket.send(bundle(messages.Hello(1, "turns", "Ada", "host")))
        received = await socket.recv()
        assert isinstance(received, bytes)
        welcome = messages.unbundle(received, limit=None)[0]
        assert isinstance(welcome, messages.Welcome)
        entries = [
            Entry("question", welcome.time + number, Writer(welcome.writer), encode(number))
            for number in range(12_000)
        ]
        await socket.send(bundle(messages.Write([messages.Group(state_of(poll.id), entries)])))
        async with asyncio.timeout(15):
            async for _ in poll.state.changes():
                if seen and seen[-1] == 11_999:
                    break
    assert len(seen) > 3


async def test_rubbish_ends_the_session_of_its_sender_alone(hub: HubProcess) -> None:
    """[W2, W3, W4, J1, J9, J10] Each with its named error and close code."""
    raw = Raw(hub)
    joined = bundle(HELLO)
    deep = b"\x91" * 200_000
    async with callmesh.join(hub.call(), name="Bystander", rtc=False) as bystander:
        poll = await bystander.resources.add("poll", state={"question": "?"})
        assert await raw.ending(b"rubbish") == ("bad_message", 4400)
        assert await raw.ending("a text message") == ("bad_message", 4400)
        assert await raw.ending(b"\x90") == ("bad_message", 4400)
        assert await raw.ending(bundle(messages.Ping(1))) == ("bad_message", 4400)
        assert await raw.ending(bundle(HELLO, HELLO)) == ("bad_message", 4400)
        assert await raw.ending(joined, joined) == ("bad_message", 4400)
        assert await raw.ending(joined, deep) == ("bad_message", 4400)
        assert await raw.ending(joined, b"\x91\x91\xa4what") == ("bad_message", 4400)
        assert await raw.ending(joined, bundle(messages.Saved(1))) == ("bad_message", 4400)
        assert await raw.ending(b"\x00" * 20_000) == ("too_large", 4413)
        assert await raw.ending(joined, b"\x90" + b"\x00" * 1_100_000) == ("too_large", 4413)
        ending = await raw.ending(joined, b"\x90" + b"\x00" * 3_000_000)
        assert ending[0] is None, "cut off by the WebSocket itself, while it was still sending"
        assert ending[1] in (1009, 1006)
        other = messages.Hello(1, "other", "Ada")
        assert await raw.ending(bundle(other)) == ("no_such_call", 4404)
        nameless = messages.Hello(1, "demo", " \n")
        assert await raw.ending(bundle(nameless)) == ("bad_name", 4422)
        forged = messages.Hello(1, "demo", "Ada", person="x.y.z")
        assert await raw.ending(bundle(forged)) == ("unauthorized", 4401)
        assert await Raw(hub, "no%20call").ending(joined) == ("bad_name", 4422)
        gone = bundle(messages.Leave(), messages.Stream([], "r1", "x", "latest", 1, False, b""))
        assert await raw.ending(joined, gone) == (None, 1000)
        for case in vectors.load("messages")["rubbish"]:
            ending = await raw.ending(joined, bytes.fromhex(case["hex"]))
            assert ending == ("bad_message", 4400), case["about"]
        poll.state["question"] = "still here?"
        await poll.state.saved()
        await bystander.until(lambda: [p.name for p in here(bystander)] == ["Bystander"])
        assert bystander.status == "synced"


async def test_a_hub_welcomes_with_a_whole_batch(hub: HubProcess) -> None:
    """[J1]"""
    async with connect(Raw(hub).url) as socket:
        await socket.send(bundle(HELLO))
        received = await socket.recv()
        assert isinstance(received, bytes)
        welcome, batch = messages.unbundle(received)
        assert isinstance(welcome, messages.Welcome)
        assert isinstance(batch, messages.Batch)
        assert batch.whole
        assert [g.state for g in batch.groups if g.state == "roster"] == ["roster"]


async def test_who_says_nothing_is_closed(hub: HubProcess) -> None:
    """[W5]"""
    assert await Raw(hub).ending() == ("timed_out", 4408)


async def test_a_page_of_another_origin_gets_no_socket(hub: HubProcess) -> None:
    """[J11]"""
    for origin in ("https://evil.example", "null", "http://[", f"http://127.0.0.1:{hub.port + 1}"):
        with pytest.raises(InvalidStatus):
            await connect(Raw(hub).url, additional_headers={"Origin": origin})
    async with connect(Raw(hub).url, additional_headers={"Origin": hub.address}):
        pass


async def test_a_foreign_host_name_is_refused(hub: HubProcess) -> None:
    """[J11] What a page gets whose name was made to point at this machine."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(hub.call(), headers={"Host": "evil.example"})
    assert answer.status_code == 400


async def test_pages_and_files(hub: HubProcess) -> None:
    """[J9, A1]"""
    async with httpx.AsyncClient(base_url=hub.address) as client:
        page = await client.get("/call/demo")
        assert (page.status_code, '<base href="/page/">' in page.text) == (200, True)
        assert "frame-src" in page.headers["content-security-policy"]
        assert (await client.get("/")).headers["location"] == "/call/demo"
        for bad in ("/call/no%20call", "/call/" + "x" * 65, "/call/..%2f..", "/call/a.b", "/x"):
            assert (await client.get(bad)).status_code == 404, bad
        apps = {app["id"]: app for app in (await client.get("/api/apps")).json()}
        assert {"poll", "vitals"} <= set(apps)
        form = await client.get("/apps/manifest.schema.json")  # [K8]
        assert form.json() == json.loads(schema_text())
        assert form.headers["content-type"] == "application/schema+json"
        base = apps["poll"]["base"]
        entry = await client.get(base + apps["poll"]["entry"])
        policy = entry.headers["content-security-policy"]
        assert entry.status_code == 200
        assert "sandbox allow-scripts allow-forms allow-downloads;" in policy
        assert "form-action 'none';" in policy
        assert "default-src 'none'" in policy
        assert "allow-same-origin" not in policy
        assert entry.headers["access-control-allow-origin"] == "*"
        assert '"callmesh/app": "/sdk/app.js"' in entry.text
        assert '"callmesh/react": "/sdk/react.js"' in entry.text
        for name in ("react.js", "react.d.ts", "testing.js", "testing.d.ts"):
            assert (await client.get(f"/sdk/{name}")).status_code == 200, name
        sdk = await client.get("/sdk/app.js")
        assert (sdk.status_code, sdk.headers["access-control-allow-origin"]) == (200, "*")
        assert "stale-while-revalidate" in sdk.headers["cache-control"]  # [A23]
        (part,) = (PAGE / "sdk").glob("streams-*.js")
        kept = await client.get(f"/sdk/{part.name}")
        assert kept.headers["access-control-allow-origin"] == "*"
        assert "immutable" in kept.headers["cache-control"]
        for bad in ("..%2fmanifest.json", "..%2f..%2fauth.py", "nothing.js", ".hidden", ""):
            assert (await client.get(base + bad)).status_code == 404, bad
        assert (await client.get("/apps/poll/0000000000000000/index.html")).status_code == 404
        assert (await client.get("/page/..%2f..%2fauth.py")).status_code == 404
        assert (await client.get("/healthz")).text == "ok\n"
        lost = await client.get("/call/<b>nowhere</b>/x")
        assert "leads nowhere" in lost.text
        assert "<b>nowhere" not in lost.text


async def test_ctrl_c_stops_cleanly_and_the_call_is_as_it_was(tmp_path: Path) -> None:
    """[L5]"""
    with hub_process(tmp_path) as hub:
        async with callmesh.join(hub.call(), name="Ada", rtc=False) as ada:
            poll = await ada.resources.add("poll", title="Lunch?", state={"question": "Where?"})
            await ada.state.saved()
        assert hub.interrupt() == 0
        assert hub.end() == ""
    with hub_process(tmp_path) as hub:
        async with callmesh.join(hub.call(), name="Bob", rtc=False) as bob:
            again = bob.resources[poll.id]
            assert (again.title, dict(again.state)) == ("Lunch?", {"question": "Where?"})


async def test_kill_9_loses_nothing_saved_and_participants_come_back(tmp_path: Path) -> None:
    """[L5, L3, W7, J2, S11] Twice, in the middle of a burst of writes."""
    hub = HubProcess(tmp_path)
    try:
        async with (
            callmesh.join(hub.call(), name="Ada", rtc=False) as ada,
            callmesh.join(hub.call(), name="Bob", rtc=False) as bob,
        ):
            me = ada.me.id
            poll = await ada.resources.add("poll")
            for round in range(2):
                poll.state[f"options/saved{round}"] = round
                await poll.state.saved()
                for number in range(500):
                    poll.state[f"options/{number}"] = f"{round}:{number}"
                    if number % 50 == 0:
                        await asyncio.sleep(0)
                hub.kill()
                await ada.until(lambda: ada.status == "offline")
                hub = HubProcess(tmp_path, port=hub.port)
                await poll.state.saved()
                await bob.until(lambda: bob.status == "synced", timeout=20)
                await ada.until(lambda: len(ada.participants) == 2, timeout=20)
                assert ada.me.id == me
                assert len(poll.state) == 501 + round
                await bob.until(lambda: dict(bob.resources[poll.id].state) == dict(poll.state))
        async with callmesh.join(hub.call(), name="Late", rtc=False) as late:
            assert dict(late.resources[poll.id].state) == dict(poll.state)
    finally:
        hub.end()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "callmesh", *arguments],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_a_hub_that_would_be_open_to_all_does_not_start(tmp_path: Path) -> None:
    """[J11]"""
    for arguments, says in (
        ([], "--dev"),
        (["--dev", "--host", "0.0.0.0"], "this machine alone"),
        (["--dev", "--host", "example.org"], "this machine alone"),
    ):
        ended = run("serve", "--data", str(tmp_path), *arguments)
        assert ended.returncode == 2
        assert says in ended.stderr
        assert ended.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_said_in_a_sentence(hub: HubProcess, tmp_path: Path) -> None:
    ended = run("serve", "--dev", "--port", str(hub.port), "--data", str(tmp_path))
    assert ended.returncode == 1
    assert str(hub.port) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_two_hubs_do_not_share_a_folder(tmp_path: Path) -> None:
    """[L5] Each would hold half of every call."""
    with hub_process(tmp_path):
        ended = run("serve", "--dev", "--port", "0", "--data", str(tmp_path))
    assert ended.returncode == 1
    assert "another hub" in ended.stderr
    assert run("serve", "--dev", "--port", "99999", "--data", str(tmp_path)).stderr.count("\n") == 1


def test_an_app_that_was_changed_is_served_anew(tmp_path: Path) -> None:
    app = tmp_path / "mine"
    app.mkdir()
    (app / "manifest.json").write_text('{"id": "mine", "name": "Mine", "version": "1"}')
    (app / "index.html").write_text("<p>first")
    with hub_process(tmp_path / "data", apps=(app,)) as hub:
        pages = []
        for text in ("<p>first", "<p>second"):
            (app / "index.html").write_text(text)
            found = {a["id"]: a for a in httpx.get(f"{hub.address}/api/apps").json()}
            pages.append(httpx.get(hub.address + found["mine"]["base"] + "index.html").text)
    assert ["first" in pages[0], "second" in pages[1]] == [True, True]


async def test_calls_look_at_apps_again_only_when_these_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[K3] Anybody may ask for the apps, however often."""
    app = tmp_path / "mine"
    app.mkdir()
    (app / "manifest.json").write_text('{"id": "mine", "name": "Mine", "version": "1"}')
    (app / "index.html").write_text("<p>first")
    hub = application(MemoryStorage(), Catalog([app]), Authority(b"s" * 32))
    told: list[str] = []
    monkeypatch.setattr(hub.state.live, "apps_changed", lambda: told.append("changed"))
    transport = httpx.ASGITransport(hub)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for text in ("<p>first", "<p>second"):
            if text not in (app / "index.html").read_text():
                (app / "index.html").write_text(text)
            for _ in range(3):
                await client.get("/api/apps")
    assert told == ["changed"]


async def test_a_manifest_counts_for_the_next_who_joins(tmp_path: Path) -> None:
    """[K3] A slip in it is told on a --dev hub, and changes nothing."""
    app = tmp_path / "mine"
    app.mkdir()
    good = '{"id": "mine", "name": "Mine", "version": "1", "keys": [{"key": "a", "write": []}]}'
    (app / "manifest.json").write_text(good.replace("[]", '["everyone"]'))
    (app / "index.html").write_text("<p>first")
    with hub_process(tmp_path / "data", apps=(app,)) as hub:
        async with callmesh.join(hub.call(), name="Ada", rtc=False) as ada:
            mine = await ada.resources.add("mine")
            assert mine.state.can_write("a")
            (app / "manifest.json").write_text(good)
            async with callmesh.join(hub.call(), name="Bob", rtc=False):
                await ada.until(lambda: not mine.state.can_write("a"))
            mine.state["a"] = 1
            with pytest.raises(callmesh.Denied, match="nobody may write a in Mine"):
                await mine.state.accepted()
            (app / "manifest.json").write_text("{")
            async with httpx.AsyncClient() as client:
                apps = (await client.get(f"{hub.address}/api/apps")).json()
            found = {app["id"]: app for app in apps}
            assert "ends too early" in found["mine"]["problem"]
            assert found["poll"]["problem"] is None
            assert not mine.state.can_write("a")


def test_a_manifest_that_lies_is_left_out_and_the_hub_starts(tmp_path: Path) -> None:
    """[K3]"""
    app = tmp_path / "liar"
    app.mkdir()
    (app / "manifest.json").write_text('{"id": "liar", "name": "L", "version": "1", "entry": "x"}')
    with hub_process(tmp_path / "data", apps=(app,)) as hub:
        apps = httpx.get(f"{hub.address}/api/apps").json()
        assert [found["id"] for found in apps] == ["poll", "talk", "vitals", "whiteboard"]
        assert "no such file" in hub.end()
