"""Apps: the manifest, and the rules it sets for the keys of its state."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from callmesh.errors import BadManifest, BadName, BadValue, TooLarge
from callmesh.ids import ParticipantId, PersonId, app_id
from callmesh.participant import Role
from callmesh.values import check_key

MAX_MANIFEST = 64 * 1024

_FILE = re.compile(r"(?!\.)[A-Za-z0-9_.-]+(?:/(?!\.)[A-Za-z0-9_.-]+)*", re.ASCII)


class Who(StrEnum):
    """Who a key rule lets write. A person in `{person}` must always be oneself."""

    HOST = "host"
    GUEST = "guest"
    OBSERVER = "observer"
    OWNER = "owner"
    """The person who added the resource, whatever their role."""


class KeyRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may write the keys that look like `key`.

    `key` is a path; a segment may be `*` (any one), `{person}` or `{participant}` (the writer's
    own), and the last may be `**` (one or more of any). The first rule that fits a key decides.
    """

    key: str
    write: list[Who] = msgspec.field(default_factory=lambda: [Who.HOST, Who.GUEST])

    def fits(self, key: str) -> bool:
        """Whether this rule is about `key`, whoever writes."""
        return _match(self.key, key, {})

    def allows(self, key: str, writer: "KeyWriter") -> bool:
        own = {"{person}": writer.person, "{participant}": writer.participant}
        who = {Who(writer.role.value)} | ({Who.OWNER} if writer.owner else set())
        return bool(who.intersection(self.write)) and _match(self.key, key, own)


class KeyWriter(msgspec.Struct, frozen=True):
    """Who wants to write, as far as key rules care."""

    participant: ParticipantId
    person: PersonId
    role: Role
    owner: bool


def _match(pattern: str, key: str, own: Mapping[str, str]) -> bool:
    wanted, given = pattern.split("/"), key.split("/")
    if wanted[-1] == "**":
        wanted, given = wanted[:-1], given[: len(wanted) - 1] if len(given) >= len(wanted) else []
    return len(wanted) == len(given) and all(
        got == own.get(want, got) if want in ("*", "{person}", "{participant}") else got == want
        for want, got in zip(wanted, given, strict=True)
    )


def may_write(rules: Sequence[KeyRule], key: str, writer: KeyWriter) -> bool:
    """Whether the first rule that fits lets `writer` write `key`; without one, editors may."""
    for rule in rules:
        if rule.fits(key):
            return rule.allows(key, writer)
    return writer.role.may_edit


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`manifest.json`: what an app is called and who may do what in its state."""

    id: str
    name: Annotated[str, Meta(min_length=1, max_length=80)]
    version: Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+){0,2}$")]
    description: Annotated[str, Meta(max_length=300)] = ""
    entry: str = "index.html"
    icon: str = ""
    """A file beside the manifest (SVG or PNG)."""
    keys: list[KeyRule] = []


def read_manifest(data: bytes, *, folder: str, files: Sequence[str]) -> Manifest:
    """The manifest in `data`, checked against the `files` beside it and its folder's name.

    Raises `BadManifest` with a sentence that says which field is wrong and what to do.
    """
    if len(data) > MAX_MANIFEST:
        raise BadManifest(f"manifest.json has at most {MAX_MANIFEST} bytes")
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
        app_id(manifest.id)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BadName) as error:
        raise BadManifest(f"{folder}/manifest.json: {error}") from error
    if manifest.id != folder:
        raise BadManifest(
            f'{folder}/manifest.json says "id": "{manifest.id}"; name the folder {manifest.id}, '
            f"or the app {folder}"
        )
    for field, file in (("entry", manifest.entry), ("icon", manifest.icon)):
        if file and (not _FILE.fullmatch(file) or file not in files):
            raise BadManifest(
                f'{folder}/manifest.json says "{field}": "{file}"; the folder has no such file'
            )
    for rule in manifest.keys:
        _check_pattern(folder, rule.key)
    return manifest


def _check_pattern(folder: str, pattern: str) -> None:
    try:
        segments = check_key(pattern).split("/")
    except (BadValue, TooLarge) as error:
        raise BadManifest(f'{folder}/manifest.json: key "{pattern}": {error}') from error
    for place, segment in enumerate(segments):
        special = segment in ("*", "{person}", "{participant}")
        last = segment == "**" and place == len(segments) - 1
        if not special and not last and re.search(r"[*{}]", segment):
            raise BadManifest(
                f'{folder}/manifest.json: key "{pattern}": a segment is a plain word, *, '
                f"{{person}}, {{participant}}, or ** at the end; {segment} is none of them"
            )
