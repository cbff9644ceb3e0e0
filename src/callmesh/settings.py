"""What an operator decides: flags go before the environment, that before the file, then defaults.

A setting is one field of `Settings` or `Limits`: its flag, its variable and its place in the file
follow from its name. Whatever is given must make sense, also where something else goes before it.
"""

import difflib
import json
import os
import tomllib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, inspect

from callmesh.errors import BadInput
from callmesh.limits import Limits

VARIABLE = "CALLMESH_"
SWITCH = "true or false"
LIKE = "with https:// or http://, like https://calls.example.org"
ICE_LIKE = "like stun:HOST:PORT or turn:HOST:PORT?transport=udp"
PATHS = "a list of paths"
ADDRESS = r"^https?://[^\s/?#]+[^\s#]*$"
ORIGIN = r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$"
PLACE = r"^https://[a-z0-9.-]+(:[0-9]{1,5})?$"
ICE = r"^(stuns?:[^\s/?#@]+|turns?:[^\s/?#@]+(\?transport=(udp|tcp))?)$"
CONFIG = "CALLMESH_CONFIG"
"""The variable that names the file."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    host: Annotated[str, Meta(min_length=1, description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65_535, description="Port to listen on; 0 takes any that is free.")
    ] = 8484
    data: Annotated[Path, Meta(description="Folder in which calls are kept.")] = Path(
        "callmesh-data"
    )
    apps: Annotated[
        tuple[Path, ...], Meta(description="Folders of apps, besides the built-in ones.")
    ] = ()
    key: Annotated[
        Path | None,
        Meta(
            description="File with the key that tokens are checked and signed with: a secret of 32 "
            "bytes or more, or an Ed25519 key in PEM."
        ),
    ] = None
    dev: Annotated[
        bool, Meta(description="Let in whoever asks, on this machine alone; instead of a key.")
    ] = False
    python: Annotated[
        bool,
        Meta(
            description="Run the Python halves of apps: those built in, those in `apps`, and those "
            "added with --allow-python. They may do whatever the hub's user may."
        ),
    ] = True
    url: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^\s/?#]+[^\s?#]*$")] | None,
        Meta(description="Where people reach the hub, as links to calls begin."),
    ] = None
    api_key: Annotated[
        Path | None,
        Meta(
            description="File with the key for the operator's API under /api: 32 bytes or more. "
            "Without one there is no API."
        ),
    ] = None
    webhook_url: Annotated[
        tuple[Annotated[str, Meta(pattern=ADDRESS)], ...],
        Meta(description="Where what happens in calls is sent."),
    ] = ()
    webhook_secret: Annotated[
        Path | None,
        Meta(description="File with the secret that what is sent there is signed with."),
    ] = None
    embed: Annotated[
        tuple[Annotated[str, Meta(pattern=ORIGIN)], ...],
        Meta(
            description="Origins of pages that may show a call's stage, like "
            "https://meet.example.org. With dev, those of this machine may, too."
        ),
    ] = ()
    fetch_private: Annotated[
        tuple[Annotated[str, Meta(pattern=PLACE)], ...],
        Meta(
            description="Hosts at private addresses from which apps may fetch all the same, where "
            "their manifests name them."
        ),
    ] = ()
    ice_server: Annotated[
        tuple[Annotated[str, Meta(pattern=ICE)], ...],
        Meta(
            description="STUN and TURN servers, by which peers find direct paths through networks: "
            "stun:HOST:PORT, turn:HOST:PORT?transport=udp (or tcp), turns:HOST:PORT."
        ),
    ] = ()
    turn_secret: Annotated[
        Path | None,
        Meta(
            description="File with the secret shared with the TURN servers (coturn: "
            "static-auth-secret), for logins that last an hour."
        ),
    ] = None
    ice_policy: Annotated[
        Literal["all", "relay"],
        Meta(
            description="relay: peers reach each other by TURN alone, and nobody learns another "
            "one's address; all: directly where that goes."
        ),
    ] = "all"
    retention: Annotated[
        Annotated[int, Meta(ge=1, le=36_500)] | None,
        Meta(
            description="Days after which a call that nobody was in is deleted, where the operator "
            "has set no others. Not set: never."
        ),
    ] = None
    waiting_area: Annotated[
        bool | None,
        Meta(
            description="Whether guests wait until a host lets them in, where hosts have not said. "
            "Not set: with a key they do, with dev they do not."
        ),
    ] = None
    log: Annotated[
        Literal["text", "json"], Meta(description="How a line of the log looks: text or json.")
    ] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least that is logged; who comes and goes is info."),
    ] = "warning"
    metrics: Annotated[
        Literal["off", "local", "everyone"],
        Meta(
            description="Who may read /metrics: off, local (this machine, not through a proxy), or "
            "everyone."
        ),
    ] = "local"
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Field:
    """One setting. `name` is as in the file, with `limits.` before that of a limit."""

    name: str
    type: Any
    default: object

    @property
    def meaning(self) -> str:
        found = inspect.type_info(self.type)
        assert isinstance(found, inspect.Metadata)
        return str((found.extra_json_schema or {})["description"])

    @property
    def variable(self) -> str:
        return VARIABLE + self.name.upper().replace(".", "_")

    @property
    def flag(self) -> str:
        name = self.name.removeprefix("limits.")
        return f"--limit {name}" if name != self.name else "--" + name.replace("_", "-")

    @property
    def is_list(self) -> bool:
        return self.wanted.startswith("a list")

    @property
    def choices(self) -> tuple[str, ...]:
        """The few values that there are, where that is so."""
        kind = typing.get_args(self.type)[0]
        return typing.get_args(kind) if typing.get_origin(kind) is Literal else ()

    @property
    def wanted(self) -> str:
        """What its values are, in words."""
        return _wanted(inspect.type_info(self.type))


def _fields(of: type[msgspec.Struct], prefix: str = "") -> Iterator[Field]:
    types = typing.get_type_hints(of, include_extras=True)
    for field in msgspec.structs.fields(of):
        if field.name == "limits":
            yield from _fields(Limits, "limits.")
        else:
            yield Field(prefix + field.name, types[field.name], field.default)


FIELDS = {field.name: field for field in _fields(Settings)}


@dataclass(frozen=True, slots=True)
class Chosen:
    settings: Settings
    origins: dict[str, str]
    """Where each setting came from that is not the default: a file, a variable or a flag."""


@dataclass(frozen=True, slots=True)
class _Given:
    """A value as somebody gave it. `folder` is what a relative path in it is relative to."""

    name: str
    value: object
    origin: str
    folder: Path = Path()
    is_text: bool = True
    """Flags and variables are text, whatever they mean; a file has types."""


def choose(
    flags: Mapping[str, str | list[str]], environment: Mapping[str, str], file: Path | None = None
) -> Chosen:
    """The settings that count. `flags` are by the names of settings.

    `file` goes before the one that the environment names. Raises `BadInput`: where, what, and what
    to do.
    """
    named = environment.get(CONFIG)
    if file is None and named:
        file = Path(named)
    given = [
        *(_from_file(file) if file else ()),
        *_from_environment(environment),
        *(_Given(name, value, FIELDS[name].flag) for name, value in flags.items()),
    ]
    values = {one.name: _value(one) for one in given}  # the last one counts
    own = {name: value for name, value in values.items() if "." not in name}
    limits = {name.partition(".")[2]: value for name, value in values.items() if "." in name}
    settings = Settings(**own, limits=Limits(**limits))
    return Chosen(settings, {one.name: one.origin for one in given})


def limit_flags(given: list[str]) -> dict[str, str]:
    """What `--limit NAME=NUMBER` says, by the names of settings. Raises `BadInput`."""
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadInput(f"--limit {text}: say which limit and how much, --limit keys=500")
        known = [field.removeprefix("limits.") for field in FIELDS if field.startswith("limits.")]
        if name not in known:
            raise BadInput(f"--limit {text}: {_unknown('limit', name, known)}")
        found[f"limits.{name}"] = value
    return found


def _from_file(file: Path) -> Iterator[_Given]:
    try:
        content = tomllib.loads(file.read_text())
    except OSError as error:
        raise BadInput(f"the settings in {file} cannot be read: {error.strerror}") from error
    except ValueError as error:  # not TOML, or not even UTF-8
        raise BadInput(f"{file} is not valid TOML: {error}") from error
    limits = content.pop("limits", {})
    if not isinstance(limits, dict):
        raise BadInput(f"{file}: limits is a table; write [limits], and each limit on its own line")
    for name, value in [*content.items(), *((f"limits.{key}", v) for key, v in limits.items())]:
        if name not in FIELDS:
            raise BadInput(f"{file}: {_unknown('setting', name, FIELDS)}")
        yield _Given(name, value, str(file), file.parent, is_text=False)


def _from_environment(environment: Mapping[str, str]) -> Iterator[_Given]:
    variables = {field.variable: field.name for field in FIELDS.values()}
    for variable, value in environment.items():
        if not variable.startswith(VARIABLE) or variable == CONFIG or not value:
            continue  # an empty one is one that is not set
        if variable not in variables:
            what = _unknown("variable", variable, [*variables, CONFIG])
            raise BadInput(f"the environment: {what}")
        yield _Given(variables[variable], value, variable)


def _unknown(what: str, name: str, known: typing.Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, known, 1, cutoff=0.0)[0]
    return f"there is no {what} {name}; did you mean {nearest}?"


def _value(given: _Given) -> Any:
    """What was given, as its setting wants it. Raises `BadInput`."""
    field, value = FIELDS[given.name], given.value
    if field.is_list and isinstance(value, str) and given.is_text:
        value = value.split(os.pathsep if field.name == "apps" else None)

    def path(type: object, text: object) -> Path:
        if not isinstance(text, str) or not text or "\0" in text:
            raise ValueError
        return given.folder / Path(text).expanduser()

    try:
        return msgspec.convert(value, field.type, strict=not given.is_text, dec_hook=path)
    except (msgspec.ValidationError, RuntimeError) as error:  # RuntimeError: ~somebody
        shown = json.dumps(value, ensure_ascii=False, default=str)
        raise BadInput(
            f"{given.origin}: {field.name} is {field.wanted}, and {shown[:80]} is not"
        ) from error


def _wanted(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata(type=inner):
            return _wanted(inner)
        case inspect.UnionType(types):
            return _wanted(next(t for t in types if not isinstance(t, inspect.NoneType)))
        case inspect.BoolType():
            return SWITCH
        case inspect.IntType(ge=least, le=most):
            return f"a whole number from {least} to {most}"
        case inspect.LiteralType(values):
            return f"one of {', '.join(map(str, values))}"
        case inspect.VarTupleType(inspect.StrType(pattern=pattern)) if pattern == ICE:
            return f"a list of addresses {ICE_LIKE}"
        case inspect.VarTupleType(item):
            return f"a list of addresses {LIKE}" if isinstance(item, inspect.StrType) else PATHS
        case inspect.StrType(pattern=pattern) if pattern:
            return f"an address {LIKE}"
        case inspect.StrType():
            return "a text"
    return "a path"


def as_toml(chosen: Chosen) -> str:
    """The settings as a file that gives the same ones, wherever it stands."""
    lines = []
    for field in FIELDS.values():
        if field.name.startswith("limits.") and "[limits]" not in lines:
            lines += ["[limits]", ""]
        value: object = chosen.settings
        for part in field.name.split("."):
            value = getattr(value, part)
        origin = chosen.origins.get(field.name, "default")
        name = field.name.removeprefix("limits.")
        said = f"# {name} is not set" if value is None else f"{name} = {_toml(value)}"
        lines += [f"# {field.meaning}", f"{said}  # {_printable(origin)}", ""]
    return "\n".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, Path):
        value = str(value.absolute())
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
