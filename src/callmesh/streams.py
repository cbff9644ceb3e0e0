"""DataStreams that run: who is reached by which path, and what goes over it."""

from collections.abc import Callable, Collection, Iterable
from typing import Literal, get_args

from callmesh import messages, signaling
from callmesh.datastream import KEEP_BYTES, Codec, DataStream, Reach
from callmesh.errors import BadInput, BadName, CallmeshError, TooFast
from callmesh.ids import ParticipantId, ResourceId
from callmesh.inbox import Came
from callmesh.lane import STALLED, Due, Lane, Reading
from callmesh.messages import Mode, Taken, Word
from callmesh.meter import Counts
from callmesh.notify import Notifier
from callmesh.participant import Participant
from callmesh.past import Past
from callmesh.ports import Peers
from callmesh.session import Session
from callmesh.signaling import REPEAT, Connecting, Direct, Mend, Pair, Path
from callmesh.stream import Piece, decode_frame, delivery, encode_frame, encode_piece, label
from callmesh.turns import Turns

ASK_AGAIN = 1_000_000
"""Microseconds after which what is missing is asked for once more."""
MESH = 8
"""Participants up to which streams go direct, where the hub says nothing else."""
MOST_STREAMS = 32
"""Streams that one participant has open at a time, where the hub says nothing else."""
MAX_WORDS = 16 * 1024
"""Bytes of what a peer says through the control channel at once."""
ANSWERS = 256
"""Words that are said at once to one who asks, between two ticks: who asks more asks again."""

GIVEN = 2 * KEEP_BYTES
"""Bytes of what is kept that one gets at once, who opens streams again and again."""
GIVEN_ON = 512 * 1024
"""And with each tick after that, for long."""


class Streams:
    """Every stream of one participant, and the paths to the others."""

    def __init__(
        self,
        now: Callable[[], int],
        session: Callable[[], Session | None],
        flush: Callable[[], None],
        hidden: Callable[[ResourceId, Participant], bool] = lambda resource, other: False,
        mesh: int = MESH,
        soon: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        """`hidden` tells whether a resource is not there for somebody; `soon` has something done at
        the end of this turn: without it everything leaves at once."""
        self._now = now
        self._hidden = hidden
        self._session = session
        self._flush = flush
        self._mesh = mesh
        self._most = MOST_STREAMS
        self._soon = soon
        self._late: dict[ParticipantId, None] | None = None
        """To whom something leaves at the end of this turn; none before the first of a turn."""
        self._me: Participant | None = None
        self._here: dict[ParticipantId, Participant] = {}
        self._pairs: dict[ParticipantId, Pair] = {}
        self._streams: dict[str, DataStream] = {}
        """By label."""
        self._past = Past()
        self._away: dict[ParticipantId, int] = {}
        """Who is not in the roster after the hub began anew, and may come back; since when."""
        self._repeated = 0
        """When signals that were not answered were sent again."""
        self._room = Notifier()
        self._answers: dict[ParticipantId, int] = {}
        """How often each was answered since the last tick."""
        self._given: dict[ParticipantId, int] = {}
        """Bytes of what is kept that each was given lately."""
        self._tellers: list[Callable[[], object]] = []
        self._turns = Turns()
        self._served = 0
        """How many pieces have left by way of the hub."""
        self.peers: Peers | None = None

    def stream(
        self,
        resource: ResourceId,
        name: str,
        mode: Mode,
        *,
        ordered: bool | None = None,
        max_retransmits: int | None = None,
        keep: int = 0,
        codec: Codec | None = None,
    ) -> DataStream:
        """The stream of that name; the same object every time.

        Raises `BadName`, `BadValue`, and `TooFast` where too few are free.
        """
        if mode not in get_args(Mode):
            raise BadName(f"{mode} is no mode of a stream; use reliable or latest")
        place = label(resource, name)
        found = self._streams.get(place)
        if found is None:
            self._find_room(resource)
            number, opened = self._past.count(place)
            return self._open(DataStream(
                self, resource, name, mode, ordered=ordered, max_retransmits=max_retransmits,
                keep=keep, codec=codec, number=number, opened=opened + 1,
            ))  # fmt: skip
        if found.mode != mode:
            raise BadName(f"stream {name} is open already, in mode {found.mode}")
        said = ordered is not None or max_retransmits is not None
        if said and delivery(mode, ordered, max_retransmits) != found.delivery:
            raise BadName(f"stream {name} is open already, with other options")
        if keep and keep != found.keep:
            raise BadName(f"stream {name} is open already, and keeps {found.keep}")
        if codec is not None and codec is not found.codec:
            raise BadName(f"stream {name} is open already, with another codec")
        return found

    def _find_room(self, resource: ResourceId) -> None:
        """No app takes the streams of all: others find some free, however many it opens."""
        own = sum(stream.resource == resource for stream in self._streams.values())
        if self._most - len(self._streams) <= own:
            raise TooFast(
                f"of the {self._most} streams that a participant may have (limits.streams) a "
                "resource opens another only while more are free than it has: close one first"
            )

    def _open(self, stream: DataStream) -> DataStream:
        self._streams[stream.label] = stream
        self._past.opened(stream.label)
        for peer in self._pairs:
            self._meet(peer, stream)
        self._say(list(self._pairs), stream, "open")
        return stream

    def here(self) -> dict[ParticipantId, Participant]:
        """The others who are in the call now."""
        return dict(self._here)

    def now(self) -> int:
        """Microseconds of a clock that only runs forward."""
        return self._now()

    def on_tick(self, tell: Callable[[], object]) -> Callable[[], None]:
        """Have `tell` called again and again. Returns what ends it."""
        self._tellers.append(tell)
        return lambda: self._tellers.remove(tell)

    def path(self, peer: ParticipantId) -> Path | None:
        pair = self._pairs.get(peer)
        return pair.path if pair else None

    def reach(self, stream: DataStream) -> dict[ParticipantId, Reach]:
        """How a stream stands to each of the others."""
        return {peer: self._reach(stream, peer, lane) for peer, lane in stream.lanes.items()}

    def _reach(self, stream: DataStream, peer: ParticipantId, lane: Lane) -> Reach:
        source = stream.inbox.sources.get(peer)
        lost = source.lost if source is not None and stream.mode == "latest" else lane.losses
        path = self.path(peer)
        way: Literal["direct", "relay", "connecting"] = "direct" if lane.direct else "relay"
        counts = _counts(stream, peer, lane)
        sent_rate, messages_sent_rate, received_rate, messages_received_rate = lane.meter.rates(
            self._now(), counts
        )
        return Reach(
            path="connecting" if isinstance(path, Connecting) else way,
            reads=lane.reading is Reading.READS,
            buffered=lane.size,
            sent=lane.out,
            received=counts[2],
            round_trip=None if lane.round_trip is None else lane.round_trip / 1e6,
            resent=lane.resent,
            dropped=lane.dropped,
            lost=lost,
            late=source.late if source is not None else 0,
            loss=lane.loss,
            messages_sent=lane.messages,
            messages_received=counts[3],
            sent_rate=sent_rate,
            received_rate=received_rate,
            messages_sent_rate=messages_sent_rate,
            messages_received_rate=messages_received_rate,
        )

    # --- who is here

    def roster(
        self, me: Participant, others: Collection[Participant], *, anew: bool = False
    ) -> None:
        """Keep a pair for everybody who is here; `others` is the whole roster without `me`.

        `anew`: it comes with a whole batch, so who is missing may not have come back yet.
        """
        self._me = me
        self._here = {other.id: other for other in others if other.here}
        known = {other.id for other in others}
        new = [other for other in self._here.values() if other.id not in self._pairs]
        for other in new:
            self._pair(me, other)
        for gone in [id for id in self._pairs if id not in known]:
            self._part(gone, away=anew)
        for other in new:
            self._greet(other.id)
        for peer in self._pairs:
            self._turn(peer)

    def _pair(self, me: Participant, other: Participant) -> None:
        rtc = self.peers is not None and "rtc" in me.offers and "rtc" in other.offers
        pair = self._pairs[other.id] = Pair(me.id, other.id, rtc=rtc, now=self._now())
        if rtc and self.peers:
            self.peers.connect(other.id, offers=pair.offers)

    def _greet(self, peer: ParticipantId) -> None:
        """Somebody is here: as before, if they were away for a moment only."""
        self._away.pop(peer, None)
        for stream in self._streams.values():
            lane = stream.lanes.get(peer)
            if lane is None:
                self._meet(peer, stream)
                stream.lanes[peer].late = True
            else:
                lane.away = False
                lane.rewind()
            unknown = stream.lanes[peer].reading is Reading.UNKNOWN
            self._say([peer], stream, "open" if unknown else "again")

    def _meet(self, peer: ParticipantId, stream: DataStream) -> None:
        stream.inbox.began(peer)
        lane = stream.lanes[peer] = Lane(stream.mode)
        lane.direct = self._is_direct(peer)
        _give_kept(stream, lane)

    def _is_direct(self, peer: ParticipantId) -> bool:
        pair = self._pairs.get(peer)
        return pair is not None and isinstance(pair.path, Direct) and self._is_small

    @property
    def _is_small(self) -> bool:
        return len(self._here) < self._mesh

    def limit(self, mesh: int, streams: int = MOST_STREAMS) -> None:
        """Up to how many participants streams go direct; beyond, the hub fans them out. And how
        many may be open."""
        self._mesh, self._most = mesh, streams
        for peer in self._pairs:
            self._turn(peer)

    def retry(self) -> None:
        """The link is back: what broke meanwhile is sought again."""
        for pair in self._pairs.values():
            pair.hurry()
            self._mend(pair)
        self._repeat()
        for off in self._past.offs:
            self._put(off)
        for stream in self._streams.values():
            for peer, lane in stream.lanes.items():
                if not lane.direct:
                    lane.rewind()
                    self._say(
                        [peer], stream, "open" if lane.reading is Reading.UNKNOWN else "again"
                    )
        self.drain()

    def _part(self, peer: ParticipantId, *, away: bool) -> None:
        """A direct path outlives a roster that has not come back yet after a hub's restart."""
        if isinstance(self._pairs[peer].path, Direct):
            return
        del self._pairs[peer]
        if self.peers:
            self.peers.disconnect(peer)
        if not away:
            self._forget_peer(peer)
            return
        self._away[peer] = self._now()
        for stream in self._streams.values():
            if lane := stream.lanes.get(peer):
                lane.away, lane.direct = True, False

    def _forget_peer(self, peer: ParticipantId) -> None:
        self._away.pop(peer, None)
        for stream in self._streams.values():
            if lane := stream.lanes.pop(peer, None):
                lane.turn(Reading.IDLE)  # nobody waits for it any more
            stream.inbox.gone(peer)
            stream.arrived.notify()
        self._room.notify()

    def tick(self, now: int) -> None:
        """Let time pass: for paths that are sought, and for what nobody has answered."""
        self._answers.clear()
        self._given = {
            peer: given - GIVEN_ON for peer, given in self._given.items() if given > GIVEN_ON
        }
        for peer, since in list(self._away.items()):
            if now - since >= STALLED:
                self._forget_peer(peer)
        for pair in self._pairs.values():
            if pair.tick(now):
                self._turn(pair.peer)
            self._mend(pair)
        if now - self._repeated >= REPEAT:
            self._repeat()
        if self._session() is not None:
            self._past.tick(now)
        for stream in list(self._streams.values()):
            for peer, lane in list(stream.lanes.items()):
                self._remind(peer, stream, lane, lane.due(now))
                if lane.put_off and self._may_give(peer, stream):
                    self._say([peer], stream, "open")  # as one who opens it now
                lane.meter.note(now, _counts(stream, peer, lane))
            for peer, source in list(stream.inbox.sources.items()):
                if source.asked is not None and now - source.asked >= ASK_AGAIN:
                    source.asked = now
                    self._say([peer], stream, "again")
                elif source.owed and not stream.inbox.holds(peer):
                    self._say([peer], stream, "taken")
        for tell in list(self._tellers):
            tell()

    def _remind(self, peer: ParticipantId, stream: DataStream, lane: Lane, due: Due) -> None:
        match due:
            case Due.OPEN:
                self._say([peer], stream, "open")
            case Due.MARK:
                self._transmit(peer, stream, lane, lane.mark(self._now()), 0)
            case Due.LOSE:
                self._room.notify()
            case Due.NOTHING:
                pass

    # --- paths

    def _repeat(self) -> None:
        self._repeated = self._now()
        if self.peers:
            self.peers.repeat()

    def _mend(self, pair: Pair) -> None:
        """Seek a path that is not direct, if it is time."""
        if self.peers is None or pair.peer not in self._here:
            return
        match pair.mend(self._now()):
            case Mend.RENEW:
                self.peers.disconnect(pair.peer)
                self.peers.connect(pair.peer, offers=True)
            case Mend.ASK:
                self.peers.ask(pair.peer)
            case _:
                pass

    @property
    def known(self) -> frozenset[ParticipantId]:
        """The others: who is here, or reached directly though the roster has not come back yet."""
        return frozenset(self._pairs)

    @property
    def direct(self) -> list[ParticipantId]:
        """Who is reached directly."""
        return [id for id, pair in self._pairs.items() if isinstance(pair.path, Direct)]

    def path_changed(self, peer: ParticipantId, lost: str | None) -> bool:
        """The direct path to `peer` is there, or was lost, or they ask for another: whether it is
        another one now."""
        pair = self._pairs.get(peer)
        if pair is None:
            return True
        match lost:
            case None:
                pair.opened()
            case signaling.ASKS:
                if not pair.asked(self._now()):
                    return False
            case signaling.BEGAN_ANEW:
                pair.renewed(self._now())
            case why:
                pair.failed(why)
        if lost is not None and peer not in self._here:
            self._part(peer, away=True)
        else:
            self._turn(peer)
        return True

    def _turn(self, peer: ParticipantId) -> None:
        """Go by the path that there is now: on from what was acknowledged."""
        direct = self._is_direct(peer)
        for stream in self._streams.values():
            lane = stream.lanes.get(peer)
            if lane is None or lane.direct == direct:
                continue
            lane.direct = direct
            lane.rewind()
            self._say([peer], stream, "open" if lane.reading is Reading.UNKNOWN else "taken")
        self._drain(peer)

    # --- in

    def came_direct(self, peer: ParticipantId, text: str, mode: Mode, data: bytes) -> None:
        try:
            stream = self._streams.get(text)
            if stream is not None and stream.mode == mode:
                for piece in decode_frame(data):
                    self._take_in(peer, stream, piece, True)
        except BadInput:
            pass  # what a peer should not have sent is dropped (D8)

    def told(self, peer: ParticipantId, data: bytes) -> None:
        """A reader has said something through the control channel."""
        try:
            for message in messages.unbundle(data, limit=MAX_WORDS):
                if isinstance(message, Taken):
                    self._heard(peer, message)
        except BadInput:
            pass

    def came_relayed(self, message: messages.Stream) -> None:
        stream = self._streams.get(f"{message.resource}/{message.name}")
        if stream is None or stream.mode != message.mode or not message.peers:
            return
        sent = Piece(
            message.number, message.json, message.payload, message.step, message.part,
            message.parts,
        )  # fmt: skip
        self._take_in(ParticipantId(message.peers[0]), stream, sent, False)

    def _take_in(self, peer: ParticipantId, stream: DataStream, sent: Piece, direct: bool) -> None:
        here = self._here.get(peer)
        if here is not None and self._hidden(stream.resource, here):
            return
        came = stream.inbox.put(peer, sent, direct)
        if came is Came.NEW:
            stream.arrived.notify()
        elif came is not Came.OLD:
            self._answer(peer, stream, came)

    def _answer(self, peer: ParticipantId, stream: DataStream, came: Came) -> None:
        source = stream.inbox.source(peer)
        match came:
            case Came.GAP if source.asked is None:
                source.asked = self._now()
                self._say([peer], stream, "again")
            case Came.GAP:
                pass  # it was asked for; `tick` asks again
            case Came.DUE if stream.inbox.holds(peer):
                pass  # its reader has too much to read
            case Came.FULL:
                self._say(list(stream.lanes), stream, "taken")
            case Came.DUE:
                self._say([peer], stream, "taken")
            case _:
                self._reply(peer, stream)
        stream.arrived.notify()

    def read_on(self, stream: DataStream) -> None:
        """Its readers have room again, or are others: all who wait are told."""
        self._say(list(stream.lanes), stream, "taken")

    # --- what readers say

    def came_word(self, taken: Taken) -> None:
        if taken.peers:
            self._heard(ParticipantId(taken.peers[0]), taken)

    def _heard(self, peer: ParticipantId, taken: Taken) -> None:
        """How far a reader has come with what is sent here."""
        stream = self._streams.get(f"{taken.resource}/{taken.name}")
        if stream is None or stream.mode != taken.mode:
            if taken.word == "open":
                self._say_off(peer, taken)
            return
        lane = stream.lanes.get(peer)
        if lane is None:
            return  # the roster does not show them yet
        if taken.opened >= lane.opened:
            self._follow(peer, stream, lane, taken)
        if taken.word == "open":
            self._reply(peer, stream)
        self._drain(peer)
        self._room.notify()

    def _follow(self, peer: ParticipantId, stream: DataStream, lane: Lane, taken: Taken) -> None:
        anew = taken.opened > lane.opened > 0
        if anew and taken.word != "off":
            stream.inbox.began(peer)
        lane.put_off = False
        if taken.word == "off" or taken.word == "hold":
            lane.turn(Reading.IDLE)
            if taken.word == "hold":
                lane.opened = taken.opened
            elif lane.opened > 0:  # else they say that they have never opened it
                stream.inbox.end(peer, None if stream.mode == "reliable" else b"")
                stream.arrived.notify()
            return
        if lane.reading is Reading.UNKNOWN and lane.late and 0 < taken.number < stream.number:
            lane.turn(Reading.LOST)  # who was here before, and missed what was sent meanwhile
            lane.last, lane.opened = stream.number, taken.opened
        match lane.reading:
            case Reading.LOST if anew or taken.number == lane.last:
                lane.restart(taken.opened)
            case Reading.LOST:
                self._transmit(peer, stream, lane, Piece(0, False, b""), 0)
                return
            case Reading.READS if not anew:
                lane.turn(Reading.READS)
            case Reading.IDLE | Reading.READS if not self._may_give(peer, stream):
                lane.turn(Reading.IDLE)
                lane.opened, lane.put_off = taken.opened, True
                return
            case Reading.IDLE | Reading.READS:
                lane.restart(taken.opened)
                self._given[peer] = self._given.get(peer, 0) + stream.kept_size
                _give_kept(stream, lane)
            case _:
                lane.turn(Reading.READS)
        lane.opened = taken.opened
        lane.acknowledge(taken.number, self._now(), taken.came)
        if taken.word == "again":
            lane.again()

    def _may_give(self, peer: ParticipantId, stream: DataStream) -> bool:
        """Whether one gets what is kept, or is to wait: nobody has it sent on and on (D16)."""
        return self._given.get(peer, 0) + stream.kept_size <= GIVEN

    def _reply(self, peer: ParticipantId, stream: DataStream) -> None:
        """Answer who asks. Nobody makes others say more than they may, by asking on and on."""
        if self._may_answer(peer):
            self._say([peer], stream, "taken")

    def _may_answer(self, peer: ParticipantId) -> bool:
        said = self._answers.get(peer, 0)
        self._answers[peer] = said + 1
        return said < ANSWERS

    def _say(self, peers: list[ParticipantId], stream: DataStream, word: Word) -> None:
        """Tell senders how far one has come with what they have sent.

        By the way on which that came: a channel may be dead and not know it yet. What is not about
        that goes by both.
        """
        relayed: dict[tuple[Word, tuple[int, int, int]], list[str]] = {}
        inbox = stream.inbox
        for peer in peers:
            said = inbox.word(peer, word)
            both = said not in ("taken", "again")
            source = inbox.sources.get(peer)
            how = (inbox.opened, 0, 0)
            if source:
                how = (source.opened, inbox.acknowledged(peer), source.messages)
            direct = isinstance(self.path(peer), Direct)
            as_it_came = source is not None and source.direct
            if direct and (as_it_came or both or self._session() is None):
                self._tell(peer, self._word(stream, [], how, said))
            if not direct or not as_it_came or both:
                relayed.setdefault((said, how), []).append(peer)
        for (said, how), named in relayed.items():
            self._put(self._word(stream, named, how, said))

    def _say_off(self, peer: ParticipantId, to: Taken) -> None:
        """No such stream is open here."""
        if not self._may_answer(peer):
            return
        _, opened = self._past.count(f"{to.resource}/{to.name}")
        off = Taken([peer], to.resource, to.name, to.mode, opened, 0, "off")
        if isinstance(self.path(peer), Direct):
            self._tell(peer, off)
        self._put(off)

    def _word(
        self, stream: DataStream, peers: list[str], how: tuple[int, int, int], word: Word
    ) -> Taken:
        opened, number, came = how
        return Taken(peers, stream.resource, stream.name, stream.mode, opened, number, word, came)

    def _tell(self, peer: ParticipantId, taken: Taken) -> None:
        assert self.peers is not None
        said = messages.bundle([messages.encode(taken)])
        self.peers.tell(peer, said)

    def _put(self, message: Taken | messages.Stream) -> bool:
        session = self._session()
        if session is None:
            return False
        session.put(messages.encode(message))
        self._flush()
        return True

    # --- out

    def post(
        self, stream: DataStream, sent: Iterable[Piece], to: set[ParticipantId] | None
    ) -> list[Lane]:
        """Send pieces, as far as there is room now; those who should be waited for."""
        full, relayed = [], False
        for peer, lane in stream.lanes.items():
            if not lane.takes or (to is not None and peer not in to):
                continue
            here = self._here.get(peer)
            if here is not None and self._hidden(stream.resource, here):
                continue
            for piece in sent:
                lane.put(piece)
            if not lane.direct:
                relayed = True
            elif self._late is not None and lane.may_wait:
                self._late[peer] = None
            else:
                self._drain_direct(peer, stream, lane)
                self._begin_turn()
            if lane.full:
                full.append(lane)
        if relayed:
            self.drain()
        return full

    def _begin_turn(self) -> None:
        if self._soon is not None and self._late is None:
            self._late = {}
            self._soon(self._end_turn)

    def _end_turn(self) -> None:
        late, self._late = self._late, None
        for peer in late or ():
            self._drain(peer)

    async def until(self, true: Callable[[], bool], timeout: float | None, what: str) -> None:
        await self._room.until(true, timeout=timeout, what=what)

    def drain(self) -> None:
        """What waits for the hub leaves, as far as there is room: the streams take turns (D25)."""
        session = self._session()
        if session is None:
            return
        while stream := self._turns.choose(self._waiting(), session.room):
            self._relay_one(session, stream)

    def _waiting(self) -> list[tuple[DataStream, int]]:
        """Who has something for the relay, and its size: first who has had none for longest."""
        found = []
        for stream in self._streams.values():
            heads = [lane.waiting[0] for lane in stream.lanes.values() if lane.may_relay]
            if heads:
                found.append((stream, len(min(heads, key=_number).payload)))
        if len(found) > 1:
            found.sort(key=lambda one: one[0].served)
        return found

    def drained(self, peer: ParticipantId) -> None:
        """A direct channel has room again."""
        self._drain(peer)

    def _drain(self, peer: ParticipantId) -> None:
        for stream in self._streams.values():
            lane = stream.lanes.get(peer)
            if lane is not None and (lane.waiting or lane.packed) and lane.direct:
                self._drain_direct(peer, stream, lane)
        if not self._is_direct(peer):
            self.drain()

    def _drain_direct(self, peer: ParticipantId, stream: DataStream, lane: Lane) -> None:
        peers = self.peers
        assert peers is not None
        if lane.reading is not Reading.READS:
            return
        packs = self._late is not None and stream.mode == "latest"
        if not packs:
            self._leave(peer, stream, lane.unpack())
        while lane.waiting and peers.room(peer, stream.label, stream.delivery):
            frame, step = lane.take_frame()
            self._leave(peer, stream, lane.pack(frame[0], step) if packs else [(frame, step)])
        if self._late is not None and lane.packed:
            self._late[peer] = None

    def _leave(
        self, peer: ParticipantId, stream: DataStream, frames: list[tuple[list[Piece], int]]
    ) -> None:
        assert self.peers is not None
        for frame, step in frames:
            self.peers.send(peer, stream.label, stream.mode, encode_frame(frame, step))

    def _relay_one(self, session: Session, stream: DataStream) -> None:
        """Send one piece by way of the hub, to all who lack it."""
        ready = [(peer, lane) for peer, lane in stream.lanes.items() if lane.may_relay]
        self._served += 1
        stream.served = self._served
        number = min(lane.waiting[0].number for _, lane in ready)
        groups: dict[int, list[ParticipantId]] = {}
        for peer, lane in ready:
            if lane.waiting[0].number == number:
                sent, step = lane.take()
                groups.setdefault(step, []).append(peer)
        for step, named in groups.items():
            everybody = len(named) == len(self._here)
            session.streamed += len(sent.payload)
            self._put(_relayed(stream, [] if everybody else named, sent, step))

    def _transmit(
        self, peer: ParticipantId, stream: DataStream, lane: Lane, sent: Piece, step: int
    ) -> None:
        """Send a piece beside the others."""
        if not lane.direct:
            self._put(_relayed(stream, [peer], sent, step))
        elif self.peers is not None and self.peers.room(peer, stream.label, stream.delivery):
            self.peers.send(peer, stream.label, stream.mode, encode_piece(sent, step))

    # --- the end

    def forget(self, stream: DataStream) -> None:
        if self._streams.pop(stream.label, None) is not None:
            off = self._word(stream, [], (stream.inbox.opened, 0, 0), "off")
            self._past.closed(off, stream.number, self._now())
            self._say(list(stream.lanes), stream, "off")
        for lane in stream.lanes.values():
            lane.turn(Reading.IDLE)
        stream.lanes.clear()
        self._room.notify()

    def fail(self, reason: CallmeshError) -> None:
        """The call is over: whoever reads or sends is told why."""
        self._room.fail(reason)
        for stream in self._streams.values():
            stream.fail(reason)

    def drop(self, resource: ResourceId, why: str) -> None:
        """The resource was removed: its streams close."""
        for stream in [s for s in self._streams.values() if s.resource == resource]:
            stream.end(why)


def _number(piece: Piece) -> int:
    return piece.number


def _counts(stream: DataStream, peer: ParticipantId, lane: Lane) -> Counts:
    source = stream.inbox.sources.get(peer)
    got, messages = (source.got, source.messages) if source is not None else (0, 0)
    return lane.out, lane.messages, got, messages


def _give_kept(stream: DataStream, lane: Lane) -> None:
    """A newcomer gets the last messages."""
    for message in stream.kept:
        for piece in message:
            lane.put(piece)


def _relayed(
    stream: DataStream, peers: Collection[ParticipantId], sent: Piece, step: int
) -> messages.Stream:
    return messages.Stream(
        list(peers), stream.resource, stream.name, stream.mode, sent.number, sent.json,
        sent.payload, step, sent.part, sent.parts,
    )  # fmt: skip
