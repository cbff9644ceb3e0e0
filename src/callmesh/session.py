"""A session: one end of the conversation over one link, without the link.

Bytes and time in, messages and bytes out. The hub, the Python client, the page and an app's frame
all run this class; who the link leads to is not its business. What the messages *mean* is the
business of `Mesh` (a participant's side) and `HostedCall` (the hub's).

    Opening ──hello/welcome──▶ Open ──▶ Over
       │ ╰─hello/waiting─▶ Waiting ─╯      ▲
       ╰──────────────────────╰────────────╯
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum

from callmesh import messages
from callmesh.clock import MICROSECONDS
from callmesh.errors import (
    Broken,
    CallmeshError,
    TimedOut,
    TooFast,
    TooLarge,
    WireError,
    from_wire,
)  # fmt: skip
from callmesh.messages import Message

OPENING_TIMEOUT = 10 * MICROSECONDS
PING_EVERY = 15 * MICROSECONDS
SILENCE = 40 * MICROSECONDS
"""Who hears nothing for so long takes the link for broken: clients ping, and hubs answer."""
PROMPT = 5 * MICROSECONDS
"""The same for who has slept, or has another network."""

MAX_WAITING = 4 * 1024 * 1024
"""Bytes that may wait for one link before stream messages that must arrive are not queued."""
MAX_OF_ONE = 512 * 1024
"""Bytes of them that one sender may have waiting there."""
CREDIT = messages.STREAM_WINDOW // 8
"""Bytes of stream messages that have gone on before their sender is told so."""
AT_ONCE = 128 * 1024
"""Bytes of them that leave in one bundle, so that what is newest need not wait for all of them."""
MAX_LATEST = 4 * 1024 * 1024
"""Bytes of `latest` messages that wait for one link, however many streams there are."""


class Side(Enum):
    HUB = "hub"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Opening:
    since: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Until a host lets the participant in."""


@dataclass(frozen=True, slots=True)
class Open:
    pass


@dataclass(frozen=True, slots=True)
class Over:
    reason: CallmeshError


FROM_CLIENTS: dict[type, frozenset[type]] = {
    Opening: frozenset([messages.Hello]),
    Waiting: frozenset([messages.Ping, messages.Leave]),
    Open: frozenset([
        messages.Write, messages.Command, messages.Signal, messages.Stream, messages.Taken,
        messages.Ping, messages.Leave, messages.Error, messages.Cache, messages.Letter,
        messages.Ticket, messages.Fetch,
    ]),
    Over: frozenset(),
}  # fmt: skip
LARGEST: dict[type, int] = {
    Opening: messages.MAX_BUNDLE_BEFORE_JOINING,
    Waiting: messages.MAX_BUNDLE_BEFORE_JOINING,
    Open: messages.MAX_BUNDLE,
    Over: messages.MAX_BUNDLE_BEFORE_JOINING,
}
"""Bytes of a bundle that a hub takes."""
FROM_HUBS: dict[type, frozenset[type]] = {
    Opening: frozenset([messages.Welcome, messages.Waiting, messages.Error]),
    Waiting: frozenset([messages.Welcome, messages.Waiting, messages.Pong, messages.Error]),
    Open: frozenset([
        messages.Batch, messages.Saved, messages.Denial, messages.Answer, messages.Signal,
        messages.Stream, messages.Taken, messages.Reach, messages.Relayed, messages.Pong,
        messages.Error, messages.Cache, messages.Life, messages.Link, messages.Ice,
        messages.Ticket, messages.Kept, messages.Surroundings,
        messages.Fetched,
    ]),
    Over: frozenset(),
}  # fmt: skip


class Session:
    """`now` is microseconds of any clock that only runs forward."""

    def __init__(self, side: Side, now: int) -> None:
        self.side = side
        self._allowed = FROM_CLIENTS if side is Side.HUB else FROM_HUBS
        self._limits = LARGEST if side is Side.HUB else {}
        """Without one for clients: a snapshot is as large as the call is, and a hub is trusted."""
        self.state: Opening | Waiting | Open | Over = Opening(now)
        self._heard = self._pinged = now
        self.silent = 0
        """For how long nothing had been heard when it ended because of that; 0 where it did not."""
        self._pings = 0
        self._out: list[bytes] = []
        self._streams: list[tuple[bytes, str]] = []
        """What must arrive of streams, with whose it is: it leaves after all else."""
        self.waiting = 0
        """Bytes of messages that must arrive and have not left."""
        self._of: dict[str, int] = {}
        """Those of streams, by sender."""
        self._latest: dict[Hashable, bytes] = {}
        self._latest_size = 0
        self.dropped = 0
        """Messages in mode `latest` that a newer one replaced before they left."""
        self.streamed = 0
        """Payload bytes of stream messages, sent (client) or received (hub) over this link."""
        self.credited = 0
        """Of those, how many have gone on."""
        self.held = 0
        """Hub: of the latter, how many the peer is told of later, as it goes too fast."""
        self._credit_told = 0

    # --- in

    def receive(self, data: bytes, now: int) -> list[Message]:
        """The messages in one bundle, each allowed at this point.

        Raises `WireError`, `TooLarge`, `TooFast`, or what the peer named; the session is then over.
        """
        self._heard = now
        try:
            bundle = messages.unbundle(data, limit=self._limits.get(type(self.state)))
            if len(bundle) > messages.MAX_MESSAGES and self.side is Side.HUB:
                raise TooLarge(f"a bundle has at most {messages.MAX_MESSAGES} messages here")
            for message in bundle:
                if type(message) not in self._allowed[type(self.state)]:
                    name = type(message).__name__.lower()
                    raise WireError(f"{name} is not expected {_WHEN[type(self.state)]}")
                if type(message) is not messages.Write:
                    self._admit(message)
            return bundle
        except CallmeshError as error:
            self.end(error)
            raise

    def _admit(self, message: Message) -> None:
        """Note what it says of the session itself."""
        match message:
            case messages.Welcome():
                self.state = Open()
            case messages.Waiting():
                self.state = Waiting()
            case messages.Error(code, text):
                raise from_wire(code, text)
            case messages.Relayed(total):
                self.credited = total
            case messages.Stream() if self.side is Side.HUB:
                self.streamed += len(message.payload)
                if self.streamed - self.credited > messages.STREAM_WINDOW + messages.MAX_PAYLOAD:
                    raise TooFast("more stream data than the window allows; wait for relayed")

    # --- out

    def put(self, encoded: bytes) -> None:
        """Queue a message that must arrive."""
        self._out.append(encoded)
        self.waiting += len(encoded)

    def put_stream(self, sender: str, encoded: bytes) -> bool:
        """Queue a message of a stream that must arrive; False where too much waits already."""
        size = len(encoded)
        of_one = self._of.get(sender, 0) + size
        if isinstance(self.state, Over) or self.waiting + size > MAX_WAITING or of_one > MAX_OF_ONE:
            return False
        self._streams.append((encoded, sender))
        self.waiting += size
        self._of[sender] = of_one
        return True

    def put_latest(self, slot: Hashable, encoded: bytes) -> None:
        """Queue a message that replaces what has not left yet in the same slot."""
        if slot in self._latest:
            self._drop_slot(slot)
            self.dropped += 1
        self._latest[slot] = encoded
        self._latest_size += len(encoded)
        while self._latest_size > MAX_LATEST:
            self._drop_slot(next(iter(self._latest)))
            self.dropped += 1

    def welcome(self, encoded: bytes) -> None:
        """The hub lets the peer in."""
        if "waiting" in self._latest:
            self._drop_slot("waiting")
        self.put(encoded)
        self.state = Open()

    def wait(self, encoded: bytes) -> None:
        """The hub has the peer wait, or tells it anew how that stands."""
        self.put_latest("waiting", encoded)
        self.state = Waiting()

    @property
    def has_output(self) -> bool:
        if self._out or self._latest or self._streams:
            return True
        return self.credited != self._credit_told and self._owed >= CREDIT

    @property
    def _owed(self) -> int:
        return self.untold - self.held if self.side is Side.HUB else 0

    @property
    def untold(self) -> int:
        """Hub: bytes that have gone on, and the peer does not know."""
        return self.credited - self._credit_told

    def take(self) -> list[bytes]:
        """The encoded messages that should leave now, one bundle at most; they count as gone."""
        taken: list[bytes] = []
        if self._owed > 0:
            self._credit_told = self.credited - self.held
            taken.append(messages.encode(messages.Relayed(self._credit_told)))
        room = messages.MAX_BUNDLE - 16
        gone = 0
        for encoded in self._out:
            if len(taken) >= messages.MAX_MESSAGES or (room < len(encoded) and taken):
                break
            taken.append(encoded)
            room -= len(encoded)
            gone += 1
            self.waiting -= len(encoded)
        del self._out[:gone]
        while not self._out and self._latest:
            slot, encoded = next(iter(self._latest.items()))
            if room < len(encoded) or len(taken) >= messages.MAX_MESSAGES:
                break
            self._drop_slot(slot)
            taken.append(encoded)
            room -= len(encoded)
        if self._streams and not self._out and not self._latest:
            self._take_streams(taken, min(room, AT_ONCE))
        return taken

    def _take_streams(self, taken: list[bytes], room: int) -> None:
        gone = 0
        for encoded, sender in self._streams:
            if len(taken) >= messages.MAX_MESSAGES or (room < len(encoded) and taken):
                break
            taken.append(encoded)
            room -= len(encoded)
            gone += 1
            self.waiting -= len(encoded)
            self._left(sender, len(encoded))
        del self._streams[:gone]

    def _left(self, sender: str, size: int) -> None:
        left = self._of[sender] - size
        if left:
            self._of[sender] = left
        else:
            del self._of[sender]

    def _drop_slot(self, slot: Hashable) -> None:
        self._latest_size -= len(self._latest.pop(slot))

    # --- streams

    @property
    def room(self) -> int:
        """Client: payload bytes of streams that may still be put on this link now."""
        return messages.STREAM_WINDOW - (self.streamed - self.credited)

    def relayed(self, size: int) -> None:
        """Hub: so many payload bytes of this peer's have gone on."""
        self.credited += size

    # --- time and end

    def tick(self, now: int) -> None:
        """Let time pass: raises `TimedOut` or `Broken`; the session is then over."""
        match self.state:
            case Opening(since) if now - since > OPENING_TIMEOUT:
                error: CallmeshError = TimedOut("nobody said hello")
                self.end(error)
                raise error
            case Waiting() | Open():
                if now - self._heard > SILENCE:
                    self.silent = SILENCE
                    error = Broken("nothing was heard from the other side for too long")
                    self.end(error)
                    raise error
                if self.side is Side.CLIENT and now - self._pinged >= PING_EVERY:
                    self._pinged = now
                    self._pings += 1
                    self.put(messages.encode(messages.Ping(self._pings)))

    def awake(self, now: int) -> None:
        """Client: the link may be broken since one slept; it is asked at once."""
        self._heard = min(self._heard, now - SILENCE + PROMPT)
        self._pinged = now - PING_EVERY

    def end(self, reason: CallmeshError) -> None:
        """End it, once: what was queued is dropped."""
        if isinstance(self.state, Over):
            return
        self.state = Over(reason)
        self._out.clear()
        self._streams.clear()
        self._of.clear()
        self._latest.clear()
        self._latest_size = self.waiting = 0


_WHEN = {
    Opening: "before joining",
    Waiting: "while waiting",
    Open: "from this side",
    Over: "after the end",
}
