"""Messages of the right shape with anything in them, against the hub, beside honest people."""

import os
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callmesh import messages
from callmesh.commands import ACTIONS
from callmesh.door import Visitor
from callmesh.errors import CallmeshError, TooLarge, WireError
from callmesh.ids import APPS, DOOR, HUB, HUB_STATE, RECORD, ROSTER, resource_of
from callmesh.messages import Message
from callmesh.participant import Participant, Role
from callmesh.people import Knock
from callmesh.session import Open, Session, Side
from callmesh.state import DELETED, Entry
from tests.simulated import RESOURCE, START, STATE, Client, World

MANY = int(os.environ.get("SCHEDULES", "150"))

texts = st.text(max_size=8)
ids = st.sampled_from(
    ["phost", "pada", "peve", "peve.1", "hub", "uhost", "uada", "ueve", "", "p", "\0"]
)
numbers = st.one_of(st.integers(0, 3), st.sampled_from([START, START + 9_000_000, 2**53 - 1]))
places = st.sampled_from(
    ["call", "roster", "apps", "door", "hub", "record", STATE, f"presence/{RESOURCE}", "state/r2",
     "presence/r2", "state/", "x"],
)  # fmt: skip
keys = st.one_of(
    texts,
    st.sampled_from(
        ["k", "closed", "secret/1", "mine/uada", "mine/ueve", "once/1", f"resource/{RESOURCE}",
         "resource/r2", f"access/{RESOURCE}/guest", "access/r2/guest", f"version/{RESOURCE}",
         "active", "waiting_area", "peve/at", "pada/at", "__proto__", "person/uada"],
    ),
)  # fmt: skip
json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 2**53), st.floats(), texts,
              st.sampled_from([RESOURCE, "view", "hidden", "host"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip
records = st.fixed_dictionaries(
    {"app": st.sampled_from(["notes", "none"]), "title": texts, "owner": ids},
)
raws = st.one_of(
    st.just(DELETED),
    st.one_of(json, records).map(lambda value: msgspec.Raw(msgspec.msgpack.encode(value))),
    st.sampled_from([b"\xc1", b"\xc4\x01x", b"\x93\x01", b"\x81\x01\x02", b"\xd4\x01\x02"]).map(
        msgspec.Raw
    ),
)
entries = st.builds(Entry, keys, numbers, ids, raws)
groups = st.builds(messages.Group, places, st.lists(entries, max_size=4), numbers)
likely = st.builds(
    Entry, keys, st.integers(START + 1, START + 99), st.just("peve"),
    st.one_of(
        st.just(DELETED), records.map(lambda value: msgspec.Raw(msgspec.msgpack.encode(value)))
    ),
)  # fmt: skip
"""Of the right form, and Eve's own: what is left to look at is where it goes."""
fuzzed: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        lambda place, entry: messages.Write([messages.Group(place, [entry])]), places, likely
    ),
    st.builds(
        messages.Command, st.text("abc", min_size=1, max_size=4), st.sampled_from(ACTIONS),
        st.sampled_from(["uhost", "uada", "uobs", "ueve"]),
        st.sampled_from(["", "host", "guest", "observer"]),
    ),
    st.builds(messages.Write, st.lists(groups, max_size=3)),
    st.builds(messages.Command, texts, st.sampled_from([*ACTIONS, "x"]), ids, texts),
    st.builds(
        messages.Stream, st.lists(ids, max_size=3), st.sampled_from([RESOURCE, "r2", ""]), texts,
        st.sampled_from(["reliable", "latest"]), numbers, st.booleans(), st.binary(max_size=9),
    ),
    st.builds(messages.Signal, ids, texts),
    st.builds(messages.Ping, numbers),
    st.just(messages.Leave()),
    st.builds(messages.Batch, numbers, numbers, st.booleans(), st.lists(groups, max_size=1)),
    st.builds(messages.Cache, st.just([])),
)  # fmt: skip


def crowd() -> World:
    world = World()
    world.call.begin(world.now, "")
    for name, role in (("host", Role.HOST), ("ada", Role.GUEST), ("obs", Role.OBSERVER)):
        world.client(name, role)
    world.clients[0].add_resource()
    world.settle()
    world.clients[0].set("k", 1)
    world.clients[1].set("ada1/at", 1)
    world.settle()
    return world


@pytest.mark.parametrize("role", [*Role, None])
@settings(max_examples=MANY, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(fuzzed, max_size=4), max_size=8))
def test_well_shaped_rubbish_harms_nobody_else(
    role: Role | None, rounds: list[list[Message]]
) -> None:
    """[W2, W3, J4, J6, J21] Whatever a participant sends, or one who waits (None)."""
    world = crowd()
    call = world.call
    eve = Participant("peve", "ueve", "Eve", role or Role.GUEST)  # type: ignore[arg-type]
    session = Session(Side.HUB, 0)
    if role is None:
        call.people._waiting_area = True
        who: Any = call.people.arrive(Visitor(eve, 0), session, 0, world.now)
        assert isinstance(who, Knock)
        call.people.tell_to_wait(who, "", world.now)
    else:
        who = call.people.join(eve, session, 0, world.now)
        session.welcome(b"")
        call.people.introduce(who, world.now)
    before = {client.name: client.view() for client in world.clients}
    for given_ in rounds:
        try:
            data = messages.bundle([messages.encode(message) for message in given_])
            for message in session.receive(data, world.now):
                if here := call.people.at(eve.id, session):
                    call.receive(here, message, world.now)
            call.take(who)
        except CallmeshError as error:
            session.end(error)
            call.people.leave(who, session, world.now)
        world.settle()
    world.settle()
    check(world, role, {message for given_ in rounds for message in map(_said, given_) if message})
    if role in (Role.OBSERVER, None):
        assert {client.name: client.view() for client in world.clients} == before


def _said(message: Message) -> tuple[str, str] | None:
    """What is commanded, about whom."""
    return (message.action, message.person) if isinstance(message, messages.Command) else None


def check(world: World, role: Role | None, commanded: set[tuple[str, str]]) -> None:
    """What holds, whatever was sent."""
    ledger = world.call.ledger
    check_what_is_the_hubs(world)
    check_the_honest_host(world, commanded)
    for state, registers in ledger.states.items():
        resource = resource_of(state)
        if registers.keys and resource is not None:
            assert resource in world.call.resources, "a State without a resource"
        for entry in registers.live():
            owned = entry.writer == HUB or entry.writer.startswith("p")
            assert owned
            assert entry.time <= world.now + 12_000_000
    if role is not Role.HOST:
        assert {m.participant.id for m in world.call.people.members.values()} >= {"phost", "pada"}
        grants = world.call.people.door.grants.all
        assert all(not grant.removed and grant.role is None for grant in grants.values())
        for client in world.clients[:2]:
            assert client.member is not None
            assert client.mesh.linked
            assert client.view() == {
                entry.key: msgspec.msgpack.decode(entry.value)
                for entry in ledger.state(STATE).live()
                if client.name == "host" or may_read(client, entry.key)
            }


def check_what_is_the_hubs(world: World) -> None:
    """[J6] No host writes into it either, and nobody is shown the record."""
    ledger = world.call.ledger
    for state in (ROSTER, APPS, DOOR, HUB_STATE, RECORD):
        assert {entry.writer for entry in ledger.state(state).entries.values()} <= {HUB}
    assert all(entry.key != "closed" for entry in ledger.state(STATE).live())
    for client in world.clients:
        assert list(client.mesh.keys(RECORD)) == []
        assert b"visit/" not in client.heard
        if client.me.role is not Role.HOST:
            given = client.world.call.people.door.grants.all.get(client.me.person)
            assert (given and given.role is Role.HOST) or not list(client.mesh.keys(DOOR))


def check_the_honest_host(world: World, commanded: set[tuple[str, str]]) -> None:
    """[J12, J20, J22] They are there and see everything, unless a command is why they do not."""
    host, ledger = world.clients[0], world.call.ledger
    actions = {action for action, _ in commanded}
    person = host.me.person
    out = "end" in actions or {("remove", person), ("ban", person)} & commanded
    member = world.call.people.members.get(host.me.id)
    if out:
        return
    assert member is not None
    assert member.session is host.far
    assert isinstance(host.far.state, Open)
    assert host.mesh.linked
    if ("role", person) in commanded:
        return
    assert member.participant.role is Role.HOST
    for state in [*ledger.states, STATE]:
        if state == RECORD:
            continue
        live = {e.key: msgspec.msgpack.decode(e.value) for e in ledger.state(state).live()}
        assert host.view(state) == live, state


def may_read(guest: Client, key: str) -> bool:
    """What `simulated.RULES` say of guests."""
    if key.startswith("mine/") and key.count("/") == 1:
        return key == f"mine/{guest.me.person}"
    return not (key.startswith("secret/") and key.count("/") == 1)


@settings(max_examples=MANY * 3)
@given(
    st.lists(st.one_of(fuzzed.map(messages.encode), st.binary(max_size=40)), max_size=4), st.data()
)
def test_the_decoder_ends_in_messages_or_in_one_error(parts: list[bytes], data: Any) -> None:
    """[W2] Also where bytes of a right message are others."""
    whole = bytearray(messages.bundle(parts))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    try:
        found = messages.unbundle(bytes(whole))
    except (WireError, TooLarge):
        return
    for message in found:
        assert messages.unbundle(messages.bundle([messages.encode(message)])) == [message]
