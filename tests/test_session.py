import pytest

from callmesh import messages
from callmesh.errors import Broken, Replaced, TimedOut, TooFast, TooLarge, WireError
from callmesh.messages import MAX_PAYLOAD, STREAM_WINDOW, Message
from callmesh.session import (
    AT_ONCE,
    CREDIT,
    MAX_LATEST,
    MAX_OF_ONE,
    MAX_WAITING,
    Over,
    Session,
    Side,
)

SECOND = 1_000_000
WELCOME = messages.encode(
    messages.Welcome(1, "demo", "p1", "p1", "u1", "Ada", "host", 0),
)
WAITING = messages.encode(messages.Waiting(1, "demo", "u1", "Ada", 0))
HELLO = messages.Hello(1, "demo", "Ada")


def bundle(*given: Message) -> bytes:
    return messages.bundle([messages.encode(message) for message in given])


def hub() -> Session:
    """The hub's side, after the welcome."""
    session = Session(Side.HUB, 0)
    session.receive(bundle(HELLO), 0)
    session.welcome(WELCOME)
    session.take()
    return session


def stream(size: int, *, mode: messages.Mode = "reliable") -> messages.Stream:
    return messages.Stream([], "r1", "ecg", mode, 1, False, b"x" * size)


@pytest.mark.parametrize("kind", messages.Message.__args__)
def test_each_message_is_allowed_where_it_belongs(kind: type[Message]) -> None:
    """[W3] Every message at every point of both sides: taken, or `bad_message`."""
    from tests import vectors

    tag = kind.__struct_config__.tag
    case = next(c for c in vectors.load("messages")["messages"] if c["type"] == tag)
    data = b"\x91" + bytes.fromhex(case["hex"])
    for side in Side:
        for word in ("", "waiting", "welcome"):
            session = Session(side, 0)
            if word == "waiting" and side is Side.HUB:
                session.wait(WAITING)
            elif word == "welcome" and side is Side.HUB:
                session.welcome(WELCOME)
            elif word:
                session.receive(messages.bundle([{"waiting": WAITING}.get(word, WELCOME)]), 0)
            if tag in EXPECTED[side, word]:
                session.receive(data, 0)
            else:
                with pytest.raises(WireError if tag != "error" else Exception):
                    session.receive(data, 0)
                assert isinstance(session.state, Over)


EXPECTED = {
    (Side.HUB, ""): {"hello"},
    (Side.HUB, "waiting"): {"ping", "leave"},
    (Side.HUB, "welcome"): {
        "write", "command", "signal", "stream", "taken", "ping", "leave", "cache", "letter",
        "ticket", "fetch",
    },
    (Side.CLIENT, ""): {"welcome", "waiting"},
    (Side.CLIENT, "waiting"): {"welcome", "waiting", "pong"},
    (Side.CLIENT, "welcome"): {
        "batch", "saved", "denied", "answer", "signal", "stream", "taken", "reach", "relayed",
        "pong", "cache", "life", "link", "ice", "ticket", "kept", "surroundings",
        "fetched",
    },
}  # fmt: skip


def test_who_is_let_in_is_not_told_to_wait_any_more() -> None:
    """[J18] The last word counts; what the hub said before it and was not read is dropped."""
    session = Session(Side.HUB, 0)
    session.wait(WAITING)
    session.wait(WAITING)
    session.welcome(WELCOME)
    assert session.take() == [WELCOME]


def test_who_waits_is_heard_of_too() -> None:
    """[J18, W7]"""
    waiting = Session(Side.CLIENT, 0)
    waiting.receive(messages.bundle([WAITING]), 0)
    waiting.tick(16 * SECOND)
    assert waiting.take() == [messages.encode(messages.Ping(1))]
    silent = Session(Side.HUB, 0)
    silent.wait(WAITING)
    with pytest.raises(Broken):
        silent.tick(41 * SECOND)
    with pytest.raises(TooLarge):
        Session(Side.HUB, 0).receive(b"x" * 16_385, 0)


def test_before_joining_a_bundle_is_small() -> None:
    """[W4]"""
    session = Session(Side.HUB, 0)
    with pytest.raises(TooLarge):
        session.receive(b"\x90" + b"\x00" * messages.MAX_BUNDLE_BEFORE_JOINING, 0)
    joined = hub()
    joined.receive(bundle(messages.Write([])), 0)
    with pytest.raises(TooLarge):
        joined.receive(b"\x90" + b"\x00" * messages.MAX_BUNDLE, 0)


def test_nothing_is_taken_after_the_end() -> None:
    """[W3]"""
    session = hub()
    session.end(Replaced("elsewhere"))
    with pytest.raises(WireError):
        session.receive(bundle(messages.Ping(1)), 0)
    assert isinstance(session.state, Over)
    assert isinstance(session.state.reason, Replaced)


def test_who_says_nothing_is_timed_out() -> None:
    """[W5]"""
    session = Session(Side.HUB, 0)
    session.tick(10 * SECOND)
    with pytest.raises(TimedOut):
        session.tick(10 * SECOND + 1)


def test_a_client_pings_and_takes_silence_for_a_broken_link() -> None:
    """[W7]"""
    session = Session(Side.CLIENT, 0)
    session.receive(messages.bundle([WELCOME]), 0)
    session.tick(14 * SECOND)
    assert not session.take()
    session.tick(15 * SECOND)
    assert session.take() == [messages.encode(messages.Ping(1))]
    session.receive(bundle(messages.Pong(1, 0)), 20 * SECOND)
    session.tick(60 * SECOND)
    with pytest.raises(Broken):
        session.tick(60 * SECOND + 1)


def test_who_has_slept_asks_at_once_and_does_not_wait_for_long() -> None:
    """[W7] Whatever comes says that the link holds."""
    for answered in (True, False):
        session = Session(Side.CLIENT, 0)
        session.receive(messages.bundle([WELCOME]), 3 * SECOND)
        session.awake(6 * SECOND)
        session.tick(6 * SECOND)
        session.tick(6 * SECOND + 1)
        assert session.take() == [messages.encode(messages.Ping(1))]
        if answered:
            session.receive(bundle(messages.Pong(1, 0)), 7 * SECOND)
            session.tick(47 * SECOND)
        else:
            session.tick(11 * SECOND)
            with pytest.raises(Broken):
                session.tick(11 * SECOND + 1)


def test_a_hub_takes_silence_for_a_broken_link() -> None:
    """[W7]"""
    session = hub()
    session.tick(40 * SECOND)
    with pytest.raises(Broken):
        session.tick(40 * SECOND + 1)


def test_a_bundle_has_so_many_messages() -> None:
    """[W4] Whoever has more to say says it in several."""
    session, pings = Session(Side.CLIENT, 0), [messages.encode(messages.Ping(1))] * 2_000
    for ping in pings:
        session.put(ping)
    assert [len(session.take()), len(session.take())] == [1024, 976]
    with pytest.raises(TooLarge):
        hub().receive(messages.bundle(pings), 0)


def test_what_the_hub_names_is_what_the_client_raises() -> None:
    """[W6]"""
    session = Session(Side.CLIENT, 0)
    with pytest.raises(TooFast, match="full"):
        session.receive(bundle(messages.Error("too_fast", "this call is full")), 0)


def test_a_sender_that_ignores_the_window_is_ended() -> None:
    """[W8]"""
    session = hub()
    for _ in range(STREAM_WINDOW // MAX_PAYLOAD + 1):
        session.receive(bundle(stream(MAX_PAYLOAD)), 0)
    with pytest.raises(TooFast):
        session.receive(bundle(stream(MAX_PAYLOAD)), 0)


def test_what_waits_for_a_link_is_bounded_in_all_and_of_one_sender() -> None:
    """[W8] And there is room again when it has left."""
    receiver = hub()
    message = b"x" * 60_000
    taken = [receiver.put_stream("pa", message) for _ in range(10)]
    assert taken == [True] * (MAX_OF_ONE // 60_000) + [False] * 2
    for number in range(100):
        receiver.put_stream(f"p{number}", message)
    assert MAX_WAITING - 60_000 < receiver.waiting <= MAX_WAITING
    while receiver.take():
        pass
    assert receiver.put_stream("pa", message)
    receiver.end(Replaced("elsewhere"))
    assert not receiver.put_stream("pa", message)


def test_credit_is_told_when_it_is_worth_it_or_something_goes_anyway() -> None:
    """[W8]"""
    sender = hub()
    sender.relayed(CREDIT - 1)
    assert not sender.has_output
    sender.relayed(1)
    assert sender.take() == [messages.encode(messages.Relayed(CREDIT))]
    sender.relayed(5)
    sender.put(b"\x01")
    assert sender.take()[0] == messages.encode(messages.Relayed(CREDIT + 5))


def test_who_goes_too_fast_is_told_later_what_has_gone_on() -> None:
    """[W9]"""
    sender = hub()
    sender.relayed(3 * CREDIT)
    sender.held = 2 * CREDIT
    assert sender.take() == [messages.encode(messages.Relayed(CREDIT))]
    sender.held = CREDIT + 1
    assert not sender.has_output
    sender.held = 0
    assert sender.take() == [messages.encode(messages.Relayed(3 * CREDIT))]


def test_what_is_newest_overtakes_what_waits_of_streams_that_must_arrive() -> None:
    """[D25] No bundle holds so much of them that it would wait for long."""
    receiver = hub()
    for number in range(8):
        receiver.put_stream("pa", bytes([number]) * MAX_PAYLOAD)
    receiver.put_latest("ecg", b"ecg")
    receiver.put(b"pong")
    left = []
    while taken := receiver.take():
        assert sum(map(len, taken)) <= AT_ONCE
        left += [part[:4] for part in taken]
    assert left == [b"pong", b"ecg", *(bytes([number]) * 4 for number in range(8))]
    assert receiver.waiting == 0


def test_a_client_waits_for_the_window() -> None:
    """[W8]"""
    session = Session(Side.CLIENT, 0)
    session.receive(messages.bundle([WELCOME]), 0)
    session.streamed = STREAM_WINDOW
    assert session.room == 0
    session.receive(bundle(messages.Relayed(1)), 0)
    assert session.room == 1


def test_latest_holds_one_message_per_slot() -> None:
    """[W8, D3]"""
    session = hub()
    for number in range(1000):
        session.put_latest("ecg", b"%d" % number)
        session.put_latest("pen", b"%d" % number)
    assert session.take() == [b"999", b"999"]
    assert session.dropped == 2 * 999


def test_latest_of_however_many_streams_is_bounded() -> None:
    """[W8] The oldest make room; what has left counts no more."""
    session, size = hub(), MAX_PAYLOAD
    room = MAX_LATEST // size
    for number in range(room + 3):
        session.put_latest(number, bytes([number]) * size)
    assert session.dropped == 3
    taken: list[bytes] = []
    while parts := session.take():
        taken += parts
    assert [part[0] for part in taken] == list(range(3, room + 3))
    for number in range(room):
        session.put_latest(number, b"x" * size)
    assert session.dropped == 3
