"""How fast somebody may go, and how many of everything there may be: one more, and what happens."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect

import callmesh
from callmesh import messages
from callmesh.connections import LINGER, PATIENCE, Watch
from callmesh.errors import TooFast
from callmesh.ids import CallId
from callmesh.limits import Limits
from callmesh.messages import Group, Hello, Ping, Stream, Write
from callmesh.rates import AHEAD, BYTES, ENTRIES, HEAD, LONGEST, Often, Pace, Rate, joins
from callmesh.serving import Server
from callmesh.session import OPENING_TIMEOUT, SILENCE
from callmesh.state import Entry
from callmesh.streams import MOST_STREAMS
from callmesh.testing import ADDRESS, MemoryHub
from callmesh.values import encode
from tests.processes import HubProcess, hub_process
from tests.test_door import Guest, keyed, link
from tests.test_visits import Clock

SECOND = 1_000_000
NOW = 1_700_000_000_000_000


def test_whether_something_happens_often_is_known_a_tenth_of_a_second_later() -> None:
    """[W13]"""
    often, tenth = Often(50), SECOND // 10
    assert not any(often.note(n) for n in range(6))
    assert often.note(tenth)
    assert not often.note(2 * tenth), "once in the tenth before"
    for n in range(6):
        often.note(3 * tenth + n)
    assert not often.note(5 * tenth), "not at all in the tenth before"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def write(entries: int = 1) -> Write:
    made = [Entry(f"k{n}", NOW, "p1", encode(1)) for n in range(entries)]  # type: ignore[arg-type]
    return Write([Group("state/r1", made)])


def stream(size: int) -> Stream:
    return Stream([], "r1", "pen", "latest", 1, False, b"x" * size)


def after(pace: Pace, heard: list[messages.Message], size: int, *, others: int = 1) -> float:
    """Seconds to wait after a bundle."""
    pace.took(heard, size, others, NOW)
    return pace.due(NOW)


# --- the bucket


def test_what_is_beyond_a_rate_waits_for_as_long_as_it_takes() -> None:
    """[W9]"""
    rate = Rate(60, 240, NOW)
    assert [rate.take(120, NOW) for _ in range(3)] == [0, 0, 2]
    assert rate.take(0, NOW + SECOND) == 1
    assert rate.take(0, NOW + 2 * SECOND) == 0
    assert rate.take(240, NOW + 100 * SECOND) == 0, "it holds no more than the burst"
    assert rate.take(60, NOW + 100 * SECOND) == 1
    assert rate.take(0, NOW) == 1, "a clock that goes back gives nothing"


@pytest.mark.parametrize(
    ("heard", "size", "cost"),
    [
        ([write()], 0, 1),
        ([write(), write()], 0, 2),
        ([write(10 * ENTRIES)], 0, 10),
        ([write()], 4 * BYTES, 5),
        ([Ping(1)], 0, 0.25),
        ([messages.Signal("p2", "x")], BYTES, 1.25),
        ([messages.Command("c", "admit")], 0, 1),
        ([], 0, 0.25),
    ],
)
def test_what_counts_as_a_write(heard: list[messages.Message], size: int, cost: float) -> None:
    """[W9]"""
    pace = Pace(Limits(writes_per_second=1, write_burst=1), NOW)
    assert after(pace, heard, size) == max(0.0, cost - 1)


def test_streams_count_by_their_bytes_and_not_as_writes() -> None:
    """[W9]"""
    pace = Pace(Limits(relay_bytes_per_second=1_024, writes_per_second=1, write_burst=1), NOW)
    assert after(pace, [stream(1_024 - HEAD)], 1_024 - HEAD) == 0
    assert after(pace, [stream(1_024 - HEAD)], 1_024 - HEAD) == 0
    assert pace.owes(NOW) == 0
    assert after(pace, [stream(2_048 - HEAD)], 2_048 - HEAD) == 0
    assert pace.owes(NOW) == 2_048, "so much of the window is given back later"
    assert after(pace, [stream(AHEAD - 2_048 - HEAD)], AHEAD - 2_048 - HEAD) == 0
    assert after(pace, [stream(1_024 - HEAD)], 1_024 - HEAD) == 1, "who goes beyond it waits"
    assert after(pace, [stream(0)] * 32, 0) == 2, "messages without any bytes too"
    assert after(pace, [stream(0)], 0, others=32) == 3, "each who gets it costs"
    assert pace.owes(NOW + SECOND) == AHEAD + 2_048


def test_no_wait_is_so_long_that_it_is_taken_for_silence() -> None:
    """[W9] What is left of it waits with the next."""
    pace = Pace(Limits(writes_per_second=1, write_burst=1), NOW)
    assert after(pace, [write(2_000)], 0) == LONGEST
    assert 4 * LONGEST * SECOND <= SILENCE
    assert pace.due(NOW + 10 * SECOND) == LONGEST


@pytest.mark.anyio
async def test_a_new_link_is_no_new_allowance(clock: Clock) -> None:
    """[W9, J24] Of writes and of streams; of joins, for all tabs and whoever comes back."""
    async with keyed(limits=Limits(joins_per_minute=4)) as hub:
        ada = link(clock, "host", "ada")
        async with hub.join("Ada", url=ada) as first:
            call = hub.live._calls[CallId("demo")]
            pace = call.pace(first.me.id)
            call.hosted.people.members[first.me.id].streams.add(("r1", "pen"))
            for number in range(1, 4):
                await hub.links[-1].cut()
                while len(hub.links) == number:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                await first.until(lambda: first.status == "synced")
            assert call.pace(first.me.id) is pace
            assert call.hosted.people.members[first.me.id].streams == {("r1", "pen")}
            with pytest.raises(TooFast):
                await Guest(hub, ada).inside()
        hub.live._tidy()
        assert call._paces == {}


def test_joins_are_counted_per_person_and_the_count_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """[J24]"""
    monkeypatch.setattr("callmesh.rates.MAX_KNOWN", 3)
    coming = joins(Limits(joins_per_minute=2))
    for _ in range(2):
        coming.check("ada", NOW)
    with pytest.raises(TooFast):
        coming.check("ada", NOW)
    coming.check("bob", NOW)
    coming.check("ada", NOW + 30 * SECOND)
    for number in range(9):
        coming.check(f"p{number}", NOW)
    assert len(coming._known) == 3


# --- in the hub


@pytest.mark.anyio
async def test_a_flood_waits_and_is_not_lost_and_nobody_else_waits(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[W9] While it waits, the hub reads nothing from its sender; the network holds it."""
    waits: list[float] = []
    go = asyncio.Event()

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        await go.wait()

    monkeypatch.setattr("callmesh.links.pause", pause)
    for module in ("live", "links", "livecall"):
        monkeypatch.setattr(f"callmesh.{module}.steady", lambda: NOW)
    async with MemoryHub(limits=Limits(write_burst=10)) as hub, hub.join("Ada") as ada:
        poll = await ada.resources.add("poll", state={"question": 0})
        near = await hub.open_link(f"{ADDRESS}/socket")
        await near.send(messages.bundle([messages.encode(Hello(1, "demo", "Eve"))]))
        (welcome, *_) = messages.unbundle(await near.receive())
        assert isinstance(welcome, messages.Welcome)
        for number in range(12):
            entry = Entry("question", NOW + SECOND + number, welcome.participant, encode(number))  # type: ignore[arg-type]
            group = Group(f"state/{poll.id}", [entry])
            await near.send(messages.bundle([messages.encode(Write([group]))]))
        await ada.until(lambda: poll.state["question"] == 9)
        assert len(waits) == 1
        assert 0 < waits[0] < 1
        clock.now += SECOND
        poll.state["options/x"] = "Ada's"
        await poll.state.saved()
        assert poll.state["question"] == 9
        go.set()
        await ada.until(lambda: poll.state["question"] == 11)
        assert hub.live.counts.slowed == sum(waits)


@pytest.mark.anyio
async def test_the_window_is_given_back_no_faster_than_one_may_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """[W9] What has come goes on at once: a trace does not wait for the file before it."""
    now = [NOW]
    for module in ("live", "links", "livecall"):
        monkeypatch.setattr(f"callmesh.{module}.steady", lambda: now[0])
    limits = Limits(relay_bytes_per_second=60_000)
    async with MemoryHub(limits=limits) as hub, hub.join("Ada") as ada:
        vitals = await ada.resources.add("vitals")
        trace = aiter(vitals.stream("ecg", mode="latest"))
        near = await hub.open_link(f"{ADDRESS}/socket")
        await near.send(messages.bundle([messages.encode(Hello(1, "demo", "Eve"))]))
        file = [Stream([], vitals.id, "f", "reliable", n, False, b"x" * 50_000) for n in range(6)]
        for sent in (*file, Stream([], vitals.id, "ecg", "latest", 1, False, b"beat")):
            await near.send(messages.bundle([messages.encode(sent)]))
        assert (await anext(trace)).data == b"beat"
        lines = hub.live._calls[CallId("demo")].lines
        (eve,) = [line.session for line in lines.values() if line.id != ada.me.id]
        assert (eve.credited, eve.credited - eve.held <= 120_000) == (300_004, True)
        now[0] += 60 * SECOND
        total = 0
        while total < 300_004:
            heard = messages.unbundle(await near.receive())
            total = max([total, *(m.total for m in heard if isinstance(m, messages.Relayed))])
    assert hub.live.counts.slowed == 0


@pytest.mark.anyio
async def test_streams_by_way_of_the_hub_are_so_many() -> None:
    """[W9] Of one name more nothing is handed on, until another one is closed; all else goes on."""
    async with MemoryHub(limits=Limits(streams=5)) as hub, hub.join("Ada") as ada:
        poll = await ada.resources.add("whiteboard")
        near = await hub.open_link(f"{ADDRESS}/socket")
        await near.send(messages.bundle([messages.encode(Hello(1, "demo", "Eve"))]))
        heard = [poll.stream(f"pen{number}", mode="latest") for number in (0, 4, 5)]

        async def send(*said: messages.Stream | messages.Taken) -> None:
            await near.send(messages.bundle([messages.encode(one) for one in said]))

        async def last(stream: callmesh.DataStream) -> object:
            return (await anext(aiter(stream))).number

        def pen(name: int, number: int) -> messages.Stream:
            return Stream([], poll.id, f"pen{name}", "latest", number, False, b"x")

        await send(*(pen(name, 1) for name in range(6)), pen(0, 2))
        assert [await last(stream) for stream in heard[:2]] == [2, 1]
        assert len(heard[2].inbox) == 0
        await send(messages.Taken([], poll.id, "pen1", "latest", 1, 0, "off"), pen(5, 2))
        assert await last(heard[2]) == 2
        await poll.state.saved()


@pytest.mark.anyio
async def test_who_opens_more_streams_than_one_may_have_is_told_so() -> None:
    """[W9] That one alone is refused; what is open goes on, and one that is closed makes room."""
    async with MemoryHub(limits=Limits(streams=5)) as hub, hub.join("Ada") as ada:
        poll = await ada.resources.add("whiteboard")
        streams = [poll.stream(f"pen{number}") for number in range(3)]
        with pytest.raises(TooFast, match=r"of the 5 streams .*limits\.streams.* close one"):
            poll.stream("pen3")
        assert poll.stream("pen2") is streams[2]
        await streams[0].close()
        await poll.stream("pen3").send(1)
    assert Limits().streams == MOST_STREAMS


@pytest.mark.anyio
async def test_who_opens_as_many_streams_as_it_can_leaves_some_for_others() -> None:
    """[W9] And those for the next."""
    async with MemoryHub() as hub, hub.join("Ada") as ada:
        counts = []
        for _ in range(7):
            greedy = await ada.resources.add("whiteboard")
            counts.append(0)
            with contextlib.suppress(TooFast):
                while True:
                    greedy.stream(f"s{counts[-1]}")
                    counts[-1] += 1
        assert counts == [16, 8, 4, 2, 1, 1, 0]


@pytest.mark.anyio
async def test_who_says_nothing_makes_way_for_who_does() -> None:
    """[W5, W10] The oldest link that has said nothing goes; who says hello comes in."""
    async with MemoryHub(limits=Limits(half_open=3)) as hub:
        silent = [await hub.open_link(f"{ADDRESS}/socket") for _ in range(5)]
        for link_ in silent[:2]:
            (error,) = messages.unbundle(await link_.receive())
            assert isinstance(error, messages.Error)
            assert error.code == "timed_out"
        async with hub.join("Ada") as ada:
            assert ada.me.name == "Ada"
        hello = messages.bundle([messages.encode(Hello(1, "demo", "Late"))])
        await silent[-1].send(hello)
        assert isinstance(messages.unbundle(await silent[-1].receive())[0], messages.Welcome)
        await asyncio.sleep(0)
        assert len(hub._served._silent) == 1


@pytest.mark.anyio
async def test_one_person_comes_in_so_often_a_minute(clock: Clock) -> None:
    """[J24]"""
    async with keyed(limits=Limits(joins_per_minute=3)) as hub:
        ada, bob = link(clock, "host", "ada"), link(clock, "guest", "bob", wait=False)
        for _ in range(3):
            async with hub.join("Ada", url=ada):
                pass
        with pytest.raises(TooFast, match="too often"):
            await Guest(hub, ada).inside()
        guest = Guest(hub, bob)
        await guest.inside()
        await guest.go()
        clock.now += 20 * SECOND
        async with hub.join("Ada", url=ada):
            pass


@pytest.mark.anyio
async def test_so_many_calls_are_open_at_a_time() -> None:
    """[J24]"""
    async with MemoryHub(limits=Limits(calls=2)) as hub:
        async with hub.join("A", url=ADDRESS), hub.join("B", url="http://memory/call/two"):
            async with hub.join("C", url=ADDRESS):
                pass
            with pytest.raises(TooFast, match="2 calls"):
                async with hub.join("D", url="http://memory/call/three"):
                    pass
        hub.live._tidy()
        await hub.live._saving.commit()
        hub.live._tidy()
        async with hub.join("D", url="http://memory/call/three"):
            pass


# --- below the hub


class Connection:
    """What uvicorn keeps of one, as far as `Watch` looks at it."""

    def __init__(self, closing: bool = False, unread: int = 0, **state: Any) -> None:
        self.__dict__ |= state
        self.transport = self
        self.closing = closing
        self.unread = unread
        self.cut = False

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.unread

    def abort(self) -> None:
        self.cut = True


class Cycle:
    def __init__(self, done: bool) -> None:
        self.response_complete = done


def test_a_connection_that_was_closed_and_does_not_read_is_cut() -> None:
    """[W10] What it was still to get is let go of."""
    stuck, open_ = Connection(closing=True), Connection()
    watch = Watch()
    for now in (0.0, LINGER, LINGER + 0.1):
        assert not stuck.cut
        watch.look({stuck, open_}, now)
    assert [stuck.cut, open_.cut] == [True, False]
    watch.look({open_}, 100)
    assert watch._closing == {}


def test_a_connection_that_asks_for_nothing_is_cut() -> None:
    """[W10] One whose request is under way, or that is a WebSocket, is not."""
    silent, busy = Connection(cycle=None), Connection(cycle=Cycle(False))
    slow, websocket = Connection(cycle=Cycle(True)), Connection()
    watch = Watch()
    for now in (0.0, PATIENCE, PATIENCE + 0.1):
        assert not silent.cut
        watch.look({silent, busy, slow, websocket}, now)
    assert [c.cut for c in (silent, busy, slow, websocket)] == [True, False, True, False]
    watch.look({busy, websocket}, 100)
    assert watch._idle == {}


def test_an_answer_of_which_nothing_is_read_is_cut() -> None:
    """[W10] Slowly is well; what a link has to send is the hub's business."""
    stuck, slow = (Connection(unread=9_000, cycle=Cycle(False)) for _ in range(2))
    websocket = Connection(unread=9_000)
    watch = Watch()
    for now in (0.0, PATIENCE, PATIENCE + 0.1):
        assert not stuck.cut
        watch.look({stuck, slow, websocket}, now)
        slow.unread -= 1
    assert [c.cut for c in (stuck, slow, websocket)] == [True, False, False]


def test_there_is_room_for_as_many_connections_as_the_system_allows() -> None:
    """[W10] In a process of its own: the limit is the process's."""
    script = """
import resource
from callmesh.connections import KEPT_BACK, room
resource.setrlimit(resource.RLIMIT_NOFILE, (300, 700))
assert room(50) == 50
assert room(400) == 400
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (400 + KEPT_BACK, 700)
assert room(20_000) == 700 - KEPT_BACK
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.fixture
def hub(tmp_path: Path) -> Any:
    with hub_process(tmp_path / "data") as hub:
        yield hub


def ask(hub: HubProcess, data: bytes) -> bytes:
    """What the hub answers to bytes that need be no request."""
    with socket.create_connection(("127.0.0.1", hub.port), timeout=10) as link_:
        link_.sendall(data)
        found = b""
        with contextlib.suppress(ConnectionResetError):
            while part := link_.recv(65_536):
                found += part
                if b"\r\n\r\n" in found:
                    break
    return found


def test_what_is_no_request_of_ours_is_refused(hub: HubProcess) -> None:
    """[W10] Oversized headers, path tricks, foreign hosts, rubbish; and the hub goes on."""
    head = f"Host: 127.0.0.1:{hub.port}\r\nConnection: close\r\n"
    for line, answer in (
        ("GET /healthz HTTP/1.1", b"200"),
        ("GET /call/../../etc/passwd HTTP/1.1", b"404"),
        ("GET /call/%2e%2e%2f%2e%2e%2fsecret HTTP/1.1", b"404"),
        ("GET /apps/poll/x/../../../secret HTTP/1.1", b"404"),
        ("GET /page/..%2f..%2fhub.py HTTP/1.1", b"404"),
        ("GET /sdk/%2e%2e/%2e%2e/hub.py HTTP/1.1", b"404"),
        ("POST /healthz HTTP/1.1", b"405"),
        ("rubbish", b"400"),
    ):
        assert answer in ask(hub, f"{line}\r\n{head}\r\n".encode()).split(b"\r\n")[0], line
    large = f"GET /healthz HTTP/1.1\r\n{head}X: {'x' * 100_000}\r\n\r\n".encode()
    assert b"200" not in ask(hub, large).split(b"\r\n")[0]
    foreign = b"GET /call/demo HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert b"400" in ask(hub, foreign).split(b"\r\n")[0]
    assert b"200" in ask(hub, f"GET /healthz HTTP/1.1\r\n{head}\r\n".encode()).split(b"\r\n")[0]


def upgrade(port: int) -> bytes:
    """The request for the socket of a call."""
    return (
        f"GET /call/demo/socket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


def until(link_: socket.socket, what: bytes) -> bytes:
    """What comes over a socket, until `what` was among it."""
    found = b""
    while what not in found:
        part = link_.recv(65_536)
        assert part, f"it was closed after {found!r}"
        found += part
    return found


def test_sockets_that_say_nothing_make_way_in_a_real_hub(tmp_path: Path) -> None:
    """[W10] The oldest is told so long before it is late (W5), and who comes in comes in."""
    with (
        hub_process(tmp_path / "data", limits={"half_open": 3}) as hub,
        contextlib.ExitStack() as stack,
    ):
        sockets = []
        for _ in range(5):
            address = ("127.0.0.1", hub.port)
            sockets.append(stack.enter_context(socket.create_connection(address, timeout=5)))
            sockets[-1].sendall(upgrade(hub.port))
            until(sockets[-1], b"101 Switching Protocols")
        before = time.monotonic()
        for oldest in sockets[:2]:
            assert b"nobody said hello" in until(oldest, b"\x88")  # a close frame
        assert time.monotonic() - before < OPENING_TIMEOUT / 1e6 / 2

        async def join() -> None:
            async with callmesh.join(hub.call(), name="Ada", rtc=False) as ada:
                await (await ada.resources.add("poll")).state.saved()

        asyncio.run(join())


@pytest.mark.anyio
async def test_a_real_server_cuts_who_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """[W10] Connected and silent, or in the middle of a request; a WebSocket is not cut."""
    monkeypatch.setattr("callmesh.connections.PATIENCE", 0.5)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "websocket"
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": "here"})

    config = uvicorn.Config(app, ws="websockets-sansio", lifespan="off", log_config=None)
    server = Server(config, lambda: asyncio.sleep(0))

    monkeypatch.setattr(server, "capture_signals", contextlib.nullcontext)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    running = asyncio.create_task(server.serve([listening]))
    try:
        async with connect(f"ws://127.0.0.1:{port}/", ping_interval=None) as websocket:
            for said in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(said)
                with contextlib.suppress(ConnectionResetError):
                    assert await asyncio.wait_for(reader.read(), 15) == b""
                writer.close()
                with contextlib.suppress(ConnectionResetError):
                    await writer.wait_closed()
            await websocket.send("are you there?")
            assert await asyncio.wait_for(websocket.recv(), 10) == "here"
    finally:
        server.should_exit = True
        await running
