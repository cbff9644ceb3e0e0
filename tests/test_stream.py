import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callmesh import messages
from callmesh.errors import BadInput, BadName, BadValue, Broken, TooLarge, WireError
from callmesh.ids import ParticipantId, ResourceId
from callmesh.messages import MAX_PAYLOAD
from callmesh.signaling import PATIENCE, Connecting, Direct, Pair, Relay, read_signal
from callmesh.stream import (
    HEAD,
    HIGH_WATER,
    INBOX,
    INBOX_BYTES,
    RECENT,
    Inbox,
    Outgoing,
    Piece,
    StreamMessage,
    decode_piece,
    encode_piece,
    label,
    open_piece,
    piece,
    read_label,
)  # fmt: skip
from callmesh.streams import Streams

ADA, BOB = ParticipantId("pa"), ParticipantId("pb")


@pytest.mark.parametrize("data", [b"", b"\x00\xff", "text", {"x": [1, 2.5, None]}, 0, False])
def test_what_is_sent_is_what_is_read(data: Any) -> None:
    """[D4]"""
    sent = piece(7, data)
    got = open_piece(decode_piece(encode_piece(sent)), ADA)
    assert got == StreamMessage(data, ADA, 7)
    assert type(got.data) is type(data)


def test_a_message_has_a_largest_size() -> None:
    """[D4] And the largest, head and all, fits a data channel's 64 KiB."""
    largest = piece(2**53 - 1, b"x" * MAX_PAYLOAD)
    assert len(encode_piece(largest)) <= 65_536
    for data in (b"x" * (MAX_PAYLOAD + 1), "x" * MAX_PAYLOAD):
        with pytest.raises(TooLarge):
            piece(1, data)
    with pytest.raises(BadValue):
        piece(1, object())


@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_or_a_named_error(data: bytes) -> None:
    """[D8]"""
    with contextlib.suppress(BadInput):
        open_piece(decode_piece(data), ADA)


def test_rubbish_in_a_channel_is_named() -> None:
    """[D8]"""
    with pytest.raises(WireError):
        decode_piece(b"hello")
    with pytest.raises(BadValue):
        open_piece(Piece(1, True, b"\xc1"), ADA)


def test_a_channels_label_names_resource_and_stream() -> None:
    """[D1]"""
    assert label(ResourceId("r1"), "ecg") == "r1/ecg"
    assert read_label("r1/ecg") == ("r1", "ecg")
    for wrong in ("ecg", "r1/", "r1/a/b", "R1/ecg", "r1/" + "x" * 65, "callmesh"):
        with pytest.raises(BadName):
            read_label(wrong)


def test_reliable_keeps_everything_in_order_and_is_full_at_the_high_mark() -> None:
    """[D2]"""
    outgoing = Outgoing("reliable")
    count = HIGH_WATER // 50_000 + 1
    for number in range(1, count + 1):
        assert not outgoing.full
        outgoing.put(piece(number, b"x" * 50_000))
    assert outgoing.full
    taken = [outgoing.take() for _ in range(count)]
    assert [sent.number for sent in taken if sent] == list(range(1, count + 1))
    assert outgoing.take() is None
    assert (outgoing.full, outgoing.dropped) == (False, 0)


def test_latest_keeps_the_newest_and_counts_the_rest() -> None:
    """[D3]"""
    outgoing = Outgoing("latest")
    for number in range(1, 101):
        outgoing.put(piece(number, b"x" * 50_000))
    assert not outgoing.full
    newest = outgoing.take()
    assert newest is not None
    assert (newest.number, outgoing.dropped) == (100, 99)


def test_what_a_broken_path_took_along_is_sent_once_more() -> None:
    """[D2] As much of it as may have been under way."""
    outgoing = Outgoing("reliable")
    for number in range(1, 31):
        outgoing.put(piece(number, b"x" * 50_000))
        if number <= 20:
            outgoing.take()
    outgoing.again()
    left = [sent.number for sent in iter(outgoing.take, None)]
    assert left == list(range(20 - RECENT // 50_000 + 1, 31))


def numbers(inbox: Inbox) -> list[tuple[ParticipantId, int]]:
    found = []
    while message := inbox.take():
        found.append((message.sender, message.number))
    return found


def test_what_comes_twice_or_late_is_dropped() -> None:
    """[D2, D3]"""
    inbox = Inbox()
    for sender, number in ((ADA, 1), (ADA, 3), (BOB, 1), (ADA, 2), (ADA, 3), (ADA, 4)):
        inbox.put(StreamMessage(b"", sender, number), "latest")
    assert numbers(inbox) == [(ADA, 1), (ADA, 3), (BOB, 1), (ADA, 4)]
    assert inbox.dropped == 2
    inbox.gone(ADA)
    inbox.put(StreamMessage(b"", ADA, 1), "latest")
    assert numbers(inbox) == [(ADA, 1)]


def test_a_slow_reader_of_latest_loses_the_oldest() -> None:
    """[D3]"""
    inbox = Inbox()
    for number in range(1, INBOX + 11):
        inbox.put(StreamMessage(b"", ADA, number), "latest")
    assert numbers(inbox)[0] == (ADA, 11)
    assert inbox.dropped == 10


def test_a_slow_reader_of_reliable_is_told() -> None:
    """[D8] A burst of small messages, as one turn of the loop may bring, is no slow reader."""
    for size in (0, 50_000):
        inbox = Inbox()
        most = INBOX_BYTES // (size + HEAD)
        for number in range(1, most + 1):
            inbox.put(StreamMessage(b"", ADA, number), "reliable", size)
        assert not inbox.broken
        inbox.put(StreamMessage(b"", ADA, most + 1), "reliable", size)
        assert [type(inbox.broken)] == [Broken]
        assert len(numbers(inbox)) == most


def test_the_smaller_id_offers_and_the_other_is_polite() -> None:
    """[D5]"""
    ada = Pair(ADA, BOB, rtc=True, now=0)
    bob = Pair(BOB, ADA, rtc=True, now=0)
    assert (ada.offers, ada.polite) == (True, False)
    assert (bob.offers, bob.polite) == (False, True)


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
    assert isinstance(Pair(ADA, BOB, rtc=False, now=0).path, Relay)


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"other":1}', "[" * 20_000])
def test_rubbish_for_a_signal_is_named(text: str) -> None:
    """[D8]"""
    with pytest.raises(WireError):
        read_signal(text)


def test_a_reader_whose_link_was_too_slow_learns_it() -> None:
    """[D8] From the hub, not from a peer, and only of a stream in that mode."""
    streams = Streams(lambda: 0, lambda: None, lambda: None)
    pen = streams.stream(ResourceId("r1"), "pen", "reliable")
    lost = messages.Stream([ADA], "r1", "pen", "reliable", 0, False, b"")
    streams.came_relayed(msgspec.structs.replace(lost, mode="latest"))
    streams.came_direct(ADA, "r1/pen", "reliable", encode_piece(Piece(0, False, b"")))
    assert pen.inbox.broken is None
    streams.came_relayed(lost)
    assert isinstance(pen.inbox.broken, Broken)
