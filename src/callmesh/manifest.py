"""Reads `manifest.json`: what is not true is refused, with sentences that say what to do."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, TypeAlias

import msgspec

from callmesh.app import Capability, KeyRule, Manifest, Rules, Who, covers, is_named
from callmesh.errors import BadInput, BadManifest, BadName, BadValue, TooLarge
from callmesh.forms import Form, shown_path
from callmesh.ids import app_id
from callmesh.jsontext import Path, line_and_column, scan
from callmesh.values import check_key, encode

MAX_MANIFEST = 64 * 1024

Problem: TypeAlias = tuple[Path, str]
"""Where something is wrong; what, and what to do."""

_FILE = re.compile(r"(?!\.)[A-Za-z0-9_.-]+(?:/(?!\.)[A-Za-z0-9_.-]+)*", re.ASCII)
_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_HOST = re.compile(
    rf"(?:https|wss)://(?:(?:\*\.)?{_LABEL}(?:\.{_LABEL})+|{_LABEL})(?::[0-9]{{1,5}})?"
    r"|(?:http|ws)://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?",
    re.ASCII,
)
_NEEDED = {"id": "notes", "name": "Notes", "version": "1.0.0"}
_FORM = Form(
    Manifest,
    "a manifest",
    _NEEDED | {"key": "votes/{person}"},
    {
        r"^[0-9]+(\.[0-9]+){0,2}$": "write one to three numbers with points, as 1.0.0",
        r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$": "write a tag of a language, as de or pt-BR",
    },
)


def read_manifest(
    data: bytes, *, path: PurePath, files: Sequence[str], named: bool = True
) -> Manifest:
    """The manifest in `data`, checked against its `path` and the `files` beside it.

    `named` is whether its folder is to be called as the app is.

    Raises `BadManifest`: for each thing that is wrong one line, `file:line:column: what; remedy`.
    """
    if len(data) > MAX_MANIFEST:
        raise BadManifest(f"{path}:1:1: a manifest has at most {MAX_MANIFEST} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadManifest(f"{path}:{line}:1: this is not UTF-8; save the file as UTF-8") from error
    places = scan(text)
    try:
        value: object = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        what, at = _no_json(error), 0
        if places.slip is not None:
            what, at = places.slip.what, places.slip.at
        line, column = line_and_column(text, at)
        raise BadManifest(f"{path}:{line}:{column}: {what}") from error
    found = [
        (at, f'"{shown_path(twice)}" stands here twice; take one of them out')
        for twice, at in places.twice
    ]
    manifest, problems = _read(value, path.parent.name if named else None, files)
    found += [(_offset(places.names, places.values, place), what) for place, what in problems]
    if not found:
        return manifest
    lines = []
    for at, what in sorted(found):
        line, column = line_and_column(text, at)
        lines.append(f"{path}:{line}:{column}: {what}")
    raise BadManifest("\n".join(lines))


def _no_json(error: Exception) -> str:
    """What is wrong where nothing is with the signs of it."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return f"it is no JSON: {error}"


def _offset(names: Mapping[Path, int], values: Mapping[Path, int], place: Path) -> int:
    """Where the author looks: at the name of a field, at an item, or at what encloses it."""
    while place not in names and place not in values:
        place = place[:-1]
    return names.get(place, values.get(place, 0))


def _read(
    value: object, folder: str | None, files: Sequence[str]
) -> tuple[Manifest, Sequence[Problem]]:
    """The manifest, and what is wrong with it: of fields of a wrong form, nothing but that."""
    problems: list[Problem] = [(misfit.path, misfit.what) for misfit in _FORM.misfits(value)]
    wrong = {place[0] for place, _ in problems if place}
    given = value if isinstance(value, dict) else {}
    sound = {name: inner for name, inner in given.items() if name not in wrong}
    manifest = msgspec.convert(_NEEDED | sound, Manifest)
    if "id" in sound:
        problems += _check_id(manifest.id, folder)
    problems += _check_files(manifest, files)
    problems += _check_wishes(manifest)
    for number, rule in enumerate(manifest.keys):
        problems += [
            (("keys", number), f'keys[{number}], "{rule.key}": {what}')
            for what in _check_rule(rule)
        ]
    if not problems:
        problems += _check_reach(manifest.keys)
    problems += _check_defaults(manifest.state.defaults)
    return manifest, problems


def schema_text() -> str:
    """The form of a manifest as JSON Schema, for editors and other tools."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **msgspec.json.schema(Manifest),
    }
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    return re.sub(r"(?:\\n *)+", " ", text) + "\n"  # docstrings have line breaks


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


# --- what a form does not say


def _check_id(id: str, folder: str | None) -> Iterator[Problem]:
    try:
        app_id(id)
    except BadName as error:
        yield ("id",), str(error)
        return
    if folder is not None and id != folder:
        yield ("id",), f'"id" is "{id}"; name the folder {id}, or the app {folder}'


def _check_files(manifest: Manifest, files: Sequence[str]) -> Iterator[Problem]:
    named = {"entry": manifest.entry, "icon": manifest.icon, "python": manifest.python}
    for field, file in named.items():
        if file and (not _FILE.fullmatch(file) or file not in files):
            yield (
                (field,),
                f'"{field}" is "{file}"; the folder has no such file: add it, or name one that is '
                "there",
            )
    if manifest.python and not manifest.python.endswith(".py"):
        yield ("python",), f'"python" is "{manifest.python}"; name a file that ends with .py'


def _check_wishes(manifest: Manifest) -> Iterator[Problem]:
    asked = manifest.capabilities
    if Capability.FILES in asked and Capability.PARTICIPANTS not in asked:
        said = '"capabilities" has files, and those go to participants: add "participants" to it'
        yield ("capabilities",), said
    for number, host in enumerate(manifest.hosts):
        if not _HOST.fullmatch(host):
            yield (
                ("hosts", number),
                f'"hosts[{number}]" is "{host}"; write https:// or wss:// and a name without a '
                "path, as https://tiles.example.org or https://*.example.org",
            )


def _check_rule(rule: KeyRule) -> Iterator[str]:
    wrong, named = _check_pattern(rule.key)
    if wrong:
        yield wrong
        return
    given = {"write": rule.write, "change": rule.change, "read": rule.read}
    for side, who in given.items():
        if who and Who.SELF in who and not named:
            yield (
                f'"{side}" says self, and the pattern names nobody: put {{person}} or '
                "{participant} into it"
            )
            return
    rule = rule.spelled_out()
    for side, who in (("write", rule.write or ()), ("change", rule.change or ())):
        if not covers(rule.read, who):
            blind = ", ".join(word for word in who if word not in rule.read)
            yield (
                f'who may {side} a key may read it: add {blind} to "read", or take it from "{side}"'
            )
            return


def _check_pattern(pattern: str) -> tuple[str, bool]:
    """What is wrong with it; and whether it names somebody."""
    try:
        segments = check_key(pattern).split("/")
    except (BadValue, TooLarge) as error:
        return str(error), False
    for number, segment in enumerate(segments):
        special = segment == "*" or is_named(segment)
        last = segment == "**" and number == len(segments) - 1
        if not special and not last and re.search(r"[*{}]", segment):
            return (
                "a segment is a plain word, *, {person}, {participant}, or ** at the end; "
                f"{segment} is none of them"
            ), False
    return "", any(map(is_named, segments))


def _check_reach(keys: Sequence[KeyRule]) -> Iterator[Problem]:
    """Rules that never decide, as an earlier one fits all their keys."""
    rules = Rules(keys)
    for number, rule in enumerate(keys):
        first = next(n for n in range(number + 1) if n == number or rules.hides(n, number))
        if first != number:
            yield (
                ("keys", number),
                f'keys[{number}], "{rule.key}", never applies: keys[{first}], "{keys[first].key}", '
                "stands before it and fits all its keys. Put it further up, or take it out",
            )


def _check_defaults(defaults: Mapping[str, Any]) -> Iterator[Problem]:
    for key, value in defaults.items():
        try:
            check_key(key)
            encode(value)
        except BadInput as error:
            yield ("state", "defaults", key), f'default "{key}": {error}'
