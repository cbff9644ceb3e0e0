"""Letters: transactions that their author has signed, and what a replica holds of other people's.

While the hub is away, or out of an author's reach, letters stand for what it would have sent. They
are a layer between what the hub has confirmed and one's own writes: nothing in it is saved, and
all of it goes when the hub has answered.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from callmesh.errors import BadInput, WireError
from callmesh.ids import CallId, ParticipantId, StateId, state_id, writes_for
from callmesh.messages import Letter, Write
from callmesh.receipt import Place, Stamp
from callmesh.state import Entry
from callmesh.values import check_key, decode

MAX_LETTERS = 2_000
"""Letters of one author that are held; what is beyond waits for the hub."""
MAX_LETTER_BYTES = 1024 * 1024
"""The same in bytes."""

_decode_write = msgspec.msgpack.Decoder(Write).decode


def signed_bytes(call: CallId, letter: Letter) -> bytes:
    """What the signature of a letter is over."""
    head = f"callmesh letter 1\n{call}\n{letter.author}\n{letter.epoch}\n{int(letter.open)}\n"
    return head.encode() + letter.write


@dataclass(slots=True, eq=False)
class Held:
    """A letter that was opened."""

    letter: Letter
    stamp: Stamp
    writes: dict[Place, Entry]
    versions: Mapping[Place, int]
    since: int = 0
    """When it came, microseconds of a clock that only runs forward."""

    @property
    def author(self) -> ParticipantId:
        return ParticipantId(self.letter.author)


def open_letter(letter: Letter) -> Held:
    """What is in a letter, which may come from anybody: one transaction of its author.

    Raises `WireError`; whether the signature holds is another question.
    """
    try:
        groups = _decode_write(letter.write).groups
        writes: dict[Place, Entry] = {}
        versions: dict[Place, int] = {}
        for group in groups:
            state = state_id(group.state)
            for entry in group.entries:
                place = (state, check_key(entry.key))
                if place in writes:
                    raise WireError("a letter writes a key once")
                if not entry.deleted:
                    decode(entry.value)
                # A copy: what was decoded is a view, and would keep all of its bundle in memory.
                value = entry.value.copy()
                writes[place] = Entry(entry.key, entry.time, entry.writer, value)
                versions[place] = group.version
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise WireError(f"not a letter: {error}") from error
    except BadInput as error:
        raise WireError(f"not a letter: {error}") from error
    stamps = {entry.stamp for entry in writes.values()}
    if len(stamps) != 1:
        raise WireError("a letter is one transaction, with one stamp")
    (stamp,) = stamps
    if not writes_for(stamp[1], ParticipantId(letter.author)):
        raise WireError("a letter is written by its author")
    return Held(letter, stamp, writes, versions)


@dataclass(slots=True)
class _Author:
    letters: dict[Stamp, Held] = field(default_factory=dict)
    size: int = 0


class Layer:
    """What a replica holds of other people's letters, by author, bounded for each.

    A letter is held as long as it has its author's latest write of some key: what is held depends
    on the keys that are written, not on how often.
    """

    def __init__(self) -> None:
        self._authors: dict[str, _Author] = {}
        self._at: dict[Place, dict[Stamp, Entry]] = {}

    def get(self, place: Place) -> Entry | None:
        """The newest entry of a key."""
        found = self._at.get(place)
        return max(found.values(), key=lambda entry: entry.stamp) if found else None

    def __contains__(self, place: Place) -> bool:
        return place in self._at

    def __bool__(self) -> bool:
        return bool(self._at)

    def __len__(self) -> int:
        return sum(len(author.letters) for author in self._authors.values())

    def __iter__(self) -> Iterator[Held]:
        """The letters, the oldest of each author first."""
        for author in self._authors.values():
            yield from sorted(author.letters.values(), key=lambda held: held.stamp)

    def places(self, state: StateId) -> Iterator[str]:
        """The keys of a State that letters write."""
        return (key for place, key in self._at if place == state)

    def holds(self, stamp: Stamp, author: str) -> bool:
        known = self._authors.get(author)
        return known is not None and stamp in known.letters

    def put(self, held: Held) -> bool:
        """Hold a letter; False where it is overtaken already, or its author has no room left."""
        author = self._authors.get(held.letter.author) or _Author()
        latest = [place for place in held.writes if self._is_latest(place, held)]
        size = author.size + len(held.letter.write)
        full = len(author.letters) >= MAX_LETTERS or size > MAX_LETTER_BYTES
        if held.stamp in author.letters or not latest or full:
            return False
        self._authors[held.letter.author] = author
        author.letters[held.stamp] = held
        author.size = size
        for place, entry in held.writes.items():
            self._at.setdefault(place, {})[held.stamp] = entry
        for old in self.at(latest):
            overtaken = not any(self._is_latest(place, old) for place in old.writes)
            if old.author == held.author and overtaken:
                self.drop(old)
        return True

    def _is_latest(self, place: Place, held: Held) -> bool:
        """Whether its author has written nothing later there."""
        others = self._at.get(place, {})
        author = held.author
        return all(stamp <= held.stamp or not writes_for(stamp[1], author) for stamp in others)

    def drop(self, held: Held) -> None:
        """Hold it no longer. Twice is fine."""
        author = self._authors.get(held.letter.author)
        if author is None or author.letters.pop(held.stamp, None) is None:
            return
        author.size -= len(held.letter.write)
        if not author.letters:
            del self._authors[held.letter.author]
        for place in held.writes:
            self._take_out(place, held.stamp)

    def drop_state(self, state: StateId) -> None:
        """A State is not there any more: what letters write to it counts no longer."""
        for held in self.at([place for place in self._at if place[0] == state]):
            for place in [place for place in held.writes if place[0] == state]:
                del held.writes[place]
                self._take_out(place, held.stamp)
            if not held.writes:
                self.drop(held)

    def _take_out(self, place: Place, stamp: Stamp) -> None:
        at = self._at[place]
        del at[stamp]
        if not at:
            del self._at[place]

    def at(self, places: Iterable[Place]) -> list[Held]:
        """The letters that write any of those keys."""
        found: dict[Stamp, Held] = {}
        stamps = {stamp for place in places for stamp in self._at.get(place, ())}
        for author in self._authors.values():
            found |= {stamp: author.letters[stamp] for stamp in stamps & author.letters.keys()}
        return list(found.values())
