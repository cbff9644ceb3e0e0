"""Reads `manifest.json`: what is not true is refused, with a sentence that says what to do."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import msgspec

from callmesh.app import KeyRule, Manifest, Rules, StateSpec, Who, covers, is_named
from callmesh.errors import BadInput, BadManifest, BadName, BadValue, TooLarge
from callmesh.ids import app_id
from callmesh.values import check_key, encode

MAX_MANIFEST = 64 * 1024

_FILE = re.compile(r"(?!\.)[A-Za-z0-9_.-]+(?:/(?!\.)[A-Za-z0-9_.-]+)*", re.ASCII)
_EXAMPLES = {"id": "notes", "name": "Notes", "version": "1.0.0", "key": "votes/{person}"}
_KINDS = {
    "str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false",
    "null": "null", "array": "a list", "array | null": "a list", "object": "an object",
}  # fmt: skip


def read_manifest(data: bytes, *, path: PurePath, files: Sequence[str]) -> Manifest:
    """The manifest in `data`, checked against its `path` and the `files` beside it.

    Raises `BadManifest` with a sentence that says which file and field is wrong and what to do.
    """
    if len(data) > MAX_MANIFEST:
        raise BadManifest(f"{path} has at most {MAX_MANIFEST} bytes")
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
        app_id(manifest.id)
    except msgspec.ValidationError as error:
        raise BadManifest(f"{path}: {_sentence(str(error), data)}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadManifest(f"{path} is no JSON: {_where(data, str(error))}") from error
    except BadName as error:
        raise BadManifest(f"{path}: {error}") from error
    _check_files(path, manifest, files)
    for number, rule in enumerate(manifest.keys):
        _check_rule(f'{path}: keys[{number}], "{rule.key}"', rule)
    _check_reach(path, manifest.keys)
    _check_defaults(path, manifest.state.defaults)
    return manifest


def doubts(manifest: Manifest) -> Iterator[str]:
    """What is allowed, and perhaps not meant: sentences for the author."""
    for number, rule in enumerate(manifest.keys):
        if rule.write and rule.change and not covers(rule.write, rule.change):
            more = ", ".join(word for word in rule.change if word not in rule.write)
            yield (
                f'keys[{number}], "{rule.key}": "change" lets in {more}, who may not write a new '
                f'one: what they delete they cannot write again. Add {more} to "write", unless '
                "that is meant"
            )


# --- what msgspec says, in our words


def _sentence(error: str, data: bytes) -> str:
    """What is wrong and what to do, of a manifest that is JSON and not of the right form."""
    said, _, place = error.partition(" - at `$")
    place = place.removesuffix("`").removeprefix(".")
    what = f'"{place}"' if place else "a manifest"
    if field := re.match(r"Object missing required field `(.+)`", said):
        example = _EXAMPLES.get(field[1], "…")
        return f'{what} needs a "{field[1]}"; write for instance "{field[1]}": "{example}"'
    if field := re.match(r"Object contains unknown field `(.+)`", said):
        return f'{what} has no field "{field[1]}"; there are {", ".join(_fields(place))}'
    value = _value(data, place)
    if said.startswith("Invalid enum value"):
        return f"{what} is {_shown(value)}; the words are {', '.join(Who)}"
    if "matching regex" in said:
        return f"{what} is {_shown(value)}; write one to three numbers with points, as 1.0.0"
    if expected := re.match(r"Expected `(.+)`, got `(.+)`", said):
        wanted, got = (_KINDS.get(kind, kind) for kind in expected.groups())
        hint = f': write ["{value}"]' if wanted == "a list" and isinstance(value, str) else ""
        return f"{what} is to be {wanted}, and is {got}{hint}"
    return f"{what} is to be {_bounds(said)}"


def _fields(place: str) -> tuple[str, ...]:
    """The fields of the object at `place`."""
    if place.startswith("keys"):
        return KeyRule.__struct_fields__
    return StateSpec.__struct_fields__ if place == "state" else Manifest.__struct_fields__


def _bounds(said: str) -> str:
    """`Expected `str` of length <= 300` is `a text of length at most 300`."""
    kind, _, bound = said.removeprefix("Expected `").partition("`")
    words = bound.replace("<=", "at most").replace(">=", "at least")
    return f"{_KINDS.get(kind, kind)}{words}"


def _value(data: bytes, place: str) -> Any:
    """What stands at `place`."""
    try:
        value = msgspec.json.decode(data)
        for name in re.findall(r"[^.\[\]]+", place):
            value = value[int(name)] if isinstance(value, list) else value[name]
    except (msgspec.MsgspecError, RecursionError, LookupError, TypeError, ValueError):
        return None
    return value


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _where(data: bytes, error: str) -> str:
    """The place of a mistake as a line, which an author can find."""
    found = re.fullmatch(r"JSON is malformed: (.*) \(byte (\d+)\)", error)
    if found:
        return f"{found[1]}, in line {data.count(10, 0, int(found[2])) + 1}"
    return "it ends too early; is a } or ] missing?" if "truncated" in error else error


# --- what a form does not say


def _check_files(path: PurePath, manifest: Manifest, files: Sequence[str]) -> None:
    folder = path.parent.name
    if manifest.id != folder:
        raise BadManifest(
            f'{path} says "id": "{manifest.id}"; name the folder {manifest.id}, or the app {folder}'
        )
    for field, file in (("entry", manifest.entry), ("icon", manifest.icon)):
        if file and (not _FILE.fullmatch(file) or file not in files):
            raise BadManifest(
                f'{path} says "{field}": "{file}"; the folder has no such file: add it, or name '
                "one that is there"
            )


def _check_rule(place: str, rule: KeyRule) -> None:
    named = _check_pattern(place, rule.key)
    given = {"write": rule.write, "change": rule.change, "read": rule.read}
    for side, who in given.items():
        if who and Who.SELF in who and not named:
            raise BadManifest(
                f'{place}: "{side}" says self, and the pattern names nobody: put {{person}} or '
                "{participant} into it"
            )
    rule = rule.spelled_out()
    for side, who in (("write", rule.write or ()), ("change", rule.change or ())):
        if not covers(rule.read, who):
            blind = ", ".join(word for word in who if word not in rule.read)
            raise BadManifest(
                f"{place}: who may {side} a key may read it: add {blind} to "
                f'"read", or take it from "{side}"'
            )


def _check_pattern(place: str, pattern: str) -> bool:
    """Whether the pattern names somebody. Raises `BadManifest`."""
    try:
        segments = check_key(pattern).split("/")
    except (BadValue, TooLarge) as error:
        raise BadManifest(f"{place}: {error}") from error
    for number, segment in enumerate(segments):
        special = segment == "*" or is_named(segment)
        last = segment == "**" and number == len(segments) - 1
        if not special and not last and re.search(r"[*{}]", segment):
            raise BadManifest(
                f"{place}: a segment is a plain word, *, {{person}}, {{participant}}, or ** at "
                f"the end; {segment} is none of them"
            )
    return any(map(is_named, segments))


def _check_reach(path: PurePath, keys: Sequence[KeyRule]) -> None:
    """Raises `BadManifest` for a rule that never decides, as an earlier one fits all its keys."""
    rules = Rules(keys)
    for number, rule in enumerate(keys):
        first = next(n for n in range(number + 1) if n == number or rules.hides(n, number))
        if first != number:
            raise BadManifest(
                f'{path}: keys[{number}], "{rule.key}", never applies: keys[{first}], '
                f'"{keys[first].key}", stands before it and fits all its keys. Put it further up, '
                "or take it out"
            )


def _check_defaults(path: PurePath, defaults: Mapping[str, Any]) -> None:
    for key, value in defaults.items():
        try:
            check_key(key)
            encode(value)
        except BadInput as error:
            raise BadManifest(f'{path}: default "{key}": {error}') from error
