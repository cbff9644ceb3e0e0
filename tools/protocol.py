"""Write the tables of docs/reference/protocol.md out of the code: `python -m tools.protocol`."""

import ast
import inspect
import json
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import inspect as wire

from callmesh import (
    connections,
    depot,
    door,
    ending,
    errors,
    exchange,
    feed,
    hosted,
    lane,
    ledger,
    letters,
    messages,
    relay,
    rights,
    saving,
    session,
    stream,
    values,
    visits,
)
from callmesh.commands import ACTIONS
from callmesh.limits import Limits
from callmesh.state import Entry
from callmesh.transport import picows

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "protocol.md"


def tables() -> dict[str, str]:
    return {
        "messages": _messages(),
        "fields": _fields(),
        "codes": _codes(),
        "denials": _denials(),
        "limits": _limits(),
        "settable": _settable(),
        "bounds": _bounds(),
    }


def rendered(page: str) -> str:
    """The page with its tables as the code has them now."""
    return filled(page, tables())


def filled(page: str, tables: Mapping[str, str]) -> str:
    """`page` with each table in its place."""
    for name, found in tables.items():
        inside = re.compile(f"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
        page, count = inside.subn(found.replace("\\", r"\\"), page)
        if count != 1:
            raise SystemExit(f"there is no place for {name}")
    return page


def table(head: str, rows: Iterator[tuple[str, ...]]) -> str:
    columns = head.split(" | ")
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def meanings(kind: type) -> dict[str, str]:
    """What is written below each field of a class, on one line."""
    (body,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(said))),
            ):
                found[name] = " ".join(said.split())
    return found


def _messages() -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for kind in typing.get_args(messages.Message):
            tag = str(kind.__struct_config__.tag)
            fields = ", ".join([f'"{tag}"', *kind.__struct_fields__])
            about = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
            yield f"`[{fields}]`", _who_sends(kind), about.replace("|", "\\|")

    return table("message | sent by | what it says", rows())


def _fields() -> str:
    """The fields of each message, and of what stands in them, in their order on the wire."""
    about = typing.get_args(messages.Message)

    def rows() -> Iterator[tuple[str, ...]]:
        for kind in (
            *about,
            messages.Group,
            Entry,
            messages.ReachRow,
            messages.IceServer,
            messages.KeptFile,
        ):
            said, tag = meanings(kind), kind.__struct_config__.tag
            of = f"`{tag}`" if tag else f"each {kind.__name__.lower()}"
            for field in msgspec.structs.fields(kind):
                left_out = "–" if field.required else f"`{_default(field)}`"
                meaning = said[field.name].replace("`commands.ACTIONS`", ", ".join(ACTIONS))
                yield of, f"`{field.name}`", wire_type(field.type), left_out, meaning

    return table("of | field | type | left out | meaning", rows())


def _default(field: msgspec.structs.FieldInfo) -> str:
    default = field.default
    if default is msgspec.NODEFAULT:
        default = field.default_factory()
    return json.dumps(default)


def wire_type(kind: object) -> str:
    """What a field holds, in words of MessagePack."""
    return _in_words(wire.type_info(kind))


def _in_words(kind: wire.Type) -> str:
    match kind:
        case wire.UnionType(types=(inner, wire.NoneType())):
            return f"{_in_words(inner)}, or null"
        case wire.LiteralType(values=values):
            return ", ".join(f'"{value}"' for value in values)
        case wire.StrType(max_length=None):
            return "text"
        case wire.StrType(min_length=None, max_length=most):
            return f"text of up to {most:,} characters"
        case wire.StrType(min_length=least, max_length=most):
            return f"text of {least}–{most:,} characters"
        case wire.IntType():
            return "integer from 0 to 2⁵³-1"
        case wire.BoolType():
            return "true or false"
        case wire.BytesType():
            return "bytes"
        case wire.RawType():
            return "any value"
        case wire.ListType(item_type=item):
            return f"array of: {_in_words(item)}"
        case wire.TupleType(item_types=items):
            return f"[{', '.join(map(_in_words, items))}]"
        case wire.StructType(cls=cls):
            return cls.__name__.lower()
    raise AssertionError(f"no words for {kind}")


def _who_sends(kind: type) -> str:
    """Whoever the other side takes it from, and when."""
    sends = []
    for sender, allowed in (
        ("participant", session.FROM_CLIENTS),
        ("hub", session.FROM_HUBS),
    ):
        sends += [
            f"{sender}, {state.__name__.lower()}" for state in allowed if kind in allowed[state]
        ]
    if kind in (messages.Letter, messages.Have, messages.Void):
        sends.append("participant, to another one")
    return "; ".join(sends)


def _codes() -> str:
    about = dict(re.findall(r"[─ ] ?(\w+) {2,}(\S.*)$", errors.__doc__ or "", re.MULTILINE))

    def rows() -> Iterator[tuple[str, ...]]:
        for code, kind in errors.BY_CODE.items():
            close = "–" if kind is errors.Broken else str(kind.close)
            what = about.get(kind.__name__, "what has no name of its own")
            yield f"`{code}`", close, "yes" if kind.reconnect else "no", what

    return table("code | close code | come back? | what happened", rows())


def _denials() -> str:
    said = re.findall(r'^    "(\w+)",  # (.+)$', Path(errors.__file__).read_text(), re.MULTILINE)
    assert [reason for reason, _ in said] == list(errors.DENIALS)
    return table("reason | meaning", ((f"`{reason}`", why) for reason, why in said))


def _limits() -> str:
    said = {
        "bundle to a hub, before joining": f"{messages.MAX_BUNDLE_BEFORE_JOINING:,} bytes",
        "bundle to a hub, after joining": f"{messages.MAX_BUNDLE:,} bytes",
        "messages in it": f"{messages.MAX_MESSAGES:,}",
        "a signal": f"{messages.MAX_SIGNAL:,} characters",
        "a part of a stream message": f"{messages.MAX_PAYLOAD:,} bytes",
        "a stream message": f"{stream.MAX_MESSAGE:,} bytes",
        "not acknowledged before `send` waits": f"{lane.HIGH_WATER:,} bytes",
        "until the stream is lost to a receiver": f"{lane.STALLED / 1e6:g} s",
        "stream bytes under way": f"{messages.STREAM_WINDOW:,} beyond the last `relayed`",
        "until hello": f"{session.OPENING_TIMEOUT / 1e6:g} s",
        "between pings": f"{session.PING_EVERY / 1e6:g} s",
        "silence that ends a session": f"{session.SILENCE / 1e6:g} s",
    }
    return table("what | at most", iter(said.items()))


def _ends(kind: type[errors.CallmeshError]) -> str:
    """A link ends with that error. What has no close code of a hub's own is closed with 1011."""
    return f"`{kind.code}`, {1011 if kind is errors.Broken else kind.close}"


def _denied(reason: str) -> str:
    assert reason in errors.DENIALS
    return f"denied: `{reason}`"


NOTHING = "–"


def at_limits() -> dict[str, tuple[str, str]]:
    """What happens at each limit that is a setting, and what its author is told."""
    too_fast, full = _ends(errors.TooFast), _denied("full")
    return {
        "participants": ("who was lost longest makes room; without one, nobody comes in", too_fast),
        "tabs": ("the person does not come in once more", too_fast),
        "waiting": ("nobody waits besides", too_fast),
        "resources": ("the transaction that adds one is not taken", full),
        "keys": ("the transaction is not taken; deletes in it make room", full),
        "state_bytes": ("the transaction is not taken; deletes in it make room", full),
        "value_bytes": ("the transaction is not taken", _denied("bad_value")),
        "presence_keys": ("the transaction is not taken", full),
        "presence_bytes": ("the transaction is not taken", full),
        "writes_per_second": ("the hub reads on when it is due", NOTHING),
        "write_burst": ("the rate above holds from here on", NOTHING),
        "relay_bytes_per_second": ("the hub gives the window back as it is due", NOTHING),
        "streams": ("the SDK opens no more; the hub hands on nothing of more", "`too_fast`"),
        "direct_participants": ("streams go by the hub, to all who have them open", NOTHING),
        "connections": ("one more is cut", "–"),
        "half_open": ("the oldest link that has said nothing ends", _ends(errors.TimedOut)),
        "joins_per_minute": ("the person comes in later", too_fast),
        "calls": ("no further call opens", too_fast),
        "halves": ("one more waits until another one has ended", NOTHING),
        "hub_halves": ("one more waits until another one has ended", NOTHING),
        "kept_files": ("the file is not kept", full),
        "kept_file_bytes": ("the file is not kept", "`too_large`"),
        "kept_bytes": ("the file is not kept", full),
        "kept_bytes_of_hub": ("the file is not kept", full),
        "kept_days": ("the file is not kept", "`bad_value`"),
        "uploads": ("the file comes later", "`too_fast`"),
        "fetches_per_minute": ("nothing is sent", "`too_fast`"),
        "call_fetches_per_minute": ("nothing is sent", "`too_fast`"),
        "fetch_bytes": ("the rest of the answer is not read", "`endpoint_failed`"),
        "fetch_seconds": ("it is given up", "`endpoint_failed`, or `unreachable`"),
    }


def _settable() -> str:
    happens, defaults = at_limits(), Limits()
    assert tuple(happens) == Limits.__struct_fields__, "each limit has its line"

    def rows() -> Iterator[tuple[str, ...]]:
        for name, (what, told) in happens.items():
            yield f"`limits.{name}`", f"{getattr(defaults, name):,}", what, told

    return table("setting | default | what happens beyond it | what is said", rows())


def _bounds() -> str:
    """What bounds the hub itself, and no setting changes."""
    too_large, too_fast = _ends(errors.TooLarge), _ends(errors.TooFast)
    broken, seconds = _ends(errors.Broken), 1e6
    ends = "the session ends"
    rows: list[tuple[str, str, str, str]] = [
        ("bundle before joining", f"{messages.MAX_BUNDLE_BEFORE_JOINING:,} bytes", ends, too_large),
        ("bundle", f"{messages.MAX_BUNDLE:,} bytes", ends, too_large),
        ("WebSocket message", f"{2 * messages.MAX_BUNDLE:,} bytes", "the WebSocket ends", "1009"),
        ("messages in a bundle", f"{messages.MAX_MESSAGES:,}", ends, too_large),
        ("signal", f"{messages.MAX_SIGNAL:,} characters", ends, _ends(errors.WireError)),
        (
            "entries of a transaction", f"{rights.MAX_ENTRIES:,}", "it is not taken",
            _denied("full"),
        ),
        ("key", f"{values.MAX_KEY:,} bytes", "the transaction is not taken", _denied("bad_value")),
        (
            "message of a stream", f"{stream.MAX_MESSAGE:,} bytes", "it is not sent",
            "`too_large`, at its sender",
        ),
        (
            "stream bytes under way of a sender", f"{messages.STREAM_WINDOW:,} and one message",
            ends, too_fast,
        ),
        (
            "bytes of `reliable` that wait for a link", f"{session.MAX_WAITING:,}",
            "they are not handed on; their sender sends them again", NOTHING,
        ),
        (
            "those of one sender", f"{session.MAX_OF_ONE:,}",
            "they are not handed on; their sender sends them again", NOTHING,
        ),
        (
            "those for all links of a call", f"{relay.MAX_WAITING:,}",
            "they are not handed on to links with more than "
            f"{relay.SMALL:,}; their sender sends them again", NOTHING,
        ),
        (
            "bytes of `latest` that wait for a link", f"{session.MAX_LATEST:,}",
            "the oldest are dropped", NOTHING,
        ),
        (
            "bytes that wait for a link that gets signals", f"{hosted.MAX_SIGNALS:,}",
            "signals to it are dropped", NOTHING,
        ),
        ("own writes whose answers wait for a link", f"{feed.MAX_OWED:,} keys", ends, too_fast),
        ("denials that wait for a link", f"{feed.MAX_DENIED:,} bytes", ends, too_fast),
        ("answers to commands that wait for a link", f"{feed.MAX_ANSWERS:,}", ends, too_fast),
        (
            "until a request is whole, and an answer of which nothing is read",
            f"{connections.PATIENCE:g} s", "the connection is cut", NOTHING,
        ),
        ("pings and pongs of a peer in 1 s", f"{picows.CONTROLS}", "the WebSocket ends", "1008"),
        ("frames of a message", f"{picows.FRAGMENTS:,}", "the WebSocket ends", "1009"),
        ("until hello", f"{session.OPENING_TIMEOUT / seconds:g} s", ends, _ends(errors.TimedOut)),
        ("silence", f"{session.SILENCE / seconds:g} s", ends, broken),
        ("a link that takes no bytes", f"{ending.STALLED:g} s", ends, broken),
        (
            "who may come back into a call", f"{visits.MAX_VISITS:,}",
            "the longest gone come as somebody new", NOTHING,
        ),
        (
            "commands remembered of a participant", f"{visits.MAX_DONE:,}",
            "an earlier one that comes again is a new one", NOTHING,
        ),
        (
            "people who have left a call, and whom hosts can ban", f"{door.MAX_LEFT:,}",
            "the longest gone cannot be", "–",
        ),
        (
            "requests at once by which one person fetches kept files", f"{depot.FETCHES}",
            "one more is refused", "`too_fast`",
        ),
        (
            "announcing, answering and taking back kept files, one person",
            f"{depot.CHANGES[0]:g} a second, {depot.CHANGES[1]:g} at once",
            "one more is refused", "`too_fast`",
        ),
        (
            "people kept out of a call", f"{door.MAX_KEPT_OUT:,}", "nobody else is removed",
            _denied("full"),
        ),
        (
            "letters of one author that a participant holds",
            f"{letters.MAX_LETTERS:,} and {letters.MAX_LETTER_BYTES:,} bytes",
            "the rest waits for the hub", NOTHING,
        ),
        (
            "letters from a peer, 16 KiB as one more",
            f"{exchange.TAKES[0]:,} a second, {exchange.TAKES[1]:,} at once",
            "nothing is heard from it over that path any more", NOTHING,
        ),
        (
            "deletes remembered of a State", f"{ledger.MAX_TOMBSTONES:,}",
            "replicas from before get a whole batch", NOTHING,
        ),
        (
            "lines of the audit log that wait for the disk", f"{saving.MAX_UNWRITTEN:,}",
            "nobody comes in", _ends(errors.StorageFailed),
        ),
    ]  # fmt: skip
    return table("what | at most | what happens beyond it | what is said", iter(rows))


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
