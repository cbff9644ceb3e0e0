"""A hub and its clients in one thread, with links that a test steps, cuts and stalls by hand."""

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from callmesh import messages
from callmesh.app import Capability, KeyRule, Manifest, Who
from callmesh.hosted import HostedCall
from callmesh.ids import (
    CALL,
    CallId,
    ParticipantId,
    PersonId,
    ResourceId,
    StateId,
    Writer,
    state_of,
)  # fmt: skip
from callmesh.ledger import Ledger, Record
from callmesh.limits import Limits
from callmesh.mesh import Change, Mesh
from callmesh.outbox import Unsaved
from callmesh.participant import Participant, Role
from callmesh.people import Member
from callmesh.receipt import Receipt
from callmesh.resource import resource_in
from callmesh.session import Session, Side
from callmesh.state import DELETED, Entry
from callmesh.storage.memory import MemoryStorage
from callmesh.values import decode, encode

CALL_ID = CallId("demo")
RESOURCE = ResourceId("r1")
STATE = state_of(RESOURCE)
START = 1_700_000_000_000_000

RULES = [
    KeyRule("closed", write=()),
    KeyRule("secret/*", read=(Who.HOST,)),
    KeyRule("mine/{person}", read=(Who.SELF, Who.HOST)),
    KeyRule("once/*", change=()),
]
NOTES = Manifest(id="notes", name="Notes", version="1", keys=RULES, capabilities=tuple(Capability))


class World:
    """The hub's side: a call over a storage that survives its crashes."""

    def __init__(self, notes: Manifest = NOTES) -> None:
        self.now = START
        self.apps = {"notes": notes}
        self.limits = Limits()
        self.storage = MemoryStorage()
        self.clients: list[Client] = []
        self.is_away = False
        """Whether nobody reaches the hub."""
        self.log: list[Entry] = []
        """Every entry of the one State that the hub ever took, whether or not it won."""
        self.on_answer: Callable[[Client, bytes], None] = lambda client, bundle: None
        """Told of what the hub hands to a link."""
        self.start()

    def start(self) -> None:
        ledger = Ledger(self.storage.load(CALL_ID))
        self._flush(ledger)  # none is given out before numbers are set aside
        self.call = HostedCall(CALL_ID, ledger, self.apps.get, limits=self.limits)
        self.commit()

    def limit(self, **limits: int) -> None:
        """The hub has other limits from now on."""
        self.limits = self.call.people.limits = self.call._rights._limits = Limits(**limits)

    def rules(self, *keys: KeyRule) -> None:
        """The app has other key rules from now on."""
        self.app(msgspec.structs.replace(self.apps["notes"], keys=list(keys)))

    def app(self, manifest: Manifest) -> None:
        """The hub has another manifest of the app from now on."""
        self.apps["notes"] = manifest
        self.call.apps_changed(self.now)
        self.deliver()

    def deliver(self) -> None:
        """What is under way arrives, for those who have a link."""
        while sum(client.step() for client in self.clients):
            pass

    def spoil(self, state: StateId, key: str, data: bytes) -> None:
        """Something has gone wrong on the disk."""
        kept = self.storage._records[CALL_ID]
        old = kept.get((state, key)) or next(iter(kept.values()))
        entry = Entry(key, old.entry.time, old.entry.writer, msgspec.Raw(data))
        kept[state, key] = Record(old.number, state, entry)

    def receive(self, member: Member, message: messages.Message) -> None:
        denied = len(member.feed.denials)
        self.call.receive(member, message, self.now)
        groups = written(message)
        if groups:
            refused = {
                (denial.time, denial.writer)
                for part in list(member.feed.denials)[denied:]
                for denial in messages.unbundle(messages.bundle([part]))
                if isinstance(denial, messages.Denial)
            }
            entries = [e for g in groups if g.state == STATE for e in g.entries]
            self.log += [entry for entry in entries if entry.stamp not in refused]

    def commit(self) -> None:
        self._flush(self.call.ledger)

    def _flush(self, ledger: Ledger) -> None:
        self.storage.commit({CALL_ID: ledger.flush()})
        ledger.flushed()

    def crash(self) -> None:
        """The process dies: what was not committed is lost, and so is every link."""
        for client in self.clients:
            client.cut()
        self.start()

    def client(self, name: str, role: Role = Role.HOST, *, skew: int = 0) -> "Client":
        return self.enter(Client(self, name, role, skew))

    def enter(self, client: "Client") -> "Client":
        self.clients.append(client)
        client.connect()
        return client

    def settle(self) -> None:
        """Reconnect everybody, deliver everything, save everything."""
        for _ in range(6):
            for client in self.clients:
                client.connect()
            self.deliver()
            self.commit()
        self.deliver()


def written(message: messages.Message) -> list[messages.Group]:
    """What a message writes, be it somebody else's."""
    match message:
        case messages.Write(groups):
            return groups
        case messages.Letter():
            return msgspec.msgpack.decode(message.write, type=messages.Write).groups
        case _:
            return []


class Client:
    """A participant: `Mesh` and `Session`, and both ends of its link."""

    def __init__(self, world: World, name: str, role: Role, skew: int) -> None:
        self.world, self.name, self.skew = world, name, skew
        self.me = Participant(ParticipantId(f"p{name}"), PersonId(f"u{name}"), name, role)
        self.visits = 0
        self.left: list[Unsaved] = []
        """What an earlier life of the page has written, and is not known to be saved."""
        self.denials: list[messages.Denial] = []
        self.answers: list[messages.Answer] = []
        self.asked = 0
        self.receipts: list[Receipt] = []
        self.member: Member | None = None
        self._begin()
        self.near = Session(Side.CLIENT, 0)
        self.far = Session(Side.HUB, 0)
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self.bytes_received = 0
        self.heard = bytearray()
        """All bytes that ever came."""
        self.streamed: list[bytes] = []
        self.shown: set[str] = set()
        """The resources whose record ever left for here."""

    def _begin(self) -> None:
        self.mesh = Mesh()
        self.mesh.writer = Writer(self.me.id)
        self.changes: list[Change] = []
        self.found: set[ResourceId] = set()
        """The resources it knows of."""

    @property
    def now(self) -> int:
        return self.world.now + self.skew

    def connect(self) -> None:
        if self.member is not None or self.world.is_away:
            return
        self.near, self.far = Session(Side.CLIENT, 0), Session(Side.HUB, 0)
        self.far.welcome(
            messages.encode(
                messages.Welcome(1, CALL_ID, self.me.id, self.me.id, self.me.person, self.me.name,
                                 self.me.role.value, self.world.now)
            )
        )  # fmt: skip
        self.member = self.world.call.people.join(
            self.me, self.far, self.mesh.cursor, self.world.now
        )
        self.world.call.people.introduce(self.member, self.world.now)

    def cut(self) -> None:
        """The link breaks; what was on its way is lost."""
        if self.member is not None:
            self.world.call.people.lose(self.member, self.far, self.world.now)
        self.member = None
        self.up.clear()
        self.down.clear()
        self.mesh.link_lost()

    def set(self, key: str, value: object, state: StateId = STATE) -> None:
        data = DELETED if value is ... else encode(value)
        self.write({state: {key: data}})

    def write(self, groups: dict[StateId, dict[str, msgspec.Raw]]) -> None:
        """One transaction."""
        self.changes += self.mesh.write(groups, self.now)

    def command(self, action: str, person: str = "", option: str = "") -> None:
        """What hosts do. Without a link it is lost here; programs send it again."""
        self.asked += 1
        if self.member is not None:
            command = messages.Command(f"{self.me.id}{self.asked}", action, person, option)
            self.near.put(messages.encode(command))

    def add_resource(self) -> None:
        record = {"app": "notes", "title": "Notes", "owner": self.me.person}
        self.set(f"resource/{RESOURCE}", record, StateId("call"))

    def learn(self) -> None:
        """The answer to a ping tells the hub's time."""
        if self.member is not None:
            self.mesh.clock.set_by(self.world.now, self.now)

    def reload(self) -> None:
        """The page is loaded anew: somebody new comes in, and writes again what was not saved."""
        self.cut()
        self.left = self.mesh.unsaved_writes()
        self.visits += 1
        self.me = msgspec.structs.replace(self.me, id=ParticipantId(f"p{self.name}{self.visits}"))
        self._begin()
        self.connect()

    def view(self, state: StateId = STATE) -> dict[str, Any]:
        return {
            key: decode(value)
            for key in self.mesh.keys(state)
            if (value := self.mesh.value(state, key)) is not None
        }

    # --- the link, one step at a time; each tells whether anything moved

    def step(self) -> bool:
        return self.send() + self.arrive() + self.answer() + self.hear() > 0

    def send(self) -> bool:
        """The client hands its bundles to the link."""
        if self.member is None:
            return False
        for write in self.mesh.outgoing():
            self.near.put(messages.encode(write))
        moved = False
        while parts := self.near.take():
            self.up.append(messages.bundle(parts))
            moved = True
        return moved

    def arrive(self) -> bool:
        """The hub takes a bundle from the link."""
        if not self.up or self.member is None:
            return False
        for message in self.far.receive(self.up.popleft(), self.world.now):
            self.world.receive(self.member, message)
        return True

    def answer(self) -> bool:
        """The hub hands a bundle to the link."""
        bundle = b"".join(self.world.call.take(self.member) or ()) if self.member else b""
        if bundle:
            self.world.on_answer(self, bundle)
            self.down.append(bundle)
        return bool(bundle)

    def hear(self) -> bool:
        """The client takes a bundle from the link."""
        if not self.down:
            return False
        data = self.down.popleft()
        self.bytes_received += len(data)
        self.heard += data
        for message in self.near.receive(data, self.now):
            self.take(message)
        self.follow()
        return True

    def take(self, message: messages.Message) -> None:
        match message:
            case messages.Welcome():
                self.mesh.clock.set_by(message.time, self.now)
            case messages.Batch():
                self.changes += self.mesh.batch(message, self.now)
                left, self.left = self.left, []
                self.changes += self.mesh.replay(left)
            case messages.Saved(cursor):
                self.mesh.disk(cursor)
            case messages.Denial():
                self.denials.append(message)
                self.changes += self.mesh.deny(message, self.now)
            case messages.Answer():
                self.answers.append(message)
            case messages.Stream():
                self.streamed.append(message.payload)
            case _:
                pass

    def follow(self) -> None:
        """Forget what was removed, as whoever holds resources does."""
        known = {*self.mesh.confirmed(CALL), *self.mesh.keys(CALL)}
        now = {found for key in known if (found := resource_in(key)) is not None}
        for gone in self.found - now:
            self.drop(gone)
        self.found = now

    def drop(self, gone: ResourceId) -> None:
        self.mesh.drop(gone)
        self.changes.append(Change(state_of(gone), {}, "hub"))  # everything, and nobody is told
