import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callmesh.errors import BY_CODE, BadInput, BadValue, TooLarge
from callmesh.values import MAX_VALUE, check_key, decode, encode
from tests import vectors

VECTORS = vectors.load("values")

names = st.text().filter(lambda name: name != "__proto__")
"""Hypothesis tries the words of the sources too, and that one is refused."""
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(names, inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "case", VECTORS["taken"] + VECTORS["floats"], ids=lambda case: repr(case["value"])[:20]
)
def test_values_stand_on_the_wire_as_the_vectors_say(case: dict[str, Any]) -> None:
    """[S3]"""
    assert bytes(encode(case["value"])).hex() == case["hex"]
    assert decode(bytes.fromhex(case["hex"])) == case["value"]


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: case["about"])
def test_what_is_no_value_is_refused_by_name(case: dict[str, Any]) -> None:
    """[S3]"""
    with pytest.raises(BY_CODE[case["code"]]):
        decode(bytes.fromhex(case["hex"]))


@given(json_values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    """[S3] Integers stay integers, fractions stay fractions."""
    back = decode(encode(value))
    assert back == value
    assert repr(back) == repr(value)


@given(st.binary(max_size=64))
def test_any_bytes_are_a_value_or_a_named_error(data: bytes) -> None:
    """[S3]"""
    with contextlib.suppress(BadInput):
        encode(decode(data))


@pytest.mark.parametrize(
    "value",
    [2**53, float("nan"), b"bytes", (1, 2), {1: 2}, {"__proto__": 1}, object(), "\ud800"],
    ids=lambda value: repr(value)[:20],
)
def test_a_program_cannot_write_what_is_not_json(value: object) -> None:
    """[S3]"""
    with pytest.raises(BadValue):
        encode(value)


def test_a_value_has_a_largest_size() -> None:
    """[S3]"""
    fits = "x" * (MAX_VALUE - 3)
    assert decode(encode(fits)) == fits
    for act in (
        lambda: encode(fits + "x"),
        lambda: decode(b"\xdb\x00\x01\x00\x00" + b"x" * 65536),
    ):
        with pytest.raises(TooLarge):
            act()


def test_a_value_nests_32_deep_and_no_deeper() -> None:
    """[S3]"""
    decode(bytes.fromhex(VECTORS["deepest"]["hex"]))
    deep: list[Any] = []
    for _ in range(40):
        deep = [deep]
    with pytest.raises(BadValue):
        encode(deep)


@pytest.mark.parametrize("key", VECTORS["keys"]["taken"], ids=lambda key: repr(key)[:20])
def test_a_key_is_a_path(key: str) -> None:
    """[S4]"""
    assert check_key(key) == key


@pytest.mark.parametrize(
    "case", VECTORS["keys"]["refused"], ids=lambda case: repr(case["key"])[:20]
)
def test_what_is_no_key_is_refused_by_name(case: dict[str, Any]) -> None:
    """[S4]"""
    with pytest.raises(BY_CODE[case["code"]]):
        check_key(case["key"])
