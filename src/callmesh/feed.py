"""What each link of a call still lacks: one cursor, and nothing that grows with what was written.

F1 What a link gets is what lies beyond its cursor, once, as it is now, in one batch.
F2 Links at the same cursor whose participants may see the same get the same bytes.
F3 Whoever may see something else than when the link was told last gets what has become visible,
   and what is not any more is taken back. That something was deleted is told to whom it was shown.
F4 An answer that does not come by itself is given besides: the entry that won, where it lies behind
   the cursor, and that something was taken which is not for the eyes of its writer.
F5 `saved` is told after the commit, to those who wrote.
F6 A denial leaves after what was taken before it.
F7 An answer to a command leaves when what it did is on disk.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from callmesh import messages
from callmesh.callstate import resource_about
from callmesh.errors import TooFast
from callmesh.ids import CALL, DOOR, ResourceId, StateId, presence_of, resource_of, state_of
from callmesh.ledger import Ledger, Record
from callmesh.messages import Batch, Denial, Group, Pieces
from callmesh.resource import ACTIVE, RECORDS
from callmesh.sight import Sight, Subject, taken_back
from callmesh.state import DELETED, Entry, newer

MAX_DENIED = 8 * 1024 * 1024
"""Bytes of denials that may wait for one link; a writer who does not read them is ended."""
MAX_OWED = 50_000
"""Own writes whose answers may wait for one link, by key."""
MAX_ANSWERS = 1_000
MAX_GROUPS = 16 * 1024 * 1024
"""Bytes of whole States that are kept encoded for the next newcomer, until time passes."""
DENIALS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Told:
    """All that was kept at some turn, as far as it was for these eyes (`KeptFiles.turns`)."""

    turn: int
    sight: Sight


@dataclass(slots=True)
class Feed:
    """What is kept per link."""

    sight: Sight
    """What the participant may see."""
    cursor: int
    """How far the link has come; 0 until the first batch."""
    shown: Sight = field(init=False)
    """What the participant might see when the link was told last."""
    waits: bool = True
    """Whether something of its own may be among what it has seen and is not known to be saved."""
    told: int = 0
    """The last `saved` it heard of."""
    owed: dict[tuple[StateId, str], Entry] = field(default_factory=dict)
    """Own writes, without their values, whose answer does not come by itself (F4)."""
    denials: list[bytes] = field(default_factory=list)
    denied: int = 0
    """Bytes of them."""
    kept: Told | None = None
    """What it knows of kept files."""
    kept_waits: bool = False
    """Whether there is news of them: it is made when it leaves, each file once."""
    answers: list[tuple[int, messages.Answer]] = field(default_factory=list)
    """To commands, each with the number that has to be on disk before (F7)."""

    def __post_init__(self) -> None:
        self.shown = self.sight

    def see(self, sight: Sight, *, anew: bool) -> None:
        """From now on the participant may see this (F3)."""
        self.sight = sight
        if anew and not self.told:
            self.cursor = 0  # a later link, told nothing yet: nobody knows what it was shown

    def owe(self, state: StateId, written: Entry) -> None:
        """What stands there is the answer to an own write, and does not come by itself (F4).

        Raises `TooFast` for one who writes and does not read.
        """
        if newer(written, self.owed.get((state, written.key))):
            slim = Entry(written.key, written.time, written.writer, DELETED)
            self.owed[state, written.key] = slim
            if len(self.owed) > MAX_OWED:
                raise TooFast("too many writes, and the answers to them are not read")

    def took(self, taken: Iterable[tuple[StateId, Entry]]) -> None:
        """Own writes were taken: those that may not be shown to their writer are answered besides.

        What was not shown to them when they were told last may be gone again before they are.
        """
        shown, sight = self.shown.whole, self.sight.whole
        for state, entry in taken:
            if state in shown and state in sight:
                continue
            if not (self.shown.shows(state, entry) and self.sight.shows(state, entry)):
                self.owe(state, entry)

    def answer(self, number: int, answer: messages.Answer) -> None:
        """Raises `TooFast` for one who commands and does not read."""
        self.answers.append((number, answer))
        if len(self.answers) > MAX_ANSWERS:
            raise TooFast("too many commands, and their answers are not read")

    def deny(self, denial: Denial) -> None:
        """Raises `TooFast` for one who writes what is forbidden and does not read."""
        encoded = messages.encode(denial)
        self.denials.append(encoded)
        self.denied += len(encoded)
        if self.denied > MAX_DENIED:
            raise TooFast("too many forbidden writes, and their denials are not read")


class Feeds:
    """Makes what links get out of the ledger, each batch once (F2)."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._batches: dict[tuple[int, Sight | None, Sight], Pieces] = {}
        self._bundles: dict[tuple[int, Sight, Sight], Pieces] = {}
        """The same, each as a bundle of its own."""
        self._groups: dict[tuple[StateId, Sight], tuple[Entry, bytes]] = {}
        """Whole States encoded, each with the last entry it had then."""
        self._groups_size = 0
        self._batches_at = (-1, -1)

    def has_output(self, feed: Feed) -> bool:
        if self._lags(feed) or feed.owed or feed.denials or feed.kept_waits:
            return True
        answers = feed.answers and feed.answers[0][0] <= self._ledger.saved
        return bool(answers) or self._owes_saved(feed)

    def _lags(self, feed: Feed) -> bool:
        return feed.cursor != self._ledger.number or feed.shown is not feed.sight

    def _owes_saved(self, feed: Feed) -> bool:
        return feed.waits and feed.told < self._ledger.saved

    def take(self, feed: Feed) -> list[Pieces]:
        """The encoded messages that should leave now; they count as gone."""
        parts: list[Pieces] = []
        behind = feed.cursor
        if self._lags(feed):
            self._begin()
            parts.append(self._batch(feed))
            feed.cursor, feed.shown = self._ledger.number, feed.sight
            feed.told = self._ledger.saved
        elif self._owes_saved(feed):  # (F5)
            feed.told = self._ledger.saved
            parts.append((messages.encode(messages.Saved(self._ledger.saved)),))
        answers = self._answers(feed, behind)
        if answers:
            batch = Batch(feed.cursor, self._ledger.saved, False, _grouped(answers))
            parts.append((messages.encode(batch),))
        if feed.told >= feed.cursor:
            feed.waits = False
        if feed.denials:  # (F6)
            parts += [(denial,) for denial in feed.denials[:DENIALS_AT_ONCE]]
            feed.denied -= sum(map(len, feed.denials[:DENIALS_AT_ONCE]))
            del feed.denials[:DENIALS_AT_ONCE]
        while feed.answers and feed.answers[0][0] <= self._ledger.saved:  # (F7)
            parts.append((messages.encode(feed.answers.pop(0)[1]),))
        return parts

    def _answers(self, feed: Feed, behind: int) -> list[tuple[StateId, Entry]]:
        """What won over own writes, or stands where nothing of them is seen (F4).

        What lies beyond `behind` for these eyes has come by itself.
        """
        found = []
        for (state, key), written in feed.owed.items():
            stands = self._ledger.state(state).entries.get(key)
            if stands is None or newer(written, stands):
                found.append((state, taken_back(written)))
                continue
            shown = feed.sight.shown(state, stands)
            if shown is None or self._ledger.number_of(state, key) <= behind:
                found.append((state, shown or taken_back(stands)))
        feed.owed.clear()
        return found

    def shared(self, feed: Feed) -> Pieces | None:
        """The same as a bundle of its own, where it is nothing but what others may get as well."""
        ledger, sight = self._ledger, feed.sight
        if feed.cursor == ledger.number and feed.shown is sight:
            return None
        if feed.owed or feed.denials or feed.answers or feed.kept_waits:
            return None
        if self._batches_at != (ledger.number, ledger.saved):
            self._begin()
        at = (feed.cursor, feed.shown, sight)
        found = self._bundles.get(at)
        if found is None:
            found = self._bundles[at] = (b"".join([messages.ONE, *self._batch(feed)]),)
        feed.cursor, feed.shown, feed.told = ledger.number, sight, ledger.saved
        return found

    def _begin(self) -> None:
        """What was made is of use as long as nothing is accepted or saved."""
        now = (self._ledger.number, self._ledger.saved)
        if self._batches_at != now:
            self._batches, self._bundles = {}, {}
            self._batches_at = now

    def let_go(self) -> None:
        """Of what was made: it may be as large as the call, and is made again."""
        self._batches, self._bundles = {}, {}
        self._groups.clear()
        self._groups_size = 0

    def _batch(self, feed: Feed) -> Pieces:
        """What a link lacks. Those who are as far, and saw and now see the same, share it."""
        whole = not self._ledger.follows(feed.cursor)
        at = (0, None, feed.sight) if whole else (feed.cursor, feed.shown, feed.sight)
        found = self._batches.get(at)
        if found is None:
            if whole:
                found = messages.whole(*self._batches_at, list(self._all(feed.sight)))
            else:
                same = feed.shown is feed.sight
                groups = self._since(feed) if same else _grouped(self._beyond(feed))
                batch = Batch(*self._batches_at, False, groups)
                found = (messages.encode(batch),)
            self._batches[at] = found
        return found

    def _all(self, sight: Sight) -> Iterator[bytes]:
        """The live keys, in groups that are encoded once for many newcomers."""
        for id, state in self._ledger.states.items():
            if not state.keys:
                continue
            last = next(reversed(state.entries.values()))
            known, encoded = self._groups.get((id, sight), (None, b""))
            if known is not last:
                shown = [sight.shown(id, entry) for entry in state.live()]
                entries = [entry for entry in shown if entry is not None and not entry.deleted]
                encoded = messages.encode(Group(id, entries)) if entries else b""
                self._keep((id, sight), last, encoded)
            if encoded:
                yield encoded

    def _keep(self, of: tuple[StateId, Sight], last: Entry, encoded: bytes) -> None:
        self._groups_size += len(encoded)
        if self._groups_size > MAX_GROUPS:
            self._groups.clear()
            self._groups_size = len(encoded)
        self._groups[of] = last, encoded

    def _since(self, feed: Feed) -> list[Group]:
        """What came since, for eyes that see what they saw then."""
        sight = feed.sight
        groups: dict[StateId, list[Entry]] = {}
        for record in self._ledger.since(feed.cursor):
            state, entry = record.state, record.entry
            shown = entry if state in sight.whole else sight.shown(state, entry)
            if shown is not None:
                groups.setdefault(state, []).append(shown)
        return [Group(state, entries) for state, entries in groups.items()]

    def _beyond(self, feed: Feed) -> Iterator[tuple[StateId, Entry]]:
        """The same for eyes that see something else now (F3)."""
        before, now = feed.shown, feed.sight
        turned = now.differs(before)
        for record in self._ledger.since(feed.cursor):
            if _subject(record) not in turned:
                shown = now.shown(record.state, record.entry)
                if shown is not None:
                    yield record.state, shown
        for record in self._about(turned):
            state, entry, new = record.state, record.entry, record.number > feed.cursor
            seen = before.shows(state, entry)
            if now.shows(state, entry):
                if new or not seen:
                    yield state, entry
            elif seen and (new or not entry.deleted):
                removed = state == CALL and entry.deleted and entry.key.startswith(RECORDS)
                yield state, entry if removed else taken_back(entry)
        active = self._ledger.state(CALL).entries.get(ACTIVE)
        if turned and active is not None:
            yield CALL, now.shown(CALL, active) or active

    def _about(self, subjects: set[Subject]) -> Iterator[Record]:
        """Every entry about some subjects."""
        for key, entry in self._ledger.state(CALL).entries.items():
            if resource_about(key) in subjects:
                yield Record(self._ledger.number_of(CALL, key), CALL, entry)
        for subject in subjects:
            for state in _states_of(subject):
                for key, entry in self._ledger.state(state).entries.items():
                    yield Record(self._ledger.number_of(state, key), state, entry)


def _states_of(subject: Subject) -> tuple[StateId, ...]:
    if subject == DOOR:
        return (DOOR,)
    return state_of(ResourceId(subject)), presence_of(ResourceId(subject))


def _subject(record: Record) -> Subject | None:
    if record.state == CALL:
        return resource_about(record.entry.key)
    return DOOR if record.state == DOOR else resource_of(record.state)


def _grouped(entries: Iterable[tuple[StateId, Entry]]) -> list[Group]:
    groups: dict[StateId, list[Entry]] = {}
    for state, entry in entries:
        groups.setdefault(state, []).append(entry)
    return [Group(state, found) for state, found in groups.items()]
