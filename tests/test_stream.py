import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callmesh.errors import BadInput, BadName, BadValue, Broken, TooLarge, WireError
from callmesh.ids import ParticipantId, ResourceId
from callmesh.inbox import ACK, INBOX, INBOX_BYTES, MOST_ENDED, MOST_OWED, Came, Ended, Inbox
from callmesh.lane import ASK, HIGH_WATER, LEAST_WINDOW, STALLED, Due, Lane, Reading
from callmesh.messages import MAX_PAYLOAD, STREAM_WINDOW, Mode
from callmesh.meter import Meter
from callmesh.signaling import PATIENCE, Connecting, Direct, Mend, Pair, Relay, read_signal
from callmesh.stream import (
    HEAD,
    MAX_MESSAGE,
    PACK,
    PACKET,
    SMALL,
    Piece,
    StreamMessage,
    decode_frame,
    delivery,
    encode_frame,
    encode_piece,
    label,
    mode_of,
    payload_of,
    pieces,
    read_label,
    read_payload,
)  # fmt: skip
from callmesh.turns import Turns
from callmesh.wake import SLEPT, Wake
from tests import vectors

ADA, BOB = ParticipantId("pa"), ParticipantId("pb")


def one(number: int, size: int = 1, step: int = 1) -> Piece:
    return Piece(number, False, b"x" * size, step)


def decode_piece(data: bytes) -> Piece:
    (piece,) = decode_frame(data)
    return piece


@pytest.mark.parametrize("case", vectors.load("streams")["frames"], ids=lambda c: c["about"])
def test_small_messages_that_travel_together_have_the_same_bytes(case: dict[str, Any]) -> None:
    """[D24] In both languages."""
    sent = [
        Piece(number, False, bytes.fromhex(data), step) for number, data, step in case["pieces"]
    ]
    assert encode_frame(sent, sent[0].step).hex() == case["hex"]
    data = bytes.fromhex(case["hex"])
    assert list(decode_frame(data)) == sent
    for rubbish in (data + b"\0", *(data[:size] for size in range(len(data)))):
        with pytest.raises(WireError):
            decode_frame(rubbish)


def test_small_messages_that_wait_leave_together() -> None:
    """[D24] Those that follow on each other, up to 8 KiB; no parts, no large ones, no `latest`."""
    lane = reading()
    for number in (*range(1, 5), 7, 8):
        lane.put(one(number))
    lane.put(one(9, SMALL + 1))
    lane.put(one(10))
    lane.put(Piece(11, False, b"", 1, 0, 0))
    frames = [lane.take_frame() for _ in range(5)]
    found = [([piece.number for piece in frame], step) for frame, step in frames]
    assert found == [([1, 2, 3, 4], 1), ([7, 8], 3), ([9], 1), ([10], 1), ([11], 1)]
    for number in range(12, 500):
        lane.put(one(number, 36))
    assert len(lane.take_frame()[0]) == -(-PACK // (36 + HEAD))
    latest = reading("latest")
    latest.put(one(1))
    assert latest.take_frame() == ([one(1)], 1)
    assert not latest.may_wait


def test_small_messages_of_latest_that_leave_in_one_turn_go_in_one_packet() -> None:
    """[D24] Only those that follow on each other; none waits behind a larger one."""
    lane = reading("latest")

    def packed(*numbers: int, size: int = 1) -> list[tuple[list[int], int]]:
        found = []
        for number in numbers:
            lane.put(one(number, size))
            found += lane.pack(*lane.take())
        return [([piece.number for piece in frame], step) for frame, step in found]

    assert packed(1, 2, 3, 7, 8) == [([1, 2, 3], 1)]
    assert packed(9, size=SMALL + 1) == [([7, 8], 4), ([9], 1)]
    many = packed(*range(10, 100), size=64)
    assert {len(numbers) for numbers, _ in many} == {PACKET // (64 + 12)}
    frame, step = lane.unpack()[0]
    assert len(encode_frame(frame, step)) <= PACKET
    assert (lane.packed, lane.dropped, lane.messages) == (False, 0, 96)
    assert packed(100) == []
    lane.rewind()
    assert lane.unpack() == [], "the path is another one, and what had left is lost"


@pytest.mark.parametrize("case", vectors.load("streams")["pieces"], ids=lambda c: c["about"])
def test_a_piece_has_the_same_bytes_in_both_languages(case: dict[str, Any]) -> None:
    """[D4, D9, D13]"""
    fields, data = case["piece"], bytes.fromhex(case["hex"])
    payload = bytes.fromhex(fields.pop("payload"))
    piece = Piece(payload=payload, **fields)
    assert decode_piece(data) == piece
    assert encode_piece(piece, piece.step) == data


@pytest.mark.parametrize("case", vectors.load("streams")["inbox"], ids=lambda c: c["about"])
def test_what_comes_is_taken_asked_for_or_passed_over(case: dict[str, Any]) -> None:
    """[D9, D11, D13] The same in both languages."""
    inbox = Inbox(case["mode"])
    for number, step, part, parts, came in case["comes"]:
        piece = Piece(number, False, bytes([number]), step, part, parts)
        assert inbox.put(ADA, piece).value == came, (number, step)
    read = []
    while item := inbox.take():
        read.append(item.data.hex() if isinstance(item, StreamMessage) else "broken")
    assert read == case["read"]
    assert inbox.source(ADA).last == case["last"]
    assert inbox.dropped == case["dropped"]


@pytest.mark.parametrize("case", vectors.load("streams")["lanes"], ids=lambda c: c["about"])
def test_what_leaves_for_a_receiver_is_the_same_in_both_languages(case: dict[str, Any]) -> None:
    """[D9, D10]"""
    lane = Lane(case["mode"])
    lane.turn(Reading.READS)
    left: list[list[int]] = []
    for act, number in case["acts"]:
        match act:
            case "put":
                lane.put(one(number))
            case "take":
                for _ in range(number):
                    piece, step = lane.take()
                    left.append([piece.number, step])
            case "taken":
                lane.acknowledge(number, 0)
            case "again":
                lane.again()
            case "rewind":
                lane.rewind()
            case "restart":
                lane.restart(number)
    assert left == case["left"]
    assert (lane.size, lane.flying, lane.dropped) == (case["size"], case["flying"], case["dropped"])


@pytest.mark.parametrize("case", vectors.load("streams")["turns"], ids=lambda c: c["about"])
def test_what_leaves_next_by_way_of_the_hub_is_the_same_in_both_languages(
    case: dict[str, Any],
) -> None:
    """[D25]"""
    turns = Turns()
    for waiting, room, chosen in case["acts"]:
        assert turns.choose([(name, size) for name, size in waiting], room) == chosen


@pytest.mark.parametrize("data", [b"", b"\x00\xff", "text", {"x": [1, 2.5, None]}, 0, False])
def test_what_is_sent_is_what_is_read(data: Any) -> None:
    """[D4]"""
    json, payload = payload_of(data)
    (sent,) = pieces(7, json, payload)
    got = decode_piece(encode_piece(sent, 1))
    read = read_payload(got.json, got.payload)
    assert (read, type(read), got.number) == (data, type(data), 7)


def test_a_message_has_a_largest_size() -> None:
    """[D4, D13] And the largest part, head and all, fits a data channel's 64 KiB."""
    largest = Piece(2**53 - 1, False, b"x" * MAX_PAYLOAD, 2**53 - 1, 272, 274)
    assert len(encode_piece(largest, 2**53 - 1)) <= 65_536
    for data in (b"x" * (MAX_MESSAGE + 1), "x" * MAX_MESSAGE):
        with pytest.raises(TooLarge):
            payload_of(data)
    with pytest.raises(BadValue):
        payload_of(object())


@pytest.mark.parametrize("size", [MAX_PAYLOAD, MAX_PAYLOAD + 1, 3 * MAX_PAYLOAD, MAX_MESSAGE])
def test_large_messages_travel_in_parts(size: int) -> None:
    """[D13]"""
    payload = bytes(range(256)) * (size // 256) + b"y" * (size % 256)
    sent = pieces(5, False, payload)
    assert [piece.number for piece in sent] == list(range(5, 5 + len(sent)))
    inbox = Inbox("reliable")
    for number, piece in enumerate(sent):
        assert len(piece.payload) <= MAX_PAYLOAD
        assert len(inbox) == 0, number
        inbox.put(ADA, decode_piece(encode_piece(piece, 5 if piece.part == 0 else 1)))
    got = inbox.take()
    assert isinstance(got, StreamMessage)
    assert (got.data == payload, got.number) == (True, 4 + len(sent))


def test_parts_that_do_not_fit_together_are_dropped() -> None:
    """[D8, D13] And take no more room than one message."""
    inbox = Inbox("latest")
    for part, parts in ((0, 1_000), (7, 5), (2, 2)):
        inbox.put(ADA, Piece(2_000 + part, False, b"x", 1, part, parts))
    source = inbox.source(ADA)
    for part in range(273):
        inbox.put(ADA, Piece(9_000 + part, False, b"x" * 70_000, 1, part, 274))
    assert source.parts is None or sum(map(len, source.parts.values())) <= MAX_MESSAGE
    assert len(inbox) == 0


@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_or_a_named_error(data: bytes) -> None:
    """[D8]"""
    with contextlib.suppress(BadInput):
        piece = decode_piece(data)
        read_payload(piece.json, piece.payload)


def test_rubbish_in_a_channel_is_named() -> None:
    """[D8]"""
    with pytest.raises(WireError):
        decode_piece(b"hello")
    with pytest.raises(BadValue):
        read_payload(True, b"\xc1")


def test_a_channels_label_names_resource_and_stream() -> None:
    """[D1]"""
    assert label(ResourceId("r1"), "ecg") == "r1/ecg"
    assert read_label("r1/ecg") == ("r1", "ecg")
    for wrong in ("ecg", "r1/", "r1/a/b", "R1/ecg", "r1/" + "x" * 65, "callmesh"):
        with pytest.raises(BadName):
            read_label(wrong)


def reading(mode: Mode = "reliable") -> Lane:
    lane = Lane(mode)
    lane.turn(Reading.READS)
    return lane


def test_reliable_keeps_everything_in_order_and_is_full_at_the_high_mark() -> None:
    """[D2] Until it is acknowledged, and not only until it has left."""
    lane = reading()
    count = HIGH_WATER // (50_000 + HEAD) + 1
    for number in range(1, count + 1):
        assert not lane.full
        lane.put(one(number, 50_000))
    taken = [lane.take() for _ in range(count)]
    assert [(piece.number, step) for piece, step in taken] == [(n, 1) for n in range(1, count + 1)]
    assert lane.full
    lane.acknowledge(1, 0)
    assert (lane.full, lane.dropped) == (False, 0)
    lane.acknowledge(count, 0)
    assert (lane.size, lane.flying, len(lane.sent)) == (0, 0, 0)


def test_latest_keeps_the_newest_and_counts_the_rest() -> None:
    """[D3, D13] A large message is replaced with all its parts."""
    lane = reading("latest")
    for number in range(1, 101):
        lane.put(one(number, 50_000))
    for piece in pieces(101, False, b"x" * 3 * MAX_PAYLOAD):
        lane.put(piece)
    assert not lane.full
    lane.take()
    lane.put(one(104))
    newest, step = lane.take()
    assert (newest.number, step, lane.dropped) == (104, 3, 101)
    assert (lane.size, len(lane.waiting)) == (0, 0)


def test_what_waits_for_who_has_not_said_that_they_read_is_kept_for_them() -> None:
    """[D14] And dropped where they say that they do not."""
    lane = Lane("reliable")
    lane.put(one(1))
    may = [lane.may_relay]
    for reading in (Reading.READS, Reading.IDLE):
        lane.turn(reading)
        may.append(lane.may_relay)
    assert (may, lane.size, lane.takes) == ([False, True, False], 0, False)


def test_a_receiver_who_lacks_what_was_under_way_is_sent_less_at_once() -> None:
    """[D10] So that what is sent again does not choke a slow link; it grows with what comes."""
    lane = reading()
    assert lane.window == STREAM_WINDOW
    for number in range(1, 9):
        lane.put(one(number, 60_000))
        if lane.may_relay:
            lane.take()
    assert lane.flying < STREAM_WINDOW + 60_000 + HEAD
    for _ in range(9):
        lane.again()
    assert lane.window == LEAST_WINDOW
    lane.take()
    lane.acknowledge(1, 0)
    assert LEAST_WINDOW < lane.window <= LEAST_WINDOW + 60_000 + HEAD


def due(lane: Lane, since: int, until: int) -> list[tuple[int, Due]]:
    found = [(now, lane.due(now)) for now in range(since, until, 500_000)]
    return [(now, what) for now, what in found if what is not Due.NOTHING]


def test_who_acknowledges_nothing_is_asked_and_then_loses_the_stream() -> None:
    """[D11] With growing pauses, and others are not looked at for it."""
    lane = reading()
    lane.put(one(1))
    assert due(lane, 1, STALLED) == [], "nothing is under way"
    lane.take()
    asked = due(lane, STALLED, 2 * STALLED + 2_000_000)
    assert [what for _, what in asked] == [Due.MARK] * (len(asked) - 1) + [Due.LOSE]
    assert 4 <= len(asked) <= 6, asked
    assert asked[-1][0] >= 2 * STALLED - 500_000
    assert (lane.size, lane.takes, lane.losses) == (0, False, 1)
    assert ASK[0] < ASK[1]


@pytest.mark.parametrize("has_room", [True, False])
def test_who_asks_on_and_on_and_acknowledges_nothing_loses_it_too(has_room: bool) -> None:
    """[D9, D11] Also where nothing can leave; and what is asked for does not go each time."""
    lane = reading()
    for number in range(1, 11):
        lane.put(one(number))
    lane.take()
    found = []
    for now in range(1, STALLED + 2_000_000, 500_000):
        for _ in range(100):
            lane.again()
            if has_room and lane.waiting:
                lane.take()
        found.append(lane.due(now))
    assert found.count(Due.LOSE) == 1
    assert (Due.MARK in found) == has_room, "of nothing that has left nobody is asked"
    assert (lane.size, lane.losses) == (0, 1)
    assert lane.resent <= 10 * len(found)


def test_who_asks_anew_and_reads_nothing_of_latest_keeps_it() -> None:
    """[D11]"""
    lane = reading("latest")
    lane.put(one(1))
    lane.again()
    assert Due.LOSE not in [what for _, what in due(lane, 1, 2 * STALLED)]


def test_who_acknowledges_slowly_keeps_it() -> None:
    """[D11]"""
    lane = reading()
    for number in range(1, 20):
        lane.put(one(number))
        lane.take()
    for number in range(1, 15):
        for second in range(20):
            assert lane.due((number * 20 + second) * 1_000_000) is not Due.LOSE
        lane.acknowledge(number, 0)
    assert lane.losses == 0


def test_the_round_trip_is_measured_where_something_goes() -> None:
    """[D15]"""
    lane = reading()
    lane.put(one(1))
    lane.take()
    assert lane.due(6_000_000) is Due.MARK
    marked = lane.mark(6_000_000)
    assert (marked.number, marked.step) == (1, 0)
    inbox = Inbox("reliable")
    inbox.put(ADA, one(1))
    assert inbox.put(ADA, marked) is Came.MARK
    lane.acknowledge(1, 6_080_000)
    assert lane.round_trip == 80_000


@pytest.mark.parametrize("case", vectors.load("streams")["meters"], ids=lambda c: c["about"])
def test_rates_are_of_the_last_seconds(case: dict[str, Any]) -> None:
    """[D15] The same in both languages."""
    meter = Meter()
    for now, counts in case["notes"]:
        meter.note(now, tuple(counts))
    now, counts = case["at"]
    assert meter.rates(now, tuple(counts)) == pytest.approx(case["rates"])


@pytest.mark.parametrize("case", vectors.load("streams")["losses"], ids=lambda c: c["about"])
def test_the_share_that_is_lost_is_measured_where_something_goes(case: dict[str, Any]) -> None:
    """[D15] The same in both languages. Who has sent nothing asks nothing."""
    lane = reading("latest")
    now = 6_000_000
    assert lane.due(now) is Due.NOTHING
    for left, came in case["said"]:
        for number in range(lane.last + 1, left + 1):
            lane.put(one(number))
            lane.take()
        now += 6_000_000
        assert lane.due(now) is Due.MARK
        lane.mark(now)
        lane.acknowledge(0, now + 40_000, came)
    assert lane.loss == pytest.approx(case["loss"])
    assert lane.round_trip == 40_000
    assert lane.due(now + 6_000_000) is Due.NOTHING


@pytest.mark.parametrize("case", vectors.load("streams")["deliveries"], ids=str)
def test_only_latest_may_say_how_its_channels_deliver(case: dict[str, Any]) -> None:
    """[D21] The same in both languages."""
    if case["is"] is None:
        with pytest.raises(BadValue):
            delivery(case["mode"], case["ordered"], case["max_retransmits"])
        return
    how = delivery(case["mode"], case["ordered"], case["max_retransmits"])
    assert [how.ordered, how.max_retransmits] == case["is"]
    assert mode_of(how.ordered, how.max_retransmits) == how.mode == case["mode"]


def numbers(inbox: Inbox) -> list[tuple[ParticipantId, int]]:
    found = []
    while message := inbox.take():
        assert isinstance(message, StreamMessage)
        found.append((message.sender, message.number))
    return found


def test_what_comes_twice_or_late_is_dropped() -> None:
    """[D3]"""
    inbox = Inbox("latest")
    for sender, number in ((ADA, 1), (ADA, 3), (BOB, 1), (ADA, 2), (ADA, 3), (ADA, 4)):
        inbox.put(sender, one(number))
    assert numbers(inbox) == [(ADA, 1), (ADA, 3), (BOB, 1), (ADA, 4)]
    assert inbox.dropped == 2
    assert inbox.source(ADA).lost == 1
    inbox.gone(ADA)
    inbox.put(ADA, one(1))
    assert numbers(inbox) == [(ADA, 1)]


def test_a_slow_reader_of_latest_loses_the_oldest() -> None:
    """[D3]"""
    inbox = Inbox("latest")
    for number in range(1, INBOX + 11):
        inbox.put(ADA, one(number))
    assert numbers(inbox)[0] == (ADA, 11)
    assert inbox.dropped == 10


def test_a_slow_reader_of_reliable_holds_up_its_senders() -> None:
    """[D8] A burst of small messages, as one turn of the loop may bring, is no slow reader."""
    for size in (0, 50_000):
        inbox = Inbox("reliable")
        inbox.was_read = True
        most = INBOX_BYTES // (size + HEAD)
        for number in range(1, most + 1):
            assert inbox.put(ADA, one(number, size)) in (Came.NEW, Came.DUE)
        held = [inbox.holds(ADA)]
        inbox.put(ADA, one(most + 1, size))
        held.append(inbox.holds(ADA))
        inbox.take()
        assert [*held, inbox.holds(ADA)] == [False, True, False]
        assert len(numbers(inbox)) == most


def test_what_waits_to_be_read_is_bounded_though_a_sender_goes_on_and_on() -> None:
    """[D8] Nothing is acknowledged while too much waits, whatever is asked; nor taken for long."""
    for was_read in (True, False):
        inbox = Inbox("reliable")
        inbox.was_read = was_read
        source = inbox.source(ADA)
        for number in range(1, 2_000):
            inbox.put(ADA, one(number, 50_000))
            inbox.put(ADA, one(number, step=0))
            inbox.acknowledged(ADA)
        assert source.told < source.last < 1_000
        assert inbox.size < INBOX_BYTES + MOST_OWED + 100_000
    latest = Inbox("latest")
    latest.read_apart(ADA)
    for number in range(1, 2 * INBOX):
        latest.put(ADA, one(number))
    assert latest.dropped == INBOX - 1


def test_who_says_on_and_on_that_something_is_lost_is_read_of_once_and_held_to_the_same() -> None:
    """[D11] It is about that sender alone; no more of it waits than of messages."""
    inbox = Inbox("reliable")
    inbox.was_read = True
    inbox.put(BOB, one(1))
    inbox.read_apart(ADA)
    turns = 0
    while inbox.put(ADA, Piece(0, False, b"", 0)) is not Came.OLD and turns < 300_000:
        inbox.put(ADA, one(1))
        turns += 1
    assert INBOX_BYTES < inbox.size < INBOX_BYTES + MOST_OWED
    assert turns < 300_000
    assert numbers(inbox) == [(BOB, 1)], "nobody else notices"
    first = inbox.take(ADA)
    assert isinstance(first, Broken)
    assert first.sender == ADA


def test_who_never_reads_holds_up_nobody() -> None:
    """[D8] Who begins to later gets what there is, then `Broken`."""
    inbox = Inbox("reliable")
    most = INBOX_BYTES // (50_000 + HEAD)
    came = [inbox.put(ADA, one(number, 50_000)) for number in range(1, most + 2)]
    assert came[-1] is Came.FULL
    items = list(iter(inbox.take, None))
    assert [type(item) for item in items] == [StreamMessage] * (most + 1) + [Broken]
    more = inbox.put(ADA, one(most + 2))
    assert (more, inbox.word(ADA, "taken"), inbox.take()) == (Came.MARK, "hold", None)
    inbox.full = False
    assert (inbox.word(ADA, "taken"), inbox.opened) == ("taken", 2)
    assert (inbox.sources[ADA].opened, inbox.sources[ADA].last) == (2, 0)


@pytest.mark.parametrize("was_read", [True, False])
def test_who_is_read_apart_waits_for_its_own_readers_alone(was_read: bool) -> None:
    """[D8] However much waits of others, whether or not somebody reads these."""
    inbox = Inbox("reliable")
    inbox.was_read = was_read
    inbox.put(ADA, one(1))
    for number in range(1, 200):
        inbox.put(BOB, one(number, 50_000))
    assert inbox.holds(ADA)
    assert inbox.acknowledged(ADA) == 0
    assert inbox.word(ADA, "taken") == ("taken" if was_read else "hold")
    inbox.read_apart(ADA)
    assert (inbox.holds(ADA), inbox.holds(BOB)) == (False, True)
    assert inbox.word(ADA, "taken") == "taken"
    inbox.put(ADA, one(2 if was_read else 1))
    apart = [getattr(item, "number", "broken") for item in iter(lambda: inbox.take(ADA), None)]
    assert apart == ([1, 2] if was_read else [1, "broken", 1])
    inbox.put(ADA, one(3 if was_read else 2))
    inbox.read_together(ADA)
    rest = [getattr(item, "sender", "") for item in iter(inbox.take, None)]
    assert rest[-2:] == ([BOB, ADA] if was_read else [ADA, ""]), "what came, then Broken"


def test_what_was_read_apart_and_is_no_more_holds_up_nobody() -> None:
    """[D8]"""
    inbox = Inbox("reliable")
    inbox.read_apart(ADA)
    for number in range(1, 200):
        inbox.put(ADA, one(number, 50_000))
    assert (inbox.holds(ADA), inbox.word(ADA, "taken")) == (True, "taken")
    assert inbox.read_together(ADA)
    assert inbox.word(ADA, "taken") == "hold"
    inbox.read_apart(ADA)
    assert not inbox.read_together(ADA), "it was so before"


def test_several_may_read_one_sender_apart() -> None:
    """[D12] Each message is for one of them, and the end for all."""
    inbox = Inbox("reliable")
    for _ in range(2):
        inbox.read_apart(ADA)
    inbox.put(ADA, one(1))
    inbox.put(ADA, Piece(2, False, b"", 1, 0, 0))
    assert isinstance(inbox.take(ADA), StreamMessage)
    for _ in range(2):
        assert isinstance(inbox.take(ADA), Ended)
        inbox.read_together(ADA)
    assert inbox.take() is None


def test_of_so_many_senders_it_is_remembered_how_they_ended() -> None:
    """[D12]"""
    inbox = Inbox("reliable")
    senders = [ParticipantId(f"p{number}") for number in range(MOST_ENDED + 1)]
    for sender in senders:
        inbox.put(sender, one(1))
        inbox.put(sender, Piece(2, False, b"", 1, 0, 0))
        inbox.gone(sender)
    for sender, ends in ((senders[0], False), (senders[1], True), (senders[-1], True)):
        inbox.read_apart(sender)
        items = [inbox.take(sender), inbox.take(sender)]
        assert isinstance(items[0], StreamMessage)
        assert isinstance(items[1], Ended) is ends


def test_it_is_acknowledged_now_and_then() -> None:
    """[D10]"""
    inbox = Inbox("reliable")
    came = [inbox.put(ADA, one(number, 1_000)) for number in range(1, 101)]
    assert came.index(Came.DUE) == -(-ACK // (1_000 + HEAD)) - 1


def test_one_sender_can_be_read_apart_and_has_an_end() -> None:
    """[D12]"""
    inbox = Inbox("reliable")
    for sender in (ADA, BOB, ADA):
        inbox.put(sender, one(inbox.source(sender).last + 1))
    inbox.read_apart(ADA)
    assert numbers(inbox) == [(BOB, 1)]
    inbox.put(ADA, Piece(3, False, b"", 1, 0, 0))
    inbox.end(ADA, None)
    apart = list(iter(lambda: inbox.take(ADA), None))
    assert [type(item).__name__ for item in apart] == ["StreamMessage", "StreamMessage", "Ended"]
    assert getattr(apart[-1], "why", "") is None
    inbox.read_together(ADA)


def test_the_smaller_id_makes_the_offers() -> None:
    """[D5]"""
    assert Pair(ADA, BOB, rtc=True, now=0).offers
    assert not Pair(BOB, ADA, rtc=True, now=0).offers


def test_a_path_that_is_not_found_in_time_is_the_relay() -> None:
    """[D5]"""
    pair = Pair(ADA, BOB, rtc=True, now=100)
    paths = [pair.path]
    assert not pair.tick(99 + PATIENCE)
    assert pair.tick(100 + PATIENCE)
    assert not pair.tick(101 + PATIENCE)
    paths.append(pair.path)
    pair.opened()
    paths.append(pair.path)
    pair.failed("broke")
    paths.append(pair.path)
    gave_up = Relay("no direct path was found in time")
    assert paths == [Connecting(100), gave_up, Direct(), Relay("broke")]


def test_without_webrtc_the_path_is_the_relay() -> None:
    """[D6]"""
    pair = Pair(ADA, BOB, rtc=False, now=0)
    assert isinstance(pair.path, Relay)
    pair.hurry()
    assert pair.mend(0, restarts=True) is Mend.NOTHING


@pytest.mark.parametrize("case", vectors.load("streams")["mending"], ids=lambda c: c["about"])
def test_a_path_that_broke_is_mended(case: dict[str, Any]) -> None:
    """[D22] The same in both languages."""
    pair = Pair(ADA, BOB, rtc=True, now=0) if case["offers"] else Pair(BOB, ADA, rtc=True, now=0)
    for act, now, due in case["acts"]:
        match act:
            case "mend":
                assert pair.mend(now, restarts=case["restarts"]).value == due, now
            case "opened" | "hurry":
                getattr(pair, act)()
            case "failed":
                pair.failed("broke")
            case _:
                getattr(pair, act)(now)


def test_who_has_slept_knows_by_either_clock() -> None:
    """[D23] Some clocks stand still meanwhile, and some are set."""
    for steady, wall in ((0, SLEPT), (SLEPT, SLEPT), (SLEPT, -SLEPT)):
        wake = Wake()
        assert not wake.tick(10, 10**15)
        assert not wake.tick(10 + SLEPT // 2, 10**15 + SLEPT // 2)
        assert wake.tick(10 + SLEPT // 2 + steady, 10**15 + SLEPT // 2 + wall)
        assert not wake.tick(10 + SLEPT // 2 + steady, 10**15 + SLEPT // 2 + wall)


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"other":1}', "[" * 20_000])
def test_rubbish_for_a_signal_is_named(text: str) -> None:
    """[D8]"""
    with pytest.raises(WireError):
        read_signal(text)
