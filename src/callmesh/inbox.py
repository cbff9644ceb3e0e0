"""What has come for the readers of one stream, from all senders."""

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any

from callmesh.errors import BadInput, Broken, CallmeshError, EndedByPeer
from callmesh.ids import ParticipantId
from callmesh.messages import Mode, Word
from callmesh.stream import HEAD, MAX_MESSAGE, MAX_PARTS, Piece, StreamMessage, read_payload

INBOX = 1024
"""Mode `latest`: messages that may wait for the app to read them."""
INBOX_BYTES = 8 * 1024 * 1024
"""Bytes of them. In mode `reliable` no more is acknowledged until some of it was read."""
MOST_OWED = MAX_MESSAGE + 2 * 1024 * 1024
"""Bytes of one sender that are not acknowledged: no honest one has more under way."""
MOST_ENDED = 1_000
"""Senders of whom it is remembered how they ended, for those who begin to read them apart."""
FULL = "too many messages wait to be read: nobody reads here"
ACK = 64 * 1024
"""Bytes of a sender after which it is told at once that they came; less is told now and then."""


class Came(Enum):
    NEW = "new"
    DUE = "due"
    """It is new, and its sender is to be told at once how far it has come."""
    OLD = "old"
    """It was here before: its sender does not know."""
    MARK = "mark"
    """Its sender asks how far it has come."""
    GAP = "gap"
    """What should have come before it did not: it is passed over."""
    LOST = "lost"
    """Its sender says that some of it will not come any more."""
    FULL = "full"
    """Nobody has ever read here, and too much waits."""


class Source:
    """What one sender has sent."""

    __slots__ = (
        "asked",
        "base",
        "broken",
        "direct",
        "got",
        "last",
        "late",
        "lost",
        "messages",
        "opened",
        "owed",
        "parts",
        "size",
        "told",
    )

    def __init__(self, opened: int, *, owed: int = 0, broken: bool = False) -> None:
        self.opened = opened
        """Under which opening of the stream it is read."""
        self.broken = broken
        """Whether its readers were told that something is lost, and nothing has come since."""
        self.last = 0
        """Mode `reliable`: all up to here has come. In `latest`, the largest number that has."""
        self.direct = False
        """Whether what came last came through a channel: by that way it is answered."""
        self.told = 0
        """Up to where it was told that all has come."""
        self.owed = owed
        """Bytes that have come and were not acknowledged."""
        self.asked: int | None = None
        """When it was asked to send once more, until something comes."""
        self.got = 0
        """Payload bytes."""
        self.messages = 0
        """Messages that came whole, and in time."""
        self.late = 0
        """Mode `latest`: messages, or parts, that came after a newer one."""
        self.lost = 0
        """Mode `latest`: messages that did not come, as far as can be seen."""
        self.base = 0
        """The number of the first part of the message that came last."""
        self.parts: dict[int, bytes] | None = None
        """What there is of it, while it is not whole."""
        self.size = 0


class Ended:
    """A sender has sent all that it wanted to, or `why` not."""

    __slots__ = ("why",)

    def __init__(self, why: CallmeshError | None) -> None:
        self.why = why


Item = StreamMessage | Ended | Broken


class Waiting:
    """What waits for the readers of all senders, or for those of one that is read apart."""

    __slots__ = ("items", "readers", "size")

    def __init__(self) -> None:
        self.items: deque[tuple[Item, int]] = deque()
        self.size = 0
        """Bytes."""
        self.readers = 1

    @property
    def is_over(self) -> bool:
        return self.size > INBOX_BYTES

    @property
    def ends(self) -> bool:
        """Whether the last that waits is an end: another one would say nothing more."""
        return bool(self.items) and isinstance(self.items[-1][0], Ended)

    def put(self, item: Item, size: int) -> None:
        self.items.append((item, size))
        self.size += size

    def drop(self) -> Item:
        item, size = self.items.popleft()
        self.size -= size
        return item

    def take(self) -> Item | None:
        """The next; that a sender has ended is for each of its readers."""
        if not self.items:
            return None
        item = self.items[0][0]
        return item if isinstance(item, Ended) and self.readers > 1 else self.drop()


class Inbox:
    """`read` makes of what travelled what a reader gets; what it raises is for nobody."""

    def __init__(
        self, mode: Mode, opened: int = 1, read: Callable[[bool, bytes], Any] = read_payload
    ) -> None:
        self.mode: Mode = mode
        self.opened = opened
        """How often this stream was opened here, or begun anew after something was lost."""
        self.sources: dict[ParticipantId, Source] = {}
        self.dropped = 0
        """Mode `latest`: messages the reader was too slow for, or that came after a newer one."""
        self.was_read = False
        """Whether somebody has begun to read all senders, or those who are not read apart."""
        self.full = False
        """Nobody ever did, and too much came: nothing more is taken before they do."""
        self._read = read
        self._waiting = Waiting()
        self._apart: dict[ParticipantId, Waiting] = {}
        """Of those who are read by themselves."""
        self._refused: set[ParticipantId] = set()
        """Who was told to send nothing."""
        self._ended: dict[ParticipantId, Ended] = {}
        """Who has ended it and has not begun anew, the latest last."""

    def __len__(self) -> int:
        return len(self._waiting.items)

    @property
    def size(self) -> int:
        """Bytes that wait to be read."""
        return self._waiting.size + sum(own.size for own in self._apart.values())

    def holds(self, sender: ParticipantId) -> bool:
        """Whether a sender is to wait until some of what waits with its own was read."""
        return self._queue(sender).is_over

    def is_over(self, reader: ParticipantId | None) -> bool:
        """Whether too much waits for those who read this sender apart, or all others."""
        return (self._waiting if reader is None else self._apart[reader]).is_over

    def _refuses(self, sender: ParticipantId) -> bool:
        return self.full and sender not in self._apart

    def word(self, sender: ParticipantId, asked: Word) -> Word:
        """What a sender is told: to send nothing where nothing is taken; then to begin anew."""
        if asked == "off":
            return asked
        if self._refuses(sender):
            self._refused.add(sender)
            return "hold"
        if sender in self._refused:
            self._refused.discard(sender)
            self.opened += 1
            self.sources[sender] = Source(self.opened)
        return asked

    def source(self, sender: ParticipantId) -> Source:
        """Made when it is met: what it was told once of `opened` stands, whatever others do."""
        found = self.sources.get(sender)
        if found is None:
            found = self.sources[sender] = Source(self.opened)
        return found

    def put(self, sender: ParticipantId, piece: Piece, direct: bool = False) -> Came:
        """Take a piece in, which came through a channel or by way of the hub."""
        source = self.sources.get(sender) or self.source(sender)
        source.direct = direct
        if self.mode == "latest":
            return self._put_latest(source, sender, piece)
        if self.full and self._refuses(sender):
            return Came.MARK  # it has not heard yet that nothing is taken
        number, last = piece.number, source.last
        if number == 0:
            return Came.OLD if source.owed > MOST_OWED else self._lose(source, sender)
        if number - piece.step > last:
            return Came.GAP
        if number <= last:
            return Came.OLD if piece.step else Came.MARK
        if source.owed > MOST_OWED:
            return Came.OLD  # it goes on though it is not to
        source.last, source.asked = number, None
        source.broken = False
        if self._ended:
            self._ended.pop(sender, None)
        size = len(piece.payload)
        source.got += size
        source.owed += size + HEAD
        if piece.parts == 1:
            source.parts = None
            self._add(source, sender, number, piece.json, piece.payload)
        elif piece.parts == 0:
            self.end(sender, piece.payload)
        else:
            self._join(source, sender, piece)
        if self._queue(sender).size > INBOX_BYTES:
            return self._overflow(sender)
        return Came.DUE if source.owed >= ACK or piece.parts == 0 else Came.NEW

    def _put_latest(self, source: Source, sender: ParticipantId, piece: Piece) -> Came:
        number, base = piece.number, piece.number - piece.part
        if piece.step == 0 or number == 0:
            return Came.MARK
        if base < source.base or (base == source.base and source.parts is None):
            self.dropped += 1
            source.late += 1
            return Came.OLD
        if base > source.base:
            missed = source.parts is not None or (
                piece.part == 0 and number - piece.step > source.last
            )
            source.lost += missed
            source.parts = None
        source.last = max(source.last, number)
        self._ended.pop(sender, None)
        source.got += len(piece.payload)
        if piece.parts == 0:
            self.end(sender, piece.payload)
        elif piece.parts == 1:
            source.base = base
            self._add(source, sender, number, piece.json, piece.payload)
        else:
            self._join(source, sender, piece)
        waiting = self._queue(sender)
        while len(waiting.items) > INBOX or (waiting.is_over and len(waiting.items) > 1):
            waiting.drop()
            self.dropped += 1
        return Came.NEW

    def _join(self, source: Source, sender: ParticipantId, piece: Piece) -> None:
        base = piece.number - piece.part
        if piece.parts > MAX_PARTS or piece.part >= piece.parts or base < 1:
            return  # what a peer should not have sent (D8)
        if source.parts is None or source.base != base:
            source.base, source.parts, source.size = base, {}, 0
        if piece.part not in source.parts:
            source.parts[piece.part] = piece.payload
            source.size += len(piece.payload)
        if source.size > MAX_MESSAGE:
            source.parts = None
        elif len(source.parts) == piece.parts:
            whole = b"".join(source.parts[part] for part in sorted(source.parts))
            source.parts = None
            self._add(source, sender, base + piece.parts - 1, piece.json, whole)

    def _add(
        self, source: Source, sender: ParticipantId, number: int, json: bool, payload: bytes
    ) -> None:
        source.messages += 1
        try:
            data = self._read(json, payload)
        except BadInput:
            return  # what a peer should not have sent (D8)
        self._queue(sender).put(StreamMessage(data, sender, number), len(payload) + HEAD)

    def _queue(self, sender: ParticipantId) -> Waiting:
        return self._apart.get(sender, self._waiting) if self._apart else self._waiting

    def acknowledged(self, sender: ParticipantId) -> int:
        """Up to where a sender is told that all has come: while too much waits, no further."""
        source = self.source(sender)
        if not self.holds(sender):
            source.told, source.owed = source.last, 0
        return source.told

    def _overflow(self, sender: ParticipantId) -> Came:
        if self.was_read or sender in self._apart:
            return Came.NEW
        self.full = True
        self._waiting.put(Broken(FULL), 0)
        return Came.FULL

    def _lose(self, source: Source, sender: ParticipantId) -> Came:
        """Messages that had to arrive will not: this participant did not take them in time.

        What a sender sends from now on is taken. Its readers are told once until something comes.
        """
        owed = source.owed
        if not source.broken:
            self._queue(sender).put(Broken(_lost(sender), sender), HEAD)
            owed += HEAD
        self.opened += 1
        self.sources[sender] = Source(self.opened, owed=owed, broken=True)
        return Came.LOST

    # --- reading

    def take(self, sender: ParticipantId | None = None) -> Item | None:
        """The next that waits, of all senders, or of one that is read apart."""
        return (self._waiting if sender is None else self._apart[sender]).take()

    def read_apart(self, sender: ParticipantId) -> None:
        """What comes of a sender is for readers of it alone, one more of them; also what waits."""
        if known := self._apart.get(sender):
            known.readers += 1
            return
        waiting, self._waiting = self._waiting, Waiting()
        own = self._apart[sender] = Waiting()
        for item, size in waiting.items:
            is_own = isinstance(item, StreamMessage | Broken) and item.sender == sender
            (own if is_own else self._waiting).put(item, size)
        if sender in self._ended:
            own.put(self._ended[sender], 0)
        elif sender in self._refused:
            own.put(Broken(FULL), 0)

    def read_together(self, sender: ParticipantId) -> bool:
        """One reads it apart no more. What the last of them leaves is for all readers.

        Whether that is too much, and nobody reads it: then nothing more is taken.
        """
        own = self._apart[sender]
        own.readers -= 1
        if own.readers > 0:
            return False
        del self._apart[sender]
        full = self._waiting.items.pop() if self.full else None
        for item, size in own.items:
            if not isinstance(item, Ended):
                self._waiting.put(item, size)
        if full:
            self._waiting.put(*full)
            return False
        is_over = self.mode == "reliable" and self._waiting.is_over
        return is_over and self._overflow(sender) is Came.FULL

    def end(self, sender: ParticipantId, why: bytes | None) -> None:
        """A sender has ended the stream; without a word, it was cut short."""
        if sender in self._ended or sender not in self.sources:
            return
        cut = EndedByPeer("the sender did not end this stream, and sends no more")
        ended = self._ended[sender] = Ended(cut if why is None else None)
        if len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]
        if (own := self._apart.get(sender)) and not own.ends:
            own.put(ended, 0)

    def began(self, sender: ParticipantId) -> None:
        """A sender is here, or has opened the stream again: an end of before counts no more."""
        self._ended.pop(sender, None)
        self.source(sender)

    def gone(self, sender: ParticipantId) -> None:
        """A sender left. Who comes back as the same one is told that this begins anew."""
        self.end(sender, None)
        self._refused.discard(sender)
        if self.sources.pop(sender, None) is not None:
            self.opened += 1


def _lost(sender: ParticipantId) -> str:
    return f"messages of {sender} are lost: for too long, none was acknowledged or read"
