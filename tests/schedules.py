"""Random schedules of a call: everything that can happen, and what must hold at every step.

What is checked is written down once more here, naively and apart from the code that it checks: a
list of all writes that the hub took, and a reading of rights straight from the values in the call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

import msgspec

from callmesh import messages
from callmesh.app import StateSpec
from callmesh.clock import AHEAD
from callmesh.hosted import ends_a_resource
from callmesh.ids import CALL, HUB, ResourceId, StateId, presence_of, state_of
from callmesh.participant import Role
from callmesh.receipt import Receipt
from callmesh.resource import access_key, version_key
from callmesh.state import DELETED, Entry
from callmesh.values import decode, encode
from tests.simulated import CALL_ID, RESOURCE, STATE, Client, World

HOUR = 3_600_000_000
KEYS = ["a", "b", "secret/1", "once/1", "mine/ua", "mine/ub", "closed"]
PLAIN = {
    "set": 20, "delete": 8, "pair": 6, "several": 10, "cut": 4, "connect": 10, "commit": 5,
    "send": 16, "arrive": 16, "answer": 14, "hear": 14, "jump": 8, "learn": 2,
}  # fmt: skip
"""What happens how often. A link that is not chosen for a while is a slow one.

Links are ordered, and nothing comes twice over one. What was not answered is sent again over the
next, and `resend` says twice in a row what was sent once.
"""
ALL = PLAIN | {
    "crash": 2, "collect": 5, "access": 6, "role": 4, "add": 6, "fill": 8, "remove": 6,
    "present": 4, "reload": 2, "resend": 3, "manifest": 1, "migrate": 2, "give_up": 2,
}  # fmt: skip


Keys: TypeAlias = set[str]


@dataclass
class Awaited:
    """A write that somebody waits for. Each has a value of its own."""

    client: Client
    key: str
    value: int
    receipt: Receipt
    stamp: tuple[int, str] = (0, "")
    """Of it, or of one's own that has overtaken it, as it was sent last: a clock may have been
    ahead.
    """

    def look(self) -> None:
        own = self.client.mesh._outbox.get((STATE, self.key))
        if own is not None and own.settled is None:
            same = own.entry.value == encode(self.value) or not self.stamp[0]
            self.stamp = own.entry.stamp if same else min(self.stamp, own.entry.stamp)


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
        self.world.on_answer = self.check_answer
        self.awaited: list[Awaited] = []
        self.units: dict[int, tuple[Client, Keys]] = {}
        """Value → who wrote it, and all the keys that were written with it."""
        self.taken: dict[int, tuple[int, str]] = {}
        """Value → stamp, of all that the hub has taken."""
        self.deleted: list[Entry] = []
        self.took: dict[int, Keys] = {}
        """Value → the keys at which the hub has taken it."""
        self.others: list[ResourceId] = []
        """Resources that were added besides the one; also those that were removed."""
        self.removed: set[ResourceId] = set()
        """Those whose removal the hub has not lost in a crash."""
        self.version = 1
        self.over = False
        self.migrated: Entry | None = None
        self.hosts: Keys = set()
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
        self.over = True
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
        self.write(client, key)
        if client.left:
            return  # by a wrong clock, what was left may be later than what is written before it
        receipt = client.mesh.receipt(STATE)
        self.awaited.append(Awaited(client, key, self.number, receipt))
        self.awaited[-1].look()

    def several(self, client: Client) -> None:
        """A transaction that may overlap with others."""
        self.write(client, *self.random.sample([*KEYS, "c", "d"], self.random.choice([2, 3])))

    def write(self, client: Client, *keys: str) -> None:
        """One transaction, with a value of its own."""
        self.number += 1
        self.units[self.number] = client, set(keys)
        client.write({STATE: dict.fromkeys(sorted(keys), encode(self.number))})

    def give_up(self, client: Client) -> None:
        """Somebody waits no longer."""
        for awaited in [awaited for awaited in self.awaited if awaited.client is client]:
            client.mesh.let_go(awaited.receipt)
            self.awaited.remove(awaited)

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

    def add(self, client: Client) -> None:
        """A resource with its first state; sometimes under an id that was used before."""
        again = self.removed and self.random.random() < 0.5
        id = ResourceId(f"rx{len(self.others)}")
        if again:
            id = self.random.choice(sorted(self.removed))
        self.others += [] if again else [id]
        record = {"app": "notes", "title": "x", "owner": client.me.person}
        self.number += 1
        first = {"first": encode(self.number)}
        keys = {f"resource/{id}": encode(record)}
        if self.random.random() < 0.4:  # a host's is hidden from the beginning
            keys[access_key(id, "guest")] = encode("hidden")
        client.shown.add(id)
        client.write({CALL: keys, state_of(id): first})

    def fill(self, client: Client) -> None:
        """Write into one of those resources, as far as one knows of any."""
        known = sorted(client.found - {RESOURCE})
        if known:
            self.number += 1
            client.set(self.random.choice("ab"), self.number, state_of(self.random.choice(known)))

    def remove(self, client: Client) -> None:
        known = sorted(client.found - {RESOURCE})
        if known:
            client.set(f"resource/{self.random.choice(known)}", ..., CALL)

    def present(self, client: Client) -> None:
        self.number += 1
        value = ... if self.random.random() < 0.2 else self.number
        client.set(f"{client.me.id}/at", value, presence_of(RESOURCE))

    def reload(self, client: Client) -> None:
        self.awaited = [awaited for awaited in self.awaited if awaited.client is not client]
        client.reload()

    def resend(self, client: Client) -> None:
        if client.up:
            client.up.append(client.up[-1])

    def manifest(self, _: Client) -> None:
        """An author raises the version of the state."""
        self.version += 1
        spec = StateSpec(self.version)
        self.world.apps["notes"] = msgspec.structs.replace(self.world.apps["notes"], state=spec)
        self.world.call.apps_changed(self.world.now)

    def migrate(self, client: Client) -> None:
        """Whoever may not read all of it is not let."""
        self.number += 1
        step = {version_key(RESOURCE): encode(self.version)}
        client.write({CALL: step, STATE: {"migrated": encode(self.number)}})

    def jump(self, client: Client) -> None:
        """Somebody sets the device's clock."""
        client.skew = self.random.choice([0, HOUR, 2 * HOUR, -HOUR, 3_000_000])

    def commit(self, _: Client) -> None:
        self.world.commit()

    def crash(self, _: Client) -> None:
        self.world.crash()
        entries = self.world.call.ledger.state(CALL).entries
        removed = (id for id in self.removed if f"resource/{id}" in entries)
        self.removed = {id for id in removed if entries[f"resource/{id}"].deleted}

    def collect(self, _: Client) -> None:
        before = self.world.now - self.random.choice([0, 0, 5_000, 20_000])
        for entry in self.world.call.ledger.state(STATE).entries.values():
            if entry.deleted and entry.time < before:
                self.gone[entry.key] = max(entry.stamp, self.gone.get(entry.key, (0, "")))
        self.world.call.ledger.collect(before, kept=ends_a_resource)

    # --- what must hold

    def check_answer(self, client: Client, bundle: bytes) -> None:
        """Nothing leaves the hub that its receiver may not see, as things stand."""
        for awaited in self.awaited:
            if awaited.client is client:
                awaited.look()
        for message in messages.unbundle(bundle, limit=None):
            if isinstance(message, messages.Batch):
                for group in message.groups:
                    for entry in group.entries:
                        state = StateId(group.state)
                        own = entry.deleted and entry.writer in (HUB, client.me.id)
                        assert self.may_see(client, state, entry) or (own and state != CALL)
                        self.note_shown(client, state, entry)

    def may_see(self, client: Client, state: StateId, entry: Entry) -> bool:
        _, _, rest = (entry.key if state == CALL else state).partition("/")
        id = rest.split("/")[0]
        if not id:
            return True
        hidden = self.is_hidden(client, id)
        if state == CALL:
            return id in client.shown if entry.deleted else not hidden
        if state != STATE:
            return not hidden
        person, role = client.me.person, self.role_of(client)
        if entry.key.startswith("secret/"):
            return bool(role == "host")
        if entry.key.startswith("mine/"):
            return not hidden and bool(role == "host" or entry.key == f"mine/{person}")
        return bool(not hidden)

    def is_hidden(self, client: Client, id: str) -> bool:
        call = self.call_values()
        person, role = client.me.person, self.role_of(client)
        usual = "view" if role == "observer" else "edit"
        by_role = call.get(f"access/{id}/{role}", usual)
        return role != "host" and call.get(f"access/{id}/{person}", by_role) == "hidden"

    def note_shown(self, client: Client, state: StateId, entry: Entry) -> None:
        """Whoever was shown a record once may learn that something about it was deleted."""
        if state == CALL and entry.key.startswith("resource/") and not entry.deleted:
            client.shown.add(entry.key.removeprefix("resource/"))

    def role_of(self, client: Client) -> str:
        given = self.world.call.people.door.grants.all.get(client.me.person)
        return str((given and given.role) or client.me.role.value)

    def call_values(self) -> dict[str, Any]:
        return {e.key: decode(e.value) for e in self.world.call.ledger.state(CALL).live()}

    def check_step(self) -> None:
        ledger = self.world.call.ledger
        self.check_taken()
        self.check_resources()
        for entry in ledger.state(STATE).live():
            assert entry.key != "closed", "the hub took what nobody may write"
            assert entry.time <= self.world.now + AHEAD + 100_000, "somebody wins for ever"
        for client in self.world.clients:
            view = client.view()
            assert view.get("x") == view.get("y"), "half a transaction was seen"
            assert len(client.mesh.unsaved_writes()) <= len(KEYS) * 4 + 60
            assert client.mesh.receipts <= sum(a.client is client for a in self.awaited)
            if client.member is not None:
                assert len(client.member.feed.owed) <= len(KEYS) + 60
        for awaited in self.awaited:
            awaited.look()
            if awaited.receipt.done and not awaited.receipt.denied:
                assert self.is_safe(awaited), f"{awaited.key}={awaited.value} was told to be saved"

    def check_taken(self) -> None:
        """The hub has taken what it took of a transaction whole."""
        new = self.world.log[self.counted :]
        self.counted = len(self.world.log)
        for entry in new:
            if entry.deleted:
                self.deleted.append(entry)
            else:
                value = decode(entry.value)
                self.taken[value] = entry.stamp
                self.took.setdefault(value, set()).add(entry.key)
        for value in {decode(entry.value) for entry in new if not entry.deleted} & {*self.units}:
            client, keys = self.units[value]
            for key in keys - self.took[value]:
                assert self.went_before(client, key, value), "half a transaction was taken"

    def went_before(self, client: Client, key: str, value: int) -> bool:
        """Whether the hub had a later write of the same author: only a clock that was ahead lets
        the rest of an older transaction come after it.
        """
        return bool(self.later(client, key, value))

    def later(self, client: Client, key: str, value: int) -> list[int]:
        """What the hub has taken of later writes of that author to that key."""
        later = (v for v, (c, _) in self.units.items() if c is client and v > value)
        return [v for v in later if key in self.took.get(v, ())]

    def check_resources(self) -> None:
        """What was removed does not come back, and there is no State without a resource."""
        call = self.world.call
        entries = call.ledger.state(CALL).entries
        for id in self.others:
            record = entries.get(f"resource/{id}")
            if record is not None and not record.deleted:
                assert id not in self.removed, f"{id} has come back"
            else:
                if record is not None:
                    self.removed.add(id)
                assert not call.ledger.state(state_of(id)).entries, f"{id} left something behind"
                assert not call.ledger.state(presence_of(id)).entries
        version, before = entries.get(version_key(RESOURCE)), self.hosts
        self.hosts = {c.me.id for c in self.world.clients if self.role_of(c) == "host"}
        if version is not None and version != self.migrated and not self.over:
            assert version.writer in before | self.hosts, "migrated by who cannot read it all"
        self.migrated = version

    def is_safe(self, awaited: Awaited) -> bool:
        """Whether a write is on disk, or something that overtook it is or was there."""
        # What was never taken had been overtaken, maybe by one's own that was stamped anew.
        later = [self.taken[v] for v in self.later(awaited.client, awaited.key, awaited.value)]
        mine = f"p{awaited.client.name}"
        later += [d.stamp for d in self.deleted if d.key == awaited.key and d.writer[:2] == mine]
        stamp = self.taken.get(awaited.value, min([awaited.stamp, *later]))
        kept = self.world.storage.load(CALL_ID)
        found = [r.entry.stamp for r in kept.records if r.entry.key == awaited.key] if kept else []
        return max([*found, self.gone.get(awaited.key, (0, ""))]) >= stamp

    def check_settled(self) -> None:
        kept = self.world.storage.load(CALL_ID)
        assert kept is not None
        disk = [r.entry for r in kept.records if r.state == STATE and not r.entry.deleted]
        shown = self.world.call.ledger.state(presence_of(RESOURCE))
        for client in self.world.clients:
            here = {e.key: decode(e.value) for e in shown.live()}
            hidden = RESOURCE not in client.found
            assert client.view(presence_of(RESOURCE)) == ({} if hidden else here)
            for id in self.others:
                state = state_of(id)
                live = self.world.call.ledger.state(state).live()
                there = {e.key: decode(e.value) for e in live}
                assert client.view(state) == ({} if self.is_hidden(client, id) else there)
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
            if not change.keys:
                seen.clear()  # it was dropped
            for key, changed in change.keys.items():
                old = None if changed.old is None else decode(changed.old)
                assert seen.get(key) == old
                if changed.new is None:
                    seen.pop(key)
                else:
                    seen[key] = decode(changed.new)
    return seen
