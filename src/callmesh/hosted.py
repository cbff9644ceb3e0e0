"""A call as the hub holds it: who is here, what they may do, and what they write.

H1 A transaction goes through `Rights` as one; a refused one is answered and reaches nobody else.
H2 A write is answered always: its entry, or the larger one that won, comes back in a batch; or a
   denial does, after what was taken before it.
H3 What each link lacks is the business of its `Feed`; a link costs one cursor.
H4 A change of role or access counts from the next entry on, in both directions, on every link.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import TypeGuard

from callmesh import messages
from callmesh.app import Capability, Manifest, Rulebook, not_asked
from callmesh.audit import OPERATOR, Journal
from callmesh.callstate import (
    LOCKED,
    WAITING_AREA,
    CallState,
    check_call_key,
    check_call_value,
    resource_about,
    setting_in,
)  # fmt: skip
from callmesh.clock import MICROSECONDS
from callmesh.commands import DONE, By, Commands
from callmesh.counts import Counts
from callmesh.errors import Denied, WireError
from callmesh.feed import Feed, Feeds, Told
from callmesh.ids import (
    APPS,
    CALL,
    DIRECT,
    DOOR,
    HUB,
    HUB_STATE,
    READ_ONLY,
    STREAMS,
    CallId,
    ParticipantId,
    ResourceId,
    StateId,
    is_presence,
    is_state,
    presence_of,
    resource_of,
    state_of,
)  # fmt: skip
from callmesh.kept import KeptFiles
from callmesh.keys import verify
from callmesh.ledger import Ledger, Record
from callmesh.letters import open_letter, signed_bytes
from callmesh.limits import Limits
from callmesh.messages import Denial, Group, Message
from callmesh.participant import Access, Participant
from callmesh.people import Knock, Member, People
from callmesh.record import HubPen
from callmesh.relay import Relay
from callmesh.resource import (
    RECORDS,
    ResourceRecord,
    access_key,
    key_of,
    resource_in,
    version_key,
)
from callmesh.rights import Refusal, Rights, Taken, Written
from callmesh.session import Open
from callmesh.sight import Sights
from callmesh.state import Entry
from callmesh.values import decode, encode

TOMBSTONES = 3600 * MICROSECONDS
"""How long a delete is remembered for replicas that are away."""
COLLECT_EVERY = 60 * MICROSECONDS
VOID = Refusal("foreign_writer", "it does not count that somebody else brings this")
RESTORABLE = 30 * MICROSECONDS
"""For how long what was removed so can be restored (R12)."""
TICKET = 600 * MICROSECONDS
"""How long a ticket for files is good."""
STEP = (None,)
"""What is done at once is a single step."""
MAX_SIGNALS = 1024 * 1024
"""Bytes that may wait for a link that is sent signals: more are dropped, the relay is there."""


class Turn(Enum):
    """What an entry changed of what people may see."""

    NOTHING = "nothing"
    RESOURCES = "resources"
    RIGHTS = "rights"
    """Also who comes back from before it may have what they may not see."""


class HostedCall:
    """Pure: no task, no socket, no clock. `manifest_of` knows the apps of this hub."""

    def __init__(
        self,
        id: CallId,
        ledger: Ledger,
        manifest_of: Callable[[str], Manifest | None],
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        waiting_area: bool = False,
        counts: Counts | None = None,
        ticket: Callable[[ParticipantId, int], str] = lambda participant, expires: "",
    ) -> None:
        """`ticket` makes what a participant brings and fetches files with until it expires."""
        self.id = id
        self.counts = counts or Counts()
        self.ledger = ledger
        self.call = CallState()
        self._rulebook = Rulebook(manifest_of)
        self._limits = limits
        self._rights = Rights(ledger, self.call, self._rulebook, limits)
        self._feeds = Feeds(ledger)
        self.shared = self._feeds.shared
        self._pen = HubPen(ledger)
        self.journal = Journal(id)
        sights = Sights(self.call, self._rulebook)
        self.people = People(
            id,
            ledger,
            self._pen,
            self.journal,
            self.call,
            sights,
            limits,
            waiting_area=waiting_area,
        )
        self._ticket = ticket
        self.files = KeptFiles(ledger, self._pen, self.call, limits, self._asked_for)
        self._files_shown = (0, 0, 0)
        """What had changed by when everybody was told of them last."""
        self._relay = Relay(self.people, limits, self.counts, self._asked_for)
        self.commands = Commands(self.people, ledger, self._carried_out)
        self._collected = 0
        for entry in list(ledger.state(CALL).live()):
            if not self.call.note(entry.key, decode(entry.value)):
                ledger.put_aside(CALL, entry.key)
        self._drop_orphans()
        self.set_aside = [(record.state, record.entry.key) for record in ledger.set_aside]
        """What was loaded and cannot be read, or makes no sense."""
        for record in self.call.kept.values():
            self._publish(record.app)
        self.people.show_waiting_area(0)
        if limits.direct_participants != Limits().direct_participants:
            self._pen.write(HUB_STATE, DIRECT, limits.direct_participants, 0)
        if limits.streams != Limits().streams:
            self._pen.write(HUB_STATE, STREAMS, limits.streams, 0)

    def _drop_orphans(self) -> None:
        """States without a record, of resources that were removed, are not in the call (R5)."""
        aside = self.ledger.set_aside
        unreadable = {resource_about(r.entry.key) for r in aside if r.state == CALL}
        known = {*self.call.kept, *unreadable}
        for state in {*self.ledger.states, *(record.state for record in aside)}:
            resource = resource_of(state)
            if resource is not None and resource not in known and is_state(state):
                self.ledger.drop(state)

    @property
    def answers(self) -> bool:
        """Whether somebody waits for the answer to a command, which the disk gives."""
        return any(member.feed.answers for member in self.people.members.values())

    @property
    def resources(self) -> dict[ResourceId, ResourceRecord]:
        """What is in the call now."""
        return self.call.resources

    def begin(self, now: int, by: str) -> None:
        """The call is new, made by who comes in or by the operator."""
        self.people.door.begin(now)
        self.journal.add("call.created", now, by=by)

    def tick(self, now: int) -> None:
        """Let time pass: for people, and for old tombstones."""
        self.people.tick(now)
        self._let_go_of_removed(now)
        self.use(now)
        self.files.tick(now)
        self.show_files()
        self._feeds.let_go()
        self._thin_out()
        if not 0 <= now - self._collected <= COLLECT_EVERY:  # the clock may have been set back
            self._collected = now
            self.ledger.collect(now - TOMBSTONES, kept=ends_a_resource)
            for member in self.people.members.values():
                member.streams.clear()

    def _let_go_of_removed(self, now: int) -> None:
        """What was removed, and not restored in time, is gone for good (R12)."""
        entries = self.ledger.state(CALL).entries
        due = [it for it in self.call.removed if now - entries[key_of(it)].time > RESTORABLE]
        if not due or self._rights.read_only is not None:
            return
        for resource in due:
            self._pen.delete(CALL, key_of(resource), now)
            self.call.note(key_of(resource), None)
            self._clear(resource, now)
        self.people.turn(now, rights=True)

    def _thin_out(self) -> None:
        """Forget deletes beyond what is remembered; preferably those that all links have got."""
        if self.ledger.crowded:
            cursors = [m.feed.cursor for m in self.people.members.values() if m.session]
            self.ledger.thin_out(min(filter(None, cursors), default=self.ledger.number))

    def use(self, now: int) -> None:
        """Note that somebody is in it, if somebody is."""
        if self.people.members or self.people.knocks:
            self.ledger.used = now

    def _carried_out(
        self, command: messages.Command, by: By, about: Participant | None, now: int
    ) -> None:
        """A command was carried out. What was said to somebody is not for the log."""
        detail = {"role": command.option} if command.action == "role" else {}
        if command.action == "end" and by is None:
            detail = {"final": "true"}
        self.journal.add(
            DONE[command.action],
            now,
            about,
            by=OPERATOR if by is None else by.person,
            **detail,
        )

    def show_files(self) -> None:
        """Tell everybody what is kept for them, where that may be something else by now."""
        turn = (self.files.turns, self.call.turns, self.people.turned)
        if turn != self._files_shown:
            self._files_shown = turn
            for member in self.people.members.values():
                self.show_files_to(member)

    def show_half(self, resource: ResourceId, trouble: dict[str, object] | None, now: int) -> bool:
        """Tell hosts why the Python half of a resource does not run; whether that is news."""
        key, there = f"half/{resource}", self.ledger.state(DOOR).entries
        old = there.get(key)
        if trouble is not None and (old is None or old.value != encode(trouble)):
            self._pen.write(DOOR, key, trouble, now)
            return True
        if trouble is None and old is not None and not old.deleted:
            self._pen.delete(DOOR, key, now)
            return True
        return False

    def show_files_to(self, member: Member) -> None:
        feed = member.feed
        if feed.kept_waits:
            return
        if self.files.has_news(member.participant, feed.sight, feed.kept):
            feed.kept_waits = True
        else:
            feed.kept = Told(self.files.turns, feed.sight)

    def _news_of_files(self, member: Member) -> messages.Pieces:
        feed = member.feed
        news = self.files.news(member.participant, feed.sight, feed.kept)
        feed.kept, feed.kept_waits = Told(self.files.turns, feed.sight), False
        return (messages.encode(news),)

    def disk(self, refuses: str | None, now: int) -> None:
        """Why the hub saves nothing now, or None when it does: everybody is told (L8)."""
        self._rights.read_only = refuses
        if refuses is not None:
            self._pen.write(HUB_STATE, READ_ONLY, refuses, now)
        elif READ_ONLY in self.ledger.state(HUB_STATE).entries:
            self._pen.delete(HUB_STATE, READ_ONLY, now)

    # --- messages

    def receive(self, who: Member | Knock, message: Message, now: int) -> None:
        """Act on one message of somebody who has joined, or waits."""
        if type(message) is messages.Write and type(who) is Member and not who.told:
            groups = message.groups
            if len(groups) == 1 and len(groups[0].entries) == 1:
                self._write_one(who, groups[0], now)
                return
        for _ in self.steps(who, message, now):
            pass

    def steps(self, who: Member | Knock, message: Message, now: int) -> Iterable[None]:
        """The same, bit by bit: between two steps others may have their turn."""
        match message:
            case messages.Ping(number) if who.session:
                pong = messages.encode(messages.Pong(number, now))
                who.session.put_latest("pong", pong)
            case messages.Leave() if who.session:
                self.people.leave(who, who.session, now)
        return self._receive(who, message, now) if isinstance(who, Member) else STEP

    def _receive(self, member: Member, message: Message, now: int) -> Iterable[None]:
        if member.told and member.session:
            self.people.heard_of(member, now)
        match message:
            case messages.Write(groups):
                return self._write(member, groups, now)
            case messages.Command():
                member.feed.answer(*self.commands.hear(message, member, now))
            case messages.Signal(peer, data):
                other = self.people.members.get(ParticipantId(peer))
                if other and other.session and other.session.waiting < MAX_SIGNALS:
                    signal = messages.Signal(member.participant.id, data)
                    other.session.put(messages.encode(signal))
            case messages.Stream():
                self._relay.hand_on(member, message)
            case messages.Taken():
                self._relay.tell(member, message)
            case messages.Ticket() if member.session:
                expires = now + TICKET
                ticket = messages.Ticket(self._ticket(member.participant.id, expires), expires)
                member.session.put_latest("ticket", messages.encode(ticket))
            case messages.Letter():
                self._carried_in(member, message, now)
            case _:
                pass  # a frame's messages mean nothing to a hub
        return STEP

    def _write(self, member: Member, groups: list[Group], now: int) -> Iterator[None]:
        transactions: dict[tuple[int, str], list[Written]] = {}
        for group in groups:
            for entry in group.entries:
                written = (group.state, entry, group.version)
                transactions.setdefault(entry.stamp, []).append(written)
        for transaction in transactions.values():
            self._take_in(member, transaction, now)
            yield

    def _write_one(self, member: Member, group: Group, now: int) -> None:
        """Most writes are a single entry that changes a key once more."""
        entry, feed = group.entries[0], member.feed
        taken = self._rights.check_change(
            member.participant, group.state, entry, group.version, now
        )
        if taken is None:
            self._take_in(member, [(group.state, entry, group.version)], now)
            return
        feed.waits = True
        self.counts.accepted += 1
        self.ledger.accept(*taken)
        if taken[0] not in feed.shown.whole or taken[0] not in feed.sight.whole:
            feed.took([taken])

    def _take_in(self, member: Member, transaction: list[Written], now: int) -> None:
        """Take one transaction, or deny it."""
        member.feed.waits = True  # what is denied may have been overtaken, and is waited for
        found = self._rights.check(member.participant, transaction, now)
        if isinstance(found, Refusal):
            if found.reason != "clock_ahead":
                self.people.refused(member.participant.id, transaction[0][1].time)
            self._deny(member, found, transaction, now)
            return
        self._take(member, member.participant, found, now)

    def _deny(self, member: Member, found: Refusal, written: list[Written], now: int) -> None:
        self.counts.denied[found.reason] += 1
        member.feed.deny(_denial(found, written, now))

    def _carried_in(self, carrier: Member, letter: messages.Letter, now: int) -> None:
        """Somebody brings what another one has signed: it is judged as its author's (E6, E7).

        What comes of it goes to who brought it; its author asks again, as after any lost link.
        """
        try:
            held = open_letter(letter)
        except WireError as error:
            raise WireError("not a letter that anybody should carry") from error
        written: list[Written] = [
            (place[0], entry, held.versions[place]) for place, entry in held.writes.items()
        ]
        author = self.people.author(letter, held.stamp[0], now)
        signed = author is not None and verify(
            author.key, letter.signature, signed_bytes(self.id, letter)
        )
        gone = held.author not in self.people.members
        shows = any(is_presence(StateId(state)) for state, _, _ in written)
        if author is None or not signed or held.stamp[0] < now - TOMBSTONES or (gone and shows):
            self._deny(carrier, VOID, written, now)
            return
        found = self._rights.check(author, written, now)
        if isinstance(found, Refusal):
            self._deny(carrier, found, written, now)
        else:
            self._take(carrier, author, found, now)

    def _take(self, member: Member, author: Participant, found: list[Taken], now: int) -> None:
        """Take a transaction of the author's, which came over the link of `member`."""
        self.counts.accepted += 1
        feed = member.feed if member.participant.id == author.id else None
        turned = [self._accept(feed, author, state, entry, now) for state, entry in found]
        if Turn.RIGHTS in turned or Turn.RESOURCES in turned:
            self.people.turn(now, rights=Turn.RIGHTS in turned)
        if feed is not None:
            feed.took(found)
        if self.ledger.crowded:
            self._thin_out()

    def _accept(
        self, feed: Feed | None, author: Participant, state: StateId, entry: Entry, now: int
    ) -> Turn:
        """Take one entry; what of what somebody may see is another now.

        `feed` is the author's, where it came from there: others are owed no answer.
        """
        old = self.ledger.state(state).entries.get(entry.key)
        if is_presence(state) and entry.deleted and (old is None or old.deleted):
            if feed is not None:
                feed.owe(state, entry)  # nobody shows it: nothing to remember
            return Turn.NOTHING
        if self.ledger.accept(state, entry):
            return self._note(author, entry, old, now) if state == CALL else Turn.NOTHING
        if feed is not None and self.ledger.number_of(state, entry.key) <= feed.cursor:
            feed.owe(state, entry)  # what won will not come by itself (H2)
        return Turn.NOTHING

    def _asked_for(self, resource: ResourceId, capability: Capability) -> bool:
        """Whether the app of a resource has asked for it (A8)."""
        record = self.call.resources.get(resource)
        return record is not None and self._rulebook.allows(record.app, capability)

    def fetches(
        self, me: Participant, resource: ResourceId, *, reads: bool
    ) -> tuple[str, Sequence[str]]:
        """The app of a resource, and the hosts it may fetch from (A20). Raises `Denied`."""
        record = self.call.resources.get(resource)
        access = self.call.access(resource, me)
        if record is None or access is Access.HIDDEN:
            raise Denied("no_resource", "this resource is not in the call")
        manifest = self._rulebook.manifest_of(record.app)
        if manifest is None or Capability.FETCH not in manifest.capabilities:
            raise Denied("no_capability", not_asked(record.app, Capability.FETCH))
        if not reads and access is not Access.EDIT:
            raise Denied(
                "no_right", "who may only look at a resource fetches by GET and HEAD (A20)"
            )
        return record.app, manifest.hosts

    # --- what the call's own State says

    def _note(self, author: Participant, entry: Entry, old: Entry | None, now: int) -> Turn:
        """Follow what the call's own State says."""
        value = None if entry.deleted else decode(entry.value)
        resource = resource_in(entry.key)
        was_there = resource in self.call.resources
        self.call.note(entry.key, value)
        if resource is None:
            by = author.person
            return Turn.RIGHTS if self._settle(by, entry.key, value, now) else Turn.NOTHING
        if entry.deleted:
            self._clear(resource, now)
            return Turn.RIGHTS  # who comes back later may have seen it, nobody knows
        if old is None or old.deleted:
            self._begin(resource, entry, author, now)
            return Turn.RESOURCES
        if was_there is (resource in self.call.resources):
            return Turn.NOTHING
        self._clear_presence(resource, now)
        return Turn.RESOURCES

    def set(self, key: str, value: object | None, now: int) -> None:
        """Write a key of the call's own State in the hub's name, as the operator says.

        Raises `BadInput`, or `Denied` where there is no such resource, or no room.
        """
        check_call_key(key)
        if value is not None:
            check_call_value(key, value)
        about = resource_about(key)
        if about is not None and about not in self.resources:
            raise Denied("no_resource", "this resource is not in the call")
        call = self.ledger.state(CALL)
        most = self.people.limits.keys
        if value is not None and key not in call.entries and call.keys >= most:
            raise Denied("full", f"a State has at most {most} keys")
        if value is None:
            self._pen.delete(CALL, key, now)
        else:
            self._pen.write(CALL, key, value, now)
        self.call.note(key, value)
        if self._settle(OPERATOR, key, value, now):
            self.people.turn(now, rights=True)

    def keep_for(self, days: int, now: int) -> None:
        """How long the call is kept when nobody is in it, as the operator says; 0 as the hub."""
        self.people.door.keep_for(days, now)
        self.journal.add("call.settings", now, by=OPERATOR, retention=str(days or ""))

    def _settle(self, by: str, key: str, value: object, now: int) -> bool:
        """Whether a key is about who may do what; that goes into the log."""
        said = "" if value is None else str(value).lower()
        if key == WAITING_AREA:
            self.journal.add("call.settings", now, by=by, waiting_area=said)
        elif key == LOCKED:
            self.journal.add("call.settings", now, by=by, locked=said)
        elif setting := setting_in(key):
            self.journal.add(
                "resource.access", now, by=by, resource=setting.resource, who=setting.who,
                access=said,
            )  # fmt: skip
        else:
            return False
        return True

    def _begin(self, resource: ResourceId, entry: Entry, author: Participant, now: int) -> None:
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
        for who, access in _first_access(manifest, author):
            key = access_key(resource, who)
            first = Entry(key, entry.time, HUB, encode(access))
            if self.ledger.accept(CALL, first):
                self.call.note(key, access)
                self._settle(author.person, key, access, now)

    def _clear(self, resource: ResourceId, now: int) -> None:
        """A resource is gone: so is everything about it."""
        self.ledger.drop(state_of(resource))
        self.ledger.drop(presence_of(resource))
        self.files.clear(resource, now)
        self.show_half(resource, None, now)
        for entry in list(self.ledger.state(CALL).live()):
            if resource_about(entry.key) == resource:
                self._pen.delete(CALL, entry.key, now)
                self.call.note(entry.key, None)

    def _clear_presence(self, resource: ResourceId, now: int) -> None:
        state = presence_of(resource)
        for entry in list(self.ledger.state(state).live()):
            self._pen.delete(state, entry.key, now)

    def apps_changed(self, now: int) -> None:
        """The hub may have other apps, or other manifests of them. Everybody starts anew if so."""
        apps = {record.app for record in self.call.kept.values()}
        others = [app for app in sorted(apps) if self._publish(app)]
        self._rights.forget()
        if others:
            self.ledger.start_anew()
            self.people.turn(now, rights=True)

    def _publish(self, app: str) -> bool:
        """Tell everybody an app's rules, so that they need not ask; whether they are others."""
        manifest = self._rulebook.manifest_of(app)
        rules, version = self._rulebook.rules(app), manifest.state.version if manifest else 0
        asked = sorted({word.value for word in manifest.capabilities}) if manifest else []
        owned = manifest is None or manifest.owned
        keys = rules.described()
        said = {"version": version, "keys": keys, "capabilities": asked, "owned": owned}
        old = self.ledger.state(APPS).entries.get(app)
        if old is not None and old.value == encode(said):
            return False
        self._pen.write(APPS, app, said, 0)
        return True

    # --- out

    def has_output(self, who: Member | Knock) -> bool:
        session = who.session
        if session is None:
            return False
        return (_is_in(who) and self._feeds.has_output(who.feed)) or session.has_output

    def has_more(self, who: Member | Knock) -> bool:
        """Whether one bundle may not have been enough."""
        if who.session is None or type(who) is not Member:
            return False
        return who.session.has_output or bool(who.feed.denials)

    def take(self, who: Member | Knock) -> messages.Pieces | None:
        """The bundle that should leave over the link now; it counts as gone."""
        session = who.session
        if session is None:
            return None
        parts: list[messages.Pieces] = [(message,) for message in session.take()]
        if _is_in(who):
            parts += self._feeds.take(who.feed)
            if who.feed.kept_waits:
                parts.append(self._news_of_files(who))
        return messages.pieces(parts) if parts else None


def _is_in(who: Member | Knock) -> TypeGuard[Member]:
    """Whether the call is for them: not before they are welcomed."""
    return isinstance(who, Member) and who.session is not None and type(who.session.state) is Open


def _first_access(manifest: Manifest, author: Participant) -> Iterator[tuple[str, str]]:
    """What a manifest lets roles do with a new resource; who added it edits it (A7)."""
    access = {str(role): str(level) for role, level in manifest.access.items()}
    yield from access.items()
    if access.get(author.role, "edit") != "edit":
        yield author.person, "edit"


def ends_a_resource(record: Record) -> bool:
    """Whether it is the delete of a resource's record: its id is not used again (R11)."""
    return record.state == CALL and record.entry.key.startswith(RECORDS)


def _denial(refusal: Refusal, transaction: list[Written], now: int) -> Denial:
    """The refusal of a transaction, the entry at fault first."""
    entry = transaction[0][1]
    places = [(state, written.key) for state, written, _ in transaction]
    places.sort(key=lambda place: place != refusal.place)
    return Denial(refusal.reason, refusal.why, entry.time, entry.writer, places, now)
