"""WebSockets byte by byte: what the library does for us, and what we add.

By picows, as `callmesh serve` speaks them, and, what all keep, by an ASGI server's own.

The peer here is a plain socket, so that it can break every rule there is.
"""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import callmesh
from callmesh import messages
from callmesh.errors import Broken
from callmesh.ids import CallId, Writer, state_of
from callmesh.livecall import CROWDED_WINDOW, EASY, WINDOW, steady
from callmesh.messages import Group, Hello, Message, Ping, Stream, Write
from callmesh.rates import Often, Rate
from callmesh.state import Entry
from callmesh.testing import MemoryHub
from callmesh.transport.asgi import LINK
from callmesh.transport.picows import CLOSING, CONTROLS, FRAGMENTS, Upgrade
from callmesh.values import encode
from tests.processes import SERVED, HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
MASK = b"\x01\x02\x03\x04"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def bundle(*given: Message) -> bytes:
    return messages.bundle([messages.encode(message) for message in given])


def frame(data: bytes, kind: int = BINARY, *, fin: bool = True, mask: bool = True) -> bytes:
    size = len(data)
    length = size if size < 126 else 126 if size < 65_536 else 127
    more = b"" if length < 126 else struct.pack("!H" if length == 126 else "!Q", size)
    head = bytes([kind | fin << 7, length | mask << 7]) + more
    if not mask:
        return head + data
    masked = int.from_bytes(data, "big") ^ int.from_bytes((MASK * (size // 4 + 1))[:size], "big")
    return head + MASK + masked.to_bytes(size, "big")


def upgrade(hub: HubProcess, head: str = "Connection: Upgrade", call: str = "demo") -> bytes:
    return (
        f"GET /call/{call}/socket HTTP/1.1\r\nHost: 127.0.0.1:{hub.port}\r\n{head}\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


HELLO = frame(bundle(Hello(1, "demo", "Eve")))
ALONE = pytest.mark.parametrize("hub", ["picows"], indirect=True)
"""What `callmesh serve` keeps alone: under an ASGI server, WebSockets are that server's."""


class Peer:
    """A plain socket that has asked for a WebSocket."""

    def __init__(
        self, hub: HubProcess, *, small: bool = False, head: str = "", call: str = "demo"
    ) -> None:
        self.socket = socket.socket()
        if small:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", hub.port))
        self.socket.sendall(upgrade(hub, head or "Connection: keep-alive, Upgrade", call))
        self._read = b""
        while b"\r\n\r\n" not in self._read:
            self._read += self.socket.recv(65_536)
        self.answer, _, self._read = self._read.partition(b"\r\n\r\n")

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """As much of it as the hub takes."""
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(data)

    def joins(self) -> str:
        """Say hello; which writer we are."""
        self.send(HELLO)
        for message in messages.unbundle(self.frame()[1], limit=None):
            if isinstance(message, messages.Welcome):
                return message.writer
        raise AssertionError("no welcome")

    def frame(self) -> tuple[int, bytes]:
        """The next frame: its kind and what is in it. Raises `ConnectionError` at the end."""
        kind, length = self._take(2)
        if length == 126:
            (length,) = struct.unpack("!H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._take(8))
        return kind & 15, self._take(length)

    def ending(self) -> int:
        """With which code the hub closes the link; 0 if it just cuts it."""
        try:
            while True:
                kind, data = self.frame()
                if kind == CLOSE:
                    return int.from_bytes(data[:2], "big")
        except (ConnectionError, TimeoutError):
            return 0

    def _take(self, size: int) -> bytes:
        while len(self._read) < size:
            part = self.socket.recv(1 << 20)
            if not part:
                raise ConnectionResetError("it was closed")
            self._read += part
        taken, self._read = self._read[:size], self._read[size:]
        return taken


@pytest.fixture(scope="module", params=SERVED)
def hub(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HubProcess]:
    with hub_process(tmp_path_factory.mktemp("links"), python=SERVED[request.param]) as hub:
        yield hub


@pytest.fixture
async def bystander(hub: HubProcess) -> AsyncIterator[callmesh.Call]:
    """Somebody who notices nothing: the same link from the beginning to the end."""
    async with callmesh.join(hub.call(), name="Bystander", rtc=False) as call:
        statuses: list[str] = []
        poll = await call.resources.add("poll")
        await poll.state.saved()
        poll.state.on_status(statuses.append)
        yield call
        poll.state["question"] = "still here?"
        await poll.state.saved()
        assert "offline" not in statuses


def test_browsers_ask_in_words_of_their_own(hub: HubProcess) -> None:
    """[W2] Firefox keeps the connection alive besides."""
    for head in ("Connection: keep-alive, Upgrade", "connection: UPGRADE"):
        with Peer(hub, head=head) as peer:
            assert b"101" in peer.answer.split(b"\r\n")[0]
            peer.joins()


def test_a_key_that_is_none_is_refused(hub: HubProcess) -> None:
    """[W2]"""
    with socket.create_connection(("127.0.0.1", hub.port), timeout=10) as link:
        link.sendall(
            f"GET /call/demo/socket HTTP/1.1\r\nHost: 127.0.0.1:{hub.port}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n".encode()
        )
        assert b" 400 " in link.recv(65_536).split(b"\r\n")[0]
        while link.recv(65_536):
            pass


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(b"\x90", mask=False), 1002),
        (frame(b"", 3), 1002),
        (bytes([0xC2, 0x80]) + MASK, 1002),
        (frame(b"\x90", 0), 1002),
        (frame(b"\x90", fin=False) + frame(b"\x90"), 1002),
        (frame(b"", PING, fin=False), 1002),
        (frame(b"x" * 126, PING), 1002),
        (frame(struct.pack("!H", 999), CLOSE), 1002),
        (b"\x82\xff" + (2**40).to_bytes(8, "big"), 1009),
        (frame(b"words", TEXT), 4400),
        (frame(struct.pack("!H", 1000), CLOSE), 1000),
    ],
)
async def test_who_breaks_the_rules_of_websockets_is_told_and_nobody_else_notices(
    hub: HubProcess, bystander: callmesh.Call, sent: bytes, code: int
) -> None:
    """[W2, W4]"""
    await is_told(hub, sent, code)


@ALONE
@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(b"", PONG) * (CONTROLS + 1), 1008),
        (frame(b"", PING) * 100_000, 1008),
        (frame(b"", fin=False) + frame(b"", 0, fin=False) * FRAGMENTS, 1009),
        (frame(b"x" * 20_000, fin=False) + frame(b"x" * 20_000, 0, fin=False), 1009),
        (b"\x82\xff" + (2**63).to_bytes(8, "big"), 1002),
        (frame(b"", CLOSE), 1000),
    ],
)
async def test_who_asks_for_more_than_the_rules_say_is_told_too(
    hub: HubProcess, bystander: callmesh.Call, sent: bytes, code: int
) -> None:
    """[W4, W12]"""
    await is_told(hub, sent, code)


async def is_told(hub: HubProcess, sent: bytes, code: int) -> None:
    """Before hello and after it."""
    for greeting in (b"", HELLO):
        with Peer(hub) as peer:
            peer.send(greeting)
            if greeting:
                peer.frame()
            if code == 1009 and greeting and len(sent) < 100_000:
                continue  # large ones are taken from those who are in
            await asyncio.to_thread(peer.send, sent)
            found = await asyncio.to_thread(peer.ending)
            assert found == code or (found == 0 and len(sent) > 100_000)


class Unread:
    """A transport with an earlier answer in it: it is full already, and says so no more."""

    aborted = False

    def get_write_buffer_size(self) -> int:
        return 1

    def get_extra_info(self, name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


@ALONE
async def test_who_does_not_read_earlier_answers_gets_no_link(hub: HubProcess) -> None:
    """[W8, W12]"""
    ended: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            await scope["extensions"][LINK].receive()
        except Broken as error:
            ended.append(error.code)

    config = SimpleNamespace(loaded_app=app, root_path="", asgi_version="3.0")
    state = SimpleNamespace(connections=set(), tasks=set())
    asked, transport = Upgrade(config, state, {}), Unread()  # type: ignore[arg-type]
    asked.connection_made(transport)  # type: ignore[arg-type]
    asked.data_received(upgrade(hub))
    await asyncio.gather(*state.tasks)
    assert transport.aborted
    assert ended == ["broken"]


@ALONE
def test_who_sends_before_the_answer_is_cut(hub: HubProcess) -> None:
    """[W12]"""
    with socket.create_connection(("127.0.0.1", hub.port), timeout=5) as link:
        link.sendall(upgrade(hub) + HELLO)
        with contextlib.suppress(ConnectionError):
            assert link.recv(65_536) == b""


def test_a_message_may_come_in_pieces_and_pings_are_answered(hub: HubProcess) -> None:
    """[W2] A ping in the midst of it, and byte by byte."""
    with Peer(hub) as peer:
        hello = bundle(Hello(1, "demo", "Eve"))
        peer.send(frame(hello[:5], fin=False) + frame(b"are you there?", PING))
        assert peer.frame() == (PONG, b"are you there?")
        for byte in frame(hello[5:], 0):
            peer.send(bytes([byte]))
        assert peer.frame()[0] == BINARY


@ALONE
def test_what_is_not_whole_takes_no_room_before_hello(hub: HubProcess) -> None:
    """[W12] A hundred links that begin a message of 2 MiB each."""
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(hub)) for _ in range(100)]
        before = hub.memory()
        part = frame(b"x" * (2 * 1024 * 1024 - 16))[:1_000_000]
        for peer in peers:
            peer.send(part)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and hub.memory() - before < 16 * 2**20:
            time.sleep(0.1)  # as long as it may still grow
        assert hub.memory() - before < 16 * 2**20
        assert {peer.ending() for peer in peers} <= {1009, 0}


@ALONE
async def test_a_flood_of_frames_holds_up_nobody(hub: HubProcess, bystander: callmesh.Call) -> None:
    """[W12] Empty frames, and pings, as fast as they go: others are answered meanwhile."""
    done = threading.Event()

    def flood(data: bytes) -> None:
        while not done.is_set():
            with Peer(hub) as peer:
                peer.joins()
                peer.send(data)

    floods = [
        asyncio.create_task(asyncio.to_thread(flood, data))
        for data in (frame(b"\x90") * 200_000, frame(b"", PING) * 200_000)
    ]
    poll = next(iter(bystander.resources.values()))
    try:
        for number in range(20):
            poll.state["question"] = str(number)
            await poll.state.saved()
    finally:
        done.set()
        await asyncio.gather(*floods)


async def test_large_and_small_bundles_keep_their_order_and_their_bytes(hub: HubProcess) -> None:
    """[W1] Also where the second is made before the first has left (a reader that is slow)."""
    with Peer(hub, small=True) as peer:
        writer = peer.joins()
        async with callmesh.join(hub.call(), name="Bob", rtc=False) as bob:
            poll = await bob.resources.add("poll")
            seen: dict[str, object] = {}
            for number in range(40):
                size = 60_000 if number % 2 else 10
                poll.state[f"options/{number}"] = chr(65 + number % 26) * size
                await poll.state.saved()

            def read() -> None:
                while len(seen) < 40:
                    kind, data = peer.frame()
                    assert kind == BINARY
                    for message in messages.unbundle(data, limit=None):
                        if isinstance(message, messages.Batch):
                            for group in message.groups:
                                if group.state == state_of(poll.id):
                                    seen.update((e.key, e.value) for e in group.entries)

            await asyncio.to_thread(read)
            for number in range(40):
                size = 60_000 if number % 2 else 10
                assert seen[f"options/{number}"] == encode(chr(65 + number % 26) * size)
            assert writer


async def test_what_is_ready_leaves_at_once_and_what_is_much_is_gathered() -> None:
    """[W13] N1, N2: one bundle per link and turn; then one per window."""
    async with MemoryHub() as hub, contextlib.AsyncExitStack() as stack:
        calls = [await stack.enter_async_context(hub.join(f"P{n}")) for n in range(8)]
        poll = await calls[0].resources.add("poll")
        await poll.state.saved()
        live = hub.live._calls[CallId("demo")]
        counts = hub.live.counts
        member = next(iter(live.hosted.people.members.values()))

        def write(number: int) -> None:
            entry = Entry("question", number, Writer(member.participant.id), encode(number))
            now = time.time_ns() // 1000
            group = Group(state_of(poll.id), [msgspec.structs.replace(entry, time=now)])
            live.hosted.receive(member, Write([group]), now)
            live.changed()

        live._sends = Rate(*EASY, steady())
        await asyncio.sleep(0.05)  # whatever the joins have left to say
        before = counts.bundles
        for number in range(10):
            write(number)
        await asyncio.sleep(0)
        assert counts.bundles - before == 2 * len(calls), "the first; then nine of one turn as one"
        for number in range(100):
            write(number)
            await asyncio.sleep(0)
        sent = counts.bundles - before
        assert sent < 600, "what is beyond is gathered: all of it would be 808"
        await asyncio.sleep(2 * WINDOW)
        assert counts.bundles - before > sent, "and leaves a little later"


class Always(Often):
    """What is very often, whatever the clock says."""

    def note(self, now: int) -> bool:
        return True


async def test_a_hub_that_sends_very_often_gathers_for_longer() -> None:
    """[W13] N2: the first change leaves at once even then; a call that has just sent waits."""
    async with MemoryHub() as hub, hub.join("P") as call:
        poll = await call.resources.add("poll")
        await poll.state.saved()
        live = hub.live._calls[CallId("demo")]
        member = next(iter(live.hosted.people.members.values()))
        counts, loop = hub.live.counts, asyncio.get_running_loop()
        await asyncio.sleep(2 * CROWDED_WINDOW)  # whatever joining has left to say
        live._sending = Always(0)
        before = counts.bundles
        live.hosted.receive(member, Ping(0), 0)
        live.changed()
        assert counts.bundles - before == 1, "at once"
        assert live._quiet_until - loop.time() > CROWDED_WINDOW / 2
        live.hosted.receive(member, Ping(1), 0)
        live.changed()
        await asyncio.sleep(0)
        assert counts.bundles - before == 1
        await asyncio.sleep(2 * CROWDED_WINDOW)
        assert counts.bundles - before == 2


async def test_streams_that_fill_a_bundle_leave_at_once() -> None:
    """[W13] N2: nothing is gained by gathering them, and the window would wait as long."""
    async with MemoryHub() as hub, hub.join("A") as ada, hub.join("B") as bob:
        board = await ada.resources.add("whiteboard")
        heard = (await bob.resources.get(board.id)).stream("file")
        live = hub.live._calls[CallId("demo")]
        line, pace = live.lines[ada.me.id], live.pace(ada.me.id)
        member = live.hosted.people.members[ada.me.id]
        await asyncio.sleep(2 * CROWDED_WINDOW)  # whatever joining has left to say
        live._sending = Always(0)
        live._quiet_until = live._not_before = asyncio.get_running_loop().time() + 60
        for number in range(1, 4):
            sent = Stream([], board.id, "file", "reliable", number, False, b"x" * 60_000)
            before = hub.live.counts.bundles
            live.hosted.receive(member, sent, 0)
            hub._served._acted(live, line, pace, [sent], 60_020, steady())
            left = hub.live.counts.bundles - before
            assert (left > 0) is (number == 3)
        reading = aiter(heard)
        assert [(await anext(reading)).number for _ in range(3)] == [1, 2, 3]


async def test_a_ping_is_answered_alone() -> None:
    """[W13] N4: nobody else's link is looked at for it; what was ready before goes along."""
    async with MemoryHub() as hub, contextlib.AsyncExitStack() as stack:
        calls = [await stack.enter_async_context(hub.join(f"P{n}")) for n in range(3)]
        poll = await calls[0].resources.add("poll")
        await poll.state.saved()
        live = hub.live._calls[CallId("demo")]
        line, pace = live.lines[calls[1].me.id], live.pace(calls[1].me.id)
        member = live.hosted.people.members[line.id]
        live.hosted.receive(member, Ping(0), 0)  # the first word says that the proof has come
        live.flush()  # and whatever the joins have left to say
        for number in range(10):
            before = hub.live.counts.bundles
            live.hosted.receive(member, Ping(number), 0)
            hub._served._acted(live, line, pace, [Ping(number)], 9, 0)
            assert hub.live.counts.bundles - before == 1
        poll.state["question"] = "Does it come?"
        await calls[2].until(lambda: poll.id in calls[2].resources)
        other = calls[2].resources[poll.id]
        await calls[2].until(lambda: other.state.get("question") == "Does it come?")


async def test_who_writes_faster_than_it_may_is_read_no_faster(
    hub: HubProcess, bystander: callmesh.Call
) -> None:
    """[W9, W12] What the hub does not read stays with its sender: its memory does not grow."""
    poll = next(iter(bystander.resources.values()))
    with Peer(hub) as peer:
        writer = Writer(peer.joins())
        now = time.time_ns() // 1000
        write = Write([Group(state_of(poll.id), [Entry("question", now, writer, encode("x"))])])
        one = frame(bundle(write, Ping(1)))
        before = hub.memory()
        sent = await asyncio.to_thread(_push, peer.socket, one * 1_000, 3.0)
        assert sent < 32 * 2**20
        assert hub.memory() - before < 8 * 2**20


def _push(link: socket.socket, data: bytes, seconds: float) -> int:
    """Send it again and again; how much was taken."""
    link.settimeout(0.2)
    sent, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(TimeoutError):
            sent += link.send(data)
    return sent


async def test_who_reads_nothing_and_goes_leaves_nothing_behind(hub: HubProcess) -> None:
    """[W10] A large call, joined again and again, of which nothing is read."""
    async with callmesh.join(hub.call("large"), name="Bob", rtc=False) as bob:
        poll = await bob.resources.add("poll")
        for number in range(100):
            poll.state[f"options/{number}"] = "x" * 60_000
        await poll.state.saved()
        hello = frame(bundle(Hello(1, "large", "Eve")))
        gone = frame(bundle(messages.Leave())) + frame(struct.pack("!H", 1000), CLOSE)
        before = hub.memory()
        for _ in range(20):
            with Peer(hub, small=True, call="large") as peer:
                peer.send(hello)
                await bob.until(lambda: len(bob.participants) > 1)
                peer.send(gone)
            await bob.until(lambda: len(bob.participants) == 1)
        await asyncio.sleep(CLOSING + 0.5)  # as long as a link may take to end
        assert hub.memory() - before < 30 * 2**20, "each of them was to get six million bytes"


def test_one_connection_more_than_there_may_be_is_cut(tmp_path: Path) -> None:
    """[W10] Others stay, and there is room again when some have gone."""
    with (
        hub_process(tmp_path, limits={"connections": 16}) as hub,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(16):
            stack.enter_context(Peer(hub))
        late = stack.enter_context(socket.create_connection(("127.0.0.1", hub.port), timeout=5))
        with contextlib.suppress(ConnectionResetError):
            assert late.recv(1) == b""
        stack.close()
        deadline = time.monotonic() + 10
        while True:
            try:
                with Peer(hub) as peer:
                    peer.joins()
                break
            except ConnectionError:
                assert time.monotonic() < deadline
