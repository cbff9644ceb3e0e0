"""Participants with direct paths, in the simulation: what they tell each other without the hub."""

from collections import deque
from typing import Any

import msgspec

from callmesh import messages
from callmesh.exchange import SETTLED, Exchange
from callmesh.ids import CALL, ROSTER, ParticipantId, StateId, presence_of
from callmesh.keys import SessionKey, verify
from callmesh.letters import Held, signed_bytes
from callmesh.messages import Letter
from callmesh.participant import Participant, Role
from callmesh.standing import Standings
from callmesh.state import Entry
from callmesh.values import decode, encode
from tests.schedules import ALL, Schedule
from tests.simulated import CALL_ID, RESOURCE, STATE, Client, World, written

SECOND = 1_000_000
STEPS = ALL | {
    "fall": 2, "rise": 2, "meet": 5, "part": 1, "tell": 30, "listen": 30, "late": 2, "replay": 3,
    "forge": 2, "crash": 1, "reload": 1, "jump": 2,
}  # fmt: skip


class Peer(Client):
    """A client that also speaks with others directly, over paths that a test steps."""

    def __init__(self, world: World, name: str, role: Role, skew: int) -> None:
        self.paths: dict[str, deque[bytes]] = {}
        """What is on its way here, by the name of who sent it."""
        self.letters: list[Letter] = []
        """All that ever came, or was sent."""
        self.refused: list[tuple[int, str]] = []
        """The stamps of what the hub has denied for good."""
        super().__init__(world, name, role, skew)

    def _begin(self) -> None:
        super()._begin()
        self.key = SessionKey()
        self.me = msgspec.structs.replace(self.me, key=self.key.public)
        self.standings = Standings(self.mesh)
        self.exchange = Exchange(CALL_ID, self.mesh, self.standings)
        self.exchange.signs = True

    def connect(self) -> None:
        member = self.member
        super().connect()
        if self.member is not None and self.member is not member:
            self.world.call.people.may_come_back(self.member, 1, self.world.now)

    def cut(self) -> None:
        super().cut()
        self.exchange.link_lost(self.world.now)

    def reload(self) -> None:
        for other in peers_of(self.world):
            part(self, other)
        super().reload()

    # --- the hub

    def send(self) -> bool:
        if self.member is None:
            return False
        now = self.world.now
        for letter in self.exchange.carried(now, first=True):
            self.near.put(messages.encode(letter))
        for write in self.mesh.outgoing():
            self.near.put(messages.encode(write))
        for letter in self.exchange.carried(now, first=False):
            self.near.put(messages.encode(letter))
        return super().send()

    def take(self, message: messages.Message) -> None:
        match message:
            case messages.Welcome():
                self.exchange.welcome(self.me.id, message.time, self.world.now)
            case messages.Denial():
                changes = self.exchange.denied(message)
                if changes is not None:
                    self.denials.append(message)
                    self.changes += changes
                    self.follow()
                    return
                if message.reason != "clock_ahead":
                    self.refused.append((message.time, message.writer))
        super().take(message)
        if isinstance(message, messages.Batch):
            people = [read(self, key) for key in self.mesh.keys(ROSTER)]
            self.exchange.roster(people, whole=message.whole)
            self.follow()
            self.exchange.linked(self.world.now)

    def follow(self) -> None:
        self.standings.follow()
        self.exchange.followed()
        super().follow()

    # --- the others

    def tell(self) -> bool:
        """Hand to the paths what is to go over them."""
        exchange = self.exchange
        self.standings.follow()
        for draft in exchange.unsigned():
            exchange.signed(draft, self.key.sign(signed_bytes(CALL_ID, draft.letter)))
        sent = exchange.outgoing(self.world.now)
        for id, data in sent:
            other = next(p for p in peers_of(self.world) if p.me.id == id)
            self.check(other, data)
            other.paths[self.name].append(data)
        return bool(sent)

    def check(self, other: "Peer", data: bytes) -> None:
        """What goes to somebody is for their eyes, as far as this one knows."""
        assert data[0] == 1, "nothing here is so large that it goes in pieces"
        for message in messages.unbundle(data[1:]):
            if isinstance(message, Letter):
                self.letters.append(message)
                assert message.author == self.me.id or message.open
                for group in written(message):
                    for entry in group.entries:
                        assert self.thinks_may_see(other, StateId(group.state), entry)

    def thinks_may_see(self, other: "Peer", state: StateId, entry: Entry) -> bool:
        shown = read(self, other.me.id)
        call, role, person = self.view(CALL), shown.role.value, shown.person
        _, _, rest = (entry.key if state == CALL else state).partition("/")
        id = rest.split("/")[0]
        by_role = call.get(f"access/{id}/{role}", "view" if role == "observer" else "edit")
        hidden = role != "host" and call.get(f"access/{id}/{person}", by_role) == "hidden"
        if state == CALL or state != STATE:
            return not hidden or not id
        if entry.key.startswith("secret/"):
            return role == "host"
        if entry.key.startswith("mine/"):
            return not hidden and (role == "host" or entry.key == f"mine/{person}")
        return not hidden

    def listen(self) -> bool:
        """Take what came over one of the paths."""
        for name, path in self.paths.items():
            if path:
                other = next(p for p in peers_of(self.world) if p.name == name)
                data = path.popleft()
                for message in messages.unbundle(data[1:]):
                    if isinstance(message, Letter):
                        self.letters.append(message)
                        self.note_shown(message)
                self.hear_peer(other.me.id, data)
                return True
        return False

    def note_shown(self, letter: Letter) -> None:
        """Whoever was shown a record may learn that something about it was deleted."""
        for group in written(letter):
            for entry in group.entries if group.state == CALL else ():
                self.shown.add(entry.key.partition("/")[2].split("/")[0])

    def hear_peer(self, id: ParticipantId, data: bytes) -> None:
        for held in self.exchange.hear(id, data, self.world.now, self.now):
            if self.signed(held):
                self.changes += self.exchange.admit(held)
                self.follow()
        self.changes += self.exchange.voided()
        self.follow()
        assert not any(peer.broken for peer in self.exchange._peers.values())

    def signed(self, held: Held) -> bool:
        signed = signed_bytes(CALL_ID, held.letter)
        return verify(self.exchange.key_of(held.author), held.letter.signature, signed)

    def tick(self) -> None:
        self.changes += self.exchange.tick(self.world.now)
        self.follow()


def peers_of(world: World) -> list[Peer]:
    return [client for client in world.clients if isinstance(client, Peer)]


def read(peer: Peer, key: str) -> Participant:
    """Somebody as the roster shows them there; nobody, where it does not."""
    value = peer.mesh.value(ROSTER, key)
    if value is None:
        return peer.exchange._people.get(ParticipantId(key), peer.me)
    return msgspec.convert(decode(value), Participant)


def meet(one: Peer, other: Peer) -> None:
    """There is a direct path between two."""
    if other.name not in one.paths:
        for a, b in ((one, other), (other, one)):
            a.paths[b.name] = deque()
            a.exchange.opened(b.me.id, a.world.now)


def part(one: Peer, other: Peer) -> None:
    for a, b in ((one, other), (other, one)):
        if a.paths.pop(b.name, None) is not None:
            a.exchange.closed(b.me.id, a.world.now)


def gossip(world: World) -> None:
    """Everything that is under way between participants arrives."""
    for _ in range(5):
        while sum(peer.tell() + peer.listen() for peer in peers_of(world)):
            pass
        world.now += SECOND


class PeerSchedule(Schedule):
    """What happens to a call, with direct paths between all five, and somebody who means harm."""

    def __init__(self, seed: int, steps: dict[str, int] = STEPS) -> None:
        self.forged: set[int] = set()
        """Values that somebody wrote in another's name."""
        self.refused: dict[tuple[int, str], int] = {}
        """Stamps that were denied for good → how much the hub had taken by then."""
        self.mallory = SessionKey()
        super().__init__(seed, steps, Peer)
        self.meet_all()

    def meet_all(self) -> None:
        peers = peers_of(self.world)
        for one in peers:
            for other in peers:
                if one is not other:
                    meet(one, other)

    # --- what can happen

    def fall(self, _: Client) -> None:
        """The hub is gone."""
        self.crash(_)
        self.world.is_away = True

    def rise(self, _: Client) -> None:
        self.world.is_away = False

    def meet(self, client: Client) -> None:
        other = self.random.choice(self.world.clients)
        if other is not client and isinstance(other, Peer) and isinstance(client, Peer):
            meet(client, other)

    def part(self, client: Client) -> None:
        other = self.random.choice(self.world.clients)
        if isinstance(other, Peer) and isinstance(client, Peer):
            part(client, other)

    def late(self, _: Client) -> None:
        """Some seconds pass."""
        self.world.now += self.random.choice([1, 3, 11]) * SECOND
        for peer in peers_of(self.world):
            peer.tick()

    def replay(self, client: Client) -> None:
        """A letter of any time is brought once more, to the hub or to a peer."""
        letters = [letter for peer in peers_of(self.world) for letter in peer.letters]
        if letters and isinstance(client, Peer):
            self.bring(client, self.random.choice(letters))

    def forge(self, client: Client) -> None:
        """Somebody signs with their own key, or changes what was signed."""
        other = self.random.choice(self.world.clients)
        assert isinstance(other, Peer)
        assert isinstance(client, Peer)
        self.number += 1
        self.forged.add(self.number)
        entry = Entry("a", self.world.now, other.mesh.writer, encode(self.number))
        write = messages.encode(messages.Write([messages.Group(STATE, [entry])]))
        letter = Letter(other.me.id, other.exchange._epoch, True, write, b"")
        letter = Letter(*[*msgspec.structs.astuple(letter)[:4],
                          self.mallory.sign(signed_bytes(CALL_ID, letter))])  # fmt: skip
        if other.letters and self.random.random() < 0.5:
            letter = msgspec.structs.replace(
                letter, signature=self.random.choice(other.letters).signature
            )
        self.bring(client, letter)

    def bring(self, client: Peer, letter: Letter) -> None:
        other = self.random.choice(peers_of(self.world))
        if client.member is not None and self.random.random() < 0.5:
            client.near.put(messages.encode(letter))
        elif client.name in other.paths:
            other.paths[client.name].append(b"\x01" + messages.bundle([messages.encode(letter)]))

    def crash(self, client: Client) -> None:
        self.refused.clear()  # what was denied last may be forgotten
        super().crash(client)

    # --- what must hold

    def check_step(self) -> None:
        super().check_step()
        for entry in self.world.log:
            value = None if entry.deleted else decode(entry.value)
            assert value not in self.forged, "somebody wrote in another's name"
            if value in self.units:
                author = self.units[value][0]
                assert entry.writer[:2] == f"p{author.name}"[:2]
        for peer in peers_of(self.world):
            assert not self.forged & {v for v in peer.view().values() if isinstance(v, int)}
            assert len(peer.mesh.letters) <= 5 * 60
            for stamp in peer.refused:
                self.refused.setdefault(stamp, len(self.world.log))
        for stamp, taken in self.refused.items():
            later = (entry for entry in self.world.log[taken:] if entry.stamp == stamp)
            assert not any(later), "what was denied has come in another way"

    def settle_peers(self) -> None:
        """The hub is back, everybody has it, and what was not answered is let go of."""
        self.world.is_away = False
        self.world.settle()
        gossip(self.world)
        self.world.settle()
        self.world.now += 2 * SETTLED
        for peer in peers_of(self.world):
            peer.tick()
        gossip(self.world)
        self.world.settle()

    def run(self, length: int) -> None:
        for _ in range(length):
            self.step()
            self.check_step()
        self.over = True
        self.settle_peers()
        self.check_step()
        self.check_settled()
        for peer in peers_of(self.world):
            assert not peer.mesh.letters, "letters that nobody answers stay for ever"


ALLOWED = {
    "set": 20, "delete": 8, "several": 10, "pair": 4, "present": 6, "add": 2, "fill": 4,
    "tell": 40, "listen": 40, "part": 1, "meet": 2, "replay": 1, "forge": 1,
}  # fmt: skip


class Allowed(PeerSchedule):
    """Nobody does what they know they may not."""

    def set(self, client: Client) -> None:
        self.write(client, self.random.choice("abcd"))

    def several(self, client: Client) -> None:
        self.write(client, *self.random.sample("abcdef", 3))

    def pair(self, client: Client) -> None:
        self.write(client, "x", "y")

    def write(self, client: Client, *keys: str) -> None:
        if client.me.role is not Role.OBSERVER:
            super().write(client, *keys)

    def delete(self, client: Client) -> None:
        if client.me.role is not Role.OBSERVER:
            client.set(self.random.choice("abcd"), ...)

    def fill(self, client: Client) -> None:
        if client.me.role is not Role.OBSERVER:
            super().fill(client)

    def add(self, client: Client) -> None:
        if client.me.role is not Role.OBSERVER:
            super().add(client)

    def go_on_without_the_hub(self) -> None:
        self.world.crash()
        self.world.is_away = True
        for _ in range(80):
            self.step()
            self.check_step()
        self.meet_all()
        gossip(self.world)

    def check_in_step(self) -> None:
        """All see the same, of what all may see."""
        first, *others = peers_of(self.world)
        for other in others:
            for state in (STATE, CALL, presence_of(RESOURCE)):
                assert seen(other, state) == seen(first, state), other.name


def seen(peer: Peer, state: StateId) -> dict[str, Any]:
    """What somebody sees of what all may see: some of what is added is hidden from guests."""
    about_hidden = ("resource/", "access/") if state == CALL else ()
    return {k: v for k, v in peer.view(state).items() if not k.startswith(about_hidden)}
