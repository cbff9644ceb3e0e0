from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from callmesh import messages
from callmesh.errors import TooLarge
from callmesh.ids import StateId, Writer
from callmesh.letters import open_letter
from callmesh.mesh import Change, Changed, Mesh
from callmesh.messages import Batch, Denial, Group, Letter, Write
from callmesh.receipt import Receipt
from callmesh.state import DELETED, Entry, State
from callmesh.values import decode, encode
from tests import vectors

VECTORS = vectors.load("state")


def entry(case: dict[str, Any]) -> Entry:
    return Entry(case["key"], case["time"], Writer(case["writer"]), vectors.value(case["value"]))


def live(state: State) -> dict[str, Any]:
    return {found.key: decode(found.value) for found in state.live()}


@pytest.mark.parametrize("case", VECTORS["merge"], ids=lambda case: case["name"])
def test_merging_in_every_order_gives_the_same(case: dict[str, Any]) -> None:
    """[S1]"""
    for order in permutations(case["entries"]):
        state = State()
        for described in [*order, *order]:
            state.merge(entry(described))
        assert live(state) == case["live"]


entries = st.builds(
    Entry,
    st.sampled_from(["a", "b", "c"]),
    st.integers(1, 5),
    st.sampled_from([Writer("pa"), Writer("pb"), Writer("pc.1")]),
    st.sampled_from([DELETED, encode(1), encode("x")]),
).map(lambda e: Entry(e.key, e.time, e.writer, e.value))


@given(st.lists(entries, max_size=12), st.randoms(use_true_random=False))
def test_a_naive_model_agrees(writes: list[Entry], random: Any) -> None:
    """[S1] The oracle: a list of all writes, sorted. Equal stamps carry equal values in life."""
    one_value_per_stamp = {(w.key, w.stamp): w for w in writes}
    writes = list(one_value_per_stamp.values())
    oracle = {w.key: w for w in sorted(writes, key=lambda w: w.stamp)}
    shuffled = writes * 2
    random.shuffle(shuffled)
    state = State()
    for write in shuffled:
        state.merge(write)
    assert state.entries == oracle
    assert state.size == sum(w.size for w in oracle.values() if not w.deleted)


# --- the mesh, by the vectors


class Run:
    """Carries out the steps of one vector."""

    def __init__(self) -> None:
        self.mesh = Mesh()
        self.mesh.writer = Writer("pa")
        self.receipts: dict[str, Receipt] = {}

    def step(self, step: dict[str, Any]) -> None:
        changes = getattr(self, step["do"])(step)
        if "changes" in step:
            assert [described(change) for change in changes] == step["changes"]

    def write(self, step: dict[str, Any]) -> list[Change]:
        groups = {
            StateId(state): {key: vectors.value(v) for key, v in group.items()}
            for state, group in step["groups"].items()
        }
        return self.mesh.write(groups, step["now"])

    def batch(self, step: dict[str, Any]) -> list[Change]:
        given = step["batch"]
        groups = [Group(g["state"], [entry(e) for e in g["entries"]]) for g in given["groups"]]
        batch = Batch(given["cursor"], given["saved"], given["whole"], groups)
        return self.mesh.batch(batch, step["now"])

    def letter(self, step: dict[str, Any]) -> list[Change]:
        groups = [Group(g["state"], [entry(e) for e in g["entries"]]) for g in step["groups"]]
        author = groups[0].entries[0].writer
        letter = Letter(author, 1, True, messages.encode(Write(groups)), b"")
        return self.mesh.take_in(open_letter(letter))

    def deny(self, step: dict[str, Any]) -> list[Change]:
        return self.mesh.deny(msgspec.convert(step["denial"], Fields).denial, step["now"])

    def saved(self, step: dict[str, Any]) -> None:
        self.mesh.disk(step["cursor"])

    def lost(self, step: dict[str, Any]) -> None:
        self.mesh.link_lost()

    def hub_time(self, step: dict[str, Any]) -> None:
        self.mesh.clock.set_by(step["time"], step["now"])

    def version(self, step: dict[str, Any]) -> None:
        self.mesh.versions[StateId(step["state"])] = step["version"]

    def replay(self, step: dict[str, Any]) -> list[Change]:
        return self.mesh.replay(
            [(StateId(w["state"]), entry(w["entry"]), w["version"]) for w in step["writes"]]
        )

    def unsaved(self, step: dict[str, Any]) -> None:
        kept = [(w["state"], entry(w["entry"]), w["version"]) for w in step["writes"]]
        assert self.mesh.unsaved_writes() == kept

    def receipt(self, step: dict[str, Any]) -> None:
        self.receipts[step["name"]] = self.mesh.receipt(StateId("state/r1"))

    def send(self, step: dict[str, Any]) -> None:
        writes = self.mesh.outgoing()
        if "writes" in step:
            expected = [
                [
                    Group(g["state"], [entry(e) for e in g["entries"]], g.get("version", 0))
                    for g in groups
                ]
                for groups in step["writes"]
            ]
            assert [write.groups for write in writes] == expected

    def expect(self, step: dict[str, Any]) -> None:
        mesh = self.mesh
        for state, view in step.get("view", {}).items():
            found = {key: mesh.value(StateId(state), key) for key in mesh.keys(StateId(state))}
            assert {key: decode(value or b"") for key, value in found.items()} == view
        for state, status in step.get("status", {}).items():
            assert mesh.status(StateId(state)) == status
        for state, fates in step.get("fates", {}).items():
            assert {key: mesh.status_of(StateId(state), key) for key in fates} == fates
        for name, word in step.get("receipts", {}).items():
            assert outcome(self.receipts[name]) == word
        if "set_aside" in step:
            assert sorted(key for _, key in mesh.set_aside) == step["set_aside"]
        assert mesh.cursor == step.get("cursor", mesh.cursor)


class Fields(msgspec.Struct):
    """A denial as the vectors write it."""

    reason: str
    why: str
    time: int
    writer: str
    places: list[tuple[str, str]]
    now: int

    @property
    def denial(self) -> Denial:
        return Denial(self.reason, self.why, self.time, self.writer, self.places, self.now)


def outcome(receipt: Receipt) -> str:
    if not receipt.done:
        return "waiting"
    return receipt.denied[0].reason if receipt.denied else "saved"


def described(change: Change) -> dict[str, Any]:
    def value(data: Raw | None) -> object:
        return None if data is None else {"value": decode(data)}

    def one(changed: Changed) -> dict[str, Any]:
        return {"old": value(changed.old), "new": value(changed.new), "writer": changed.writer}

    keys = {key: one(changed) for key, changed in change.keys.items()}
    found = {"state": change.state, "cause": change.cause, "keys": keys}
    return found | ({"denied": change.denied.reason} if change.denied else {})


@pytest.mark.parametrize("case", VECTORS["mesh"], ids=lambda case: case["name"])
def test_the_mesh_does_as_the_vectors_say(case: dict[str, Any]) -> None:
    """[S2, S5, S6, S7, S8, S9, S10, S11, S12, S13, S15, S16, S17, S23, S24, S25, E2, J14, P1]"""
    run = Run()
    for step in case["steps"]:
        run.step(step)


STATE = StateId("state/r1")


def joined() -> Mesh:
    mesh = Mesh()
    mesh.writer = Writer("pa")
    mesh.batch(Batch(1, 1, True, []), 0)
    return mesh


def test_a_clock_that_jumps_back_still_writes_later() -> None:
    """[S2]"""
    mesh = joined()
    mesh.clock.set_by(10_000_000, 3_610_000_000)  # an hour ahead of the hub, and corrected
    mesh.write({STATE: {"k": encode(1)}}, 3_610_000_000)
    mesh.write({STATE: {"k": encode(2)}}, 5)
    found = mesh.entry(STATE, "k")
    assert found is not None
    assert (decode(found.value), found.time) == (2, 10_000_001)


def test_a_transaction_has_a_largest_size() -> None:
    """[S5]"""
    big = encode("x" * 60_000)
    with pytest.raises(TooLarge):
        joined().write({STATE: {f"k{n}": big for n in range(20)}}, 1)


def test_many_transactions_leave_in_several_messages_each_whole() -> None:
    """[S5]"""
    mesh = joined()
    big = encode("x" * 60_000)
    for n in range(30):
        mesh.write({STATE: {f"a{n}": big, f"b{n}": big}}, n)
    writes = mesh.outgoing()
    assert len(writes) > 1
    for write in writes:
        keys = {entry.key for group in write.groups for entry in group.entries}
        assert {key[1:] for key in keys if key[0] == "a"} == {k[1:] for k in keys if k[0] == "b"}
    assert sum(len(g.entries) for w in writes for g in w.groups) == 60


def test_a_mesh_lets_go_of_tombstones() -> None:
    """[S14] What was deleted costs nothing once the hub has said so."""
    mesh = joined()
    for n in range(2, 1000):
        mesh.batch(
            Batch(n, n, False, [Group(STATE, [Entry(f"k{n}", n, Writer("pb"), DELETED)])]), n
        )
    assert not mesh._confirmed[STATE].entries
