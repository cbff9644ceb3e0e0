"""Apps: the manifest, and the rules it sets for the keys of its state."""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from callmesh.errors import BadInput, BadManifest, BadName, BadValue, TooLarge
from callmesh.ids import ParticipantId, PersonId, app_id
from callmesh.participant import Role
from callmesh.values import MAX_INTEGER, check_key, encode

MAX_MANIFEST = 64 * 1024
MAX_RULES = 200
"""So that all of them, spelled out, fit into one value."""

_FILE = re.compile(r"(?!\.)[A-Za-z0-9_.-]+(?:/(?!\.)[A-Za-z0-9_.-]+)*", re.ASCII)
_NAMED = ("{person}", "{participant}")


class Who(StrEnum):
    """Whom a key rule lets in."""

    EVERYONE = "everyone"
    HOST = "host"
    GUEST = "guest"
    OBSERVER = "observer"
    OWNER = "owner"
    """The person who added the resource, whatever their role."""
    SELF = "self"
    """The one whom `{person}` or `{participant}` in the pattern names."""


class Standing(msgspec.Struct, frozen=True):
    """Who somebody is towards one resource, as far as key rules care."""

    participant: ParticipantId
    person: PersonId
    role: Role
    owner: bool


class KeyRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may write, change and read the keys that look like `key`. Lists are unions.

    `key` is a path; a segment may be `*` (any one), `{person}` or `{participant}` (any one, which
    names somebody), and the last may be `**` (one or more of any). The first rule that fits a key
    decides.
    """

    key: str
    write: tuple[Who, ...] | None = None
    """Without it: whom the pattern names; else those who may read."""
    change: tuple[Who, ...] | None = None
    """Who may replace or delete what is there. Without it: those who may write."""
    read: tuple[Who, ...] = (Who.EVERYONE,)

    def spelled_out(self) -> "KeyRule":
        """The same rule with no list left to a default."""
        write = self.write
        if write is None:
            named = any(segment in _NAMED for segment in self.key.split("/"))
            write = (Who.SELF,) if named else self.read
        return KeyRule(self.key, write, write if self.change is None else self.change, self.read)


class Rules:
    """The key rules of one app. A key that no rule fits is everyone's."""

    def __init__(self, rules: Sequence[KeyRule] = ()) -> None:
        self.rules = tuple(rule.spelled_out() for rule in rules)
        self._patterns = [rule.key.split("/") for rule in self.rules]
        self.restrict_reading = any(not _covers(rule.read, (Who.EVERYONE,)) for rule in self.rules)
        """Whether there is anything that somebody may not read."""
        self.reading_names = any(Who.SELF in rule.read for rule in self.rules)
        """Whether what one may read depends on whom a key names."""

    def may_write(self, key: str, who: Standing, *, new: bool = True) -> bool:
        """Whether `who` may write `key`: a new one, or one that is there."""
        rule, named = self._first(key)
        if rule is None:
            return True
        return _lets((rule.write if new else rule.change) or (), who, named)

    def may_read(self, key: str, who: Standing) -> bool:
        rule, named = self._first(key)
        return rule is None or _lets(rule.read, who, named)

    def described(self) -> list[dict[str, Any]]:
        """The rules as JSON, every list spelled out."""
        rules: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(self.rules))
        return rules

    def _first(self, key: str) -> tuple[KeyRule | None, list[str]]:
        """The rule that decides about `key`, and whom its pattern names there."""
        given = key.split("/")
        for rule, pattern in zip(self.rules, self._patterns, strict=True):
            named = _match(pattern, given)
            if named is not None:
                return rule, named
        return None, []


def _match(pattern: list[str], given: list[str]) -> list[str] | None:
    """Whom the pattern names in a key that it fits, each as `{person}=…`; None if it does not."""
    if pattern[-1] == "**":
        if len(given) < len(pattern):
            return None
        pattern, given = pattern[:-1], given[: len(pattern) - 1]
    if len(pattern) != len(given):
        return None
    named = []
    for want, got in zip(pattern, given, strict=True):
        if want in _NAMED:
            named.append(f"{want}={got}")
        elif want not in ("*", got):
            return None
    return named


def _lets(allowed: Sequence[Who], who: Standing, named: list[str]) -> bool:
    if Who.EVERYONE in allowed or Who(who.role.value) in allowed:
        return True
    if Who.OWNER in allowed and who.owner:
        return True
    own = (f"{{person}}={who.person}", f"{{participant}}={who.participant}")
    return Who.SELF in allowed and bool(named) and all(name in own for name in named)


def _covers(wide: Sequence[Who], narrow: Sequence[Who]) -> bool:
    """Whether everybody in `narrow` is sure to be in `wide`."""
    everyone = Who.EVERYONE in wide or {Who.HOST, Who.GUEST, Who.OBSERVER} <= set(wide)
    return everyone or set(narrow) <= set(wide)


class StateSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a manifest says of its app's state."""

    version: Annotated[int, Meta(ge=1, le=MAX_INTEGER)] = 1
    """Of the form that the state has. A larger one than before means a migration."""
    defaults: dict[str, Any] = {}
    """What a new resource begins with: values by key, written once by the hub."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`manifest.json`: what an app is called and who may do what in its state."""

    id: str
    name: Annotated[str, Meta(min_length=1, max_length=80)]
    version: Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+){0,2}$")]
    description: Annotated[str, Meta(max_length=300)] = ""
    entry: str = "index.html"
    icon: str = ""
    """A file beside the manifest (SVG or PNG)."""
    keys: Annotated[list[KeyRule], Meta(max_length=MAX_RULES)] = []
    state: StateSpec = StateSpec()


CLOSED = Rules([KeyRule("**", write=(), read=(Who.HOST,))])
"""For the resources of an app that this hub does not have (any more)."""


class Rulebook:
    """The key rules of every app. `manifest_of` knows the apps of this hub."""

    def __init__(self, manifest_of: Callable[[str], Manifest | None]) -> None:
        self.manifest_of = manifest_of
        self._known: dict[str, tuple[Manifest, Rules]] = {}

    def rules(self, app: str) -> Rules:
        manifest = self.manifest_of(app)
        if manifest is None:
            return CLOSED
        known = self._known.get(app)
        if known is None or (known[0] is not manifest and known[0] != manifest):
            known = self._known[app] = (manifest, Rules(manifest.keys))
        return known[1]


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
        _check_rule(f'{folder}/manifest.json: key "{rule.key}"', rule)
    _check_defaults(folder, manifest.state.defaults)
    return manifest


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
        if not _covers(rule.read, who):
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
        special = segment == "*" or segment in _NAMED
        last = segment == "**" and number == len(segments) - 1
        if not special and not last and re.search(r"[*{}]", segment):
            raise BadManifest(
                f"{place}: a segment is a plain word, *, {{person}}, {{participant}}, or ** at "
                f"the end; {segment} is none of them"
            )
    return any(segment in _NAMED for segment in segments)


def _check_defaults(folder: str, defaults: Mapping[str, Any]) -> None:
    for key, value in defaults.items():
        try:
            check_key(key)
            encode(value)
        except BadInput as error:
            raise BadManifest(f'{folder}/manifest.json: default "{key}": {error}') from error
