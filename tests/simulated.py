"""A hub and its clients in one thread, with links that a test steps, cuts and stalls by hand."""

from collections import deque
from random import Random
from typing import Any

from callmesh import messages
from callmesh.app import KeyRule, Manifest
from callmesh.hosted import HostedCall, Member
from callmesh.ids import CallId, ParticipantId, PersonId, ResourceId, StateId, Writer, state_of
from callmesh.ledger import Ledger
from callmesh.mesh import Change, Mesh
from callmesh.participant import Participant, Role
from callmesh.receipt import Receipt
from callmesh.session import Session, Side
from callmesh.state import DELETED
from callmesh.storage.memory import MemoryStorage
from callmesh.values import decode, encode

CALL_ID = CallId("demo")
RESOURCE = ResourceId("r1")
STATE = state_of(RESOURCE)
START = 1_700_000_000_000_000

NOTES = Manifest(id="notes", name="Notes", version="1", keys=[KeyRule(key="closed", write=[])])


class World:
    """The hub's side: a call over a storage that survives its crashes."""

    def __init__(self) -> None:
        self.now = START
        self.storage = MemoryStorage()
        self.clients: list[Client] = []
        self.start()

    def start(self) -> None:
        ledger = Ledger(self.storage.load(CALL_ID))
        self.call = HostedCall(CALL_ID, ledger, {"notes": NOTES}.get)
        self.commit()

    def commit(self) -> None:
        self.storage.commit({CALL_ID: self.call.ledger.flush()})
        self.call.ledger.flushed()

    def crash(self) -> None:
        """The process dies: what was not committed is lost, and so is every link."""
        for client in self.clients:
            client.cut()
        self.start()

    def client(self, name: str, role: Role = Role.HOST, *, skew: int = 0) -> "Client":
        client = Client(self, name, role, skew)
        self.clients.append(client)
        client.connect()
        return client

    def settle(self) -> None:
        """Reconnect everybody, deliver everything, save everything."""
        for _ in range(6):
            for client in self.clients:
                client.connect()
            while sum(client.step() for client in self.clients):
                pass
            self.commit()
        while sum(client.step() for client in self.clients):
            pass


class Client:
    """A participant: `Mesh` and `Session`, and both ends of its link."""

    def __init__(self, world: World, name: str, role: Role, skew: int) -> None:
        self.world, self.name, self.skew = world, name, skew
        self.me = Participant(ParticipantId(f"p{name}"), PersonId(f"u{name}"), name, role)
        self.mesh = Mesh()
        self.mesh.writer = Writer(self.me.id)
        self.changes: list[Change] = []
        self.denials: list[messages.Denial] = []
        self.receipts: list[Receipt] = []
        self.member: Member | None = None
        self.near = Session(Side.CLIENT, 0)
        self.far = Session(Side.HUB, 0)
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self.bytes_received = 0

    @property
    def now(self) -> int:
        return self.world.now + self.skew

    def connect(self) -> None:
        if self.member is not None:
            return
        self.near, self.far = Session(Side.CLIENT, 0), Session(Side.HUB, 0)
        self.far.welcome(
            messages.encode(
                messages.Welcome(1, CALL_ID, self.me.id, self.me.id, self.me.person, self.me.name,
                                 self.me.role.value, self.world.now)
            )
        )  # fmt: skip
        self.member = self.world.call.join(self.me, self.far, self.mesh.cursor)
        self.world.call.introduce(self.member, self.world.now)

    def cut(self) -> None:
        """The link breaks; what was on its way is lost."""
        if self.member is not None:
            self.world.call.lose(self.member, self.far, self.world.now)
        self.member = None
        self.up.clear()
        self.down.clear()
        self.mesh.link_lost()

    def set(self, key: str, value: object, state: StateId = STATE) -> None:
        data = DELETED if value is ... else encode(value)
        self.changes += self.mesh.write({state: {key: data}}, self.now)

    def add_resource(self) -> None:
        record = {"app": "notes", "title": "Notes", "owner": self.me.person}
        self.set(f"resource/{RESOURCE}", record, StateId("call"))

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
            self.world.call.receive(self.member, message, self.world.now)
        return True

    def answer(self) -> bool:
        """The hub hands a bundle to the link."""
        bundle = self.world.call.take(self.member) if self.member else None
        if bundle:
            self.down.append(bundle)
        return bool(bundle)

    def hear(self) -> bool:
        """The client takes a bundle from the link."""
        if not self.down:
            return False
        data = self.down.popleft()
        self.bytes_received += len(data)
        for message in self.near.receive(data, self.now):
            match message:
                case messages.Welcome():
                    self.mesh.clock.set_by(message.time, self.now)
                case messages.Batch():
                    self.changes += self.mesh.batch(message, self.now)
                case messages.Saved(cursor):
                    self.mesh.disk(cursor)
                case messages.Denial():
                    self.denials.append(message)
                    self.changes += self.mesh.deny(message)
                case _:
                    pass
        return True


def random_step(world: World, random: Random) -> None:
    """One of everything that can happen."""
    client = random.choice(world.clients)
    world.now += random.randrange(0, 3_000)
    act = random.choices(list(STEPS), list(STEPS.values()))[0]
    match act:
        case "set" | "delete" | "forbidden":
            key = "closed" if act == "forbidden" else random.choice("abc")
            client.set(key, ... if act == "delete" else random.randrange(100))
            client.receipts.append(client.mesh.receipt(STATE))
        case "collect":
            world.call.ledger.collect(world.now - random.choice([0, 0, 5_000, 20_000]))
        case "commit":
            world.commit()
        case "crash":
            world.crash()
        case _:
            getattr(client, act)()


STEPS = {
    "set": 20, "delete": 10, "forbidden": 6, "cut": 4, "connect": 10, "commit": 6, "crash": 2,
    "collect": 6, "send": 16, "arrive": 16, "answer": 14, "hear": 14,
}  # fmt: skip
"""What happens how often."""
