"""Files without I/O: what the two sides of a transfer say, and what each makes of it.

All of it goes through one `reliable` stream of the resource, which apps cannot open:

    sender     offer ─────▶ (again, while nothing is heard) ──▶ part part part …    cancel
    receiver          ◀──── accept, from which byte on                     done │ refuse

A receiver that lacks something says `accept` again, with where it stands; the sender goes on from
there. So whatever was lost on the way, by a restart on either side too, is sent again.
"""

from collections import OrderedDict, deque
from collections.abc import Collection
from enum import Enum
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from callmesh.clock import MICROSECONDS
from callmesh.errors import CallmeshError, EndedByPeer, TimedOut, WireError, from_wire
from callmesh.ids import ParticipantId, PersonId, is_unseen
from callmesh.messages import Kept, KeptFile
from callmesh.values import MAX_INTEGER

STREAM = ".files"
"""The name of the stream; apps cannot take one that begins with a dot."""
PART = 56 * 1024
"""Bytes of a file in one message."""
MAX_SIZE = 1024**3
"""Bytes of a file that a receiver takes unless it says otherwise."""
MAX_OFFERS = 16
"""Offers and transfers of one sender that a receiver has open."""
REMEMBERED = 256
"""Answers that a receiver gives again when it is offered the same once more."""
REMIND = 10 * MICROSECONDS
"""After which one says again what was not answered."""
PATIENCE = 300 * MICROSECONDS
"""How long an offer waits for an answer."""
ABSENCE = 60 * MICROSECONDS
"""How long one waits for the other side, or for the same person anew, to be in the call."""
MAX_FILE_NAME = 120
"""Bytes of a file's name, in UTF-8."""
MAX_WHY = 400
MAX_REASON = 200
"""Characters of a reason that are sent."""

Id: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
Bytes: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]


class Offer(msgspec.Struct, frozen=True, tag_field="word", tag="offer"):
    id: Id
    """Chosen by the sender, for all receivers."""
    name: Annotated[str, Meta(max_length=1024)]
    size: Bytes
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    type: Annotated[str, Meta(max_length=128)] = ""


class Accept(msgspec.Struct, frozen=True, tag_field="word", tag="accept"):
    id: Id
    at: Bytes
    """The first byte that is wanted."""


class Done(msgspec.Struct, frozen=True, tag_field="word", tag="done"):
    """All of it came, and its hash is right."""

    id: Id


class Refuse(msgspec.Struct, frozen=True, tag_field="word", tag="refuse"):
    """The receiver does not want it, or no more of it. `code` is that of an error."""

    id: Id
    code: Annotated[str, Meta(max_length=40)]
    why: Annotated[str, Meta(max_length=MAX_WHY)]


class Cancel(msgspec.Struct, frozen=True, tag_field="word", tag="cancel"):
    """The sender does not go on."""

    id: Id
    why: Annotated[str, Meta(max_length=MAX_WHY)]


class Part(msgspec.Struct, frozen=True):
    id: str
    at: int
    data: bytes


Word: TypeAlias = Offer | Accept | Done | Refuse | Cancel
HEAD = 16
"""Bytes before the data of a part: id and offset."""


def encode_part(id: str, at: int, data: bytes) -> bytes:
    return b"".join((bytes.fromhex(id), at.to_bytes(8, "big"), data))


def encode_word(word: Word) -> dict[str, Any]:
    """The JSON value that travels."""
    return msgspec.to_builtins(word)  # type: ignore[no-any-return]


def decode(data: Any) -> Word | Part:
    """What a peer said. Raises `WireError`."""
    if isinstance(data, bytes):
        at = int.from_bytes(data[8:HEAD], "big")
        if len(data) <= HEAD or len(data) > HEAD + PART or at > MAX_INTEGER:
            raise WireError("not a part of a file")
        return Part(data[:8].hex(), at, data[HEAD:])
    try:
        return msgspec.convert(data, Word)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        raise WireError(f"not a word about a file: {error}") from error


_FORBIDDEN = frozenset('<>:"|?*')
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{d}{n}" for d in ("COM", "LPT") for n in range(1, 10))}


def file_name(text: str) -> str:
    """The name under which a file can lie in a folder of any system: no path, nothing unseen."""
    last = text.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(" " if is_unseen(c) else "_" if c in _FORBIDDEN else c for c in last)
    name = " ".join(shown.split()).strip(". ")
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending.encode()) > 16:
        stem, dot, ending = name, "", ""
    room = MAX_FILE_NAME - len((dot + ending).encode())
    stem = stem.encode()[:room].decode(errors="ignore").strip(". ")
    if stem.split(".")[0].rstrip().upper() in _DEVICES:
        stem = f"_{stem}"
    return f"{stem}{dot}{ending}" if stem else ending or "file"


def kept_after(before: list[KeptFile], news: Kept) -> list[KeptFile]:
    """What the hub keeps now, where it kept that before (F7)."""
    found = {} if news.whole else {file.id: file for file in before}
    found.update((file.id, file) for file in news.files)
    for id in news.gone:
        found.pop(id, None)
    return [*found.values()]


def refusal(id: str, error: CallmeshError) -> Refuse:
    return Refuse(id, error.code, str(error)[:MAX_WHY])


def cancel(id: str, why: str) -> Cancel:
    return Cancel(id, why[:MAX_REASON])


class Stage(Enum):
    OFFERED = "offered"
    OPENING = "opening"
    """Receiver: it looks what it has of it already."""
    RUNNING = "running"
    SENT = "sent"
    """Sender: all has left, and the receiver has not said that it is right."""
    OVER = "over"


class Half:
    """One side of one transfer."""

    def __init__(self, peer: ParticipantId, person: PersonId, offer: Offer, now: int) -> None:
        self.peer = peer
        self.person = person
        self.offer = offer
        self.stage = Stage.OFFERED
        self.at = 0
        """The next byte."""
        self.why: CallmeshError | None = None
        """Why it came to nothing, once it is over."""
        self._moved = now
        self._said = now
        self._absent: int | None = None

    @property
    def over(self) -> bool:
        return self.stage is Stage.OVER

    def end(self, why: CallmeshError | None) -> None:
        if not self.over:
            self.stage, self.why = Stage.OVER, why

    def present(self, here: bool, now: int) -> bool:
        """Note whether the other side is in the call; False where it was away for too long."""
        if here:
            self._absent = None
            return True
        self._absent = now if self._absent is None else self._absent
        return now - self._absent < ABSENCE


class Outgoing(Half):
    """What is sent to one receiver."""

    def __init__(
        self,
        peer: ParticipantId,
        person: PersonId,
        offer: Offer,
        now: int,
        patience: int = PATIENCE,
    ) -> None:
        super().__init__(peer, person, offer, now)
        self._patience = patience

    def hear(self, word: Word | Part, now: int) -> None:
        if self.over:
            return
        match word:
            case Accept(at=at) if at <= self.offer.size:
                self.at, self._moved = at, now
                self.stage = Stage.SENT if at == self.offer.size else Stage.RUNNING
            case Done():
                self.at = self.offer.size
                self.end(None)
            case Refuse(code=code, why=why):
                self.end(from_wire(code, why))
            case _:
                pass  # what a receiver should not have said

    def next(self) -> tuple[int, int] | None:
        """Offset and size of the part that leaves next; None while none should."""
        if self.stage is not Stage.RUNNING:
            return None
        return self.at, min(PART, self.offer.size - self.at)

    def left(self, at: int, size: int, now: int) -> None:
        """A part has left: the next follows, unless the receiver asked for another one."""
        if self.stage is Stage.RUNNING and self.at == at:
            self.at, self._moved, self._said = at + size, now, now
            if self.at == self.offer.size:
                self.stage = Stage.SENT

    def move(self, peer: ParticipantId, now: int) -> Offer:
        """The receiver is another participant of the same person now."""
        self.peer, self._moved = peer, now
        return self.again(now)

    def again(self, now: int) -> Offer:
        """The receiver does not read at the moment, or may have lost something: ask anew."""
        if self.stage is Stage.RUNNING:
            self.stage = Stage.OFFERED
        self._said = now
        return self.offer

    def due(self, now: int) -> Word | None:
        """Let time pass: what is to be said now."""
        if self.stage not in (Stage.OFFERED, Stage.SENT):
            return None
        if now - self._moved >= self._patience:
            self.end(TimedOut(f"{self.offer.name} was not answered in time"))
            return Cancel(self.offer.id, "nobody answered in time")
        return self.again(now) if now - self._said >= REMIND else None


class Incoming(Half):
    """What is offered, or comes, from one sender."""

    def accept(self, at: int, now: int) -> Accept:
        self.stage, self.at = Stage.RUNNING, at
        self._moved = self._said = now
        return Accept(self.offer.id, at)

    def wants(self, part: Part, now: int) -> bool:
        """Whether a part is the next one. One beyond the size ends it: see `why`."""
        if self.stage is not Stage.RUNNING:
            return False
        if part.at + len(part.data) > self.offer.size:
            self.end(WireError("more came than was offered"))
            return False
        if part.at != self.at:
            return False  # it was on its way when another was asked for
        self.at += len(part.data)
        self._moved = self._said = now
        return True

    def due(self, now: int) -> Word | None:
        """Let time pass: what is to be said now."""
        if self.over:
            return None
        if now - self._moved >= 2 * PATIENCE:
            self.end(TimedOut(f"{self.offer.name} did not go on"))
            return Refuse(self.offer.id, TimedOut.code, "it did not go on in time")
        if self.stage is Stage.RUNNING and now - self._said >= REMIND:
            self._said = now
            return Accept(self.offer.id, self.at)
        return None


class Receiving:
    """All that comes to one participant: bounded, whatever others send."""

    def __init__(self, limit: int = MAX_SIZE) -> None:
        self.limit = limit
        self.open: dict[tuple[ParticipantId, str], Incoming] = {}
        self.news: deque[Incoming] = deque()
        """Offers that nobody was told of yet."""
        self._answers: OrderedDict[tuple[ParticipantId, str], Word] = OrderedDict()

    def hear(
        self, sender: ParticipantId, person: PersonId, word: Offer | Cancel, now: int
    ) -> Word | None:
        """Take an offer in, or that it is withdrawn; what to answer at once."""
        key = (sender, word.id)
        if isinstance(word, Cancel):
            if found := self.open.pop(key, None):
                found.end(EndedByPeer(word.why or "the sender does not go on"))
            return None
        if found := self.open.get(key) or self._came_back(sender, person, word):
            return found.accept(found.at, now) if found.stage is Stage.RUNNING else None
        if answer := self._answers.get(key):
            return answer
        return self._admit(sender, person, word, now)

    def _admit(
        self, sender: ParticipantId, person: PersonId, offer: Offer, now: int
    ) -> Word | None:
        if offer.size > self.limit:
            return Refuse(offer.id, "too_large", f"files of at most {self.limit} bytes are taken")
        if sum(peer == sender for peer, _ in self.open) >= MAX_OFFERS:
            return Refuse(offer.id, "too_fast", f"{MAX_OFFERS} offers of yours are open already")
        offer = msgspec.structs.replace(offer, name=file_name(offer.name))
        incoming = self.open[sender, offer.id] = Incoming(sender, person, offer, now)
        self.news.append(incoming)
        return None

    def _came_back(self, sender: ParticipantId, person: PersonId, offer: Offer) -> Incoming | None:
        """The same content from the same person, whose earlier presence is gone."""
        for (peer, id), found in self.open.items():
            same = (found.offer.sha256, found.offer.size) == (offer.sha256, offer.size)
            if same and found.person == person and found._absent is not None:
                del self.open[peer, id]
                found.peer = sender
                found.offer = msgspec.structs.replace(found.offer, id=offer.id)
                self.open[sender, offer.id] = found
                return found
        return None

    def part(self, sender: ParticipantId, part: Part, now: int) -> Incoming | None:
        """Whose next part it is."""
        found = self.open.get((sender, part.id))
        return found if found is not None and found.wants(part, now) else None

    def close(self, incoming: Incoming, why: CallmeshError | None) -> Word:
        """It is over here, well or not; what to tell the sender, now and if it asks again."""
        incoming.end(why)
        id = incoming.offer.id
        answer: Word = Done(id) if why is None else refusal(id, why)
        key = (incoming.peer, id)
        if self.open.get(key) is incoming:
            del self.open[key]
        self._answers[key] = answer
        if len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        return answer

    def tick(self, here: Collection[ParticipantId], now: int) -> list[tuple[Incoming, Word]]:
        """Let time pass; what is to be said to whom."""
        said = []
        for incoming in list(self.open.values()):
            is_here = incoming.peer in here
            if not incoming.present(is_here, now):
                incoming.end(EndedByPeer("the sender left the call"))
            elif is_here and (word := incoming.due(now)):
                said.append((incoming, word))
        self.sweep()
        return said

    def sweep(self) -> None:
        """Let go of what is over."""
        self.open = {key: found for key, found in self.open.items() if not found.over}
        self.news = deque(found for found in self.news if not found.over)

    def lost(self, sender: ParticipantId, now: int) -> list[tuple[Incoming, Word]]:
        """Something that a sender sent was lost: ask them to go on from where they are."""
        running = [
            found
            for found in self.open.values()
            if found.stage is Stage.RUNNING and found.peer == sender
        ]
        return [(found, found.accept(found.at, now)) for found in running]
