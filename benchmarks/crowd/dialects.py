"""How one participant speaks to one kind of server."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar


class Dialect:
    """Of a relay: a message is an update. The base of the others."""

    is_in_at_once = True

    def __init__(self, room: str, number: int) -> None:
        self.room = room
        self.key = f"k{number}"
        self.acknowledged = 0
        """How many of one's own updates the server has said it has."""

    def hello(self) -> Iterator[bytes]:
        return iter(())

    def hears_welcome(self, data: bytes) -> bool:
        return True

    def answers(self, data: bytes) -> Iterator[bytes]:
        """What has to be said to what came."""
        return iter(())

    def acknowledges(self, data: bytes) -> None:
        """Look into what came for word of one's own updates."""

    def update(self, text: str) -> bytes:
        return text.encode()

    def updates(self, texts: Iterable[tuple[str, str]]) -> bytes:
        """Several, by key, in one message."""
        return "".join(text for _, text in texts).encode()

    def begin(self) -> bytes | None:
        """What the first one in a room has to say, so that others can write."""
        return None

    def stream(self, text: str, mode: Any) -> bytes:
        """What goes by way of the server, and is not kept."""
        return text.encode()

    @property
    def may_stream(self) -> bool:
        return True

    def ping(self) -> bytes | None:
        return None

    def leave(self) -> bytes | None:
        return None


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def framed(data: bytes) -> bytes:
    return varint(len(data)) + data


class Yjs(Dialect):
    """y-protocols: one document a room, a map in it, a key for each writer."""

    def __init__(self, room: str, number: int) -> None:
        super().__init__(room, number)
        self._map: Any = None

    def hello(self) -> Iterator[bytes]:
        yield self.head() + b"\x00\x00" + framed(b"\x00")

    def head(self) -> bytes:
        return b""

    def answers(self, data: bytes) -> Iterator[bytes]:
        head = self.head()
        if data.startswith(head + b"\x00\x00"):
            yield head + b"\x00\x01" + framed(b"\x00\x00")

    def update(self, text: str) -> bytes:
        return self.updates([(self.key, text)])

    def updates(self, texts: Iterable[tuple[str, str]]) -> bytes:
        if self._map is None:
            self._open()
        with self.doc.transaction():
            for key, text in texts:
                self._map[key] = text
        [update] = self.made
        self.made.clear()
        return self.head() + b"\x00\x02" + framed(update)

    def _open(self) -> None:
        """Only who writes has a document: a thousand who do nothing need none."""
        from pycrdt import Doc, Map

        self.doc: Any = Doc(client_id=random.getrandbits(32))  # as Yjs does
        self._map = self.doc.get("state", type=Map)
        self.made: list[bytes] = []
        self.subscription = self.doc.observe(lambda event: self.made.append(event.update))


class Hocuspocus(Yjs):
    is_in_at_once = False

    def head(self) -> bytes:
        return framed(self.room.encode())

    def hello(self) -> Iterator[bytes]:
        yield self.head() + b"\x02\x00" + framed(b"token")
        yield from super().hello()

    def hears_welcome(self, data: bytes) -> bool:
        return data.startswith(self.head() + b"\x00")

    def acknowledges(self, data: bytes) -> None:
        self.acknowledged += data == self.head() + b"\x08\x01"


class Callmesh(Dialect):
    is_in_at_once = False
    proofs: ClassVar[dict[str, str]] = {}
    """By name: who has been there before is the same person, as in a browser."""

    def __init__(self, room: str, number: int) -> None:
        super().__init__(room, number)
        from callmesh import messages
        from callmesh.ids import CALL, ResourceId, Writer, state_of
        from callmesh.state import Entry
        from callmesh.values import encode

        self.messages, self.encode, self.entry, self.named = messages, encode, Entry, Writer
        self.call_state, self.state = CALL, state_of(ResourceId("rbench"))
        self.writer = ""
        self.owner = ""
        self.offset = 0
        self.last = 0
        self.streamed, self.credited, self.sent = 0, 0, 0
        self.accepted: list[int] = []
        """The numbers that the hub gave one's own updates, as far as they have not been saved."""

    def bundle(self, *given: Any) -> bytes:
        return bytes(self.messages.bundle([self.messages.encode(message) for message in given]))

    def heard(self, data: bytes) -> Iterator[Any]:
        yield from self.messages.unbundle(data, limit=None)

    def hello(self) -> Iterator[bytes]:
        name = f"P{self.key}"
        proof = self.proofs.get(name)
        yield self.bundle(self.messages.Hello(1, self.room, name, "host", person=proof))

    def hears_welcome(self, data: bytes) -> bool:
        for message in self.heard(data):
            if isinstance(message, self.messages.Welcome):
                self.writer, self.owner = message.writer, message.person
                self.offset = message.time - time.time_ns() // 1000
                self.proofs[message.name] = message.person_proof
                return True
        return False

    def answers(self, data: bytes) -> Iterator[bytes]:
        if self.streamed and b"relayed" in data:
            for message in self.heard(data):
                if isinstance(message, self.messages.Relayed):
                    self.credited = message.total
        return iter(())

    def acknowledges(self, data: bytes) -> None:
        """An own update is saved when the hub says so of a number not below its own."""
        for message in self.heard(data):
            saved = 0
            if isinstance(message, self.messages.Batch):
                own = sum(
                    entry.writer == self.writer
                    for group in message.groups
                    for entry in group.entries
                    if group.state == self.state
                )
                self.accepted += [message.cursor] * own
                saved = message.saved
            elif isinstance(message, self.messages.Saved):
                saved = message.cursor
            waiting = [number for number in self.accepted if number > saved]
            self.acknowledged += len(self.accepted) - len(waiting)
            self.accepted = waiting

    def stamp(self) -> int:
        self.last = max(self.last + 1, time.time_ns() // 1000 + self.offset)
        return self.last

    def write(self, state: str, key: str, value: Any) -> Any:
        entry = self.entry(key, self.stamp(), self.named(self.writer), self.encode(value))
        return self.messages.Write([self.messages.Group(state, [entry])])

    def begin(self) -> bytes:
        """The resource that all of them write to."""
        record = {"app": "bench", "title": "Bench", "owner": self.owner}
        return self.bundle(self.write(self.call_state, "resource/rbench", record))

    def update(self, text: str) -> bytes:
        return self.bundle(self.write(self.state, self.key, text))

    def updates(self, texts: Iterable[tuple[str, str]]) -> bytes:
        return self.bundle(*(self.write(self.state, key, text) for key, text in texts))

    def stream(self, text: str, mode: Any) -> bytes:
        payload = text.encode()
        self.sent += 1
        self.streamed += len(payload)
        return self.bundle(
            self.messages.Stream([], "rbench", "bench", mode, self.sent, False, payload)
        )

    @property
    def may_stream(self) -> bool:
        return self.streamed - self.credited < int(self.messages.STREAM_WINDOW)

    def ping(self) -> bytes | None:
        return self.bundle(self.messages.Ping(1))

    def leave(self) -> bytes | None:
        return self.bundle(self.messages.Leave())


DIALECTS: dict[str, Callable[[str, int], Dialect]] = {
    "callmesh": Callmesh, "hocuspocus": Hocuspocus, "yjs": Yjs, "relay": Dialect,
}  # fmt: skip
