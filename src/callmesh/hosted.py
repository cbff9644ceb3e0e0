"""A call as the hub holds it: who is here, what they may do, and what they write.

H1 A transaction goes through `Rights` as one; a refused one is answered and reaches nobody else.
H2 A write is answered always: its entry, or the larger one that won, comes back in a batch; or a
   denial does, after what was taken before it.
H3 What each link lacks is the business of its `Feed`; a link costs one cursor.
H4 A change of role or access counts from the next entry on, in both directions, on every link.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from callmesh import messages
from callmesh.app import Manifest, Rulebook
from callmesh.callstate import CallState, resource_about, setting_in
from callmesh.clock import MICROSECONDS, HybridClock
from callmesh.errors import Replaced, TooFast
from callmesh.feed import Feed, Feeds
from callmesh.ids import (
    APPS,
    CALL,
    HUB,
    RECORD,
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
from callmesh.messages import Denial, Group, Message
from callmesh.participant import Participant, Role
from callmesh.resource import ResourceRecord, resource_in, version_key
from callmesh.rights import Refusal, Rights, Written
from callmesh.session import Credit, Session
from callmesh.sight import Sights
from callmesh.state import DELETED, Entry
from callmesh.values import decode, encode
from callmesh.visits import PREFIX, Visit, Visits

GRACE = 45 * MICROSECONDS
"""How long a participant whose link broke stays in the roster."""
TOMBSTONES = 3600 * MICROSECONDS
"""How long a delete is remembered for replicas that are away."""
COLLECT_EVERY = 60 * MICROSECONDS
MAX_SIGNALS = 1024 * 1024
"""Bytes that may wait for a link that is sent signals: more are dropped, the relay is there."""
MAX_PARTICIPANTS = 50


@dataclass(slots=True)
class Member:
    """A participant, and what the hub keeps per link."""

    participant: Participant
    admitted: Role
    """The role it came in with; a host may have given another."""
    session: Session | None
    feed: Feed
    lost: int = 0
    """Since when there is no link; meaningless while there is one."""
    told: int = 0
    """The generation of the proof that was given over this link, until a word comes back."""


class HostedCall:
    """Pure: no task, no socket, no clock. `manifest_of` knows the apps of this hub."""

    def __init__(
        self, id: CallId, ledger: Ledger, manifest_of: Callable[[str], Manifest | None]
    ) -> None:
        self.id = id
        self.ledger = ledger
        self.members: dict[ParticipantId, Member] = {}
        self.set_aside = [(record.state, record.entry.key) for record in ledger.set_aside]
        """What was loaded and cannot be read, or makes no sense."""
        self.call = CallState()
        self._rulebook = Rulebook(manifest_of)
        self._rights = Rights(ledger, self.call, self._rulebook)
        self._sights = Sights(self.call, self._rulebook)
        self._feeds = Feeds(ledger)
        self._visits = Visits(ledger)
        self._turned = 0
        """The number of the last entry that changed what somebody may see."""
        self._collected = 0
        self._clock = HybridClock()
        for entry in ledger.state(CALL).live():
            if not self.call.note(entry.key, decode(entry.value)):
                self.set_aside.append((CALL, entry.key))
        for record in self.call.resources.values():
            self._publish(record.app)

    @property
    def resources(self) -> dict[ResourceId, ResourceRecord]:
        """What is in the call now."""
        return self.call.resources

    # --- coming and going

    def join(self, participant: Participant, session: Session, cursor: int) -> Member:
        """Let a participant in over `session`. Raises `TooFast` when the call is full.

        One who is here already has come back, or came in twice: the older session is over.
        """
        member = self.members.get(participant.id)
        if member is None and len(self.members) >= MAX_PARTICIPANTS and not self._make_room():
            raise TooFast(f"this call is full: it has {MAX_PARTICIPANTS} participants")
        if member is not None and member.session is not None:
            member.session.end(Replaced("you joined again somewhere else"))
            member.session = None  # whatever ends of it later is not this participant's end
        admitted, participant = participant.role, self._with_role(participant, participant.role)
        cursor = cursor if cursor >= self._turned else 0  # may have seen what it may no longer see
        feed = Feed([self._sights.of(participant)], cursor)
        member = self.members[participant.id] = Member(participant, admitted, session, feed)
        return member

    def _with_role(self, participant: Participant, admitted: Role) -> Participant:
        role = self.call.roles.get(participant.person, admitted)
        return msgspec.structs.replace(participant, role=role)

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

    # --- coming back

    def back(
        self, id: ParticipantId, generation: int, offers: list[str], now: int
    ) -> Participant | None:
        """Who comes back with a proof of that generation; None for one who is somebody new.

        Raises `Unauthorized` for a proof that was used before.
        """
        return self._visits.back(id, generation, offers, now, here=id in self.members)

    def may_come_back(self, member: Member, generation: int, now: int) -> int:
        """Keep who the member is; the generation of the proof to give it (J2).

        `generation` is that of the proof it came with; 0 for none.
        """
        me = member.participant
        old = self._visits.all.get(me.id)
        counts = old.counts if old else 0
        member.told = generation + 1
        self._keep(me.id, Visit(me.person, me.name, member.admitted, now, counts), now)
        return member.told

    def _heard_of(self, member: Member, now: int) -> None:
        """A word over a new link: the member has its new proof, and no older one counts."""
        visit = self._visits.all[member.participant.id]
        visit.counts, member.told = member.told, 0
        self._keep(member.participant.id, visit, now)

    def _keep(self, id: ParticipantId, visit: Visit, now: int) -> None:
        self._visits.all[id] = visit
        value = encode(msgspec.to_builtins(visit))
        self.ledger.accept(RECORD, self._own(f"{PREFIX}{id}", value, now))

    def _forget(self, id: ParticipantId, now: int) -> None:
        if self._visits.all.pop(id, None):
            self.ledger.accept(RECORD, self._own(f"{PREFIX}{id}", DELETED, now))

    # --- going

    def lose(self, member: Member, session: Session, now: int) -> None:
        """The link of `session` broke; the member may come back within `GRACE`."""
        if member.session is session:
            member.session, member.lost = None, now
            member.participant = msgspec.structs.replace(member.participant, here=False)
            self.introduce(member, now)
            if visit := self._visits.all.get(member.participant.id):
                visit.lost = now
                self._keep(member.participant.id, visit, now)

    def leave(self, member: Member, session: Session, now: int) -> None:
        """The member goes for good: out of the roster, and its presence with it."""
        if member.session is session:
            member.session = None
            self._remove(member, now)
            self._forget(member.participant.id, now)

    def tick(self, now: int) -> None:
        """Let time pass: who has been lost for too long goes, and so do old tombstones."""
        for member in list(self.members.values()):
            if member.session is None and now - member.lost > GRACE:
                self._remove(member, now)
        for id in list(self._visits.over(set(self.members), now)):
            self._forget(id, now)
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
        if member.told:
            self._heard_of(member, now)
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
        resource = ResourceId(stream.resource)
        named = set(stream.peers or self.members) - {me}
        if not member.feed.sight.sees(resource):
            named = set()
        found = (self.members.get(ParticipantId(id)) for id in named)
        sessions = [
            other.session
            for other in found
            if other and other.session and other.feed.sight.sees(resource)
        ]
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
        member.feed.waits = True  # what is denied may have been overtaken, and is waited for
        transactions: dict[tuple[int, str], list[Written]] = {}
        for group in groups:
            for entry in group.entries:
                written = (group.state, entry, group.version)
                transactions.setdefault(entry.stamp, []).append(written)
        for transaction in transactions.values():
            found = self._rights.check(member.participant, transaction, now)
            if isinstance(found, Refusal):
                member.feed.deny(_denial(found, transaction, now))
                continue
            turned = [self._accept(member, state, entry, now) for state, entry in found]
            if any(turned):
                self._turn(now)

    def _accept(self, member: Member, state: StateId, entry: Entry, now: int) -> bool:
        """Take one entry; whether somebody may see something else now."""
        old = self.ledger.state(state).entries.get(entry.key)
        if self.ledger.accept(state, entry):
            return state == CALL and self._note(entry, old, now)
        if self.ledger.number_of(state, entry.key) <= member.feed.cursor:
            member.feed.owed[state, entry.key] = None  # what won will not come by itself (H2)
        return False

    # --- what the call's own State says

    def _note(self, entry: Entry, old: Entry | None, now: int) -> bool:
        """Follow what the call's own State says; whether it is about who sees what."""
        value = None if entry.deleted else decode(entry.value)
        self.call.note(entry.key, value)
        resource = resource_in(entry.key)
        if resource is None:
            about_rights = setting_in(entry.key) is not None
            if about_rights:
                self._turned = self.ledger.number
            return about_rights
        if entry.deleted:
            self._clear(resource, now)
            return True
        if old is None or old.deleted:
            self._begin(resource, entry)
            return True
        return False

    def _begin(self, resource: ResourceId, entry: Entry) -> None:
        """A resource is new: what its app's manifest says it begins with, once (R8)."""
        app = self.call.resources[resource].app
        self._publish(app)
        manifest = self._rulebook.manifest_of(app)
        if manifest is None:
            return
        for key, value in manifest.state.defaults.items():  # whoever added it wins a tie
            self.ledger.accept(state_of(resource), Entry(key, entry.time, HUB, encode(value)))
        if manifest.state.version > 1:
            key, value = version_key(resource), manifest.state.version
            self.ledger.accept(CALL, Entry(key, entry.time, HUB, encode(value)))
            self.call.note(key, value)

    def _clear(self, resource: ResourceId, now: int) -> None:
        """A resource is gone: so is everything about it."""
        self.ledger.drop(state_of(resource))
        self.ledger.drop(presence_of(resource))
        for entry in list(self.ledger.state(CALL).live()):
            if resource_about(entry.key) == resource:
                self.ledger.accept(CALL, self._own(entry.key, DELETED, now))
                self.call.note(entry.key, None)

    def _turn(self, now: int) -> None:
        """Roles, access or resources are others: so may be what each may see (H4)."""
        self._sights.turned()
        for member in self.members.values():
            shown = self._with_role(member.participant, member.admitted)
            if shown.role is not member.participant.role:
                member.participant = shown
                self.introduce(member, now)
            member.feed.see(self._sights.of(member.participant))

    def apps_changed(self, now: int) -> None:
        """The hub may have other apps, or other manifests of them. Everybody starts anew if so."""
        apps = {record.app for record in self.call.resources.values()}
        others = [app for app in sorted(apps) if self._publish(app)]
        if others:
            self.ledger.start_anew()
            self._turned = self.ledger.number
            self._turn(now)

    def _publish(self, app: str) -> bool:
        """Tell everybody an app's rules, so that they need not ask; whether they are others."""
        manifest = self._rulebook.manifest_of(app)
        rules, version = self._rulebook.rules(app), manifest.state.version if manifest else 0
        said = encode({"version": version, "keys": rules.described()})
        old = self.ledger.state(APPS).entries.get(app)
        if old is not None and old.value == said:
            return False
        self.ledger.accept(APPS, self._own(app, said, 0))
        return True

    # --- out

    def has_output(self, member: Member) -> bool:
        session = member.session
        return session is not None and (session.has_output or self._feeds.has_output(member.feed))

    def take(self, member: Member) -> bytes | None:
        """The bundle that should leave over the member's link now; it counts as gone."""
        if member.session is None:
            return None
        parts = [*member.session.take(), *self._feeds.take(member.feed)]
        return messages.bundle(parts) if parts else None


def _denial(refusal: Refusal, transaction: list[Written], now: int) -> Denial:
    """The refusal of a transaction, the entry at fault first."""
    entry = transaction[0][1]
    places = [(state, written.key) for state, written, _ in transaction]
    places.sort(key=lambda place: place != refusal.place)
    return Denial(refusal.reason, refusal.why, entry.time, entry.writer, places, now)
