"""The hub's rules, one participant's attempt at a time."""

from typing import Any

import msgspec
import pytest

from callmesh import messages
from callmesh.app import KeyRule
from callmesh.clock import AHEAD
from callmesh.errors import Broken, Replaced, TooFast
from callmesh.feed import MAX_ANSWERS
from callmesh.ids import CALL, ROSTER, ResourceId, StateId, Writer, presence_of, state_of
from callmesh.limits import Limits
from callmesh.messages import Group, Stream, Taken, Write
from callmesh.participant import Role
from callmesh.people import GRACE
from callmesh.session import MAX_WAITING, SILENCE, Over, Session, Side
from callmesh.state import DELETED, Entry, HeadedState
from callmesh.values import encode
from tests import simulated
from tests.simulated import RESOURCE, STATE, Client, World

PRESENCE = presence_of(RESOURCE)


@pytest.fixture
def world() -> World:
    """A call with one resource, its owner a (host), b (guest) and o (observer)."""
    world = World()
    world.client("a").add_resource()
    world.client("b", Role.GUEST)
    world.client("o", Role.OBSERVER)
    world.settle()
    return world


def forge(client: Client, state: str, entry: Entry) -> list[str]:
    """Send an entry past one's own mesh; the reasons of what was denied."""
    assert client.member is not None
    before = len(client.denials)
    write = Write([Group(state, [entry])])
    client.up.append(messages.bundle([messages.encode(write)]))
    client.world.settle()
    return [denial.reason for denial in client.denials[before:]]


def rule(client: Client) -> str:
    """By which one the last write was denied."""
    return client.denials[-1].why.rpartition(" ")[2]


def attempt(client: Client, state: StateId, key: str, value: Any) -> list[str]:
    """Write as an honest client would."""
    before = len(client.denials)
    client.set(key, value, state)
    client.world.settle()
    return [denial.reason for denial in client.denials[before:]]


def entry(client: Client, key: str, value: Any = 1, **changed: Any) -> Entry:
    data = DELETED if value is ... else encode(value)
    made = Entry(key, client.world.now, Writer(client.me.id), data)
    return msgspec.structs.replace(made, **changed)


def test_a_write_is_signed_with_ones_own_name(world: World) -> None:
    """[J4]"""
    a, b, _ = world.clients
    for writer in ("pb", "pb.1", "hub", "pa.0", "pa.x", "pax", "", "p" * 60):
        assert forge(a, STATE, entry(a, "k", writer=Writer(writer))) == ["foreign_writer"]
    assert forge(a, STATE, entry(a, "k", writer=Writer("pa.7"))) == []
    assert b.view() == {"k": 1}


def test_nobody_writes_in_the_future(world: World) -> None:
    """[J5]"""
    a, b, _ = world.clients
    assert forge(a, STATE, entry(a, "k", time=world.now + AHEAD + 1)) == ["clock_ahead"]
    assert forge(a, STATE, entry(a, "k", time=2**53 - 1)) == ["clock_ahead"]
    assert forge(a, STATE, entry(a, "k", time=world.now + AHEAD)) == []
    assert b.view() == {"k": 1}


def test_one_who_follows_a_time_it_has_seen_is_never_refused(world: World) -> None:
    """[J5] Also after the hub's own clock was set back by an hour."""
    a, b, _ = world.clients
    forge(a, STATE, entry(a, "k", time=world.now + AHEAD))
    world.now -= 3_600_000_000
    assert attempt(b, STATE, "k", "later") == []
    assert a.view() == {"k": "later"}


def test_nobody_drives_the_clock_on(world: World) -> None:
    """[J5] Each write a little beyond the last one, and as many as the link can carry."""
    a, b, _ = world.clients
    assert a.member is not None
    for number in range(60_000):
        time = world.now + AHEAD + 100 * number
        world.call.receive(
            a.member, Write([Group(STATE, [entry(a, "k", number, time=time)])]), world.now
        )
    assert world.call.ledger.seen <= world.now + 2 * AHEAD + 100_000
    world.settle()
    assert attempt(b, STATE, "k", "mine") == []
    assert a.view() == {"k": "mine"}


def test_who_follows_and_wrote_much_in_between_is_taken(world: World) -> None:
    """[J5, S17] What was conflated leaves a gap: it is stamped anew, and nobody notices."""
    a, b, _ = world.clients
    forge(a, STATE, entry(a, "k", time=world.now + AHEAD))
    for number in range(1_000):
        b.set(f"k{number % 7}", number)
    receipt = b.mesh.receipt(STATE)
    world.settle()
    assert (receipt.done, receipt.denied) == (True, [])
    assert sorted(b.view().values()) == sorted([1, *range(993, 1_000)])


def test_a_write_that_lost_is_answered_with_what_won(world: World) -> None:
    """[L4]"""
    a, b, _ = world.clients
    attempt(b, STATE, "k", "new")
    a.mesh.drop(RESOURCE)  # a forgets what it knew
    assert forge(a, STATE, entry(a, "k", "old", time=5)) == []
    assert a.view() == {"k": "new"}


def test_observers_change_nothing(world: World) -> None:
    """[J6]"""
    a, _, observer = world.clients
    assert attempt(observer, STATE, "k", 1) == ["no_right"]
    assert attempt(observer, CALL, "active", RESOURCE) == ["no_right"]
    assert attempt(observer, CALL, f"resource/{RESOURCE}", ...) == ["no_right"]
    assert attempt(observer, PRESENCE, f"{observer.me.id}/looking", True) == []
    assert a.view(PRESENCE) == {f"{observer.me.id}/looking": True}


def test_the_roster_is_the_hubs_own(world: World) -> None:
    """[J6]"""
    for client in world.clients:
        assert attempt(client, ROSTER, client.me.id, {"role": "host"}) == ["no_right"]
    assert set(world.clients[0].view(ROSTER)) == {"pa", "pb", "po"}


def test_who_changes_and_removes_a_resource(world: World) -> None:
    """[J7]"""
    a, b, _ = world.clients
    mine = {"app": "notes", "title": "B's", "owner": b.me.person}
    assert attempt(b, CALL, f"resource/{RESOURCE}", ...) == ["no_right"]
    assert attempt(b, CALL, f"resource/{RESOURCE}", mine) == ["no_right"]
    assert attempt(b, CALL, "resource/r2", {**mine, "owner": a.me.person}) == ["no_right"]
    assert attempt(b, CALL, "resource/r2", mine) == []
    assert attempt(a, CALL, "resource/r2", {**mine, "owner": a.me.person}) == ["no_right"]
    assert attempt(a, CALL, "resource/r2", {**mine, "app": "other"}) == ["no_right"]
    assert attempt(a, CALL, "resource/r2", {**mine, "title": "A's"}) == []
    assert attempt(b, CALL, "resource/r2", ...) == []
    assert attempt(b, CALL, "title", "Call") == ["no_right"]
    assert attempt(a, CALL, "title", "Call") == []
    assert attempt(b, CALL, "active", "r2") == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("resource/R2", {"app": "notes", "title": "x", "owner": "ua"}),
        ("resource/r2", {"app": "notes", "owner": "ua"}),
        ("resource/r2", {"app": "notes", "title": "", "owner": "ua"}),
        ("resource/r2", {"app": "notes", "title": "x", "owner": "ua", "more": 1}),
        ("resource/r2", "notes"),
        ("active", 5),
        ("active", {"a": 1}),
    ],
)
def test_the_calls_own_state_holds_what_it_should(world: World, key: str, value: Any) -> None:
    """[J7]"""
    a = world.clients[0]
    assert (attempt(a, CALL, key, value), rule(a)) == (["bad_value"], "(J7)")
    assert set(world.clients[1].view(CALL)) == {f"resource/{RESOURCE}"}


def test_rubbish_in_an_entry_is_denied_and_reaches_nobody(world: World) -> None:
    """[S3, S4, S10]"""
    a, b, _ = world.clients
    for value in (
        b"\xc4\x01\x01",
        b"\xd4\x01\x00",
        b"\xcb\x7f\xf8" + b"\x00" * 6,
        b"\x91" * 60 + b"\x01",
        b"\xdb\x00\x01\x00\x00" + b"x" * 65_536,
    ):
        rubbish = msgspec.structs.replace(entry(a, "k"), value=msgspec.Raw(value))
        assert (forge(a, STATE, rubbish), rule(a)) == (["bad_value"], "(S3)")
    for key in ("", "a//b", "a\x00", "x" * 257):
        assert (forge(a, STATE, entry(a, key)), rule(a)) == (["bad_value"], "(S4)")
    for state in ("", "calls", "state/", "state/R", "presence", "state/r1/r2"):
        assert forge(a, state, entry(a, "k")) == ["bad_value"]
    assert b.view() == {}


def test_a_state_holds_so_many_keys(world: World) -> None:
    """[J8]"""
    world.limit(keys=3)
    assert Limits().keys == 10_000
    a = world.clients[0]
    for number in range(3):
        assert attempt(a, STATE, f"k{number}", 1) == []
    assert attempt(a, STATE, "k3", 1) == ["full"]
    assert attempt(a, STATE, "k2", 2) == []


def test_a_state_and_a_presence_hold_so_many_bytes(world: World) -> None:
    """[J8]"""
    world.limit(state_bytes=10_000)
    assert Limits().state_bytes == 16 * 1024 * 1024
    a = world.clients[0]
    assert attempt(a, STATE, "k", "x" * 9_000) == []
    assert attempt(a, STATE, "j", "x" * 2_000) == ["full"]
    assert attempt(a, STATE, "k", "x" * 5_000) == []
    assert attempt(a, PRESENCE, f"{a.me.id}/x", "x" * 5_000) == ["full"]


def test_an_operator_sets_other_limits(world: World) -> None:
    """[J8, O6]"""
    a = world.clients[0]
    world.limit(value_bytes=2_000, presence_bytes=300, presence_keys=1, resources=1, participants=3)
    assert attempt(a, STATE, "k", "x" * 2_000) == ["bad_value"]
    assert attempt(a, STATE, "k", "x" * 1_900) == []
    assert attempt(a, PRESENCE, f"{a.me.id}/x", "x" * 300) == ["full"]
    assert attempt(a, PRESENCE, f"{a.me.id}/x", "x" * 250) == []
    assert attempt(a, PRESENCE, f"{a.me.id}/y", "x") == ["full"]
    record = {"app": "notes", "title": "x", "owner": a.me.person}
    assert attempt(a, CALL, "resource/rone", record) == ["full"]
    with pytest.raises(TooFast, match="it has 3 participants"):
        world.client("one")


def test_a_call_holds_so_many_resources(world: World) -> None:
    """[J8]"""
    a = world.clients[0]
    record = {"app": "notes", "title": "x", "owner": a.me.person}
    for number in range(64 - 1):
        a.set(f"resource/rx{number}", record, CALL)
    world.settle()
    assert a.denials == []
    assert attempt(a, CALL, "resource/rone", record) == ["full"]


def test_a_call_holds_so_many_participants(world: World) -> None:
    """[J8]"""
    for number in range(50 - 3):
        world.client(f"x{number}")
    with pytest.raises(TooFast, match="full"):
        world.client("one")


def test_an_app_must_be_known(world: World) -> None:
    """[R6]"""
    a = world.clients[0]
    record = {"app": "nothing", "title": "x", "owner": a.me.person}
    assert attempt(a, CALL, "resource/r2", record) == ["no_app"]


def test_key_rules_are_checked_on_the_way_in(world: World) -> None:
    """[K2, S10]"""
    world.rules(KeyRule(key="votes/{person}"), KeyRule(key="secret", write=()))
    a, b, _ = world.clients
    assert attempt(b, STATE, f"votes/{b.me.person}", "yes") == []
    assert attempt(b, STATE, f"votes/{a.me.person}", "no") == ["no_right"]
    assert attempt(a, STATE, "secret", 1) == ["no_right"]
    assert a.denials[-1].why == "nobody may write secret in Notes"
    assert attempt(b, STATE, f"votes/{a.me.person}", "no") == ["no_right"]
    assert "only whom the key names may write" in b.denials[-1].why
    assert a.view() == b.view() == {f"votes/{b.me.person}": "yes"}


def test_removing_a_resource_removes_all_of_it(world: World) -> None:
    """[R5]"""
    a, b, _ = world.clients
    attempt(b, STATE, "k", 1)
    attempt(b, PRESENCE, f"{b.me.id}/x", 1)
    assert attempt(a, CALL, f"resource/{RESOURCE}", ...) == []
    assert attempt(b, STATE, "k", 2) == ["no_resource"]
    assert attempt(b, PRESENCE, f"{b.me.id}/x", 2) == ["no_resource"]
    kept = world.storage.load(simulated.CALL_ID)
    assert kept is not None
    assert [r.state for r in kept.records if not r.entry.deleted] == []
    newcomer = world.client("n")
    world.settle()
    assert newcomer.view(STATE) == newcomer.view(PRESENCE) == newcomer.view(CALL) == {}


def test_two_resources_of_one_app_share_nothing(world: World) -> None:
    """[R1]"""
    a, b, _ = world.clients
    other = ResourceId("r2")
    attempt(a, CALL, "resource/r2", {"app": "notes", "title": "x", "owner": a.me.person})
    attempt(a, STATE, "k", "first")
    attempt(b, state_of(other), "k", "second")
    assert (a.view(STATE), a.view(state_of(other))) == ({"k": "first"}, {"k": "second"})


def test_presence_is_written_under_ones_own_id(world: World) -> None:
    """[P1]"""
    a, b, _ = world.clients
    assert attempt(a, PRESENCE, f"{b.me.id}/x", 1) == ["no_right"]
    assert attempt(a, PRESENCE, "x", 1) == ["no_right"]
    assert attempt(a, PRESENCE, f"{a.me.id}/x", 1) == []


def test_presence_goes_when_its_participant_leaves(world: World) -> None:
    """[P2]"""
    a, b, _ = world.clients
    attempt(b, PRESENCE, f"{b.me.id}/cursor", [1, 2])
    assert b.member is not None
    b.up.append(messages.bundle([messages.encode(messages.Leave())]))
    b.arrive()
    a.step()
    assert (a.view(PRESENCE), set(a.view(ROSTER))) == ({}, {"pa", "po"})


def test_the_end_of_a_link_that_said_leave_does_not_touch_who_came_after(world: World) -> None:
    """[P2, J2] The same participant is back before the old link has closed."""
    b = world.clients[1]
    left, old = b.member, b.far
    assert left is not None
    world.call.receive(left, messages.Leave(), world.now)
    b.member = None
    b.connect()
    world.call.people.leave(left, old, world.now)
    world.settle()
    assert b.me.id in world.call.people.members
    assert b.me.id in world.clients[0].view(ROSTER)


def test_presence_goes_45_seconds_after_its_participant_has_vanished(world: World) -> None:
    """[P2]"""
    a, b, _ = world.clients
    attempt(b, PRESENCE, f"{b.me.id}/cursor", [1, 2])
    b.cut()
    a.step()
    assert a.view(ROSTER)["pb"]["here"] is False
    world.now += GRACE
    world.call.tick(world.now)
    a.step()
    assert "pb" in a.view(ROSTER)
    world.now += 1
    world.call.tick(world.now)
    a.step()
    assert (a.view(PRESENCE), set(a.view(ROSTER))) == ({}, {"pa", "po"})


def test_who_falls_silent_is_lost_at_40_seconds_and_gone_at_45(world: World) -> None:
    """[P2, W7] Counted from the last word, whoever notices when."""
    a, b, _ = world.clients
    attempt(b, PRESENCE, f"{b.me.id}/cursor", [1, 2])
    start, far = world.now, b.far
    far.receive(messages.bundle([messages.encode(messages.Ping(1))]), start)
    world.now = start + SILENCE
    far.tick(world.now)
    world.now += 1
    with pytest.raises(Broken):
        far.tick(world.now)
    b.cut()
    a.step()
    assert a.view(ROSTER)["pb"]["here"] is False
    assert world.call.people.members[b.me.id].lost == start + 1
    world.now = start + GRACE
    world.call.tick(world.now)
    a.step()
    assert "pb" in a.view(ROSTER)
    world.now += 2
    world.call.tick(world.now)
    a.step()
    assert (a.view(PRESENCE), set(a.view(ROSTER))) == ({}, {"pa", "po"})


def test_one_who_comes_back_in_time_was_never_gone(world: World) -> None:
    """[P1, P2, J2]"""
    a, b, _ = world.clients
    attempt(b, PRESENCE, f"{b.me.id}/cursor", 1)
    b.cut()
    world.settle()
    assert a.view(ROSTER)["pb"]["here"] is True
    assert a.view(PRESENCE) == {f"{b.me.id}/cursor": 1}


def test_a_second_link_of_one_participant_ends_the_first(world: World) -> None:
    """[J2]"""
    a = world.clients[0]
    first = a.far
    world.call.people.join(a.me, Session(Side.HUB, 0), 0, world.now)
    assert isinstance(first.state, Over)
    assert isinstance(first.state.reason, Replaced)
    assert len(world.call.people.members) == 3


def test_links_at_the_same_cursor_get_the_same_bytes(world: World) -> None:
    """[L2] The writer's own included."""
    a, b, observer = world.clients
    a.set("k", 1)
    a.send()
    a.arrive()
    bundles = [world.call.take(client.member) for client in (a, b, observer) if client.member]
    assert bundles[0] is not None
    assert bundles[0] == bundles[1] == bundles[2]


def test_a_stalled_reader_costs_one_integer_and_gets_the_present_once(world: World) -> None:
    """[L1]"""
    a, b, _ = world.clients
    assert b.member is not None
    for number in range(5_000):
        world.now += 1000
        a.set("k", number)
        a.send()
        a.arrive()
        a.answer()
        a.hear()
    assert not b.member.session or not b.member.session.has_output
    before = b.bytes_received
    b.answer()
    b.hear()
    assert b.view() == {"k": 4_999}
    assert b.bytes_received - before < 100
    assert not b.answer()


def relay(client: Client, peers: list[str], resource: str = RESOURCE) -> None:
    message = Stream(peers, resource, "ecg", "reliable", 1, False, b"abc")
    client.up.append(messages.bundle([messages.encode(message)]))
    client.arrive()


def heard(client: Client) -> list[Stream]:
    """The stream messages that wait for a participant at the hub."""
    assert client.member is not None
    bundle = b"".join(client.world.call.take(client.member) or ())
    found = messages.unbundle(bundle) if bundle else []
    return [message for message in found if isinstance(message, Stream)]


def test_a_stream_message_reaches_those_named_and_nobody_else(world: World) -> None:
    """[D7]"""
    a, b, observer = world.clients
    relay(a, [b.me.id])
    assert [message.peers for message in heard(b)] == [["pa"]]
    assert heard(observer) == heard(a) == []
    relay(a, [])
    assert len(heard(b)) == len(heard(observer)) == 1
    assert heard(a) == []


def test_a_stream_message_to_nobody_or_of_no_resource_is_credited(world: World) -> None:
    """[W8, D1]"""
    a, b, _ = world.clients
    for peers, resource in ((["pnobody"], RESOURCE), ([str(b.me.id)], "rgone")):
        relay(a, peers, resource)
        assert heard(b) == []
    assert a.far.credited == 6


def send_stream(client: Client, number: int, size: int = 60_000, name: str = "file") -> None:
    message = Stream(["pb"], RESOURCE, name, "reliable", number, False, b"x" * size)
    client.up.append(messages.bundle([messages.encode(message)]))
    client.arrive()


def test_what_waits_for_a_slow_receiver_is_bounded_however_many_come_and_go(world: World) -> None:
    """[W8] What there is no room for is passed over: its receiver sees a gap, and asks."""
    b = world.clients[1]
    for number in range(100):
        sender = world.client(f"x{number}", Role.OBSERVER)
        for piece in range(1, 5):
            send_stream(sender, piece)
        assert sender.far.credited == 4 * 60_000, "its sender is held up by nobody"
        world.call.people.leave(world.call.people.members[sender.me.id], sender.far, world.now)
        sender.member = None
        assert b.far.waiting <= MAX_WAITING
    heard_of: dict[str, list[int]] = {}
    while found := heard(b):
        for message in found:
            heard_of.setdefault(message.peers[0], []).append(message.number)
    assert heard_of["px0"] == [1, 2, 3, 4]
    assert 60 < sum(len(numbers) for numbers in heard_of.values()) < 80
    send_stream(world.clients[0], 1)
    assert [message.number for message in heard(b)] == [1]


def test_what_waits_for_all_links_of_a_call_is_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[W8] A link for which little waits has its room even then."""
    monkeypatch.setattr("callmesh.relay.MAX_WAITING", 200_000)
    a, b, _ = world.clients
    for number in range(1, 9):
        send_stream(a, number)
    assert 200_000 <= b.far.waiting < 300_000
    relay(a, ["po"])
    assert [message.name for message in heard(world.clients[2])] == ["ecg"]


def say(client: Client, peers: list[str], number: int, resource: str = RESOURCE) -> None:
    message = Taken(peers, resource, "ecg", "reliable", 1, number, "taken")
    client.up.append(messages.bundle([messages.encode(message)]))
    client.arrive()


def words(client: Client) -> list[Taken]:
    assert client.member is not None
    bundle = b"".join(client.world.call.take(client.member) or ())
    found = messages.unbundle(bundle) if bundle else []
    return [message for message in found if isinstance(message, Taken)]


def test_a_word_of_a_reader_reaches_those_named_and_the_newest_counts(world: World) -> None:
    """[D10, D1]"""
    a, b, observer = world.clients
    for number in range(100):
        say(b, [a.me.id], number)
    say(b, [a.me.id], 100, "rgone")
    assert [(word.peers, word.number) for word in words(a)] == [(["pb"], 99)]
    assert words(observer) == words(b) == []
    say(b, [], 7)
    assert len(words(a)) == len(words(observer)) == 1


def test_a_signal_reaches_its_receiver_with_its_sender(world: World) -> None:
    """[D5]"""
    a, b, observer = world.clients
    signal = messages.Signal(b.me.id, "{}")
    a.up.append(messages.bundle([messages.encode(signal)]))
    a.arrive()
    bundle = b"".join(world.call.take(b.member) or ()) if b.member else b""
    assert messages.unbundle(bundle) == [messages.Signal("pa", "{}")]
    assert observer.member is not None
    assert world.call.take(observer.member) is None


def test_signals_for_one_who_does_not_read_are_bounded(world: World) -> None:
    """[W8]"""
    a, b, _ = world.clients
    assert b.member is not None
    assert b.member.session is not None
    for _ in range(100):
        signal = messages.Signal(b.me.id, "x" * 60_000)
        a.up.append(messages.bundle([messages.encode(signal)]))
        a.arrive()
    assert 1_000_000 < b.member.session.waiting < 1_200_000


def repeat(client: Client, bundle: bytes) -> None:
    for _ in range(100):
        client.up.append(bundle)
        client.arrive()


def test_one_who_is_denied_and_does_not_read_is_ended(world: World) -> None:
    """[W8, L4]"""
    b = world.clients[1]
    denied = [entry(b, f"votes/{n}", writer=Writer("pa"), time=n) for n in range(10_000)]
    with pytest.raises(TooFast):
        repeat(b, messages.bundle([messages.encode(Write([Group(STATE, denied)]))]))
    assert b.member is not None
    assert b.member.feed.denied < 9_000_000


def test_answers_to_lost_writes_are_kept_once_per_key(world: World) -> None:
    """[W8, L4]"""
    a = world.clients[0]
    attempt(a, STATE, "k", "x" * 10_000)
    lost = [entry(a, "k", time=n) for n in range(1_000)]
    repeat(a, messages.bundle([messages.encode(Write([Group(STATE, lost)]))]))
    assert a.member is not None
    assert len(a.member.feed.owed) == 1
    bundle = b"".join(world.call.take(a.member) or ())
    assert bundle is not None
    assert len(bundle) < 11_000


def test_pings_have_one_answer(world: World) -> None:
    """[W8]"""
    a = world.clients[0]
    repeat(a, messages.bundle([messages.encode(messages.Ping(n)) for n in range(1000)]))
    bundle = b"".join(world.call.take(a.member) or ()) if a.member else b""
    assert messages.unbundle(bundle) == [messages.Pong(999, world.now)]


def test_a_value_that_says_a_name_twice_is_kept_as_one_that_does_not(world: World) -> None:
    """[S3] What one reader of it would see, and another would not, reaches nobody."""
    a, b, _ = world.clients
    twice = b"\x82\xa1a" + b"\xc4\x01\xff" + b"\xa1a\x01"
    assert forge(a, STATE, msgspec.structs.replace(entry(a, "k"), value=msgspec.Raw(twice))) == []
    kept = world.call.ledger.state(STATE).entries["k"]
    assert bytes(kept.value) == b"\x81\xa1a\x01"
    assert b.view() == {"k": {"a": 1}}


def test_a_delete_of_what_is_not_there_holds_back_what_was_written_before(world: World) -> None:
    """[S1, L4] The write that it overtook arrives later."""
    a, b, _ = world.clients
    b.set("k", "older")
    world.now += 1_000
    assert attempt(a, STATE, "k", ...) == []
    assert a.mesh.unsaved == 0
    world.settle()
    assert a.view() == b.view() == {}
    assert attempt(b, CALL, "resource/rnone", ...) == ["no_resource"]


def whole_batches(world: World) -> list[str]:
    """Who is sent a whole batch from now on."""
    found: list[str] = []

    def look(client: Client, bundle: bytes) -> None:
        for message in messages.unbundle(bundle, limit=None):
            if isinstance(message, messages.Batch) and message.whole:
                found.append(client.name)

    world.on_answer = look
    return found


def test_a_delete_of_what_nobody_shows_is_answered_and_not_kept(world: World) -> None:
    """[P1, L4]"""
    observer = world.clients[2]
    key = f"{observer.me.id}/x"
    for _ in range(2):
        assert attempt(observer, PRESENCE, key, ...) == []
        assert observer.mesh.unsaved == observer.mesh.unsent == 0
        assert observer.mesh.status_of(PRESENCE, key) == "saved"
    assert world.call.ledger.state(PRESENCE).entries == {}
    attempt(observer, PRESENCE, key, 1)
    attempt(observer, PRESENCE, key, ...)
    assert world.clients[0].view(PRESENCE) == {}


def test_no_flood_of_deletes_has_whole_batches_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[S14] Links that are open are waited for; one that stalls for too long is not."""
    monkeypatch.setattr("callmesh.ledger.MAX_TOMBSTONES", 20)
    a, _, observer = world.clients
    sent_whole = whole_batches(world)
    for round in range(10):
        world.now += 1_000
        for client, state, count in ((observer, PRESENCE, 200), (a, STATE, 30)):
            gone = [
                entry(client, f"{client.me.id}/{round}/{n}", ..., time=world.now + n)
                for n in range(count)
            ]
            client.up.append(messages.bundle([messages.encode(Write([Group(state, gone)]))]))
        world.deliver()
    kept = world.call.ledger.state(STATE).entries
    assert sent_whole == []
    assert len(kept) <= 20 + 30
    for number in range(100):
        a.set(f"k{number}", ...)
        for act in (a.send, a.arrive, a.answer, a.hear, observer.answer, observer.hear):
            act()
        assert len(kept) <= 81
    world.deliver()
    assert sent_whole == ["b"]


def test_one_who_writes_and_does_not_read_the_answers_is_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[W8]"""
    monkeypatch.setattr("callmesh.feed.MAX_OWED", 50)
    observer = world.clients[2]
    gone = [entry(observer, f"{observer.me.id}/{n}", ..., time=n) for n in range(51)]
    with pytest.raises(TooFast):
        repeat(observer, messages.bundle([messages.encode(Write([Group(PRESENCE, gone)]))]))


def test_a_transaction_has_so_many_entries(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """[J8]"""
    monkeypatch.setattr("callmesh.rights.MAX_ENTRIES", 5)
    a = world.clients[0]
    for count in (5, 6):
        a.write({STATE: {f"k{number}": encode(1) for number in range(count)}})
        world.settle()
    assert [denial.reason for denial in a.denials] == ["full"]


def test_deletes_do_not_fill_a_state(world: World) -> None:
    """[J8]"""
    world.limit(keys=5)
    a = world.clients[0]
    for number in range(20):
        assert attempt(a, STATE, f"k{number}", 1) == []
        assert attempt(a, STATE, f"k{number}", ...) == []
    for number in range(5):
        assert attempt(a, STATE, f"n{number}", 1) == []
    assert attempt(a, STATE, "one more", 1) == ["full"]


def test_a_full_state_takes_a_transaction_that_makes_its_own_room(world: World) -> None:
    """[J8, S5] Whatever the order; but room is made once, and by what is taken."""
    world.limit(keys=3)
    a = world.clients[0]
    for key in "abc":
        attempt(a, STATE, key, 1)
    for keys in ({"a": DELETED, "d": encode(1)}, {"e": encode(1), "b": DELETED}):
        a.write({STATE: keys})
        world.settle()
        assert a.denials == []
    assert set(a.view()) == {"c", "d", "e"}
    now = world.now = world.now + 1_000
    new = [entry(a, f"n{number}", time=now) for number in range(2)]
    for gone in ([entry(a, "c", ..., time=now)] * 2, [entry(a, "gone", ..., time=now)]):
        a.up.append(messages.bundle([messages.encode(Write([Group(STATE, [*gone, *new])]))]))
        world.settle()
        assert a.denials.pop().reason == "full"
    lost = entry(a, "e", ..., time=5)
    assert forge(a, STATE, lost) == []
    assert attempt(a, STATE, "f", 1) == ["full"]


def test_a_participant_shows_so_many_things(world: World) -> None:
    """[J8] It is counted, not looked for: what has been there costs nothing."""
    a, b, _ = world.clients
    kept = world.call.ledger.states.setdefault(PRESENCE, HeadedState())
    for number in range(3):
        attempt(a, PRESENCE, f"{a.me.id}/{number}", 1)
        attempt(a, PRESENCE, f"{a.me.id}/{number}", 2)
    attempt(a, PRESENCE, f"{a.me.id}/0", ...)
    assert isinstance(kept, HeadedState)
    assert [len(kept.under(who.me.id)) for who in (a, b)] == [2, 0]
    attempt(a, PRESENCE, f"{a.me.id}/0", 1)
    for number in range(64):
        assert attempt(a, PRESENCE, f"{a.me.id}/{number}", 1) == []
    assert attempt(a, PRESENCE, f"{a.me.id}/one", 1) == ["full"]
    assert attempt(b, PRESENCE, f"{b.me.id}/one", 1) == []


def test_who_is_lost_makes_room_for_who_comes(world: World) -> None:
    """[J8, P2]"""
    for number in range(50 - 3):
        world.client(f"x{number}")
    world.clients[1].cut()
    world.client("one")
    assert len(world.call.people.members) == 50
    assert "pb" not in world.call.people.members


def test_who_commands_and_does_not_read_is_ended(world: World) -> None:
    """[W8] Of answers that wait for one link there are a thousand."""
    host = world.clients[0]
    world.deliver()
    assert host.member is not None
    for number in range(MAX_ANSWERS):
        world.call.receive(host.member, messages.Command(f"c{number}", "x"), world.now)
    with pytest.raises(TooFast, match="answers are not read"):
        world.call.receive(host.member, messages.Command("one more", "x"), world.now)
