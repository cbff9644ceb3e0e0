"""JSON values: what a State, a cache or a stream may hold, and how it stands on the wire.

A value travels and is kept as MessagePack; the hub keeps its own encoding of it.
"""

from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from callmesh.errors import BadValue, TooLarge

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MAX_DEPTH = 32
MAX_VALUE = 64 * 1024
"""Bytes of one encoded value."""
MAX_KEY = 256
"""Bytes of one key."""
MAX_INTEGER = 2**53 - 1

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def encode(value: object, *, limit: int = MAX_VALUE) -> msgspec.Raw:
    """`value` as bytes. Raises `BadValue` or `TooLarge`; never changes what it is given."""
    check(value)
    try:
        data = _encode(value)
    except UnicodeEncodeError as error:
        raise BadValue("a text holds half a surrogate pair, which is no character") from error
    if len(data) > limit:
        raise TooLarge(f"a value has at most {limit} bytes, this one has {len(data)}")
    return msgspec.Raw(data)


def encode_anew(data: msgspec.Raw, *, limit: int = MAX_VALUE) -> msgspec.Raw:
    """A value that may come from anybody, encoded once more by us. Raises as `decode` does.

    What came may say a member's name twice; one reader keeps the last, another looks at both. What
    one browser cannot read must not reach any.
    """
    again = _encode(decode(data, limit=limit))
    return msgspec.Raw(again) if len(again) <= limit else encode(decode(data), limit=limit)


def decode(data: msgspec.Raw | bytes, *, limit: int = MAX_VALUE) -> Any:
    """The value in `data`, which may come from anybody. Raises `BadValue` or `TooLarge`."""
    if len(data) > limit:
        raise TooLarge(f"a value has at most {limit} bytes, this one has {len(data)}")
    try:
        value = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BadValue(f"not a JSON value: {error}") from error
    check(value)
    return value


def check(value: object, depth: int = 0) -> None:
    """Raise `BadValue` unless `value` is JSON: depth ≤ 32, integers below 2⁵³, finite numbers.

    The member name `__proto__` is refused: half the world's JavaScript breaks on it.
    """
    if value is None or value is True or value is False:
        return
    kind = type(value)
    if kind is str:
        return
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]
            raise BadValue("an integer lies between -(2⁵³-1) and 2⁵³-1; send larger ones as text")
    elif kind is float:
        if value - value != 0.0:  # type: ignore[operator]
            raise BadValue("NaN and Infinity are not JSON")
    elif depth >= MAX_DEPTH:
        raise BadValue(f"a value nests at most {MAX_DEPTH} deep")
    elif kind is list:
        for item in value:  # type: ignore[attr-defined]
            check(item, depth + 1)
    elif kind is dict:
        for name, item in value.items():  # type: ignore[attr-defined]
            if type(name) is not str or name == "__proto__":
                raise BadValue(f"{name!r} cannot be a member name")
            check(item, depth + 1)
    else:
        raise BadValue(
            f"{kind.__name__} is not JSON: use dict, list, str, int, float, bool or None"
        )


def check_key(key: str) -> str:
    """A key is a path, `shape/42/x`: segments without control characters, 1–256 bytes in UTF-8."""
    if not isinstance(key, str):
        raise BadValue(f"a key is a text, not {type(key).__name__}")
    return _checked(key)


@lru_cache(4096)
def _checked(key: str) -> str:
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        raise BadValue("a key holds half a surrogate pair, which is no character") from error
    if size > MAX_KEY:
        raise TooLarge(f"a key has at most {MAX_KEY} bytes, this one has {size}")
    if not key or any(c < " " or c == "\x7f" for c in key) or "" in key.split("/"):
        raise BadValue("a key is a path like shape/42/x: no empty segment, no control character")
    return key
