"""Typed views of a State: values as instances of a msgspec struct or a dataclass."""

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from typing import Any, Generic, Protocol, TypeVar, cast, get_type_hints

import msgspec

from callmesh.errors import BadValue

T = TypeVar("T")

log = logging.getLogger("callmesh")


class Values(Protocol):
    """The State that is seen."""

    def __getitem__(self, key: str, /) -> Any: ...
    def __setitem__(self, key: str, value: object, /) -> None: ...
    def __delitem__(self, key: str, /) -> None: ...
    def __iter__(self) -> Iterator[str]: ...
    def __contains__(self, key: object, /) -> bool: ...
    def transaction(self) -> AbstractContextManager[None]: ...


class TypedState(MutableMapping[str, T]):
    """Key → instance. A value that does not fit the type is not there, and is `unreadable`.

    What is written has to fit. It replaces the value whole: fields that the type does not have, as
    a later version of an app may write them, go.
    """

    def __init__(self, state: Values, type: type[T]) -> None:
        self._state = state
        self._type = type
        self._set_aside: dict[str, str] = {}

    @property
    def unreadable(self) -> dict[str, str]:
        """Key → why, of what was met and does not fit as it stands now."""
        for key in list(self._set_aside):
            self.get(key)
        return dict(self._set_aside)

    def __repr__(self) -> str:
        return f"<TypedState {dict(self)!r}>"

    def __getitem__(self, key: str) -> T:
        known = self._set_aside.pop(key, None)
        try:
            return msgspec.convert(self._state[key], self._type)
        except msgspec.ValidationError as error:
            if known != str(error):
                log.warning("%s is no %s and set aside: %s", key, self._type.__name__, error)
            self._set_aside[key] = str(error)
            raise KeyError(key) from error

    def __setitem__(self, key: str, value: T) -> None:
        self._state[key] = _fitting(value, self._type, f"{key} is no {self._type.__name__}")

    def update(self, *values: Any, **more: Any) -> None:
        """Write several, as one transaction."""
        with self._state.transaction():
            super().update(*values, **more)

    def __delitem__(self, key: str) -> None:
        del self._state[key]

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._state if key in self)

    def __contains__(self, key: object) -> bool:
        try:
            self[key]  # type: ignore[index]
        except KeyError:
            return False
        return True

    def __len__(self) -> int:
        return sum(1 for _ in self)


class TypedRecord(Generic[T]):
    """A State whose keys are the fields of one type; what is not set has its default."""

    def __init__(self, state: Values, type: type[T]) -> None:
        self._state = state
        self._type = type
        self._fields = _fields(type)

    def get(self) -> T:
        """How it stands. Raises `BadValue` if a field has no value and no default, or no fit."""
        found = {name: self._state[name] for name in self._fields if name in self._state}
        try:
            return msgspec.convert(found, self._type)
        except msgspec.ValidationError as error:
            raise BadValue(f"this is no {self._type.__name__}: {error}") from error

    def set(self, value: T) -> None:
        """Write the fields that differ, as one transaction."""
        self.update(**cast(dict[str, Any], _plain(value)))

    def update(self, **fields: Any) -> None:
        """Write some fields, as one transaction.

        Raises `BadValue` for a field there is not, or a value that does not fit it.
        """
        called = self._type.__name__
        for name in fields:
            if name not in self._fields:
                raise BadValue(f"{called} has no field {name}; there are {', '.join(self._fields)}")
        with self._state.transaction():
            for name, value in fields.items():
                plain = _fitting(value, self._fields[name], f"{name} of {called} does not fit")
                if name not in self._state or self._state[name] != plain:
                    self._state[name] = plain


def _fields(type: Any) -> dict[str, Any]:
    """The type of each field, by the name it is written under."""
    if is_dataclass(type):
        types = get_type_hints(type, include_extras=True)
        return {field.name: types[field.name] for field in dataclass_fields(type)}
    return {field.encode_name: field.type for field in msgspec.structs.fields(type)}


def _fitting(value: object, type: Any, wrong: str) -> object:
    """The value as JSON. Raises `BadValue` unless it can be read as `type` again."""
    try:
        plain = _plain(value)
        msgspec.convert(plain, type)
    except (msgspec.ValidationError, TypeError) as error:
        raise BadValue(f"{wrong}: {error}") from error
    return plain


def _plain(value: object) -> object:
    """Structs, dataclasses, enums as JSON."""
    return msgspec.to_builtins(value)
