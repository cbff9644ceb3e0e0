"""Apps: the manifest, and the rules it sets for the keys of its state."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from callmesh.ids import ParticipantId, PersonId
from callmesh.participant import Role
from callmesh.values import MAX_INTEGER

MAX_RULES = 200
"""So that all of them, spelled out, fit into one value."""

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
        self.restrict_reading = any(not covers(rule.read, (Who.EVERYONE,)) for rule in self.rules)
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

    def who_may(self, key: str, *, new: bool) -> str:
        """Who may write `key`, in words: `only host, owner may change it`."""
        rule, _ = self._first(key)
        allowed = (rule.write if new else rule.change) or () if rule else (Who.EVERYONE,)
        what = "write" if new else "change"
        if not allowed:
            return f"nobody may {what} {key}"
        words = ["whom the key names" if who is Who.SELF else who.value for who in allowed]
        return f"only {', '.join(words)} may {what} {key}"

    def hides(self, first: int, second: int) -> bool:
        """Whether the pattern of an earlier rule fits every key that a later one fits."""
        wide, narrow = self._patterns[first], self._patterns[second]
        if wide[-1] == "**":
            return len(narrow) >= len(wide) and _is_wider(wide[:-1], narrow)
        return len(wide) == len(narrow) and narrow[-1] != "**" and _is_wider(wide, narrow)

    def may_read_all(self, who: Standing) -> bool:
        """Whether there is no key that `who` may not read."""
        return all(_lets(rule.read, who, []) for rule in self.rules)

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


def _is_wider(wide: list[str], narrow: list[str]) -> bool:
    """Whether what fits `narrow` fits `wide`, segment by segment, as far as that goes."""
    any_one = ("*", *_NAMED)
    return all(one in any_one or one == other for one, other in zip(wide, narrow, strict=False))


def _lets(allowed: Sequence[Who], who: Standing, named: list[str]) -> bool:
    if Who.EVERYONE in allowed or Who(who.role.value) in allowed:
        return True
    if Who.OWNER in allowed and who.owner:
        return True
    own = (f"{{person}}={who.person}", f"{{participant}}={who.participant}")
    return Who.SELF in allowed and bool(named) and all(name in own for name in named)


def is_named(segment: str) -> bool:
    """Whether a segment of a pattern names somebody."""
    return segment in _NAMED


def covers(wide: Sequence[Who], narrow: Sequence[Who]) -> bool:
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
