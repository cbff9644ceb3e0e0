"""Where things stand in a text of JSON; and where it stops being one, and what to do there."""

import re
from dataclasses import dataclass, field
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""The names of members and the numbers of items that lead to a value."""

MAX_DEPTH = 100
"""A path is as long as its value is deep."""

_SPACE = re.compile(r"[ \t\r\n]*")
_TEXT = re.compile(r'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z_]+")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Slip:
    at: int
    what: str
    """What is wrong, and what to do."""


@dataclass(slots=True)
class Places:
    """Offsets into the text, in characters."""

    values: dict[Path, int] = field(default_factory=dict)
    names: dict[Path, int] = field(default_factory=dict)
    """Where the name of a member stands, by its path."""
    twice: list[tuple[Path, int]] = field(default_factory=list)
    """Members that the same object had before."""
    slip: Slip | None = None


@dataclass(slots=True)
class _Open:
    """An object or a list that is not closed yet."""

    path: Path
    closes: str
    index: int = -1


class _Slip(Exception):
    def __init__(self, at: int, what: str) -> None:
        self.slip = Slip(at, what)


def scan(text: str) -> Places:
    """Where everything stands, up to the first slip."""
    scanner = _Scanner(text)
    try:
        scanner.run()
    except _Slip as found:
        scanner.places.slip = found.slip
    return scanner.places


def line_and_column(text: str, at: int) -> tuple[int, int]:
    """Both count from 1."""
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


class _Scanner:
    """Goes through the text once, without recursion: it may be nested however deep."""

    def __init__(self, text: str) -> None:
        self.places = Places()
        self._text = text
        self._at = 0
        self._open: list[_Open] = []

    def run(self) -> None:
        self._value(())
        while self._open:
            self._next_item(self._open[-1])
        if self._peek():
            raise _Slip(self._at, "something stands behind the end: take it out")

    def _peek(self) -> str:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._text[self._at : self._at + 1]

    def _next_item(self, inside: _Open) -> None:
        """What follows in an object or a list: its end, or one more member or item."""
        char, comma = self._peek(), None
        if char == inside.closes:
            self._at += 1
            self._open.pop()
            return
        if inside.index >= 0:
            if char != ",":
                raise _Slip(self._at, _instead_of_comma(char, inside.closes))
            comma = self._at
            self._at += 1
            if self._peek() == inside.closes:
                raise _Slip(comma, f"nothing follows this comma but {inside.closes}: take it out")
        inside.index += 1
        if inside.closes == "]":
            self._value((*inside.path, inside.index))
        else:
            self._member(inside.path)

    def _member(self, parent: Path) -> None:
        self._no_comment()
        at, name = self._at, _TEXT.match(self._text, self._at)
        if name is None:
            raise _Slip(at, _instead_of_name(self._peek()))
        path = (*parent, _unescaped(name[1]))
        if path in self.places.names:
            self.places.twice.append((path, at))
        self.places.names[path] = at
        self._at = name.end()
        if self._peek() != ":":
            raise _Slip(self._at, f"a : is missing between {name[0]} and its value")
        self._at += 1
        self._value(path)

    def _value(self, path: Path) -> None:
        self._no_comment()
        char, at = self._peek(), self._at
        self.places.values[path] = at
        if char in ("{", "["):
            if len(self._open) == MAX_DEPTH:
                raise _Slip(at, "it is nested too deep: values have 32 levels at most")
            self._at += 1
            self._open.append(_Open(path, "}" if char == "{" else "]"))
        elif found := _TEXT.match(self._text, at) or _NUMBER.match(self._text, at):
            self._at = found.end()
        else:
            word = _WORD.match(self._text, at)
            if word is None or word[0] not in ("true", "false", "null"):
                raise _Slip(at, _instead_of_value(char, word[0] if word else ""))
            self._at = word.end()

    def _no_comment(self) -> None:
        if self._peek() in ("/", "#"):
            raise _Slip(self._at, "JSON has no comments: take it out")


def _unescaped(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if code[0] == "u" else _ESCAPES.get(code, code)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", one, text)


_ENDS = "it ends too early: is a } or ] missing?"
_QUOTED = (
    'this text does not end in its line, or has a \\ that means nothing: it ends with ", a line '
    "break in it is \\n, and \\ itself is \\\\"
)


def _instead_of_comma(char: str, closes: str) -> str:
    if not char:
        return _ENDS
    if char in "}]":
        return f"{char} stands where {closes} is to: close what was opened last"
    if char in "/#":
        return "JSON has no comments: take it out"
    return "a comma is missing before this"


def _instead_of_name(char: str) -> str:
    if not char:
        return _ENDS
    return _QUOTED if char == '"' else 'the name of a field stands in "double quotes" here'


def _instead_of_value(char: str, word: str) -> str:
    if not char:
        return _ENDS
    if char == '"':
        return _QUOTED
    return (
        f'{word or char} is no value: write a text in "double quotes", a number, true, false, '
        "null, {…} or […]"
    )
