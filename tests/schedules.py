"""Random schedules of a call: everything that can happen, and what must hold at every step.

What is checked is written down once more here, naively and apart from the code that it checks: a
list of all writes that the hub took, and a reading of rights straight from the values in the call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from callmesh import messages
from callmesh.clock import AHEAD
from callmesh.ids import CALL, HUB, StateId
from callmesh.participant import Role
from callmesh.receipt import Receipt
from callmesh.resource import access_key
from callmesh.state import DELETED, Entry
from callmesh.values import decode, encode
from tests.simulated import CALL_ID, RESOURCE, STATE, Client, World

HOUR = 3_600_000_000
KEYS = ["a", "b", "secret/1", "once/1", "mine/ua", "mine/ub", "closed"]
PLAIN = {
    "set": 20, "delete": 8, "pair": 6, "cut": 4, "connect": 10, "commit": 5,
    "send": 16, "arrive": 16, "answer": 14, "hear": 14, "jump": 8, "learn": 2,
}  # fmt: skip
"""What happens how often. A link that is not chosen for a while is a slow one."""
ALL = PLAIN | {"crash": 2, "collect": 5, "access": 6, "role": 4}


@dataclass
class Awaited:
    """A write that somebody waits for. Each has a value of its own."""

    client: Client
    key: str
    value: int
    receipt: Receipt


class Schedule:
    """Five participants, two of them hosts, with clocks that are off by as much as an hour."""

    def __init__(
        self,
        seed: int,
        steps: dict[str, int],
        client: Callable[[World, str, Role, int], Client] = Client,
    ) -> None:
        self.random = Random(seed)
        self.steps = steps
        self.world = World()
        self.world.on_answer = self.check_nothing_leaks
        self.awaited: list[Awaited] = []
        self.written: list[tuple[Client, str, int]] = []
        self.taken: dict[int, tuple[int, str]] = {}
        """Value → stamp, of all that the hub has taken."""
        self.gone: dict[str, tuple[int, str]] = {}
        """The largest stamp of a delete that was let go of, by key."""
        self.number = self.counted = 0
        host, guest = Role.HOST, Role.GUEST
        roles = {"a": host, "b": guest, "c": host, "d": guest, "e": Role.OBSERVER}
        for (name, role), skew in zip(roles.items(), (0, HOUR, 0, -HOUR, 2_000), strict=True):
            self.world.enter(client(self.world, name, role, skew))
        self.world.clients[0].add_resource()
        self.world.settle()

    def run(self, length: int) -> None:
        for _ in range(length):
            self.step()
            self.check_step()
        self.world.settle()
        self.check_step()
        self.check_settled()

    # --- what can happen

    def step(self) -> None:
        act = self.random.choices(list(self.steps), list(self.steps.values()))[0]
        self.world.now += self.random.randrange(0, 3_000)
        client = self.random.choice(self.world.clients)
        own = getattr(self, act, None)
        if own is not None:
            own(client)
        else:
            getattr(client, act)()

    def set(self, client: Client) -> None:
        key = self.random.choice(KEYS)
        self.number += 1
        client.set(key, self.number)
        self.written.append((client, key, self.number))
        self.awaited.append(Awaited(client, key, self.number, client.mesh.receipt(STATE)))

    def delete(self, client: Client) -> None:
        client.set(self.random.choice(KEYS), ...)

    def pair(self, client: Client) -> None:
        """Two keys that are always written together, and sometimes with one that is forbidden."""
        self.number += 1
        data = DELETED if self.random.random() < 0.3 else encode(self.number)
        keys = {"x": data, "y": data}
        if self.random.random() < 0.3:
            keys["closed"] = encode(self.number)
        client.write({STATE: keys})

    def access(self, _: Client) -> None:
        level = self.random.choice(["edit", "view", "hidden", ...])
        who = self.random.choice(["guest", "observer", "ub", "ud"])
        self.world.clients[0].set(access_key(RESOURCE, who), level, CALL)

    def role(self, _: Client) -> None:
        role = self.random.choice(["host", "guest", "observer", ""])
        self.world.clients[0].command("role", self.random.choice(["ub", "ud", "ue"]), role)

    def jump(self, client: Client) -> None:
        """Somebody sets the device's clock."""
        client.skew = self.random.choice([0, HOUR, 2 * HOUR, -HOUR, 3_000_000])

    def commit(self, _: Client) -> None:
        self.world.commit()

    def crash(self, _: Client) -> None:
        self.world.crash()

    def collect(self, _: Client) -> None:
        before = self.world.now - self.random.choice([0, 0, 5_000, 20_000])
        for entry in self.world.call.ledger.state(STATE).entries.values():
            if entry.deleted and entry.time < before:
                self.gone[entry.key] = max(entry.stamp, self.gone.get(entry.key, (0, "")))
        self.world.call.ledger.collect(before)

    # --- what must hold

    def check_nothing_leaks(self, client: Client, bundle: bytes) -> None:
        """Nothing leaves the hub that its receiver may not see, as things stand."""
        for message in messages.unbundle(bundle, limit=None):
            if isinstance(message, messages.Batch):
                for group in message.groups:
                    for entry in group.entries:
                        state = StateId(group.state)
                        own = entry.deleted and entry.writer in (HUB, client.me.id)
                        assert self.may_see(client, state, entry) or (own and state != CALL)
                        self.note_shown(client, state, entry)

    def may_see(self, client: Client, state: StateId, entry: Entry) -> bool:
        call = self.call_values()
        person = client.me.person
        given = self.world.call.people.door.grants.all.get(person)
        role = (given and given.role) or client.me.role.value
        usual = "view" if role == "observer" else "edit"
        by_role = call.get(f"access/{RESOURCE}/{role}", usual)
        hidden = role != "host" and call.get(f"access/{RESOURCE}/{person}", by_role) == "hidden"
        if state == CALL and RESOURCE in entry.key:
            return RESOURCE in client.shown if entry.deleted else not hidden
        if state != STATE:
            return not (hidden and state.startswith("presence/"))
        if entry.key.startswith("secret/"):
            return bool(role == "host")
        if entry.key.startswith("mine/"):
            return not hidden and bool(role == "host" or entry.key == f"mine/{person}")
        return bool(not hidden)

    def note_shown(self, client: Client, state: StateId, entry: Entry) -> None:
        """Whoever was shown a record once may learn that something about it was deleted."""
        if state == CALL and entry.key == f"resource/{RESOURCE}" and not entry.deleted:
            client.shown.add(RESOURCE)

    def call_values(self) -> dict[str, Any]:
        return {e.key: decode(e.value) for e in self.world.call.ledger.state(CALL).live()}

    def check_step(self) -> None:
        ledger = self.world.call.ledger
        for entry in self.world.log[self.counted :]:
            if not entry.deleted:
                self.taken[decode(entry.value)] = entry.stamp
        self.counted = len(self.world.log)
        for entry in ledger.state(STATE).live():
            assert entry.key != "closed", "the hub took what nobody may write"
            assert entry.time <= self.world.now + AHEAD + 100_000, "somebody wins for ever"
        for client in self.world.clients:
            view = client.view()
            assert view.get("x") == view.get("y"), "half a transaction was seen"
            assert len(client.mesh.unsaved_writes()) <= len(KEYS) + 60
            if client.member is not None:
                assert len(client.member.feed.owed) <= len(KEYS) + 60
        for awaited in self.awaited:
            if awaited.receipt.done and not awaited.receipt.denied:
                assert self.is_safe(awaited), f"{awaited.key}={awaited.value} was told to be saved"

    def is_safe(self, awaited: Awaited) -> bool:
        """Whether a write is on disk, or something that overtook it is or was there."""
        stamp = self.taken.get(awaited.value)
        if stamp is None:  # overtaken before the hub had it: by something that was there
            return True
        kept = self.world.storage.load(CALL_ID)
        found = [r.entry.stamp for r in kept.records if r.entry.key == awaited.key] if kept else []
        return max([*found, self.gone.get(awaited.key, (0, ""))]) >= stamp

    def check_settled(self) -> None:
        kept = self.world.storage.load(CALL_ID)
        assert kept is not None
        disk = [r.entry for r in kept.records if r.state == STATE and not r.entry.deleted]
        for client in self.world.clients:
            seen = {e.key: decode(e.value) for e in disk if self.may_see(client, STATE, e)}
            assert client.view() == seen, client.name
            assert folded(client) == seen
            assert client.mesh.unsaved == 0
            assert client.mesh.unsent == 0
        assert all(awaited.receipt.done for awaited in self.awaited), "somebody would wait for ever"

    def naive(self) -> dict[str, Any]:
        """What a list of everything that was taken says: sorted, the last of each key."""
        last: dict[str, Any] = {}
        for entry in sorted(self.world.log, key=lambda entry: entry.stamp):
            last[entry.key] = None if entry.deleted else decode(entry.value)
        return {key: value for key, value in last.items() if value is not None}


def folded(client: Client) -> dict[str, object]:
    """What somebody sees who only listened to change events; each old value must be the last."""
    seen: dict[str, object] = {}
    for change in client.changes:
        if change.state == STATE:
            for key, changed in change.keys.items():
                old = None if changed.old is None else decode(changed.old)
                assert seen.get(key) == old
                if changed.new is None:
                    seen.pop(key)
                else:
                    seen[key] = decode(changed.new)
    return seen
