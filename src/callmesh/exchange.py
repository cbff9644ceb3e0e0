"""What participants tell each other while the hub is out of reach for some of them, without I/O.

X1 Letters go from and to those who have lost the hub, over direct paths, and to nobody else. What
   an author may not let somebody read is not sent to them; what is not open to all comes from its
   author alone.
X2 A letter is taken in when its signature holds, nothing known here speaks against it, it is not
   ahead of the clock, and its author has room. What a peer should not have sent ends the exchange
   with that peer, until there is another path.
X3 Each tells the others which letters it has, whenever that is another set, and gets what it lacks:
   it depends on the keys that were written, not on how often.
X4 Who has the hub carries what it holds of those who have not, once over each link: what is about
   the call's own State first, since own writes may need it.
X5 What the hub has answered goes, here and, where it is a denial, at those who had it; and once the
   link has held for `SETTLED`, what is older than that.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec import Raw

from callmesh import messages
from callmesh.callstate import version_in
from callmesh.clock import AHEAD, FOLLOWING, MICROSECONDS
from callmesh.errors import BadInput, WireError
from callmesh.ids import CALL, ROSTER, CallId, ParticipantId, StateId, is_presence, writes_for
from callmesh.letters import MAX_LETTERS, Held, open_letter
from callmesh.mesh import Change, Mesh
from callmesh.messages import Denial, Have, Letter, Void, Write
from callmesh.participant import Participant
from callmesh.rates import BYTES, SMALL, Rate
from callmesh.receipt import Stamp
from callmesh.standing import Standings

LAST_PIECE = 1
"""With what the last piece of a bundle begins; the others with less, and no bundle by itself."""
PIECE = 48 * 1024
"""Bytes of one message on a channel: larger ones go in pieces, each with a byte that says whether
it is the last."""
MAX_WHOLE = 2 * 1024 * 1024
"""Bytes of what is put together out of pieces."""
HAVE_EVERY = MICROSECONDS
"""How often one tells at most that one has other letters."""
HAND_ON = 2 * HAVE_EVERY
"""How long the author has to reach somebody before others hand a letter on to them."""
CARRY_AFTER = 2 * MICROSECONDS
"""After the link is back, how long authors have to come back themselves before others carry."""
SETTLED = 10 * MICROSECONDS
GRACE = 45 * MICROSECONDS
"""How long somebody whom nobody reaches is shown as being here."""
MAX_VOID = 2_000
"""Denied letters that one message tells of."""
MAX_DONE = MAX_LETTERS
"""Letters of one author that are remembered as done with."""
MAX_AUTHORS = 1_000
"""Authors of whom some are."""
SENDS = (60, 1_000)
"""Letters that are sent to a peer, a second for long and at once."""
TAKES = (240, 8_000)
"""The same that are taken from one, where 16 KiB count as one more."""
MAX_ROUND = 1024 * 1024
"""Bytes of letters that are sent to a peer at a time: the rest waits for the next."""
PRESENCE_BYTES = 8 * 1024
"""Of a presence value; the hub may allow less."""


class Confirmed:
    """What the hub has confirmed of a mesh: rights that are read from it depend on no order."""

    read_only = None

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self.versions: Mapping[StateId, int] = {}

    def value(self, state: StateId, key: str) -> Raw | None:
        entry = self._mesh.confirmed_entry(state, key)
        return None if entry is None or entry.deleted else entry.value

    def keys(self, state: StateId) -> Iterable[str]:
        return self._mesh.confirmed(state)


@dataclass(slots=True)
class Peer:
    """Somebody who is reached directly."""

    takes: Rate
    sends: Rate
    away: bool = False
    reaches: set[ParticipantId] = field(default_factory=set)
    has: set[Stamp] = field(default_factory=set)
    """The letters it says it has."""
    sent: set[Stamp] = field(default_factory=set)
    """Those it was sent."""
    parts: bytearray = field(default_factory=bytearray)
    told: Have | None = None
    """What it was told last."""
    told_at: int = 0
    voids: list[Stamp] = field(default_factory=list)
    """Of those denied, what it has to be told."""
    voided: list[Stamp] = field(default_factory=list)
    """What it has told, and was not looked at yet."""
    broken: str = ""
    """Why nothing is heard from it any more."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter that has to be signed."""

    letter: Letter
    stamp: Stamp
    write: Write

    def signed(self, signature: bytes) -> Letter:
        it = self.letter
        return Letter(it.author, it.epoch, it.open, it.write, signature)


class Done:
    """Letters that are not taken in again: so many of each author, so that nobody who has many
    denied makes others forget what was denied of somebody else.
    """

    def __init__(self) -> None:
        self._of: dict[str, dict[Stamp, bool]] = {}
        """By author; True where that is so after the next link too."""

    def __contains__(self, stamp: Stamp) -> bool:
        return stamp in self._of.get(_author(stamp), ())

    def add(self, stamp: Stamp, *, final: bool) -> None:
        known = self._of.setdefault(_author(stamp), {})
        known[stamp] = final
        if len(known) > MAX_DONE:
            del known[next(iter(known))]
        if len(self._of) > MAX_AUTHORS:
            del self._of[next(iter(self._of))]

    def link_lost(self) -> None:
        for author, known in self._of.items():
            self._of[author] = {stamp: True for stamp, final in known.items() if final}


def _author(stamp: Stamp) -> str:
    """The participant, also where one of their frames has written it."""
    return stamp[1].partition(".")[0]


class Exchange:
    """`now` is microseconds of a clock that only runs forward; `local` is the one stamps go by."""

    def __init__(self, call: CallId, mesh: Mesh, standings: Standings) -> None:
        self.call = call
        self.signs = False
        """Whether there is a key to sign with."""
        self._mesh = mesh
        self._standings = standings
        self._confirmed = Standings(Confirmed(mesh))
        self._me = ParticipantId("")
        self._epoch = self._welcomed = 0
        self._linked_at: int | None = None
        self._people: dict[ParticipantId, Participant] = {}
        self._seen: dict[ParticipantId, int] = {}
        """When each was in reach last."""
        self._peers: dict[ParticipantId, Peer] = {}
        self._own: dict[Stamp, Held] = {}
        self._rates: dict[ParticipantId, tuple[Rate, Rate]] = {}
        """What is taken from each, and sent to them: another path gives nothing anew."""
        self._done = Done()
        self._carried: set[Stamp] = set()
        self._behind = False
        """Whether somebody could not be sent all that they lack."""

    # --- how it stands

    @property
    def away(self) -> bool:
        return self._linked_at is None

    @property
    def is_needed(self) -> bool:
        """Whether anybody who is reached has lost the hub, oneself included."""
        return self.away or any(peer.away for peer in self._peers.values())

    @property
    def reached(self) -> int:
        """How many others are in reach, directly or by way of somebody."""
        return len(self._in_reach())

    def _in_reach(self) -> set[ParticipantId]:
        direct = {id for id, peer in self._peers.items() if not peer.broken}
        found = set(direct)
        for id in direct:
            found |= self._peers[id].reaches & self._people.keys()
        return found - {self._me}

    def welcome(self, me: ParticipantId, epoch: int, now: int) -> None:
        """The hub has let one in: letters carry the time of that."""
        if (me, epoch) != (self._me, self._epoch):
            self._own.clear()
        self._me, self._epoch, self._welcomed = me, epoch, now

    def linked(self, now: int) -> None:
        """The first batch over a link has come."""
        if self._linked_at is None:
            self._linked_at = now
            self._carried.clear()
            self._confirmed.follow()

    def link_lost(self, now: int) -> None:
        if self._linked_at is not None:
            self._linked_at = None
            self._done.link_lost()
            self._seen = dict.fromkeys(self._people, now)

    def roster(self, people: Collection[Participant], *, whole: bool) -> None:
        """The roster is another. Who is missing from one that came whole may yet come back."""
        for id in self._people.keys() - {someone.id for someone in people}:
            if whole:
                self._people[id] = msgspec.structs.replace(self._people[id], here=False)
            else:
                del self._people[id]
        self._people |= {someone.id: someone for someone in people}
        for id in self._rates.keys() - self._people.keys() - self._peers.keys():
            del self._rates[id]

    def followed(self) -> None:
        """The call's own State, or what is told of apps, is another."""
        self._confirmed.follow()

    def lost(self, now: int) -> set[ParticipantId]:
        """Who is not here, as far as can be told while the hub is away."""
        if not self.away:
            return set()
        self._seen |= dict.fromkeys(self._in_reach(), now)
        here = (id for id in self._people if id != self._me)
        return {id for id in here if now - self._seen.get(id, now) > GRACE}

    # --- paths

    def opened(self, id: ParticipantId, now: int) -> None:
        """There is a direct path to a participant, or another one than before."""
        if id not in self._rates:
            self._rates[id] = Rate(*TAKES, now), Rate(*SENDS, now)
        self._peers[id] = Peer(*self._rates[id])

    def closed(self, id: ParticipantId, now: int) -> None:
        if self._peers.pop(id, None) is not None:
            self._seen[id] = now

    # --- in

    def hear(self, id: ParticipantId, data: bytes, now: int, local: int) -> list[Held]:
        """What came over a path. The letters in it whose signature has to be looked at.

        Raises nothing: a peer that sends what it should not is not listened to any more (X2).
        """
        peer = self._peers.get(id)
        if peer is None or peer.broken:
            return []
        try:
            return list(self._hear(id, peer, data, now, local))
        except BadInput as error:
            peer.broken = str(error)
            peer.parts.clear()
            return []

    def _hear(
        self, id: ParticipantId, peer: Peer, data: bytes, now: int, local: int
    ) -> Iterator[Held]:
        if not data or data[0] > LAST_PIECE or len(data) > PIECE + 1:
            raise WireError("not a piece of a bundle")
        if peer.takes.take(SMALL + len(data) / BYTES, now) > 0:
            raise WireError("too much at once")
        peer.parts += data[1:]
        if len(peer.parts) > MAX_WHOLE:
            raise WireError("a bundle between participants is too large")
        if data[0] == 0:
            return
        whole, peer.parts = bytes(peer.parts), bytearray()
        for message in messages.unbundle(whole, limit=MAX_WHOLE):
            match message:
                case Have(away, reaches, stamps):
                    if away and not peer.away:
                        peer.sent.clear()  # what it had let go of counts again
                    peer.away = away
                    peer.reaches = {ParticipantId(reached) for reached in reaches}
                    peer.has = {(time, writer) for time, writer in stamps}
                case Void(stamps):
                    peer.voided += [(t, w) for t, w in stamps if writes_for(w, id)]
                case Letter():
                    if peer.takes.take(1, now) > 0:
                        raise WireError("too much at once")
                    held = open_letter(message)
                    peer.has.add(held.stamp)
                    if self._wants(id, peer, held, now, local):
                        held.since = now
                        yield held
                case _:
                    raise WireError("this is not said between participants")

    def _wants(self, id: ParticipantId, peer: Peer, held: Held, now: int, local: int) -> bool:
        author = self._people.get(held.author)
        if author is None or held.author == self._me or not author.key:
            return False
        if not held.letter.open and held.author != id:
            return False
        if not self.away and (author.here or not peer.away):
            return False  # who has the hub speaks for itself
        if held.stamp in self._done or self._mesh.letters.holds(held.stamp, held.author):
            return False
        if self._is_ahead(held.stamp[0], now, local):
            return False
        if any(is_presence(s) and e.size > PRESENCE_BYTES for (s, _), e in held.writes.items()):
            return False
        known = self._confirmed
        return all(known.may_have_written(state, key, author) for state, key in held.writes)

    def _is_ahead(self, time: int, now: int, local: int) -> bool:
        """Whether it is so far ahead that no hub would take it: by one's own clock, or, where that
        was set back meanwhile, by the time that has passed since the welcome.
        """
        clock = self._mesh.clock
        hub = max(clock.hub_time(local), self._epoch + now - self._welcomed)
        return time > max(hub + AHEAD, clock.seen + FOLLOWING)

    def key_of(self, id: ParticipantId) -> str:
        """What the letters of somebody are signed with, as the hub has said."""
        someone = self._people.get(id)
        return someone.key if someone else ""

    def admit(self, held: Held) -> list[Change]:
        """Take in a letter whose signature holds."""
        if held.stamp in self._done or self.key_of(held.author) == "":
            return []
        return self._mesh.take_in(held)

    def voided(self) -> list[Change]:
        """What authors have said is denied goes (X5)."""
        stamps = {stamp for peer in self._peers.values() for stamp in peer.voided}
        if not stamps:
            return []
        for peer in self._peers.values():
            peer.voided.clear()
        return self._let_go([h for h in self._mesh.letters if h.stamp in stamps], stamps)

    def denied(self, denial: Denial) -> list[Change] | None:
        """The hub has denied a transaction; None where it is one's own, and others were told."""
        stamp = (denial.time, denial.writer)
        if writes_for(denial.writer, self._me):
            self._own.pop(stamp, None)
            for peer in self._peers.values():
                if stamp in peer.has or stamp in peer.sent:
                    peer.voids.append(stamp)
            return None
        # What came too late to be carried its author may yet write again, at the same time.
        final = denial.reason != "foreign_writer"
        found = [held for held in self._mesh.letters if held.stamp == stamp]
        return self._let_go(found, {stamp}, final=final)

    def _let_go(
        self, letters: Iterable[Held], stamps: Iterable[Stamp], *, final: bool = True
    ) -> list[Change]:
        for stamp in stamps:
            self._done.add(stamp, final=final)
        return self._mesh.let_letters_go(letters)

    def tick(self, now: int) -> list[Change]:
        """Let time pass: what the hub has not answered by now does not stand (X5)."""
        since = self._linked_at
        if since is None:
            return []
        if now - since >= GRACE:  # who has not come back is gone
            here = {key: self._people[key] for key in self._people if self._shown(key)}
            self._people = here
        if now - since < SETTLED:
            return []
        old = [held for held in self._mesh.letters if now - held.since >= SETTLED]
        return self._let_go(old, [held.stamp for held in old], final=False) if old else []

    def _shown(self, id: ParticipantId) -> bool:
        return self._mesh.confirmed_entry(ROSTER, id) is not None

    # --- out: to the hub

    def carried(self, now: int, *, first: bool) -> list[Letter]:
        """What to give to the hub now; `first`, what has to be there before one's own (X4)."""
        if self._linked_at is None:
            return []
        found = []
        patient = now - self._linked_at < CARRY_AFTER
        for held in self._mesh.letters:
            if held.stamp in self._carried:
                continue
            about_call = any(state == CALL for state, _ in held.writes)
            author = self._people.get(held.author)
            waits = patient or (author is not None and author.here)
            if about_call if first else (about_call or not waits):
                self._carried.add(held.stamp)
                found.append(held.letter)
        return found

    @property
    def carries(self) -> bool:
        """Whether there may be something to give to the hub."""
        return not self.away and any(h.stamp not in self._carried for h in self._mesh.letters)

    # --- out: to peers

    def unsigned(self) -> list[Draft]:
        """One's own transactions that somebody may need, and that are not signed yet."""
        if not (self.signs and self._peers and self.is_needed and self._epoch):
            return []
        drafts = []
        for stamp, write in self._mesh.transactions():
            if stamp not in self._own and stamp[0]:
                written = [(StateId(g.state), e) for g in write.groups for e in g.entries]
                if not any(state == CALL and version_in(e.key) for state, e in written):
                    for_all = all(self._standings.is_for_all(*item) for item in written)
                    data = messages.encode(write)
                    letter = Letter(self._me, self._epoch, for_all, data, b"")
                    drafts.append(Draft(letter, stamp, write))
        return drafts

    def signed(self, draft: Draft, signature: bytes) -> None:
        if draft.letter.epoch == self._epoch:
            self._own[draft.stamp] = open_letter(draft.signed(signature))

    def outgoing(
        self, now: int, ready: Callable[[ParticipantId], bool] = lambda peer: True
    ) -> list[tuple[ParticipantId, bytes]]:
        """What to send now over the direct paths that are `ready`, in pieces."""
        found: list[tuple[ParticipantId, bytes]] = []
        have = self._have() if self._peers else None
        self._behind = False
        for id, peer in self._peers.items():
            if have is None or peer.broken:
                continue
            if not ready(id):
                self._behind = True
            else:
                parts = [*_words(peer, have, now), *self._letters_for(id, peer, now)]
                found += [(id, piece) for piece in pieces(parts)]
        if self._own and (not self._behind or len(self._own) > MAX_LETTERS):
            kept = {stamp for stamp, _ in self._mesh.transactions()}
            for stamp in self._own.keys() - kept:
                del self._own[stamp]  # it is saved or overtaken, and those who need it have it
        return found

    def _have(self) -> Have:
        held = sorted(held.stamp for held in self._mesh.letters) if self.is_needed else []
        direct = (id for id, peer in self._peers.items() if not peer.broken)
        return Have(self.away, sorted(direct), [*held])

    def _letters_for(self, id: ParticipantId, peer: Peer, now: int) -> Iterator[bytes]:
        """The letters that somebody lacks, and may have (X1)."""
        someone = self._people.get(id)
        if someone is None or not (self.away or peer.away):
            return
        letters = [*self._own.values(), *self._mesh.letters]
        peer.sent &= {held.stamp for held in letters}
        room = MAX_ROUND
        for held in letters:
            if held.stamp in peer.has or held.stamp in peer.sent or held.author == id:
                continue
            own = held.author == self._me
            if not own and (not held.letter.open or now - held.since < HAND_ON):
                continue
            written = held.writes.items()
            if all(self._standings.may_have(place[0], e, someone) for place, e in written):
                if room <= 0 or not peer.sends.takes(now):
                    self._behind = True  # the rest waits for the next time
                    return
                peer.sent.add(held.stamp)
                room -= len(held.letter.write)
                yield messages.encode(held.letter)


def _words(peer: Peer, have: Have, now: int) -> Iterator[bytes]:
    """What somebody has not been told of how one stands here, and of what was denied (X3, X5)."""
    told, late = peer.told, now - peer.told_at >= HAVE_EVERY
    turned = told is None or (told.away, told.reaches) != (have.away, have.reaches)
    if turned or (late and told != have):
        peer.told, peer.told_at = have, now
        yield messages.encode(have)
    if peer.voids:
        yield messages.encode(Void(peer.voids[:MAX_VOID]))
        del peer.voids[:MAX_VOID]


def pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Encoded messages as they go over a channel."""
    group: list[bytes] = []
    size = 0
    for part in parts:
        if group and size + len(part) > PIECE - 16:
            yield from _cut(messages.bundle(group))
            group, size = [], 0
        group.append(part)
        size += len(part)
    if group:
        yield from _cut(messages.bundle(group))


def _cut(bundle: bytes) -> Iterator[bytes]:
    last = (len(bundle) - 1) // PIECE
    for number in range(last + 1):
        yield bytes([number == last]) + bundle[number * PIECE : (number + 1) * PIECE]
