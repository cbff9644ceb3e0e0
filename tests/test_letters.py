"""What participants tell each other without the hub, case by case."""

from typing import Any

import msgspec
import pytest

from callmesh import messages
from callmesh.errors import WireError
from callmesh.exchange import GRACE, LAST_PIECE, MAX_VOID, SETTLED, TAKES
from callmesh.ids import CALL, CallId, StateId, presence_of, state_of
from callmesh.keys import SessionKey, is_key, verify
from callmesh.letters import MAX_LETTERS, Layer, open_letter, signed_bytes
from callmesh.messages import Group, Letter, Void, Write
from callmesh.participant import Role
from callmesh.resource import access_key
from callmesh.state import DELETED, Entry
from callmesh.values import encode
from tests import vectors
from tests.gossip import Peer, gossip, meet, part, peers_of
from tests.simulated import CALL_ID, RESOURCE, STATE, World

VECTORS = vectors.load("letters")


def letter_of(case: dict[str, Any]) -> Letter:
    (letter,) = messages.unbundle(b"\x91" + bytes.fromhex(case["hex"]))
    assert isinstance(letter, Letter)
    return letter


@pytest.mark.parametrize("case", VECTORS["good"], ids=lambda case: case["about"])
def test_a_letter_that_its_author_has_signed(case: dict[str, Any]) -> None:
    """[E3]"""
    letter = letter_of(case)
    assert open_letter(letter).author == "p1"
    signed = signed_bytes(CallId(VECTORS["call"]), letter)
    assert verify(VECTORS["key"], letter.signature, signed)
    assert not verify(VECTORS["key"], letter.signature, signed_bytes(CallId("other"), letter))
    assert not verify(SessionKey().public, letter.signature, signed)


@pytest.mark.parametrize("case", VECTORS["not_signed"], ids=lambda case: case["about"])
def test_a_letter_that_was_changed(case: dict[str, Any]) -> None:
    """[E3]"""
    letter = letter_of(case)
    signed = signed_bytes(CallId(VECTORS["call"]), letter)
    assert not verify(VECTORS["key"], letter.signature, signed)


@pytest.mark.parametrize("case", VECTORS["rubbish"], ids=lambda case: case["about"])
def test_rubbish_ends_in_a_wire_error(case: dict[str, Any]) -> None:
    """[E5] Whoever has signed it."""
    with pytest.raises(WireError):
        open_letter(letter_of(case))


def test_what_is_no_key_verifies_nothing() -> None:
    """[E3]"""
    key = SessionKey()
    assert is_key(key.public)
    for text in ("", "x", key.public[:-1], f"{key.public}=", key.public + "A", "é" * 43, "!" * 43):
        assert not is_key(text)
        assert not verify(text, bytes(64), b"")
    assert not verify(key.public, b"short", b"")


def write_by(author: str, number: int, *keys: str, time: int = 1_000) -> Letter:
    entries = [Entry(key, time + number, author, encode(number)) for key in keys]  # type: ignore[arg-type]
    return Letter(author, 1, True, messages.encode(Write([Group(STATE, entries)])), bytes(64))


def test_what_is_held_depends_on_the_keys_that_are_written() -> None:
    """[E1, E5] Transactions whole, each author within its room."""
    layer = Layer()
    for number in range(100):
        layer.put(open_letter(write_by("pa", number, "x", f"k{number % 3}")))
    assert len(layer) == 3
    assert not layer.put(open_letter(write_by("pa", 5, "x", "k1"))), "overtaken altogether"
    for number in range(MAX_LETTERS + 5):
        layer.put(open_letter(write_by("pb", number, f"b{number}")))
    assert len(layer) == 3 + MAX_LETTERS
    assert layer.put(open_letter(write_by("pc", 1, "x")))
    for held in list(layer):
        layer.drop(held)
    assert len(layer) == 0


# --- a call with direct paths


@pytest.fixture
def world() -> World:
    """Ada, a host; Bob and Cyd, guests; all reach each other, and all have saved."""
    world = World()
    for name, role in (("a", Role.HOST), ("b", Role.GUEST), ("c", Role.GUEST)):
        world.enter(Peer(world, name, role, 0))
    world.clients[0].add_resource()
    world.settle()
    peers = peers_of(world)
    for one in peers:
        for other in peers:
            if one is not other:
                meet(one, other)
    gossip(world)
    return world


def fall(world: World) -> None:
    world.crash()
    world.is_away = True


def settle(world: World) -> None:
    """The hub is back, and everybody else too."""
    world.is_away = False
    world.settle()
    gossip(world)
    world.settle()


def test_letters_save_nothing(world: World) -> None:
    """[E1, E2, E8]"""
    a, b, c = peers_of(world)
    fall(world)
    b.set("x", 1)
    receipt = b.mesh.receipt(STATE)
    gossip(world)
    assert a.view() == c.view() == {"x": 1}
    assert a.mesh.status(STATE) == b.mesh.status(STATE) == "offline"
    assert b.mesh.status_of(STATE, "x") == "pending"
    assert receipt.waiting
    a.set("x", 2)
    gossip(world)
    assert b.view() == c.view() == {"x": 2}
    assert b.mesh.status_of(STATE, "x") == "pending"
    settle(world)
    assert receipt.done
    assert a.view() == b.view() == c.view() == {"x": 2}
    assert not any(peer.mesh.letters for peer in peers_of(world))


def test_what_one_lacks_comes_by_way_of_another(world: World) -> None:
    """[E1]"""
    a, b, c = peers_of(world)
    fall(world)
    part(b, c)
    b.set("x", 1)
    gossip(world)
    assert c.view() == {"x": 1}
    assert c.exchange.reached == 2
    part(a, c)
    b.set("x", 2)
    gossip(world)
    assert c.view() == {"x": 1}
    meet(a, c)
    gossip(world)
    assert c.view() == {"x": 2}


def test_nobody_is_sent_what_they_have(world: World) -> None:
    """[E1] Where all reach each other, a letter goes to each of them once."""
    fall(world)
    peers = peers_of(world)
    for number in range(20):
        for peer in peers:
            peer.set(f"{peer.name}{number % 4}", number)
        gossip(world)
    sent = sum(len(peer.letters) for peer in peers)
    assert 240 <= sent < 300, "each letter once to two others, where it is counted once more"


def test_rights_do_not_depend_on_the_order_in_which_letters_come(world: World) -> None:
    """[E1, E5] Ada takes Bob's right to write while he writes: Cyd hears of either first."""
    a, b, c = peers_of(world)
    fall(world)
    a.set(access_key(RESOURCE, "ub"), "view", CALL)
    a.tell()
    while c.paths["a"]:
        data = c.paths["a"].popleft()
        c.hear_peer(a.me.id, data)
    b.set("x", 1)
    gossip(world)
    assert a.view() == b.view() == c.view() == {"x": 1}
    settle(world)
    assert a.view() == b.view() == c.view()


def test_what_somebody_may_not_read_is_not_sent_to_them(world: World) -> None:
    """[E4] By key rules and by access, for the author and for who hands on."""
    a, b, c = peers_of(world)
    fall(world)
    a.set("secret/1", "s")
    b.set("mine/ub", 1)
    gossip(world)
    assert a.view() == {"secret/1": "s", "mine/ub": 1}
    assert b.view() == {"mine/ub": 1}
    assert c.view() == {}
    a.set(access_key(RESOURCE, "uc"), "hidden", CALL)
    gossip(world)
    b.set("x", 1)
    gossip(world)
    assert b.view()["x"] == 1
    assert c.view() == {}
    part(a, b)
    b.set("mine/ub", 2)
    gossip(world)
    assert a.view()["mine/ub"] == 1, "what is not for all is handed on by nobody"
    settle(world)
    assert a.view() == {"secret/1": "s", "mine/ub": 2, "x": 1}


def test_what_goes_beyond_known_rights_is_not_shown(world: World) -> None:
    """[E5] Nor in the hub's States, nor under somebody else's presence; the rest is shown."""
    a, b, c = peers_of(world)
    fall(world)
    b.set("closed", 1)
    b.set("pa/at", 1, presence_of(RESOURCE))
    b.set("pz", msgspec.to_builtins(a.me), StateId("roster"))
    b.set("pb/at", 1, presence_of(RESOURCE))
    b.set("x", 1)
    gossip(world)
    b.set(access_key(RESOURCE, "uc"), "hidden", CALL)
    gossip(world)
    for peer in (a, c):
        assert peer.view() == {"x": 1}
        assert peer.view(presence_of(RESOURCE)) == {"pb/at": 1}
        assert access_key(RESOURCE, "uc") not in peer.view(CALL)
    settle(world)
    assert a.view() == b.view() == {"x": 1}


def test_what_the_hub_denies_goes_at_everybody(world: World) -> None:
    """[E6, E8] Bob's access was taken while he was out of reach; Cyd saw what he wrote then."""
    a, b, c = peers_of(world)
    b.cut()
    c.cut()
    a.set(access_key(RESOURCE, "ub"), "view", CALL)
    world.deliver()
    b.set("x", 1)
    gossip(world)
    assert c.view() == {"x": 1}
    assert a.view() == {}, "she knows better"
    c.connect()
    world.deliver()
    assert c.exchange.carried(world.now, first=False) == [], "first its author may come back"
    world.now += 3_000_000
    world.deliver()
    assert c.denials[-1].reason == "no_right"
    assert c.view() == {}
    assert c.denials[-1].writer == b.me.id
    assert b.view() == {"x": 1}
    settle(world)
    assert a.view() == b.view() == c.view() == {}


def test_an_author_tells_that_something_was_denied(world: World) -> None:
    """[E8]"""
    a, b, c = peers_of(world)
    for peer in (b, c):
        peer.cut()
    a.set(access_key(RESOURCE, "guest"), "view", CALL)
    world.deliver()
    b.set("x", 1)
    gossip(world)
    assert c.view() == {"x": 1}
    b.connect()
    world.deliver()
    gossip(world)
    assert b.view() == c.view() == {}
    assert c.exchange.away


def test_what_nobody_answers_goes_after_a_while(world: World) -> None:
    """[E8]"""
    a, b, _ = peers_of(world)
    fall(world)
    b.set("x", 1)
    gossip(world)
    assert a.view() == {"x": 1}
    a.exchange._carried |= {held.stamp for held in a.mesh.letters}  # the hub does not answer
    world.is_away = False
    a.connect()
    a.exchange._carried |= {held.stamp for held in a.mesh.letters}
    for _ in range(3):
        a.exchange._carried |= {held.stamp for held in a.mesh.letters}
        a.answer()
        a.hear()
    a.exchange._carried |= {held.stamp for held in a.mesh.letters}
    world.now += SETTLED - 1
    a.tick()
    assert a.view() == {"x": 1}
    world.now += 1
    a.tick()
    assert a.view() == {}


def test_the_hub_judges_by_the_rights_of_the_author(world: World) -> None:
    """[E6] A host carries what a guest may not, and a guest what a host may."""
    a, b, _ = peers_of(world)
    b.cut()
    carried_by(world, a, signed_by(b, "closed", 1))
    assert a.denials[-1].reason == "no_right"
    carried_by(world, a, signed_by(b, "x", 1))
    settle(world)
    assert a.view() == b.view() == {"x": 1}
    a.cut()
    record = {"app": "notes", "title": "By Ada", "owner": a.me.person}
    carried_by(world, b, signed_by(a, "resource/rn", record, CALL))
    carried_by(world, b, signed_by(a, "waiting_area", True, CALL))
    settle(world)
    assert b.view(CALL)["resource/rn"] == record
    assert b.view(CALL)["waiting_area"] is True


def signed_by(author: Peer, key: str, value: object, state: StateId = STATE, **more: Any) -> Letter:
    time = more.pop("time", author.world.now)
    data = DELETED if value is ... else encode(value)
    entry = Entry(key, time, more.pop("writer", author.mesh.writer), data)
    write = messages.encode(Write([Group(state, [entry])]))
    epoch = more.pop("epoch", author.exchange._epoch)
    letter = Letter(author.me.id, epoch, True, write, b"")
    signature = more.pop("by", author.key).sign(signed_bytes(CALL_ID, letter))
    return msgspec.structs.replace(letter, signature=signature)


def carried_by(world: World, carrier: Peer, letter: Letter) -> None:
    carrier.near.put(messages.encode(letter))
    world.deliver()


def test_what_does_not_count_is_denied_to_who_carries_it(world: World) -> None:
    """[E3, E7]"""
    a, b, c = peers_of(world)
    b.cut()
    old = signed_by(b, "x", "old")
    hour = 3_600_000_000
    cases = [
        signed_by(b, "x", 1, by=SessionKey()),
        signed_by(b, "x", 1, epoch=b.exchange._epoch + 1),
        signed_by(b, "x", 1, epoch=b.exchange._epoch - 1),
        signed_by(b, "x", 1, time=world.now - hour - 1),
        msgspec.structs.replace(signed_by(b, "x", 1), open=False),
        msgspec.structs.replace(signed_by(b, "x", 1), author=c.me.id),
        msgspec.structs.replace(signed_by(b, "x", 1), author="pnobody"),
    ]
    for letter in cases:
        a.denials.clear()
        if letter.author == b.me.id:
            carried_by(world, a, letter)
            assert [denial.reason for denial in a.denials] == ["foreign_writer"]
    assert a.view() == {}
    carried_by(world, a, old)
    assert a.view() == {"x": "old"}
    world.now += 1_000
    b.connect()
    world.settle()
    b.set("x", ...)
    world.settle()
    world.call.ledger.collect(world.now + 1)
    b.cut()
    a.denials.clear()
    carried_by(world, a, old)
    assert [denial.reason for denial in a.denials] == ["foreign_writer"]
    assert a.view() == {}, "of an earlier link it counts no more"


def test_a_letter_that_nobody_should_carry_ends_who_does(world: World) -> None:
    """[E5, E7] An honest carrier has looked at what it carries."""
    a, b, _ = peers_of(world)
    with pytest.raises(WireError):
        carried_by(world, a, signed_by(b, "x", 1, writer="pc"))


def test_who_is_kept_out_is_not_carried(world: World) -> None:
    """[E7, J20] By being removed, and by having left."""
    a, b, c = peers_of(world)
    ours = [signed_by(b, "x", 1), signed_by(c, "y", 1)]
    a.command("remove", b.me.person)
    c.near.put(messages.encode(messages.Leave()))
    world.deliver()
    for letter in ours:
        a.denials.clear()
        carried_by(world, a, letter)
        assert [denial.reason for denial in a.denials] == ["foreign_writer"]
    assert a.view() == {}


def test_what_was_denied_is_not_carried_later(world: World) -> None:
    """[E7] Bob could not write then, was told so, and can now: nobody writes it for him."""
    a, b, _ = peers_of(world)
    a.set(access_key(RESOURCE, "ub"), "view", CALL)
    world.deliver()
    then = signed_by(b, "x", 1)
    b.write({STATE: {"x": encode(1)}})
    world.deliver()
    assert b.denials[-1].reason == "no_right"
    a.set(access_key(RESOURCE, "ub"), "edit", CALL)
    world.deliver()
    b.cut()
    carried_by(world, a, then)
    assert a.denials[-1].reason == "foreign_writer"
    assert a.view() == {}


def test_presence_is_carried_while_its_author_is_in_the_roster(world: World) -> None:
    """[E7, P2]"""
    a, b, _ = peers_of(world)
    b.cut()
    state = presence_of(RESOURCE)
    carried_by(world, a, signed_by(b, "pb/at", 1, state))
    assert a.view(state) == {"pb/at": 1}
    world.now += GRACE + 1
    world.call.tick(world.now)
    world.deliver()
    assert a.view(state) == {}
    carried_by(world, a, signed_by(b, "pb/at", 2, state))
    assert a.denials[-1].reason == "foreign_writer"
    assert a.view(state) == {}


@pytest.mark.parametrize(
    "data",
    [b"", b"\x02", b"\x01", b"\x01\xc1", b"\x01\x91\x91\xa5leave", b"\x00" + b"x" * 60_000,
     b"\x01" + messages.bundle([messages.encode(write_by("pb", 1, "x", "x"))])],
    ids=lambda data: data[:8].hex(),
)  # fmt: skip
def test_a_peer_that_sends_rubbish_is_not_heard_any_more(world: World, data: bytes) -> None:
    """[E5] Over that path; the others are."""
    a, b, c = peers_of(world)
    fall(world)
    assert a.exchange.hear(b.me.id, data, world.now, world.now) == []
    assert a.exchange._peers[b.me.id].broken
    b.set("b", 1)
    c.set("c", 1)
    b.tell()
    c.tell()
    for peer in (b, c):
        for data in a.paths[peer.name]:
            for held in a.exchange.hear(peer.me.id, data, world.now, world.now):
                a.exchange.admit(held)
    assert a.view() == {"c": 1}


def test_what_a_peer_sends_is_bounded(world: World) -> None:
    """[E5] In pieces that never end, and in letters that come too fast."""
    a, b, c = peers_of(world)
    fall(world)
    for _ in range(100):
        a.exchange.hear(b.me.id, b"\x00" + bytes(48 * 1024), world.now, world.now)
    assert a.exchange._peers[b.me.id].broken
    assert not a.exchange._peers[b.me.id].parts
    letter = messages.encode(signed_by(c, "x", 1))
    for _ in range(TAKES[1] // 100 + 1):
        data = b"\x01" + messages.bundle([letter] * 100)
        a.exchange.hear(c.me.id, data, world.now, world.now)
    assert a.exchange._peers[c.me.id].broken == "too much at once"


def test_another_path_gives_nothing_anew(world: World) -> None:
    """[E5] Nor does what one has denied make anybody forget what was denied of others."""
    a, b, c = peers_of(world)
    fall(world)
    letter = messages.encode(signed_by(c, "x", 1))
    data = b"\x01" + messages.bundle([letter] * 100)
    for _ in range(TAKES[1] // 100 - 1):
        a.exchange.hear(c.me.id, data, world.now, world.now)
    assert not a.exchange._peers[c.me.id].broken
    for _ in range(2):
        a.exchange.closed(c.me.id, world.now)
        a.exchange.opened(c.me.id, world.now)
        a.exchange.hear(c.me.id, data, world.now, world.now)
    assert a.exchange._peers[c.me.id].broken == "too much at once"
    denied = signed_by(b, "y", 1)
    time, writer = open_letter(denied).stamp
    a.exchange.denied(messages.Denial("no_right", "", time, writer, [(STATE, "y")]))
    world.now += 60_000_000
    a.exchange.closed(c.me.id, world.now)
    a.exchange.opened(c.me.id, world.now)
    for many in range(5):
        stamps = [(2_000 * many + n, f"{c.me.id}.{n % 7 + 1}") for n in range(MAX_VOID)]
        data = b"\x01" + messages.bundle([messages.encode(Void(stamps))])
        a.exchange.hear(c.me.id, data, world.now, world.now)
        a.exchange.voided()
    assert not a.exchange._peers[c.me.id].broken
    assert a.exchange.admit(open_letter(denied)) == []
    assert len(a.exchange._done._of[c.me.id]) == MAX_LETTERS


def test_nobody_is_driven_ahead_of_the_clock(world: World) -> None:
    """[E5, J5]"""
    a, b, _ = peers_of(world)
    fall(world)
    for ahead in (6_000_000, 4_000_000):
        letter = messages.encode(signed_by(b, "x", ahead, time=world.now + ahead))
        a.hear_peer(b.me.id, b"\x01" + messages.bundle([letter]))
    assert a.view() == {"x": 4_000_000}
    assert a.mesh.clock.seen < world.now
    a.set("x", "mine")
    assert a.view() == {"x": "mine"}


def test_who_is_in_nobodys_reach_is_shown_as_lost(world: World) -> None:
    """[E9]"""
    a, b, c = peers_of(world)
    fall(world)
    part(a, c)
    gossip(world)
    world.now += 2 * GRACE
    assert a.exchange.lost(world.now) == set(), "Bob reaches Cyd"
    part(b, c)
    gossip(world)
    world.now += GRACE - 6_000_000
    assert a.exchange.lost(world.now) == set()
    world.now += 7_000_000
    assert a.exchange.lost(world.now) == {c.me.id}
    assert a.exchange.reached == 1
    settle(world)
    assert a.exchange.lost(world.now) == set()


def test_own_writes_that_need_what_is_carried_come_after_it(world: World) -> None:
    """[E6] Bob wrote into what Ada added meanwhile; he is back before her."""
    a, b, _ = peers_of(world)
    fall(world)
    record = {"app": "notes", "title": "New", "owner": a.me.person}
    a.set("resource/rn", record, CALL)
    gossip(world)
    b.set("x", 1, state_of("rn"))  # type: ignore[arg-type]
    world.is_away = False
    b.connect()
    world.deliver()
    assert b.denials == []
    settle(world)
    assert a.view(state_of("rn")) == b.view(state_of("rn")) == {"x": 1}  # type: ignore[arg-type]


def test_the_hub_falls_again_before_it_has_heard_of_all(world: World) -> None:
    """[E1, E8] Bob is back before Ada carries: what she has of his is void, and counts again."""
    a, b, _ = peers_of(world)
    fall(world)
    b.set("x", 1)
    gossip(world)
    world.is_away = False
    b.connect()
    b.answer()
    b.hear()  # and says nothing yet: his earlier letters still count
    world.call.people.heard_of(world.call.people.members[b.me.id], world.now)
    a.connect()
    world.now += 3_000_000
    a.answer()
    a.hear()
    a.near.put(messages.encode(next(iter(a.mesh.letters)).letter))
    for move in (a.send, a.arrive, a.answer, a.hear):
        move()
    assert a.denials[-1].reason == "foreign_writer"
    assert a.view() == {}
    fall(world)
    gossip(world)
    assert a.view() == b.view() == {"x": 1}
    settle(world)
    assert a.view() == b.view() == {"x": 1}


def test_however_many_were_denied_all_of_it_is_told(world: World) -> None:
    """[E8] A message has room for so many; the rest goes with the next."""
    one, other = peers_of(world)[:2]
    meet(one, other)
    stamps = [(number, one.mesh.writer) for number in range(MAX_VOID + 5)]
    one.exchange._peers[other.me.id].voids += stamps
    told: list[tuple[int, str]] = []
    for _ in range(3):
        for _, data in one.exchange.outgoing(world.now):
            told += [stamp for m in _whole(data) if isinstance(m, Void) for stamp in m.stamps]
    assert told == stamps


def _whole(piece: bytes) -> list[messages.Message]:
    assert piece[0] == LAST_PIECE, "it is no larger than one piece here"
    return messages.unbundle(piece[1:])
