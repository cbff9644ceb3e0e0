"""Access, roles and key rules as they change: what gets in, what goes out, what is taken back."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callmesh import messages
from callmesh.app import Capability, KeyRule, Manifest, StateSpec, Who
from callmesh.clock import MICROSECONDS
from callmesh.door import Visitor
from callmesh.hosted import RESTORABLE, TOMBSTONES, HostedCall
from callmesh.ids import (
    APPS,
    CALL,
    ROSTER,
    CallId,
    ParticipantId,
    PersonId,
    StateId,
    Writer,
    presence_of,
)
from callmesh.ledger import Ledger, Record
from callmesh.limits import Limits
from callmesh.messages import Group
from callmesh.participant import Participant, Role
from callmesh.people import Member
from callmesh.resource import access_key, version_key
from callmesh.session import Session, Side
from callmesh.state import DELETED, Entry
from callmesh.values import encode
from tests.simulated import NOTES, RESOURCE, STATE, Client, World

PRESENCE = presence_of(RESOURCE)
RECORD = f"resource/{RESOURCE}"
START = 1_000_000


@pytest.fixture
def world() -> World:
    world = World()
    for name, role in (("host", Role.HOST), ("ada", Role.GUEST), ("bob", Role.GUEST),
                       ("obs", Role.OBSERVER)):  # fmt: skip
        world.client(name, role)
    world.clients[0].add_resource()
    world.settle()
    return world


def deny_reasons(client: Client, act: Any) -> list[str]:
    before = len(client.denials)
    act()
    client.world.deliver()
    return [denial.reason for denial in client.denials[before:]]


def write(client: Client, key: str, value: Any, state: StateId = STATE) -> list[str]:
    return deny_reasons(client, lambda: client.set(key, value, state))


def give(host: Client, to: Client, role: str) -> str:
    """A command for a role; why not, if it was not done."""
    host.command("role", to.me.person, role)
    host.world.deliver()
    host.world.commit()
    host.world.deliver()
    return host.answers[-1].reason


def grant(world: World, who: str, access: str | None) -> None:
    host = world.clients[0]
    assert write(host, access_key(RESOURCE, who), access or ..., CALL) == []


# --- access


def test_access_counts_at_once_and_without_a_new_link(world: World) -> None:
    """[J12, J13]"""
    _, ada, bob, _ = world.clients
    grant(world, "guest", "view")
    assert write(ada, "k", 1) == ["no_right"]
    assert write(ada, f"{ada.me.id}/at", 1, PRESENCE) == []
    grant(world, ada.me.person, "edit")
    assert write(ada, "k", 2) == []
    assert write(bob, "k", 3) == ["no_right"]
    grant(world, "guest", None)
    assert write(bob, "k", 4) == []
    assert {client.view()["k"] for client in world.clients} == {4}


def test_an_observer_may_be_let_in(world: World) -> None:
    """[J6, J12]"""
    obs = world.clients[3]
    assert write(obs, "k", 1) == ["no_right"]
    grant(world, obs.me.person, "edit")
    assert write(obs, "k", 1) == []
    assert write(obs, "active", RESOURCE, CALL) == ["no_right"]


def test_hosts_cannot_be_locked_out(world: World) -> None:
    """[J12]"""
    host = world.clients[0]
    grant(world, "host", "hidden")
    grant(world, host.me.person, "view")
    assert write(host, "k", 1) == []


def test_only_hosts_set_access_and_roles(world: World) -> None:
    """[J12, J13]"""
    host, ada, *_ = world.clients
    assert write(ada, access_key(RESOURCE, ada.me.person), "edit", CALL) == ["no_right"]
    assert give(ada, ada, "host") == "no_right"
    for key, value in (
        (access_key(RESOURCE, "guest"), "none"),
        (access_key(RESOURCE, "king"), "edit"),
        ("access/r1", "edit"),
        ("access/r1/guest/x", "edit"),
        (version_key(RESOURCE), "2"),
        (version_key(RESOURCE), 0),
    ):
        assert write(host, key, value, CALL) == ["bad_value"], key
    assert write(host, "access/rgone/guest", "view", CALL) == ["no_resource"]
    assert give(host, ada, "king") == "bad_value"


def test_hidden_is_not_there(world: World) -> None:
    """[J12, J14]"""
    host, ada, bob, _ = world.clients
    write(host, "k", 1)
    write(bob, f"{bob.me.id}/at", 1, PRESENCE)
    write(host, "active", RESOURCE, CALL)
    grant(world, ada.me.person, "hidden")
    assert ada.view() == ada.view(PRESENCE) == ada.view(CALL) == {}
    write(host, "k", 2)
    write(host, "secret", 3)
    assert ada.view() == {}
    assert write(ada, "k", 5) == ["no_resource"]
    assert write(ada, f"{ada.me.id}/at", 5, PRESENCE) == ["no_resource"]
    assert write(ada, RECORD, ..., CALL) == ["no_resource"]
    assert bob.view() == {"k": 2, "secret": 3}
    grant(world, ada.me.person, None)
    assert ada.view() == bob.view() == {"k": 2, "secret": 3}
    assert ada.view(CALL) == bob.view(CALL)
    assert ada.view(CALL)["active"] == RESOURCE
    assert ada.view(PRESENCE) == bob.view(PRESENCE)


def test_a_newcomer_does_not_get_what_is_hidden(world: World) -> None:
    """[J12, K4]"""
    grant(world, "guest", "hidden")
    write(world.clients[0], "k", "hush-hush")
    eve = world.client("eve", Role.GUEST)
    world.deliver()
    assert eve.view() == eve.view(CALL) == {}
    assert b"hush-hush" not in eve.heard


def test_one_who_was_away_while_access_changed_starts_from_a_whole_batch(world: World) -> None:
    """[J14, L3]"""
    host, ada, *_ = world.clients
    write(host, "k", 1)
    ada.cut()
    grant(world, ada.me.person, "hidden")
    ada.connect()
    world.deliver()
    assert ada.view() == {}
    ada.cut()
    grant(world, ada.me.person, "view")
    ada.connect()
    world.deliver()
    assert ada.view() == {"k": 1}


def test_a_stalled_reader_whose_access_flips_ends_where_it_should(world: World) -> None:
    """[J14]"""
    host, ada, *_ = world.clients
    write(host, "k", 1)
    for flips in (1, 2, 3, 16, 17):
        for number in range(flips):
            level = "hidden" if number % 2 == 0 else "view"
            host.set(access_key(RESOURCE, ada.me.person), level, CALL)
            host.set("k", number)
            host.step()
            host.step()
        world.deliver()
        assert ada.view() == ({} if flips % 2 else {"k": flips - 1})
        grant(world, ada.me.person, None)


def test_a_write_under_way_while_access_is_taken_is_answered(world: World) -> None:
    """[J14, S8] What the hub had taken is settled, what came too late is denied."""
    host, ada, *_ = world.clients
    ada.set("k", 1)
    ada.send()
    ada.arrive()
    ada.set("j", 1)
    ada.send()
    receipt = ada.mesh.receipt(STATE)
    host.set(access_key(RESOURCE, "guest"), "hidden", CALL)
    host.send()
    host.arrive()
    world.settle()
    assert receipt.done
    assert {denied.reason for denied in receipt.denied} == {"no_resource"}
    assert ada.view() == {}
    assert host.view() == {"k": 1}


@pytest.mark.parametrize("level", ["view", "hidden"])
def test_what_was_taken_is_not_judged_again(world: World, level: str) -> None:
    """[S8, K5] The link broke before its author heard. Another entry at its stamp is judged."""
    host, ada, *_ = world.clients
    ada.set("k", "mine")
    receipt = ada.mesh.receipt(STATE)
    ada.send()
    sent = ada.up[0]
    ada.arrive()
    ada.cut()
    grant(world, "guest", level)
    ada.connect()
    world.settle()
    assert receipt.done
    told = [denied.reason for denied in receipt.denied]
    assert told == (["no_resource"] if level == "hidden" else [])  # it is not there for her
    assert ada.denials == []
    assert host.view() == {"k": "mine"}
    assert ada.view() == ({} if level == "hidden" else {"k": "mine"})
    (written,) = messages.unbundle(sent)
    assert isinstance(written, messages.Write)
    taken = written.groups[0].entries[0]
    more = msgspec.structs.replace(taken, key="more")
    lost = msgspec.structs.replace(taken, time=taken.time - 1)
    for entries in ([taken, more], [lost]):
        ada.up.append(messages.bundle([messages.encode(messages.Write([Group(STATE, entries)]))]))
        world.deliver()
        assert ada.denials.pop().reason in ("no_right", "no_resource")
    assert host.view() == {"k": "mine"}


def test_streams_of_a_hidden_resource_reach_nobody_it_is_hidden_from(world: World) -> None:
    """[J12]"""
    host, ada, bob, _ = world.clients
    grant(world, ada.me.person, "hidden")

    def stream(client: Client) -> None:
        piece = messages.Stream([], RESOURCE, "pen", "reliable", 1, False, b"x")
        client.up.append(messages.bundle([messages.encode(piece)]))
        world.deliver()

    stream(host)
    assert [client.streamed for client in (ada, bob)] == [[], [b"x"]]
    stream(ada)
    assert [client.streamed for client in (host, bob)] == [[], [b"x"]]


# --- roles


def test_a_given_role_counts_at_once_and_at_the_next_visit(world: World) -> None:
    """[J13]"""
    host, ada, bob, _ = world.clients
    assert write(ada, "title", "x", CALL) == ["no_right"]
    assert give(host, ada, "host") == ""
    assert write(ada, "title", "x", CALL) == []
    assert bob.view(ROSTER)[ada.me.id]["role"] == "host"
    ada.cut()
    ada.connect()
    world.deliver()
    assert write(ada, "title", "y", CALL) == []
    assert give(host, ada, "") == ""
    assert write(ada, "title", "z", CALL) == ["no_right"]
    assert bob.view(ROSTER)[ada.me.id]["role"] == "guest"


def test_a_given_role_survives_the_hub(world: World) -> None:
    """[J13]"""
    host, ada, *_ = world.clients
    give(host, ada, "observer")
    world.commit()
    world.crash()
    world.settle()
    assert write(ada, "k", 1) == ["no_right"]


# --- key rules, on the way out

KEY = KeyRule("key/*", read=(Who.HOST,))
SHEET = KeyRule("sheet/{person}/**", read=(Who.SELF, Who.OWNER))


def test_nobody_gets_what_they_may_not_read(world: World) -> None:
    """[K4]"""
    world.rules(KEY, SHEET)
    host, ada, bob, obs = world.clients
    write(host, "key/1", "B")
    write(ada, f"sheet/{ada.me.person}/1", "hush-hush")
    mine = {f"sheet/{ada.me.person}/1": "hush-hush"}
    assert host.view() == {"key/1": "B"} | mine
    assert ada.view() == mine
    assert bob.view() == obs.view() == {}
    assert b"hush-hush" not in bob.heard
    assert write(ada, "key/1", "C") == ["no_right"]
    write(ada, f"sheet/{ada.me.person}/1", "changed")
    assert host.view()[f"sheet/{ada.me.person}/1"] == "changed"


def test_a_denial_does_not_tell_whether_there_is_what_one_may_not_read(world: World) -> None:
    """[K4]"""
    world.rules(KEY, KeyRule("once/*", change=()))
    host, ada, *_ = world.clients
    write(host, "key/1", "B")
    write(host, "once/1", "B")
    said = []
    for key in ("key/1", "key/2", "once/1"):
        assert write(ada, key, "C") == ["no_right"]
        said.append(ada.denials[-1].why.replace(key, "it"))
    assert said[0] == said[1]
    assert "change" in said[2]


def test_another_manifest_has_one_whole_batch_sent(world: World) -> None:
    """[L1, K4] What is written next comes by itself."""
    whole: list[str] = []

    def look(client: Client, bundle: bytes) -> None:
        for message in messages.unbundle(bundle, limit=None):
            if isinstance(message, messages.Batch) and message.whole:
                whole.append(client.name)

    world.on_answer = look
    world.rules(KEY)
    assert sorted(whole) == ["ada", "bob", "host", "obs"]
    write(world.clients[0], "k", 1)
    assert len(whole) == 4


def test_what_somebody_may_see_is_kept_as_long_as_their_link(world: World) -> None:
    """[K4, L2] Those who may see the same share it; who comes and goes leaves nothing behind."""
    world.rules(SHEET)
    people = world.call.people
    for number in range(300):
        eve = world.client(f"eve{number}", Role.GUEST)
        assert eve.member is not None
        people.leave(eve.member, eve.far, world.now)
        eve.member = None
    world.call.tick(world.now)  # what was made for them is not kept either
    world.clients = world.clients[:4]
    assert len(people._sights._known) <= 4
    world.rules(KEY)
    _, ada, bob, _ = (client.member for client in world.clients)
    assert ada is not None
    assert bob is not None
    assert ada.feed.sight is bob.feed.sight


def test_a_new_role_brings_and_takes_what_it_may_read(world: World) -> None:
    """[J14, K4]"""
    world.rules(KEY)
    host, ada, bob, _ = world.clients
    write(host, "key/1", "B")
    write(host, "open", 1)
    give(host, ada, "host")
    assert ada.view() == {"key/1": "B", "open": 1}
    write(ada, "key/2", "C")
    changes = len(bob.changes)
    give(host, ada, "")
    assert ada.view() == {"open": 1}
    assert host.view() == {"key/1": "B", "key/2": "C", "open": 1}
    assert {change.state for change in bob.changes[changes:]} <= {ROSTER, CALL}


def test_new_rules_count_at_once(world: World) -> None:
    """[K4] An author has changed the manifest."""
    host, ada, *_ = world.clients
    write(host, "key/1", "B")
    world.rules(KEY)
    assert ada.view() == {}
    assert ada.view(APPS)["notes"]["keys"][0]["read"] == ["host"]
    world.rules()
    assert ada.view() == {"key/1": "B"}


def test_the_state_of_an_app_that_is_gone_is_closed(world: World) -> None:
    """[K2] A hub started without the app must not open what its rules had closed."""
    host, ada, *_ = world.clients
    write(host, "k", 1)
    del world.apps["notes"]
    world.call.apps_changed(world.now)
    world.deliver()
    assert ada.view() == {}
    assert host.view() == {"k": 1}
    assert write(host, "k", 2) == ["no_right"]


def test_links_that_may_see_the_same_get_the_same_bytes(world: World) -> None:
    """[L2]"""
    world.rules(KEY)
    host, ada, bob, _ = world.clients
    host.set("key/1", "B")
    host.set("open", 1)
    host.send()
    host.arrive()
    bundles = [world.call.take(client.member) for client in (host, ada, bob) if client.member]
    assert bundles[1] == bundles[2] != bundles[0]


# --- key rules, on the way in


def test_create_only_keys_are_created_once(world: World) -> None:
    """[K5]"""
    world.rules(KeyRule("signed/{person}", change=()), KeyRule("note/*", change=(Who.HOST,)))
    host, ada, bob, _ = world.clients
    mine = f"signed/{ada.me.person}"
    assert write(ada, mine, "yes") == []
    assert write(ada, mine, "no") == ["no_right"]
    assert write(ada, mine, ...) == ["no_right"]
    assert write(ada, "note/1", "a") == []
    assert write(bob, "note/1", "b") == ["no_right"]
    assert write(host, "note/1", ...) == []
    assert write(bob, "note/1", "b") == []
    assert host.view() == {mine: "yes", "note/1": "b"}


def test_sending_again_is_not_changing(world: World) -> None:
    """[K5] The link broke before the answer; the author must not be told it was denied."""
    world.rules(KeyRule("signed/{person}", change=()))
    ada = world.clients[1]
    ada.set(f"signed/{ada.me.person}", "yes")
    receipt = ada.mesh.receipt(STATE)
    ada.send()
    again = ada.up[0]
    ada.arrive()
    ada.up.append(again)
    world.settle()
    assert receipt.done
    assert not receipt.denied
    assert ada.denials == []


def test_a_transaction_is_taken_or_denied_as_one(world: World) -> None:
    """[S5, S10]"""
    world.rules(KeyRule("closed", write=()))
    _, ada, bob, _ = world.clients
    groups = {STATE: {"a": encode(1), "closed": encode(2), "b": encode(3)}}
    ada.mesh.write(groups, ada.now)
    ada.set("c", 4)
    world.settle()
    (denial,) = ada.denials
    assert denial.places[0] == (STATE, "closed")
    assert {key for _, key in denial.places} == {"a", "b", "closed"}
    assert ada.view() == bob.view() == {"c": 4}


def test_room_is_counted_for_a_whole_transaction(world: World) -> None:
    """[S5, J8]"""
    world.limit(keys=3)
    ada = world.clients[1]
    keys = {f"k{n}": encode(n) for n in range(4)}
    assert deny_reasons(ada, lambda: ada.mesh.write({STATE: keys}, ada.now)) == ["full"]
    assert ada.view() == {}


def test_a_resource_may_be_added_hidden_in_one_transaction(world: World) -> None:
    """[J12, S5] Nobody it is hidden from ever hears of it."""
    host, ada, *_ = world.clients
    record = encode({"app": "notes", "title": "Draft", "owner": host.me.person})
    groups = {
        CALL: {"resource/r2": record, access_key("r2", "guest"): encode("hidden")},  # type: ignore[arg-type]
        StateId("state/r2"): {"k": encode("hush-hush")},
    }
    host.mesh.write(groups, host.now)
    world.settle()
    assert host.view(StateId("state/r2")) == {"k": "hush-hush"}
    assert b"Draft" not in ada.heard
    assert b"r2" not in ada.heard
    assert b"hush-hush" not in ada.heard


def test_that_something_was_deleted_is_told_to_whom_it_was_shown(world: World) -> None:
    """[K4, R5, J14] The id of a hidden resource, and whom its settings name, are in its deletes."""
    host, ada, bob, _ = world.clients
    key, record = "resource/rhush", {"app": "notes", "title": "x", "owner": host.me.person}
    settings = {access_key("rhush", who): encode("hidden") for who in ("guest", "observer")}  # type: ignore[arg-type]
    shown = {access_key("rhush", bob.me.person): encode("view")}  # type: ignore[arg-type]
    host.write({CALL: {key: encode(record), **settings, **shown}})
    world.settle()
    assert key in bob.view(CALL)
    write(host, access_key("rhush", "uzoe"), "view", CALL)  # type: ignore[arg-type]
    write(host, access_key("rhush", "uzoe"), ..., CALL)  # type: ignore[arg-type]
    away = world.client("eve", Role.GUEST)
    world.settle()
    away.cut()
    bob.cut()
    assert write(host, key, ..., CALL) == []
    bob.connect()
    away.connect()
    world.settle()
    for client in world.clients:
        assert key not in client.view(CALL)
    assert b"rhush" in bob.heard
    for client in (ada, away):
        assert b"rhush" not in client.heard
        assert b"uzoe" not in client.heard


def test_one_who_comes_back_is_not_told_of_what_came_and_went_meanwhile(world: World) -> None:
    """[K4, R5] Added while away, and removed before the first batch."""
    host, ada, *_ = world.clients
    record = {"app": "notes", "title": "x", "owner": host.me.person}
    ada.cut()
    write(host, "resource/rbrief", record, CALL)
    ada.connect()
    host.set("resource/rbrief", ..., CALL)
    host.send()
    host.arrive()
    world.settle()
    assert b"rbrief" not in ada.heard
    assert ada.view(CALL) == host.view(CALL)


def test_a_removal_is_told_in_its_writers_name(world: World) -> None:
    """[R5]"""
    host, ada, *_ = world.clients
    before = len(ada.changes)
    write(host, RECORD, ..., CALL)
    changed = [change.keys[RECORD] for change in ada.changes[before:] if RECORD in change.keys]
    assert [(c.new, c.writer) for c in changed] == [(None, host.me.id)]


def test_a_write_taken_while_access_flips_is_answered_though_nothing_was_told(world: World) -> None:
    """[L4, J14] Shown and hidden again between two batches; its author had wind of it."""
    host, ada, *_ = world.clients
    grant(world, ada.me.person, "hidden")
    ada.set("k", 1)
    ada.send()
    for level in ("edit", "hidden"):
        host.set(access_key(RESOURCE, ada.me.person), level, CALL)
        host.send()
        host.arrive()
        ada.arrive()
    world.settle()
    assert ada.mesh.unsaved == 0
    assert (ada.view(), host.view()) == ({}, {"k": 1})


def test_a_resource_that_is_removed_before_its_adder_is_told_leaves_no_write_open(
    world: World,
) -> None:
    """[L4, R5]"""
    host, ada, *_ = world.clients
    record = encode({"app": "notes", "title": "x", "owner": ada.me.person})
    state = StateId("state/r2")
    ada.write({CALL: {"resource/r2": record}, state: {"first": encode(1)}})
    receipt = ada.mesh.receipt(state)
    ada.send()
    ada.arrive()
    host.answer()
    host.hear()
    host.set("resource/r2", ..., CALL)
    host.send()
    host.arrive()
    world.settle()
    assert (ada.mesh.unsaved, receipt.done) == (0, True)
    assert ada.view(state) == ada.mesh.confirmed(state) == {}


def test_what_was_set_for_a_resource_goes_with_it(world: World) -> None:
    """[R5]"""
    host = world.clients[0]
    grant(world, "guest", "hidden")
    assert write(host, RECORD, ..., CALL) == []
    assert host.view(CALL) == {}
    entries = world.call.ledger.state(CALL).entries
    assert access_key(RESOURCE, "guest") in entries
    assert entries[access_key(RESOURCE, "guest")].deleted


def test_the_id_of_a_resource_is_used_once(world: World) -> None:
    """[R11] Whoever was away would take the new one for the old one, with what it held."""
    host, ada, bob, _ = world.clients
    write(host, "old", 1)
    world.settle()
    bob.cut()
    ada.cut()
    world.now += 10_000
    assert write(host, RECORD, ..., CALL) == []
    world.now += 10_000
    record = {"app": "notes", "title": "Again", "owner": host.me.person}
    assert write(host, RECORD, record, CALL) == ["no_resource"]
    assert "add another" in host.denials[-1].why
    world.now += 3 * TOMBSTONES
    world.call.tick(world.now)
    assert write(host, RECORD, record, CALL) == ["no_resource"]
    world.commit()
    world.crash()
    assert write(host, RECORD, record, CALL) == []  # it waits for a link
    world.settle()
    assert host.denials[-1].reason == "no_resource"
    assert {str(client.view(CALL)) for client in world.clients} == {"{}"}
    assert {str(client.view()) for client in world.clients} == {"{}"}


NOTES_OF_HOST = {"app": "notes", "title": "Notes", "owner": "uhost"}
OUT = {**NOTES_OF_HOST, "removed": True}


def removed_by_a_host(world: World) -> None:
    """With a key in its state, an access setting, and something shown."""
    host, ada, *_ = world.clients
    assert host.me.person == "uhost"
    write(ada, "k", 1)
    write(ada, f"{ada.me.id}/at", 1, PRESENCE)
    grant(world, "observer", "hidden")
    assert write(host, RECORD, OUT, CALL) == []


def test_what_was_removed_so_is_restored_with_its_state(world: World) -> None:
    """[R12] To everybody, and to who comes meanwhile; what was shown there is gone."""
    host, ada, bob, _ = world.clients
    removed_by_a_host(world)
    assert write(ada, "k", 2) == ["no_resource"]
    assert write(host, "k", 2) == ["no_resource"]
    assert write(ada, f"{ada.me.id}/at", 2, PRESENCE) == ["no_resource"]
    assert write(host, access_key(RESOURCE, "guest"), "view", CALL) == ["no_resource"]
    assert RESOURCE not in world.call.resources
    late = world.client("late", Role.GUEST)
    world.settle()
    assert late.view(CALL)[RECORD] == OUT
    assert write(host, RECORD, NOTES_OF_HOST, CALL) == []
    for client in (host, ada, bob, late):
        assert (client.view(), client.view(PRESENCE)) == ({"k": 1}, {})
    assert world.clients[3].view() == {}  # as hidden as before
    assert write(ada, "k", 3) == []
    world.now += 2 * RESTORABLE
    world.call.tick(world.now)
    world.settle()
    assert bob.view() == {"k": 3}


def test_what_was_removed_so_and_not_restored_in_time_is_gone_for_good(world: World) -> None:
    """[R12, R5, R11] Whoever removed it has left, and the hub has died meanwhile."""
    host, ada, *_ = world.clients
    removed_by_a_host(world)
    world.commit()
    world.crash()
    for client in world.clients[1:]:
        client.connect()
    world.settle()
    assert RECORD in ada.view(CALL)
    world.now += RESTORABLE + MICROSECONDS
    world.call.tick(world.now)
    world.settle()
    assert (ada.view(), RECORD in ada.view(CALL)) == ({}, False)
    assert not world.call.ledger.state(STATE).entries
    host.connect()
    world.settle()
    assert write(host, RECORD, NOTES_OF_HOST, CALL) == ["no_resource"]


def test_while_the_disk_refuses_what_was_removed_so_waits(world: World) -> None:
    """[R12]"""
    ada = world.clients[1]
    removed_by_a_host(world)
    world.now += RESTORABLE + MICROSECONDS
    for refuses, stays in (("the disk is full", True), (None, False)):
        world.call.disk(refuses, world.now)
        world.call.tick(world.now)
        world.settle()
        assert (RECORD in ada.view(CALL)) is stays


def test_who_may_remove_a_resource_may_restore_it(world: World) -> None:
    """[R12, J7] A guest may whose own it is; another one may not, and nobody adds one so."""
    host, ada, bob, _ = world.clients
    record = {"app": "notes", "title": "Mine", "owner": ada.me.person}
    out = {**record, "removed": True}
    assert write(ada, "resource/r2", out, CALL) == ["bad_value"]
    assert write(ada, "resource/r2", record, CALL) == []
    assert write(bob, "resource/r2", out, CALL) == ["no_right"]
    assert write(ada, "resource/r2", out, CALL) == []
    assert write(bob, "resource/r2", record, CALL) == ["no_right"]
    assert write(ada, "resource/r2", {**record, "owner": bob.me.person}, CALL) == ["no_right"]
    assert write(ada, "resource/r2", record, CALL) == []
    assert write(host, "resource/r2", out, CALL) == []
    assert write(host, "resource/r2", ..., CALL) == []  # for good, at once
    assert write(ada, "resource/r2", record, CALL) == ["no_resource"]


def test_what_belongs_to_nobody_hosts_alone_change_and_remove() -> None:
    """[J7] As the chat: who has added it neither renames nor removes it."""
    world = World(msgspec.structs.replace(NOTES, owned=False))
    world.start()
    host, ada = world.client("host"), world.client("ada", Role.GUEST)
    world.settle()
    record = {"app": "notes", "title": "Talk", "owner": ada.me.person}
    assert write(ada, "resource/r2", record, CALL) == []
    for wanted in ({**record, "title": "x"}, {**record, "removed": True}, ...):
        assert write(ada, "resource/r2", wanted, CALL) == ["no_right"]
    assert write(host, "resource/r2", {**record, "removed": True}, CALL) == []
    assert write(ada, "resource/r2", record, CALL) == ["no_right"]
    assert write(host, "resource/r2", ..., CALL) == []


def test_what_is_restored_needs_room_in_the_call() -> None:
    """[R12, J8]"""
    world = World()
    world.limits = Limits(resources=1)
    world.start()
    host = world.client("host")
    host.add_resource()
    world.settle()
    record = {"app": "notes", "title": "x", "owner": host.me.person}
    assert write(host, RECORD, {**record, "removed": True}, CALL) == []
    assert write(host, "resource/r2", record, CALL) == []
    assert write(host, RECORD, record, CALL) == ["full"]
    assert write(host, "resource/r2", {**record, "removed": True}, CALL) == []
    both = {CALL: {RECORD: encode(record), "resource/r2": encode(record)}}
    assert deny_reasons(host, lambda: host.write(both)) == ["full"], "not both"
    assert write(host, "resource/r2", ..., CALL) == []
    assert write(host, RECORD, record, CALL) == []


def test_a_removal_that_is_sent_again_is_not_denied(world: World) -> None:
    """[R11, S11] The link broke before the answer, and comes back with a whole batch."""
    host = world.clients[0]
    host.set(RECORD, ..., CALL)
    receipt = host.mesh.receipt(CALL)
    host.send()
    host.arrive()
    host.cut()
    world.settle()
    assert (receipt.done, receipt.denied, host.denials) == (True, [], [])
    assert host.view(CALL) == {}


def test_many_removed_ids_are_remembered_and_not_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[R11, S14] One that is forgotten may come back, and then everybody starts anew."""
    monkeypatch.setattr("callmesh.ledger.MAX_TOMBSTONES", 20)
    host, ada, bob, _ = world.clients
    bob.cut()
    record = {"app": "notes", "title": "x", "owner": host.me.person}
    for number in range(100):
        for value in (record, ...):
            write(host, f"resource/r{number + 2}", value, CALL)
            world.now += 10
    assert len(world.call.ledger.state(CALL).entries) <= 22
    state = StateId("state/r2")
    host.mesh.write({CALL: {"resource/r2": encode(record)}, state: {"k": encode(2)}}, host.now)
    world.settle()
    assert bob.view(state) == ada.view(state) == {"k": 2}
    assert bob.view(CALL) == ada.view(CALL) == host.view(CALL)


@pytest.mark.parametrize("again", [False, True])
def test_no_state_is_left_behind_by_an_old_record(world: World, again: bool) -> None:
    """[R11, R5] Neither by an adding that is older than the removal, nor by one sent again."""
    host, ada, *_ = world.clients
    for number in range(10):
        key, state = f"resource/rx{number}", StateId(f"state/rx{number}")
        record = encode({"app": "notes", "title": "x", "owner": ada.me.person})
        ada.mesh.write({CALL: {key: record}, state: {"junk": encode("x")}}, ada.now)
        ada.send()
        bundle = ada.up[0]
        ada.arrive()
        world.now += 10
        assert write(host, key, ..., CALL) == []
        if again:
            ada.up.append(bundle)
            world.settle()
        else:
            old = Entry(key, world.now - 9, Writer(f"{ada.me.id}.1"), record)
            junk = msgspec.structs.replace(old, key="junk")
            forged = messages.Write([Group(CALL, [old]), Group(state, [junk])])
            ada.up.append(messages.bundle([messages.encode(forged)]))
            world.settle()
    assert len(ada.denials) == 10
    assert set(world.call.ledger.states) & {StateId(f"state/rx{n}") for n in range(10)} == set()


def test_a_transaction_that_removes_a_resource_writes_nothing_into_it(world: World) -> None:
    """[R5, S5]"""
    host = world.clients[0]
    for groups in (
        {CALL: {RECORD: DELETED}, STATE: {"k": encode(1)}},
        {CALL: {RECORD: DELETED, access_key(RESOURCE, "guest"): encode("view")}},
    ):
        assert deny_reasons(host, lambda groups=groups: host.write(groups)) == ["no_resource"]
    assert RECORD in host.view(CALL)


def test_a_state_without_a_record_is_dropped_when_the_call_is_loaded(world: World) -> None:
    """[R5, S24] Not that of a record which cannot be read."""
    write(world.clients[0], "k", 1)
    world.commit()
    for name in ("rorphan", "runreadable"):
        world.spoil(StateId(f"state/{name}"), "k", encode(1))
        world.spoil(StateId(f"state/{name}"), "bad", b"\xc1")
    world.spoil(CALL, "resource/runreadable", encode("no record"))
    world.crash()
    world.settle()
    world.commit()
    kept = world.storage.load(world.call.id)
    assert kept is not None
    places = {(r.state, r.entry.key) for r in kept.records if r.state.startswith("state/")}
    unreadable = StateId("state/runreadable")
    assert places == {(STATE, "k"), (unreadable, "k"), (unreadable, "bad")}


# --- defaults and versions


def notes(version: int = 1, **defaults: Any) -> Any:
    return msgspec.structs.replace(NOTES, state=StateSpec(version, defaults))


def test_a_resource_begins_with_its_defaults_once() -> None:
    """[R8]"""
    world = World(notes(title="Untitled", size=3))
    host, ada = world.client("host"), world.client("ada", Role.GUEST)
    world.deliver()
    record = encode({"app": "notes", "title": "x", "owner": host.me.person})
    host.mesh.write({CALL: {RECORD: record}, STATE: {"title": encode("Mine")}}, host.now)
    host.send()
    again = host.up[0]
    world.settle()
    assert host.view() == ada.view() == {"title": "Mine", "size": 3}
    write(ada, "size", ...)
    host.up.append(again)
    world.settle()
    write(host, RECORD, {"app": "notes", "title": "y", "owner": host.me.person}, CALL)
    world.commit()
    world.crash()
    world.settle()
    assert host.view() == ada.view() == {"title": "Mine"}


def test_many_who_add_at_once_each_get_defaults_of_their_own() -> None:
    """[R8]"""
    world = World(notes(count=0))
    clients = [world.client(name, Role.GUEST) for name in "abcd"]
    world.deliver()
    for number, client in enumerate(clients):
        record = {"app": "notes", "title": "x", "owner": client.me.person}
        client.set(f"resource/r{number}", record, CALL)
    world.settle()
    for number in range(4):
        assert clients[0].view(StateId(f"state/r{number}")) == {"count": 0}
        write(clients[number], "count", number, StateId(f"state/r{number}"))
    assert clients[1].view(StateId("state/r3")) == {"count": 3}


def migrate(client: Client, to: int, **keys: Any) -> None:
    """One transaction that brings the state to a later version."""
    client.mesh.versions[STATE] = to
    values = {key: DELETED if value is ... else encode(value) for key, value in keys.items()}
    client.changes += client.mesh.write(
        {CALL: {version_key(RESOURCE): encode(to)}, STATE: values}, client.now
    )


def test_a_migration_runs_once_whoever_tries(world: World) -> None:
    """[R9, S23]"""
    host, ada, bob, obs = world.clients
    write(host, "name", "x")
    world.app(notes(2))
    for client in (host, ada, bob, obs):
        migrate(client, 2, name=..., title=f"x by {client.name}")
    world.settle()
    assert [d.reason for c in (host, ada, bob, obs) for d in c.denials] == [
        "outdated", "outdated", "no_right",
    ]  # fmt: skip
    assert {str(client.view()) for client in world.clients} == {str({"title": "x by host"})}
    assert host.view(CALL)[version_key(RESOURCE)] == 2


def test_what_is_written_for_another_version_is_denied(world: World) -> None:
    """[S23]"""
    host, ada, bob, _ = world.clients
    world.app(notes(2))
    ada.mesh.versions[STATE] = 1
    assert write(ada, "k", 1) == []
    migrate(host, 2, k=2)
    world.deliver()
    assert write(ada, "k", 3) == ["outdated"]
    assert "reload" in ada.denials[-1].why
    assert write(bob, "k", 4) == []  # does not say
    assert write(host, "k", 5) == []
    host.mesh.versions[STATE] = 3
    assert write(host, "k", 6) == ["outdated"]


def test_a_version_goes_up_to_the_manifests_and_never_back(world: World) -> None:
    """[R9]"""
    host, ada, *_ = world.clients
    world.app(notes(3))
    key = version_key(RESOURCE)
    assert write(host, key, 4, CALL) == ["bad_value"]
    assert write(host, key, 3, CALL) == []
    assert write(host, key, 2, CALL) == ["outdated"]
    assert write(host, key, ..., CALL) == ["bad_value"]
    assert write(ada, version_key("rgone"), 2, CALL) == ["no_resource"]  # type: ignore[arg-type]


def test_a_migration_that_would_lose_the_merge_is_denied(world: World) -> None:
    """[R9] It raises no version, and would be a way around the key rules, again and again."""
    host = world.clients[0]
    world.app(notes(2))
    write(host, version_key(RESOURCE), 2, CALL)
    world.app(msgspec.structs.replace(notes(3), keys=[KeyRule("closed", write=())]))
    for time in (world.now - 10_000_000, 5):
        entries = [Entry(key, time, host.mesh.writer, encode(3)) for key in ("closed", "x")]
        step = Entry(version_key(RESOURCE), time, host.mesh.writer, encode(3))
        forged = messages.Write([Group(CALL, [step]), Group(STATE, entries, 3)])
        host.up.append(messages.bundle([messages.encode(forged)]))
        world.deliver()
        assert host.denials.pop().reason == "outdated"
    assert host.view() == {}
    assert host.view(CALL)[version_key(RESOURCE)] == 2


def test_a_migration_by_a_host_is_not_bound_by_key_rules(world: World) -> None:
    """[R9]"""
    host, ada, bob, _ = world.clients
    vote = f"votes/{bob.me.person}"
    world.app(msgspec.structs.replace(notes(), keys=[KeyRule("votes/{person}")]))
    write(bob, vote, 1)
    world.app(msgspec.structs.replace(notes(2), keys=[KeyRule("votes/{person}")]))
    migrate(ada, 2, **{vote: "one"})
    world.settle()
    assert [d.reason for d in ada.denials] == ["no_right"]
    migrate(host, 2, **{vote: "one"})
    world.settle()
    assert bob.view() == {vote: "one"}


def test_a_write_that_its_author_may_not_read_is_answered() -> None:
    """[L4] No manifest lets it be, a hub's own apps might: taken, and gone from its eyes."""
    box = KeyRule("key/*", write=(Who.EVERYONE,), read=(Who.HOST,))
    world = World(msgspec.structs.replace(notes(), keys=[box]))
    host, ada = world.client("host"), world.client("ada", Role.GUEST)
    host.add_resource()
    world.settle()
    write(host, "k", 1)  # what follows comes in a batch of its own
    ada.set("key/1", "B")
    receipt = ada.mesh.receipt(STATE)
    world.settle()
    assert receipt.done
    assert not receipt.denied
    assert host.view() == {"key/1": "B", "k": 1}
    assert ada.view() == {"k": 1}
    assert ada.mesh.unsaved == 0


def test_who_cannot_read_everything_migrates_nothing(world: World) -> None:
    """[R9] What they do not see would stay in the old form for ever."""
    host, ada, *_ = world.clients
    secret = KeyRule("secret/*", read=(Who.HOST,))
    world.app(msgspec.structs.replace(notes(2), keys=[secret]))
    write(host, "secret/1", "old")
    migrate(ada, 2, title="x")
    world.settle()
    assert [d.reason for d in ada.denials] == ["no_right"]
    assert "read all" in ada.denials[0].why
    assert version_key(RESOURCE) not in host.view(CALL)
    migrate(host, 2, **{"secret/1": "new"})
    world.settle()
    assert host.view() == {"secret/1": "new"}


def test_a_migration_is_no_way_around_the_rules_afterwards(world: World) -> None:
    """[R9, K2] Its stamp is used once more, with other entries; sent again as it was it is fine."""
    host, ada, bob, _ = world.clients
    rules = [KeyRule("votes/{person}")]
    world.app(msgspec.structs.replace(notes(2), keys=rules))
    ada.mesh.versions[STATE] = 2
    write(host, RECORD, ..., CALL)
    record = {"app": "notes", "title": "x", "owner": ada.me.person}
    write(ada, "resource/r7", record, CALL)
    state = StateId("state/r7")
    write(bob, f"votes/{bob.me.person}", 1, state)
    world.app(msgspec.structs.replace(notes(3), keys=rules))
    step = {version_key("r7"): encode(3)}  # type: ignore[arg-type]
    ada.mesh.versions[state] = 3
    ada.mesh.write({CALL: step, state: {"a": encode(1)}}, ada.now)
    ada.send()
    again = ada.up[0]
    world.deliver()
    ada.up.append(again)
    world.deliver()
    assert ada.denials == []
    (first,) = messages.unbundle(again)
    assert isinstance(first, messages.Write)
    stamp = first.groups[0].entries[0]
    forged = msgspec.structs.replace(stamp, key="votes/uobs", value=encode("mine"))
    groups = [*first.groups[:1], Group(state, [forged], 3)]
    ada.up.append(messages.bundle([messages.encode(messages.Write(groups))]))
    world.deliver()
    assert [denial.reason for denial in ada.denials] == ["no_right"]
    assert bob.view(state) == {"a": 1, f"votes/{bob.me.person}": 1}


def test_a_new_resource_has_the_version_of_its_app() -> None:
    """[R9]"""
    world = World(notes(4))
    host = world.client("host")
    host.mesh.versions[STATE] = 4
    record = encode({"app": "notes", "title": "x", "owner": host.me.person})
    host.mesh.write({CALL: {RECORD: record}, STATE: {"k": encode(1)}}, host.now)
    world.settle()
    assert host.denials == []
    assert host.view(CALL)[version_key(RESOURCE)] == 4


# --- what cannot be read, and clocks


def test_what_cannot_be_read_on_disk_is_set_aside(world: World) -> None:
    """[S24] It is not fatal, nobody gets it, and it stays where it is until it is written anew."""
    host = world.clients[0]
    write(host, "good", 1)
    write(host, "bad", 2)
    world.settle()
    world.spoil(STATE, "bad", b"\xc1")
    world.spoil(CALL, "title", encode({"nobody": "wrote"}))
    world.spoil(CALL, "resource/r9", encode("no record"))
    world.crash()
    world.settle()
    assert set(world.call.set_aside) == {(STATE, "bad"), (CALL, "resource/r9")}
    assert host.view() == {"good": 1}
    kept = world.storage.load(world.call.id)
    assert kept is not None
    assert b"\xc1" in [bytes(record.entry.value) for record in kept.records]
    assert write(host, "bad", 3) == []
    world.commit()
    world.crash()
    world.settle()
    assert host.view() == {"good": 1, "bad": 3}


@pytest.mark.parametrize("value", [[1], {"a": 1}, 5])
def test_what_makes_no_sense_on_disk_is_not_in_the_call(world: World, value: object) -> None:
    """[S24] It goes on without, whatever should be there."""
    host = world.clients[0]
    world.settle()
    world.spoil(CALL, "active", encode(value))
    world.spoil(CALL, access_key(RESOURCE, "guest"), encode(value))
    world.crash()
    world.settle()
    assert set(world.call.set_aside) == {(CALL, "active"), (CALL, access_key(RESOURCE, "guest"))}
    assert set(host.view(CALL)) == {RECORD}
    assert write(host, "active", RESOURCE, CALL) == []
    assert {client.view(CALL)["active"] for client in world.clients} == {RESOURCE}


def test_an_entry_that_nobody_could_take_is_set_aside(world: World) -> None:
    """[S24] It would end the session of everybody it is sent to."""
    host = world.clients[0]
    write(host, "good", 1)
    world.settle()
    kept = world.storage._records[world.call.id]
    good = kept[STATE, "good"]
    for key, changed in (("a", {"writer": "p" * 100}), ("b", {"writer": ""}), ("c", {"time": -1}),
                         ("d", {"time": 2**53})):  # fmt: skip
        entry = msgspec.structs.replace(good.entry, key=key, **changed)
        kept[STATE, key] = Record(good.number, STATE, entry)
    for state in ("state/" + "x" * 100, "other"):
        kept[StateId(state), "k"] = Record(good.number, StateId(state), good.entry)
    world.crash()
    world.settle()
    assert len(world.call.set_aside) == 6
    assert [client.view() for client in world.clients] == [{"good": 1}] * 4


@pytest.mark.parametrize("jump", [3_600_000_000, -3_600_000_000])
def test_a_clock_that_jumps_in_mid_call_loses_nothing(world: World, jump: int) -> None:
    """[S17, J5]"""
    host, ada, *_ = world.clients
    write(ada, "k", 0)
    ada.skew += jump
    for number in range(1, 200):
        ada.set("k", number)
        ada.set(f"k{number % 7}", number)
        if number % 3 == 0:
            ada.step()
    receipt = ada.mesh.receipt(STATE)
    world.settle()
    assert receipt.done
    assert not receipt.denied
    assert ada.view() == host.view()
    assert host.view()["k"] == 199
    assert world.call.ledger.seen < world.now + 6_000_000
    write(host, "k", "after")
    assert ada.view()["k"] == "after"


def test_a_clock_set_back_does_not_tie_two_writes_together(world: World) -> None:
    """[S17, S5] An allowed write once shared its stamp, and so its fate, with a forbidden one."""
    world.rules(KeyRule("closed", write=()))
    host, ada, *_ = world.clients
    ada.skew = 3_600_000_000
    ada.set("p", 1)
    ada.skew = 0
    ada.set("closed", 2)
    ada.learn()
    ada.set("p", 3)
    world.settle()
    assert host.view() == ada.view() == {"p": 3}


def test_deletes_are_remembered_up_to_a_number(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[S14, J8] A key that is made and deleted for ever fills nothing."""
    monkeypatch.setattr("callmesh.ledger.MAX_TOMBSTONES", 20)
    host, ada, bob, _ = world.clients
    bob.cut()
    for number in range(200):
        host.set(f"k{number}", number)
        host.step()
        host.set(f"k{number}", ...)
        world.deliver()
    assert len(world.call.ledger.state(STATE).entries) <= 21
    assert ada.view() == {}
    bob.connect()
    world.settle()
    assert bob.view() == {}


def test_frames_write_in_their_participants_name() -> None:
    """[J4, S5] One bundle with transactions of a page and of its frames."""
    world = World()
    host = world.client("host")
    host.add_resource()
    world.settle()
    entries = [
        messages.Write([
            Group(STATE, [msgspec.structs.replace(e, writer=f"{host.me.id}.{n}")])
        ])
        for n, e in enumerate([*_entries(host, "a", "b")], 1)
    ]  # fmt: skip
    host.up.append(messages.bundle([messages.encode(write) for write in entries]))
    world.deliver()
    assert host.view() == {"a": 1, "b": 1}


def _entries(client: Client, *keys: str) -> Any:
    return [Entry(key, client.now, client.mesh.writer, encode(1)) for key in keys]


def test_a_resend_is_no_way_to_ask_about_what_is_not_for_ones_eyes(world: World) -> None:
    """[J12, J19, K4, S8] One's own entry, and beside it a key that one is curious about."""
    world.rules(KEY)
    host, ada, bob, _ = world.clients
    now = world.now
    own = Entry(f"{ada.me.id}/x", now - 10, Writer(ada.me.id), encode(1))

    def ask(state: str, key: str) -> list[object]:
        about = Entry(key, own.time, own.writer, DELETED)
        write = messages.Write([Group(PRESENCE, [own]), Group(state, [about])])
        before = len(ada.heard), len(ada.denials)
        ada.near.put(messages.encode(write))
        world.deliver()
        return [ada.denials[before[1] :] != [], len(ada.heard) > before[0]]

    ada.near.put(messages.encode(messages.Write([Group(PRESENCE, [own])])))
    world.deliver()
    write(host, "key/1", "B")
    host.command("role", bob.me.person, "observer")
    world.deliver()
    world.commit()
    for state, key in (
        ("record", f"person/{bob.me.person}"), ("door", f"person/{bob.me.person}"),
        ("record", "about/call"), (STATE, "key/1"), ("roster", bob.me.id), (PRESENCE, "nobody/x"),
    ):  # fmt: skip
        assert ask(state, key)[0], (state, key)
    grant(world, ada.me.person, "hidden")
    assert ask(STATE, "key/1")[0]
    assert ask(CALL, f"access/{RESOURCE}/{ada.me.person}")[0]


# --- what is remembered

PEOPLE = (("p0", "u0", Role.HOST), ("p1", "u1", Role.GUEST))
LIMITS = Limits(state_bytes=400, keys=5, presence_bytes=80, presence_keys=2, value_bytes=200)
FREE = Manifest(id="notes", name="Notes", version="1.0.0", capabilities=tuple(Capability))
RULED = msgspec.structs.replace(
    FREE,
    keys=[
        KeyRule("a", write=(Who.EVERYONE,), change=(Who.HOST,)),
        KeyRule("b", write=(Who.HOST,), change=(Who.EVERYONE,)),
    ],
    state=StateSpec(version=2),
)
Did = tuple[str, int, str, str, int]

did: st.SearchStrategy[Did] = st.tuples(
    st.sampled_from(
        ["write"] * 12 + ["delete", "access", "app", "version", "disk", "role", "read", "again"]
    ),
    st.sampled_from([1, 1, 1, 0]),
    st.sampled_from([STATE, STATE, PRESENCE]),
    st.sampled_from(["a", "b", "p1/x"]),
    st.sampled_from([1, 1, 1, 2, 20, 50, 150, 300]),
)


class Twin:
    """A call, with the hub's memory of rights or without."""

    def __init__(self, *, remembers: bool) -> None:
        self.remembers = remembers
        self.apps = {"notes": RULED}
        ledger = Ledger()
        ledger.flush()
        ledger.flushed()
        self.call = HostedCall(CallId("demo"), ledger, lambda id: self.apps.get(id), limits=LIMITS)
        self.members = []
        for id, person, role in PEOPLE:
            me = Participant(ParticipantId(id), PersonId(person), "N", role)
            session = Session(Side.HUB, 0)
            member = self.call.people.arrive(Visitor(me, 0, waits=False), session, 0, START)
            assert isinstance(member, Member)
            session.welcome(b"\x90")
            self.members.append(member)
        record = {"app": "notes", "title": "Notes", "owner": "u0"}
        self.send(0, CALL, RECORD, START, encode(record))

    def send(
        self, by: int, state: str, key: str, time: int, value: msgspec.Raw, version: int = 0
    ) -> None:
        if not self.remembers:
            self.call._rights.forget()
        member = self.members[by]
        entry = Entry(key, time, Writer(member.participant.id), value)
        self.call.receive(member, messages.Write([Group(state, [entry], version)]), time)

    def does(self, what: Did, time: int) -> None:
        kind, by, state, key, size = what
        match kind:
            case "write":
                version = 1 if size == 20 else 0
                early = 2_000 if size == 2 else 0
                self.send(by, state, key, time - early, encode("x" * size), version)
            case "again":
                there = self.call.ledger.state(STATE).entries.get(key)
                if there is not None and there.writer == f"p{by}":
                    self.send(by, STATE, key, there.time, there.value)
            case "read":
                while self.call.take(self.members[by]):
                    pass
            case "delete":
                self.send(by, state, key, time, DELETED)
            case "access":
                value = {1: "view", 20: "hidden"}.get(size, "edit")
                self.send(0, CALL, access_key(RESOURCE, f"u{by}"), time, encode(value))
            case "app":
                self.apps["notes"] = FREE if size > 1 else RULED
                self.call.apps_changed(time)
            case "version":
                self.send(by, CALL, version_key(RESOURCE), time, encode(2))
            case "disk":
                self.call.disk("the disk is full" if size > 20 else None, time)
            case "role":
                role = "host" if size > 20 else "guest"
                self.call.receive(
                    self.members[0], messages.Command(f"c{time}", "role", f"u{by}", role), time
                )

    @property
    def all(self) -> dict[str, dict[str, Entry]]:
        return {id: dict(state.entries) for id, state in self.call.ledger.states.items()}


@given(st.lists(did, min_size=20, max_size=60))
@settings(max_examples=300)
def test_what_a_hub_remembers_of_rights_changes_nothing(done: list[Did]) -> None:
    """[J12, J13] A right that is remembered is gone as soon as it is given no more."""
    one, other = Twin(remembers=True), Twin(remembers=False)
    for number, what in enumerate(done, 1):
        for twin in (one, other):
            twin.does(what, START + number * 1_000)
        assert one.all == other.all, what
        for member, same in zip(one.members, other.members, strict=True):
            assert member.feed.denials == same.feed.denials, what
            assert member.feed.owed == same.feed.owed, what
            assert member.feed.waits == same.feed.waits, what
    assert one.call.counts.accepted == other.call.counts.accepted


def test_a_right_to_change_is_none_to_write_anew() -> None:
    """[K5] Though it was made use of a moment ago."""
    call = Twin(remembers=True)
    for number, by in enumerate((0, 1, 1, 1), 1):
        call.does(("write", by, STATE, "b", 1), START + number)
    assert call.all[STATE]["b"].time == START + 4
    call.does(("delete", 0, STATE, "b", 1), START + 5)
    call.does(("write", 1, STATE, "b", 1), START + 6)
    assert call.all[STATE]["b"].deleted
