"""What one receiver of one stream has not got yet: what waits to leave, and what may be lost.

E1 In mode `reliable` a piece is kept until its receiver has said that it came. What has left goes
   once more when the path is another one, or when the receiver asks for it.
E2 Each piece says by how much the number of the one before it, for this receiver, is smaller: who
   lacks that one takes nothing, and asks. So nothing is lost, doubled or overtaken, whatever the
   paths between do.
E3 Who acknowledges nothing though something is under way is asked now and then; after `STALLED` the
   stream is lost to them, whatever else they say, and they are told when they say something again.
E4 In mode `reliable` small messages that wait leave together through a channel. The first of a turn
   leaves at once, what follows in the same turn at its end.
E5 In mode `latest` what leaves in one turn after the first is packed, and goes at its end or when a
   packet is full. It has left then: nothing replaces it.
"""

from collections import deque
from enum import Enum

from callmesh.clock import MICROSECONDS
from callmesh.messages import STREAM_WINDOW, Mode
from callmesh.meter import Meter
from callmesh.stream import HEAD, PACK, PACKET, SMALL, Piece

HIGH_WATER = 1024 * 1024
"""Bytes that one receiver has not acknowledged before `send` waits."""
STALLED = 30 * MICROSECONDS
"""How long a receiver may acknowledge nothing of what is under way before the stream is lost."""
ASK = (2 * MICROSECONDS, 16 * MICROSECONDS)
"""How long nothing comes back before one asks, at first and at most."""
LEAST_WINDOW = STREAM_WINDOW // 2
MEASURE = 5 * MICROSECONDS
"""The round trip is measured so often, while something goes."""


class Reading(Enum):
    UNKNOWN = "unknown"
    """They have not said yet: what is sent waits for their answer."""
    READS = "reads"
    IDLE = "idle"
    """They have not opened the stream: nothing is sent."""
    LOST = "lost"
    """They acknowledged nothing for too long, and do not know yet."""


class Due(Enum):
    NOTHING = "nothing"
    OPEN = "open"
    """Ask whether they read it."""
    MARK = "mark"
    """Ask how far they have come."""
    LOSE = "lose"
    """They have lost the stream just now."""


class Lane:
    __slots__ = (
        "_before", "_heeded", "_known", "_lacks", "_marked", "_measured", "_moved", "_pack",
        "_pause", "_since", "_try_at", "acked", "away", "direct", "dropped", "flying", "last",
        "late", "loss", "losses", "messages", "meter", "mode", "opened", "out", "put_off",
        "reading", "resent", "round_trip", "sent", "size", "waiting", "window",
    )  # fmt: skip

    def __init__(self, mode: Mode) -> None:
        self.mode: Mode = mode
        self.reading = Reading.UNKNOWN
        self.opened = 0
        """How often they had opened it when they said something last."""
        self.away = False
        """Whether they are not here for the moment: what is sent waits for them."""
        self.late = False
        """Whether they came after the stream was opened: maybe once more, from far away."""
        self.put_off = False
        """Whether they read it, and get what is kept when that is due: they have had much (D16)."""
        self.direct = False
        """Whether it goes through a channel now."""
        self.waiting: deque[Piece] = deque()
        self.sent: deque[Piece] = deque()
        """Mode `reliable`: what has left and is not acknowledged."""
        self.size = self.flying = 0
        """Bytes of both, and of those that have left."""
        self.window = STREAM_WINDOW
        """Bytes that may be under way by the relay."""
        self.last = self.acked = self._before = 0
        self.dropped = 0
        """Mode `latest`: messages that a newer one replaced before they left."""
        self.resent = 0
        """Pieces that went once more."""
        self.losses = 0
        """How often the stream was lost to them."""
        self.out = 0
        """Payload bytes that have left."""
        self.messages = 0
        """Messages that have left, to the last of their parts."""
        self.meter = Meter()
        self.loss = 0.0
        """Mode `latest`: the share of what left that did not come in time, as they said last."""
        self.round_trip: int | None = None
        """Microseconds, measured last."""
        self._moved = True
        """Whether they have come to read it, or acknowledged something, since the last tick."""
        self._heeded = False
        """Whether something went again since the last tick because they asked for it."""
        self._lacks = False
        """Whether they have asked for something, and acknowledged nothing since."""
        self._pack: tuple[list[Piece], int] = [], 0
        """Mode `latest`: what goes with what leaves after it, and the step of its first."""
        self._since = self._try_at = self._measured = 0
        self._pause = ASK[0]
        self._marked: tuple[int, int, int] | None = None
        """The number up to which they were asked, when, and how many messages had left."""
        self._known = (0, 0)
        """How many messages had left when they said something last, and how many had come."""

    @property
    def full(self) -> bool:
        """Whether `send` should wait: only ever in mode `reliable`."""
        return self.size >= HIGH_WATER and self.mode == "reliable"

    @property
    def takes(self) -> bool:
        """Whether what is sent concerns them."""
        return self.reading is Reading.READS or self.reading is Reading.UNKNOWN

    @property
    def may_relay(self) -> bool:
        """Whether something should leave by way of the hub now."""
        if self.direct or self.away or not self.waiting or self.reading is not Reading.READS:
            return False
        return self.flying < self.window

    def put(self, piece: Piece) -> None:
        if self.mode == "latest" and piece.part == 0 and self.waiting:
            self.dropped += 1
            self.waiting.clear()
            self.size = 0
        self.waiting.append(piece)
        self.size += len(piece.payload) + HEAD
        self.last = piece.number

    def take(self) -> tuple[Piece, int]:
        """What leaves now, and its step."""
        piece = self.waiting.popleft()
        number, size = piece.number, len(piece.payload)
        step, self._before = number - self._before, number
        self.out += size
        self.messages += piece.part + 1 >= piece.parts
        if self.mode == "reliable":
            self.sent.append(piece)
            self.flying += size + HEAD
        else:
            self.size -= size + HEAD
        return piece, step

    def take_frame(self) -> tuple[list[Piece], int]:
        """What leaves now as one message of a channel, and the step of its first piece (E4)."""
        piece, step = self.take()
        frame, size = [piece], len(piece.payload) + HEAD
        while self._follows(piece) and size < PACK:
            piece, _ = self.take()
            frame.append(piece)
            size += len(piece.payload) + HEAD
        return frame, step

    def _follows(self, piece: Piece) -> bool:
        """Whether the next one is as small as this one, and comes right after it."""
        if not self.waiting or self.mode == "latest" or not _is_small(piece):
            return False
        following = self.waiting[0]
        return following.number == piece.number + 1 and _is_small(following)

    @property
    def may_wait(self) -> bool:
        """Whether what waits would rather leave together with what may follow in this turn."""
        return self.mode == "reliable" and self.size - self.flying < PACK

    def pack(self, piece: Piece, step: int) -> list[tuple[list[Piece], int]]:
        """Mode `latest`: what goes now that this one has left as well (E5)."""
        packed, _ = self._pack
        small = _is_small(piece)
        if packed and small and step == 1 and _packed(packed) + _packed([piece]) <= PACKET:
            packed.append(piece)
            return []
        before = self.unpack()
        if not small:
            return [*before, ([piece], step)]
        self._pack = [piece], step
        return before

    def unpack(self) -> list[tuple[list[Piece], int]]:
        """What was packed goes."""
        found, self._pack = self._pack, ([], 0)
        return [found] if found[0] else []

    @property
    def packed(self) -> bool:
        return bool(self._pack[0])

    def rewind(self) -> None:
        """What left may be lost: all that is not acknowledged goes once more."""
        self.resent += len(self.sent)
        self.waiting.extendleft(reversed(self.sent))
        self.sent.clear()
        self.flying = 0
        self._pack = [], 0
        self._before = self.acked
        self._marked = None

    def again(self) -> None:
        """They lack something that was under way: heeded once between two ticks (E3)."""
        if self._heeded:
            return
        self.rewind()
        self._heeded = True
        self._lacks = self.mode == "reliable" and bool(self.waiting)
        if not self.direct:
            self.window = max(LEAST_WINDOW, self.window // 2)

    def acknowledge(self, number: int, now: int, came: int = 0) -> None:
        """All up to `number` has come, `came` messages; what was never sent cannot have."""
        number = min(number, self.last)
        self._measure(number, now, came)
        if number <= self.acked:
            return
        self.acked = number
        self._before = max(self._before, number)
        self._moved, self._lacks = True, False
        before = self.size
        for queue in (self.sent, self.waiting):
            while queue and queue[0].number <= number:
                size = len(queue.popleft().payload) + HEAD
                self.size -= size
                if queue is self.sent:
                    self.flying -= size
        self.window = min(HIGH_WATER, self.window + before - self.size)

    def _measure(self, number: int, now: int, came: int) -> None:
        if self._marked is None:
            return
        marked, at, messages = self._marked
        if self.mode == "latest":
            left, known = messages - self._known[0], came - self._known[1]
            self.loss = min(1.0, max(0.0, 1 - known / left)) if left > 0 else 0.0
            self._known = (messages, came)
        elif number < marked:
            return
        self.round_trip = now - at
        self._marked = None

    # --- how they stand to it

    def turn(self, reading: Reading) -> None:
        """They read it, or do not: then nothing is kept for them."""
        self._moved = self._moved or reading is not self.reading
        self.reading = reading
        if not self.takes:
            self._clear()

    def restart(self, opened: int) -> None:
        """They have opened it anew, and begin with what is sent from now on."""
        self._clear()
        self.acked = self._before = 0
        self._known = (self.messages, 0)
        self.opened = opened
        self.turn(Reading.READS)
        self._moved = True

    def _clear(self) -> None:
        self.waiting.clear()
        self.sent.clear()
        self.size = self.flying = 0
        self._pack = [], 0
        self._marked = None
        self._lacks = False

    def due(self, now: int) -> Due:
        """Let time pass (E3)."""
        self._heeded = False
        if self._moved or not self._waits_for_them:
            self._moved = False
            self._since, self._pause = now, ASK[0]
            self._try_at = now + self._pause
            return self._due_measuring(now)
        if now - self._since >= STALLED and self.reading is not Reading.LOST:
            return self._give_up()
        if now < self._try_at:
            return Due.NOTHING
        self._pause = min(2 * self._pause, ASK[1])
        self._try_at = now + self._pause
        if self.reading is Reading.READS and not self.flying:
            return Due.NOTHING  # they have asked, and nothing could leave
        return Due.OPEN if self.reading is Reading.UNKNOWN else Due.MARK

    @property
    def _waits_for_them(self) -> bool:
        match self.reading:
            case _ if self.away:
                return False
            case Reading.UNKNOWN | Reading.LOST:
                return True
            case Reading.READS:
                return self.flying > 0 or self._lacks
            case Reading.IDLE:
                return False

    def _due_measuring(self, now: int) -> Due:
        under_way = self.flying > 0
        if self.mode == "latest":
            under_way = self.messages > self._known[0] and self.reading is Reading.READS
        if not under_way or now - self._measured < MEASURE:
            return Due.NOTHING
        self._measured = now
        return Due.MARK

    def _give_up(self) -> Due:
        if self.reading is Reading.UNKNOWN:
            self.turn(Reading.IDLE)
            return Due.NOTHING
        self.turn(Reading.LOST)
        self.losses += 1
        return Due.LOSE

    def mark(self, now: int) -> Piece:
        """A piece of no content, which is answered at once with how far they have come."""
        number = self.last if self.reading is Reading.LOST else self._before
        if self._marked is None or self._marked[0] != number or self.mode == "latest":
            self._marked = (number, now, self.messages)
        return Piece(number, False, b"", 0)


def _packed(pieces: list[Piece]) -> int:
    """Bytes of a frame of them, about."""
    return sum([len(piece.payload) + 12 for piece in pieces])


def _is_small(piece: Piece) -> bool:
    return piece.parts == 1 and len(piece.payload) <= SMALL
