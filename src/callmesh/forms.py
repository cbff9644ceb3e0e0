"""What of a JSON value is not of the form that a struct says, in words for an author: all of it.

msgspec stops at the first thing that is wrong, and speaks of types.
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import inspect

from callmesh.jsontext import Path

_KINDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number",
          list: "a list", dict: "an object", type(None): "null"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Misfit:
    path: Path
    what: str
    """What is wrong, and what to do."""


class Form:
    """`examples` are values for fields that are missing, `patterns` what to write for a pattern."""

    def __init__(
        self, kind: type, name: str, examples: Mapping[str, str], patterns: Mapping[str, str]
    ) -> None:
        self._kind = inspect.type_info(kind)
        self._name = name
        self._examples = examples
        self._patterns = patterns

    def misfits(self, value: object) -> Iterator[Misfit]:
        return self._of(self._kind, value, ())

    def _of(self, kind: inspect.Type, value: Any, path: Path) -> Iterator[Misfit]:
        match kind:
            case inspect.Metadata(type=inner):
                yield from self._of(inner, value, path)
            case inspect.UnionType(types=types):  # one of them is null
                if value is not None:
                    inner = next(t for t in types if not isinstance(t, inspect.NoneType))
                    yield from self._of(inner, value, path)
            case inspect.StructType():
                yield from self._struct(kind, value, path)
            case inspect.DictType():
                yield from self._dict(kind, value, path)
            case inspect.ListType() | inspect.VarTupleType():
                yield from self._list(kind, value, path)
            case inspect.EnumType(cls=words):
                yield from self._word([str(word.value) for word in words], value, path)
            case inspect.LiteralType(values=words):
                yield from self._word([str(word) for word in words], value, path)
            case inspect.StrType() | inspect.IntType():
                yield from self._plain(kind, value, path)
            case inspect.BoolType():
                if type(value) is not bool:
                    yield self._other(bool, value, path)
            case inspect.AnyType():
                return
            case _:
                raise TypeError(f"a form has no {kind}")

    def _struct(self, kind: inspect.StructType, value: object, path: Path) -> Iterator[Misfit]:
        if not isinstance(value, dict):
            yield self._other(dict, value, path)
            return
        fields = {field.encode_name: field for field in kind.fields}
        for name, field in fields.items():
            if field.required and name not in value:
                example = self._examples.get(name, "…")
                yield Misfit(
                    path,
                    f'{self._at(path)} needs a "{name}"; write for instance "{name}": "{example}"',
                )
        for name, inner in value.items():
            if name in fields:
                yield from self._of(fields[name].type, inner, (*path, name))
            else:
                known = f"there are {', '.join(name for name in fields if name[0] != '$')}"
                words = f'{self._at(path)} has no field "{name}"; {known}{_meant(name, fields)}'
                yield Misfit((*path, name), words)

    def _dict(self, kind: inspect.DictType, value: object, path: Path) -> Iterator[Misfit]:
        if not isinstance(value, dict):
            yield self._other(dict, value, path)
            return
        yield from self._size(kind, len(value), "an object", path)
        for name, inner in value.items():
            misfits = [*self._of(kind.key_type, name, (*path, name))]
            yield from misfits or self._of(kind.value_type, inner, (*path, name))

    def _list(
        self, kind: inspect.ListType | inspect.VarTupleType, value: object, path: Path
    ) -> Iterator[Misfit]:
        if not isinstance(value, list):
            hint = f": write [{_shown(value)}]" if isinstance(value, str) else ""
            yield self._other(list, value, path, hint)
            return
        yield from self._size(kind, len(value), "a list", path)
        for number, item in enumerate(value):
            yield from self._of(kind.item_type, item, (*path, number))

    def _word(self, words: Sequence[str], value: object, path: Path) -> Iterator[Misfit]:
        if value not in words:
            said = f"{self._at(path)} is {_shown(value)}; the words are {', '.join(words)}"
            yield Misfit(path, said + _meant(value, words))

    def _plain(
        self, kind: inspect.StrType | inspect.IntType, value: object, path: Path
    ) -> Iterator[Misfit]:
        wanted = str if isinstance(kind, inspect.StrType) else int
        if type(value) is not wanted:
            yield self._other(wanted, value, path)
        elif isinstance(kind, inspect.StrType):
            yield from self._size(kind, len(str(value)), "a text", path)
            if kind.pattern and not re.search(kind.pattern, str(value)):
                said = f"{self._at(path)} is {_shown(value)}; {self._patterns[kind.pattern]}"
                yield Misfit(path, said)
        elif isinstance(value, int):
            yield from self._bounds(kind, value, path)

    def _bounds(self, kind: inspect.IntType, value: int, path: Path) -> Iterator[Misfit]:
        if kind.ge is not None and value < kind.ge:
            yield Misfit(path, f"{self._at(path)} is to be a whole number at least {kind.ge}")
        if kind.le is not None and value > kind.le:
            yield Misfit(path, f"{self._at(path)} is to be a whole number at most {kind.le}")

    def _size(
        self,
        kind: inspect.StrType | inspect.DictType | inspect.ListType | inspect.VarTupleType,
        size: int,
        what: str,
        path: Path,
    ) -> Iterator[Misfit]:
        if kind.min_length is not None and size < kind.min_length:
            said = f"{self._at(path)} is to be {what} of length at least {kind.min_length}"
            yield Misfit(path, said)
        if kind.max_length is not None and size > kind.max_length:
            said = f"{self._at(path)} is to be {what} of length at most {kind.max_length}"
            yield Misfit(path, said)

    def _other(self, wanted: type, value: object, path: Path, hint: str = "") -> Misfit:
        is_not = f"is to be {_KINDS[wanted]}, and is {_KINDS[type(value)]}"
        return Misfit(path, f"{self._at(path)} {is_not}{hint}")

    def _at(self, path: Path) -> str:
        return f'"{shown_path(path)}"' if path else self._name


def shown_path(path: Path) -> str:
    """`("keys", 0, "write")` as `keys[0].write`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _meant(given: object, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(given), known, n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"
