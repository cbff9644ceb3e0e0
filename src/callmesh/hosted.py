"""A call as the hub holds it: who is here, what they may do, and what each link still lacks.

H1 Entries go through `Rights` one by one; a refused one is answered and reaches nobody else.
H2 A write is answered always: its entry, or the larger one that won, comes back in a batch; or a
   denial does, after what was taken before it.
H3 A link holds nothing but its cursor. What it gets is what lies beyond, once, as it is now.
H4 Links at the same cursor get the same bytes.
H5 `saved` is told after the commit, to those who wrote.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from msgspec import Raw

from callmesh import messages
from callmesh.app import Manifest
from callmesh.clock import MICROSECONDS, HybridClock
from callmesh.errors import Replaced, TooFast
from callmesh.ids import (
    CALL,
    HUB,
    ROSTER,
    CallId,
    ParticipantId,
    ResourceId,
    StateId,
    presence_of,
    state_of,
    stream_name,
)  # fmt: skip
from callmesh.ledger import Ledger
from callmesh.messages import Batch, Denial, Group, Message
from callmesh.participant import Participant
from callmesh.resource import ResourceRecord, read_record, resource_in
from callmesh.rights import Rights
from callmesh.session import Credit, Session
from callmesh.state import DELETED, Entry
from callmesh.values import decode, encode

GRACE = 45 * MICROSECONDS
"""How long a participant whose link broke stays in the roster."""
TOMBSTONES = 3600 * MICROSECONDS
"""How long a delete is remembered for replicas that are away."""
COLLECT_EVERY = 60 * MICROSECONDS
MAX_DENIED = 8 * 1024 * 1024
"""Bytes of denials that may wait for one link; a writer who does not read them is ended."""
DENIALS_AT_ONCE = 1_000
MAX_ANSWERS = 32 * 1024 * 1024
"""Bytes that may wait for one link: all that others may relay to it, and answers to its own."""
MAX_SIGNALS = 1024 * 1024
"""Bytes that may wait for a link that is sent signals: more are dropped, the relay is there."""
MAX_PARTICIPANTS = 50


@dataclass(slots=True)
class Member:
    """A participant, and what the hub keeps per link: one session and one integer."""

    participant: Participant
    session: Session | None
    cursor: int = 0
    """How far this link has come; 0 until the first batch."""
    waits: bool = True
    """Whether something of its own may be among what it has seen and is not known to be saved."""
    told: int = 0
    """The last `saved` this link heard of."""
    denials: deque[bytes] = field(default_factory=deque)
    """They leave after the batch that tells what was taken before (H2)."""
    denied: int = 0
    """Bytes of them."""
    lost: int = 0
    """Since when there is no link; meaningless while there is one."""


class HostedCall:
    """Pure: no task, no socket, no clock. `manifest_of` knows the apps of this hub."""

    def __init__(
        self, id: CallId, ledger: Ledger, manifest_of: Callable[[str], Manifest | None]
    ) -> None:
        self.id = id
        self.ledger = ledger
        self.members: dict[ParticipantId, Member] = {}
        self.resources: dict[ResourceId, ResourceRecord] = {}
        self._rights = Rights(ledger, self.resources, manifest_of)
        self._collected = 0
        self._clock = HybridClock()
        self._clock.saw(ledger.seen)
        self._batches: dict[int, bytes] = {}
        self._batches_at = (-1, -1)
        for entry in ledger.state(CALL).live():
            self._note(entry)

    # --- coming and going

    def join(self, participant: Participant, session: Session, cursor: int) -> Member:
        """Let a participant in over `session`. Raises `TooFast` when the call is full.

        One who is here already has come back, or came in twice: the older session is over.
        """
        member = self.members.get(participant.id)
        if member is None:
            if len(self.members) >= MAX_PARTICIPANTS and not self._make_room():
                raise TooFast(f"this call is full: it has {MAX_PARTICIPANTS} participants")
            member = self.members[participant.id] = Member(participant, session)
        elif member.session is not None:
            member.session.end(Replaced("you joined again somewhere else"))
        member.participant, member.session = participant, session
        member.denials.clear()
        member.denied = 0
        member.cursor = cursor
        member.waits = True
        return member

    def _make_room(self) -> bool:
        """Let go of who has been lost for longest."""
        lost = [member for member in self.members.values() if member.session is None]
        if lost:
            first = min(lost, key=lambda member: member.lost)
            self._remove(first, first.lost)
        return bool(lost)

    def introduce(self, member: Member, now: int) -> None:
        """Show the member in the roster, as it is now."""
        shown = encode(msgspec.to_builtins(member.participant))
        self.ledger.accept(ROSTER, self._own(member.participant.id, shown, now))

    def lose(self, member: Member, session: Session, now: int) -> None:
        """The link of `session` broke; the member may come back within `GRACE`."""
        if member.session is session:
            member.session, member.lost = None, now
            member.participant = msgspec.structs.replace(member.participant, here=False)
            self.introduce(member, now)

    def leave(self, member: Member, session: Session, now: int) -> None:
        """The member goes for good: out of the roster, and its presence with it."""
        if member.session is session:
            member.session = None
            self._remove(member, now)

    def tick(self, now: int) -> None:
        """Let time pass: who has been lost for too long goes, and so do old tombstones."""
        for member in list(self.members.values()):
            if member.session is None and now - member.lost > GRACE:
                self._remove(member, now)
        if now - self._collected > COLLECT_EVERY:
            self._collected = now
            self.ledger.collect(now - TOMBSTONES)

    def _remove(self, member: Member, now: int) -> None:
        id = member.participant.id
        self.members.pop(id, None)
        gone = [ROSTER, *(presence_of(resource) for resource in self.resources)]
        for state in gone:
            for entry in list(self.ledger.state(state).live()):
                if entry.key == id or entry.key.startswith(f"{id}/"):
                    self.ledger.accept(state, self._own(entry.key, DELETED, now))

    def _own(self, key: str, value: Raw, now: int) -> Entry:
        """An entry of the hub's own."""
        self._clock.saw(self.ledger.seen)
        return Entry(key, self._clock.stamp(now), HUB, value)

    # --- messages

    def receive(self, member: Member, message: Message, now: int) -> None:
        """Act on one message of a member who has joined."""
        match message:
            case messages.Write(groups):
                self._write(member, groups, now)
            case messages.Signal(peer, data):
                other = self.members.get(ParticipantId(peer))
                if other and other.session and other.session.waiting < MAX_SIGNALS:
                    signal = messages.Signal(member.participant.id, data)
                    other.session.put(messages.encode(signal))
            case messages.Stream():
                self._relay(member, message)
            case messages.Ping(number):
                if member.session:
                    pong = messages.encode(messages.Pong(number, now))
                    member.session.put_latest("pong", pong)
            case messages.Leave() if member.session:
                self.leave(member, member.session, now)
            case _:
                pass  # a frame's messages mean nothing to a hub

    def _relay(self, member: Member, stream: messages.Stream) -> None:
        me, sender = member.participant.id, member.session
        assert sender is not None
        stream_name(stream.name)
        named = set(stream.peers or self.members) - {me}
        found = (self.members.get(ParticipantId(id)) for id in named)
        sessions = [other.session for other in found if other and other.session]
        if ResourceId(stream.resource) not in self.resources:
            sessions = []
        encoded = messages.encode(
            messages.Stream([me], stream.resource, stream.name, stream.mode, stream.number,
                            stream.json, stream.payload)
        )  # fmt: skip
        size = len(stream.payload)
        if stream.mode == "latest" or not sessions:
            for session in sessions:
                session.put_latest((me, stream.resource, stream.name), encoded)
            sender.relayed(size)
        else:
            credit = Credit(sender, size, len(sessions))
            for session in sessions:
                session.put(encoded, credit)

    def _write(self, member: Member, groups: list[Group], now: int) -> None:
        for group in groups:
            for entry in group.entries:
                refusal = self._rights.refusal(member.participant, group.state, entry, now)
                if refusal:
                    reason, why = refusal
                    denial = Denial(group.state, entry.key, entry.time, entry.writer, reason, why)
                    self._deny(member, denial)
                else:
                    self._accept(member, StateId(group.state), _as_kept(entry))

    def _deny(self, member: Member, denial: Denial) -> None:
        encoded = messages.encode(denial)
        member.denials.append(encoded)
        member.denied += len(encoded)
        if member.denied > MAX_DENIED:
            raise TooFast("too many forbidden writes, and their denials are not read")

    def _accept(self, member: Member, state: StateId, entry: Entry) -> None:
        member.waits = True
        if entry.deleted and entry.key not in self.ledger.state(state).entries:
            # nothing to delete, nothing to remember: its own entry is the answer
            _answer(member, Batch(member.cursor, self.ledger.saved, False, [Group(state, [entry])]))
            return
        if self.ledger.accept(state, entry):
            if state == CALL:
                self._note(entry)
            return
        if self.ledger.number_of(state, entry.key) <= member.cursor:
            # what won will not come by itself (H2)
            won = self.ledger.state(state).entries[entry.key]
            again = Batch(member.cursor, self.ledger.saved, False, [Group(state, [won])])
            _answer(member, again)

    def _note(self, entry: Entry) -> None:
        """Keep `resources` in step with the call's own State."""
        resource = resource_in(entry.key)
        if resource is None:
            return
        if entry.deleted:
            self.resources.pop(resource, None)
            self.ledger.drop(state_of(resource))
            self.ledger.drop(presence_of(resource))
        else:
            self.resources[resource] = read_record(decode(entry.value))

    # --- out

    def has_output(self, member: Member) -> bool:
        session = member.session
        if session is None:
            return False
        waiting = session.has_output or member.denials
        return bool(waiting) or member.cursor != self.ledger.number or self._owes(member)

    def _owes(self, member: Member) -> bool:
        return member.waits and member.told < self.ledger.saved

    def take(self, member: Member) -> bytes | None:
        """The bundle that should leave over the member's link now; it counts as gone (H3)."""
        if member.session is None:
            return None
        parts = member.session.take()
        if member.session.has_output:
            pass  # an answer that still waits must not be overtaken by a later batch
        elif member.cursor != self.ledger.number:
            parts.append(self._batch(member.cursor))
            member.cursor, member.told = self.ledger.number, self.ledger.saved
        elif self._owes(member):  # (H5)
            member.told = self.ledger.saved
            parts.append(messages.encode(messages.Saved(self.ledger.saved)))
        if member.told >= member.cursor:
            member.waits = False
        if not member.session.has_output:
            for _ in range(min(len(member.denials), DENIALS_AT_ONCE)):
                parts.append(member.denials.popleft())
                member.denied -= len(parts[-1])
        return messages.bundle(parts) if parts else None

    def _batch(self, cursor: int) -> bytes:
        """What lies beyond `cursor`, encoded once for all who stand there (H4)."""
        now = (self.ledger.number, self.ledger.saved)
        if self._batches_at != now:
            self._batches.clear()
            self._batches_at = now
        found = self._batches.get(cursor)
        if found is None:
            whole = not self.ledger.follows(cursor)
            records = self.ledger.live() if whole else self.ledger.since(cursor)
            groups: dict[StateId, list[Entry]] = {}
            for record in records:
                groups.setdefault(record.state, []).append(record.entry)
            found = self._batches[cursor] = messages.encode(
                Batch(
                    cursor=self.ledger.number,
                    saved=self.ledger.saved,
                    whole=whole,
                    groups=[Group(state, entries) for state, entries in groups.items()],
                )
            )
        return found


def _as_kept(entry: Entry) -> Entry:
    """The entry with its value encoded once more, by us.

    What came may say a member's name twice; one reader keeps the last, another looks at both. What
    one browser cannot read must not reach any.
    """
    value = DELETED if entry.deleted else encode(decode(entry.value))
    return Entry(entry.key, entry.time, entry.writer, value)


def _answer(member: Member, message: Message) -> None:
    """Raises `TooFast` for one who asks and does not read."""
    if member.session:
        if member.session.waiting > MAX_ANSWERS:
            raise TooFast("too many messages, and their answers are not read")
        member.session.put(messages.encode(message))
