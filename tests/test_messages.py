import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callmesh import messages
from callmesh.errors import TooLarge, WireError
from callmesh.state import DELETED
from tests import vectors

VECTORS = vectors.load("messages")


def described(value: object) -> object:
    """A message as the vectors write it."""
    match value:
        case msgspec.Raw():
            return (
                {"deleted": True} if value == DELETED else {"value": msgspec.msgpack.decode(value)}
            )
        case bytes():
            return {"hex": value.hex()}
        case list() | tuple():
            return [described(item) for item in value]
        case msgspec.Struct():
            return {name: described(getattr(value, name)) for name in value.__struct_fields__}
        case _:
            return value


@pytest.mark.parametrize("case", VECTORS["messages"], ids=lambda case: case["type"])
def test_messages_stand_on_the_wire_as_the_vectors_say(case: dict[str, Any]) -> None:
    """[W1]"""
    (message,) = messages.unbundle(b"\x91" + bytes.fromhex(case["hex"]))
    assert described(message) == case["fields"]
    assert messages.encode(message).hex() == case["hex"]


def test_every_message_has_a_vector() -> None:
    """[W1]"""
    kinds = {kind.__name__.lower() for kind in messages.Message.__args__}
    assert {"denial" if c["type"] == "denied" else c["type"] for c in VECTORS["messages"]} == kinds


@pytest.mark.parametrize("case", VECTORS["bundles"], ids=lambda case: case["about"])
def test_several_messages_ride_in_one_bundle(case: dict[str, Any]) -> None:
    """[W1]"""
    pings = [messages.encode(messages.Ping(number)) for number in range(case["count"])]
    data = messages.bundle(pings)
    assert data.hex().startswith(case["head"])
    assert messages.unbundle(data) == [messages.Ping(number) for number in range(case["count"])]


def test_a_bundle_may_hold_very_many() -> None:
    """[W1]"""
    data = messages.bundle([messages.encode(messages.Leave())] * 70_000)
    assert len(messages.unbundle(data)) == 70_000


@pytest.mark.parametrize("case", VECTORS["lenient"], ids=lambda case: case["about"])
def test_later_versions_may_say_more(case: dict[str, Any]) -> None:
    """[W1]"""
    (message,) = messages.unbundle(bytes.fromhex(case["hex"]))
    assert type(message).__name__.lower() == case["type"]


@pytest.mark.parametrize("case", VECTORS["rubbish"], ids=lambda case: case["about"])
def test_rubbish_is_a_wire_error(case: dict[str, Any]) -> None:
    """[W2]"""
    with pytest.raises(WireError):
        messages.unbundle(bytes.fromhex(case["hex"]))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_bundle_or_a_wire_error(data: bytes) -> None:
    """[W2]"""
    with contextlib.suppress(WireError):
        messages.unbundle(data)


@given(st.sampled_from(VECTORS["messages"]), st.data())
def test_a_damaged_message_is_a_message_or_a_wire_error(case: dict[str, Any], data: Any) -> None:
    """[W2]"""
    damaged = bytearray(b"\x91" + bytes.fromhex(case["hex"]))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):
        messages.unbundle(bytes(damaged))


def test_a_bundle_has_a_largest_size() -> None:
    """[W2, W4]"""
    with pytest.raises(TooLarge):
        messages.unbundle(b"\x90" + b"\x00" * messages.MAX_BUNDLE)
