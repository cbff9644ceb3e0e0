"""Apps: the manifest, and the rules it sets for the keys of its state."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

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
    """Whoever may edit the resource, or for reading, see it."""
    HOST = "host"
    """Hosts."""
    GUEST = "guest"
    """Guests."""
    OBSERVER = "observer"
    """Observers; they write where a host lets them edit."""
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
    half: bool = False
    """Whether it is the Python half of the resource: key rules are for everybody else."""


class KeyRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may write, change and read the keys that look like `key`. Lists are unions.

    `key` is a path; a segment may be `*` (any one), `{person}` or `{participant}` (any one, which
    names somebody), and the last may be `**` (one or more of any). The first rule that fits a key
    decides.
    """

    key: Annotated[str, Meta(description="A path, as `votes/{person}`, `shape/*` or `page/**`.")]
    write: Annotated[
        tuple[Who, ...] | None,
        Meta(description="Who may write. Without it: whom the pattern names; else who may read."),
    ] = None
    change: Annotated[
        tuple[Who, ...] | None,
        Meta(
            description="Who may replace or delete what is there. Without it: those who may write."
        ),
    ] = None
    read: Annotated[tuple[Who, ...], Meta(description="Who may read.")] = (Who.EVERYONE,)

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
        if rule is None or who.half:
            return True
        return _lets((rule.write if new else rule.change) or (), who, named)

    def may_read(self, key: str, who: Standing) -> bool:
        rule, named = self._first(key)
        return rule is None or who.half or _lets(rule.read, who, named)

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
        return who.half or all(_lets(rule.read, who, []) for rule in self.rules)

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


class Capability(StrEnum):
    """What an app does besides its own state, presence and cache, and has to ask for."""

    STREAMS = "streams"
    """Fast data between participants."""
    FILES = "files"
    """Files between participants."""
    PARTICIPANTS = "participants"
    """Who else is in the call: names, roles, ids."""
    FETCH = "fetch"
    """What its `hosts` have, by way of the hub: `resource.fetch`."""
    DOCUMENTS = "documents"
    """Text that many edit at once. Reserved: nothing is behind it yet."""


def not_asked(app: str, capability: Capability) -> str:
    """That an app uses what it has not asked for, and what its author does."""
    return (
        f"the app {app} has not asked for {capability}: "
        f'add "{capability}" to "capabilities" in its manifest.json (A8)'
    )


class StateSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a manifest says of its app's state."""

    version: Annotated[
        int,
        Meta(
            ge=1,
            le=MAX_INTEGER,
            description="Of the form that the state has. A larger one means a migration.",
        ),
    ] = 1
    defaults: Annotated[
        dict[str, Any],
        Meta(
            description="What a new resource begins with: values by key, written once by the hub."
        ),
    ] = {}


class Size(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The room that an app needs. On a smaller stage people scroll."""

    width: Annotated[int, Meta(ge=0, le=2_000, description="At least so many CSS pixels.")] = 0
    height: Annotated[int, Meta(ge=0, le=2_000, description="At least so many CSS pixels.")] = 0


class Translation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an app is called in one language."""

    name: Annotated[str, Meta(min_length=1, max_length=80, description="In that language.")]
    description: Annotated[str, Meta(max_length=300, description="In that language.")] = ""


Language: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
AdderRole: TypeAlias = Literal["host", "guest"]
DefaultAccess: TypeAlias = dict[
    Literal["guest", "observer", "waiting"], Literal["edit", "view", "hidden"]
]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`manifest.json`: what an app is called, what it asks for, who may do what in its state."""

    id: Annotated[
        str,
        Meta(description="1 to 40 lower-case letters, digits and hyphens; the folder's name too."),
    ]
    name: Annotated[
        str, Meta(min_length=1, max_length=80, description="What people see, in English.")
    ]
    version: Annotated[
        str,
        Meta(
            pattern=r"^[0-9]+(\.[0-9]+){0,2}$",
            description="One to three numbers with points, as 1.0.0.",
        ),
    ]
    description: Annotated[
        str, Meta(max_length=300, description="One or two sentences for who looks for an app.")
    ] = ""
    entry: Annotated[str, Meta(description="The page that is loaded, a file of the folder.")] = (
        "index.html"
    )
    icon: Annotated[str, Meta(description="A file of the folder, SVG or PNG.")] = ""
    size: Annotated[Size, Meta(description="The room that it needs.")] = Size()
    languages: Annotated[
        dict[Language, Translation],
        Meta(max_length=100, description="Name and description by language, as `de` or `pt-BR`."),
    ] = {}
    add: Annotated[
        tuple[AdderRole, ...],
        Meta(min_length=1, max_length=2, description="Roles that may add it to a call."),
    ] = ("host", "guest")
    owned: Annotated[
        bool,
        Meta(
            description="Whether who added it may change its title, and remove it. Otherwise hosts "
            "alone do."
        ),
    ] = True
    access: Annotated[
        DefaultAccess,
        Meta(
            description="What a role may do with a new resource, until a host says otherwise. Who "
            "added it edits it. `waiting` is who waits to be let in: for them it is hidden unless "
            "something else is said."
        ),
    ] = {}
    afterwards: Annotated[
        bool,
        Meta(
            description="Whether it is shown, to be read, to who has left the call, or when it is "
            "over."
        ),
    ] = False
    capabilities: Annotated[
        tuple[Capability, ...],
        Meta(
            max_length=len(Capability),
            description="What else it uses. What is not named is denied.",
        ),
    ] = ()
    hosts: Annotated[
        list[str],
        Meta(
            max_length=20,
            description="Hosts that it talks to and takes pictures and sound from, as "
            "`https://tiles.example.org`. Without them it has no network.",
        ),
    ] = []
    keys: Annotated[
        list[KeyRule],
        Meta(max_length=MAX_RULES, description="Who may write, change and read which keys."),
    ] = []
    state: Annotated[StateSpec, Meta(description="Its state: version and defaults.")] = StateSpec()
    python: Annotated[
        str,
        Meta(
            description="A file of the folder: its Python half, which the hub runs for each "
            "resource, where its operator allows that."
        ),
    ] = ""
    schema: Annotated[
        str, Meta(description="The address of this schema, for editors. It means nothing here.")
    ] = msgspec.field(name="$schema", default="")


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

    def allows(self, app: str, capability: Capability) -> bool:
        """Whether an app has asked for it."""
        manifest = self.manifest_of(app)
        return manifest is not None and capability in manifest.capabilities
