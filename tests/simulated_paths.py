"""Participants with streams over a network that a test owns: links, direct paths, and time.

The hub is the real one without sockets; direct paths are lists of what is under way. Everything
that happens is drawn from one seed.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from random import Random

from callmesh import messages
from callmesh.app import Capability, Manifest
from callmesh.door import Visitor
from callmesh.errors import Broken
from callmesh.hosted import HostedCall
from callmesh.ids import CALL, CallId, ParticipantId, PersonId, ResourceId, Writer
from callmesh.ledger import Ledger
from callmesh.messages import Group, Mode, Write
from callmesh.participant import Participant, Role
from callmesh.people import Member
from callmesh.session import Open, Session, Side
from callmesh.signaling import CONTROL_LABEL
from callmesh.state import Entry
from callmesh.stream import LOW_WATER, Delivery
from callmesh.streams import Streams
from callmesh.values import encode

SECOND = 1_000_000
RESOURCE = ResourceId("r1")
APP = Manifest(id="vitals", name="Vitals", version="1.0.0", capabilities=tuple(Capability))


class Node:
    """A participant: its streams, its link to the hub, and its ends of the direct paths."""

    def __init__(self, world: "World", number: int) -> None:
        self.world = world
        offers = ["rtc"]
        self.me = Participant(
            ParticipantId(f"p{number}"), PersonId(f"u{number}"), "N", Role.HOST, offers=offers
        )
        self.session: Session | None = None
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self.stalled = False
        """It reads nothing and says nothing, as a process that is stopped."""
        self.under_way: dict[tuple[ParticipantId, str, Mode], deque[bytes]] = {}
        """By receiver, label and mode: what has left here through a channel."""
        self.streams = Streams(
            lambda: world.now, self._open, lambda: None, mesh=world.mesh, soon=world.soon
        )
        self.streams.peers = self
        self.deliveries: dict[str, Delivery] = {}
        """How its channels deliver, by label."""
        self.sent = 0
        """Messages that left here by whichever path."""

    def _open(self) -> Session | None:
        return self.session

    # --- what the port asks: direct paths

    def configure(self, ice: messages.Ice) -> None: ...
    def connect(self, peer: ParticipantId, *, offers: bool) -> None: ...
    def signal(self, peer: ParticipantId, text: str) -> None: ...
    def repeat(self) -> None: ...
    def ask(self, peer: ParticipantId) -> None: ...
    def disconnect(self, peer: ParticipantId) -> None: ...
    async def close(self) -> None: ...

    def room(self, peer: ParticipantId, label: str, how: Delivery) -> bool:
        waiting = self.under_way.get((peer, label, how.mode), ())
        self.deliveries[label] = how
        return self.world.is_direct(self.me.id, peer) and sum(map(len, waiting)) <= LOW_WATER

    def send(self, peer: ParticipantId, label: str, mode: Mode, data: bytes) -> None:
        if self.world.is_direct(self.me.id, peer):
            self.under_way.setdefault((peer, label, mode), deque()).append(data)
            self.sent += 1

    def ready(self, peer: ParticipantId) -> bool:
        return self.world.is_direct(self.me.id, peer)

    def tell(self, peer: ParticipantId, data: bytes) -> None:
        self.send(peer, CONTROL_LABEL, "reliable", data)

    # --- the link to the hub

    def link(self) -> None:
        """A link, as it is after the hub's first batch."""
        self.session = Session(Side.CLIENT, 0)
        self.session.state = Open()
        far = Session(Side.HUB, 0)
        self.world.arrive(self, far)
        self.streams.retry()

    def cut(self) -> None:
        """It breaks: what was under way either way is lost."""
        member = self.world.call.people.members[self.me.id]
        if self.session is None:
            return
        self.session = None
        self.up.clear()
        self.down.clear()
        if member.session is not None:
            far = member.session
            far.end(Broken("cut"))
            self.world.call.people.lose(member, far, self.world.now)

    def step_up(self) -> bool:
        """What is ready leaves; the hub hears one bundle."""
        if self.session is None or self.stalled:
            return False
        if self.session.has_output:
            self.up.append(messages.bundle(self.session.take()))
        if not self.up:
            return False
        member = self.world.call.people.members[self.me.id]
        assert member.session is not None
        for message in member.session.receive(self.up.popleft(), 0):
            self.sent += isinstance(message, messages.Stream)
            self.world.call.receive(member, message, self.world.now)
        return True

    def step_down(self) -> bool:
        """One bundle of the hub's arrives; nothing leaves the hub while another is under way."""
        member = self.world.call.people.members[self.me.id]
        if self.session is None or member.session is None or self.stalled:
            return False
        if not self.down and (bundle := self.world.call.take(member)):
            self.down.append(b"".join(bundle))
        if not self.down:
            return False
        for message in self.session.receive(self.down.popleft(), 0):
            match message:
                case messages.Stream():
                    self.streams.came_relayed(message)
                case messages.Taken():
                    self.streams.came_word(message)
                case messages.Relayed():
                    self.streams.drain()
        return True

    def step_direct(self, random: Random, loss: float) -> bool:
        """One message arrives through a channel; those of `latest` in any order, or not at all."""
        ways = [way for way, waiting in self.under_way.items() if waiting]
        ways = [way for way in ways if not self.world.nodes[way[0]].stalled]
        if not ways:
            return False
        peer, label, mode = random.choice(ways)
        waiting = self.under_way[peer, label, mode]
        if mode == "latest":
            waiting.rotate(random.randrange(3))
            if random.random() < loss:
                waiting.popleft()
                return True
        data = waiting.popleft()
        other = self.world.nodes[peer].streams
        if label == CONTROL_LABEL:
            other.told(self.me.id, data)
        else:
            other.came_direct(self.me.id, label, mode, data)
            self.streams.drained(peer)
        return True


class World:
    def __init__(self, people: int, seed: int, mesh: int = 8) -> None:
        self.random = Random(seed)
        self.now = 1_700_000_000 * SECOND
        self.mesh = mesh
        ledger = Ledger()
        ledger.flush()
        ledger.flushed()
        self.call = HostedCall(CallId("demo"), ledger, {"vitals": APP}.get)
        self._direct: set[frozenset[ParticipantId]] = set()
        self.nodes: dict[ParticipantId, Node] = {}
        for number in range(people):
            node = Node(self, number)
            self.nodes[node.me.id] = node
        for node in self.nodes.values():
            node.link()
        first = next(iter(self.nodes.values()))
        record = {"app": "vitals", "title": "Vitals", "owner": "u0"}
        entry = Entry(f"resource/{RESOURCE}", self.now, Writer(first.me.id), encode(record))
        member = self.call.people.members[first.me.id]
        self.call.receive(member, Write([Group(CALL, [entry])]), self.now)
        self.meet()

    def soon(self, act: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(act)

    def meet(self) -> None:
        """Everybody sees the roster as it is."""
        for node in self.nodes.values():
            node.streams.roster(
                node.me, [other.me for other in self.nodes.values() if other is not node]
            )

    def see(self, node: Node, *others: Node) -> None:
        """One sees a roster with these others, as after a hub that has begun anew."""
        node.streams.roster(node.me, [other.me for other in others], anew=True)

    def arrive(self, node: Node, session: Session) -> None:
        people = self.call.people
        if node.me.id in people.members:
            people.join(node.me, session, 0, self.now)
        else:
            people.arrive(Visitor(node.me, 0, waits=False), session, 0, self.now)
        member = people.members[node.me.id]
        assert isinstance(member, Member)
        session.welcome(b"\x90")
        session.take()

    def is_direct(self, one: ParticipantId, other: ParticipantId) -> bool:
        return frozenset((one, other)) in self._direct

    def connect(self, one: ParticipantId, other: ParticipantId) -> None:
        """A direct path opens: one side notices first."""
        self._direct.add(frozenset((one, other)))
        for me, peer in ((one, other), (other, one)):
            self.nodes[me].streams.path_changed(peer, None)

    def break_path(self, one: ParticipantId, other: ParticipantId) -> None:
        """It breaks, with what was under way; both sides notice, one after the other."""
        self._direct.discard(frozenset((one, other)))
        for me, peer in ((one, other), (other, one)):
            for (to, _, _), waiting in self.nodes[me].under_way.items():
                if to == peer:
                    waiting.clear()
        for me, peer in ((one, other), (other, one)):
            self.nodes[me].streams.path_changed(peer, "broke")

    def tick(self, seconds: float = 0.5) -> None:
        self.now += int(seconds * SECOND)
        for node in self.nodes.values():
            if not node.stalled:
                node.streams.tick(self.now)

    async def happen(self, loss: float = 0.3) -> None:
        """Something arrives somewhere."""
        node = self.random.choice(list(self.nodes.values()))
        act = self.random.randrange(3)
        if act == 0:
            node.step_up()
        elif act == 1:
            node.step_down()
        else:
            node.step_direct(self.random, loss)
        await asyncio.sleep(0)

    async def settle(self, turns: int = 100) -> None:
        """Everything that is under way arrives, again and again while time passes."""
        for _ in range(turns):
            moved = True
            while moved:
                moved = False
                for node in self.nodes.values():
                    while node.step_up() | node.step_down() | node.step_direct(self.random, 0):
                        moved = True
                        await asyncio.sleep(0)
                await asyncio.sleep(0)
            self.tick()
