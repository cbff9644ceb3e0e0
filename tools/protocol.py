"""Write the tables of docs/reference/protocol.md out of the code: `python -m tools.protocol`."""

import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path

from callmesh import errors, messages, session

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "protocol.md"


def tables() -> dict[str, str]:
    return {"messages": _messages(), "codes": _codes(), "denials": _denials(), "limits": _limits()}


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


def _messages() -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for kind in typing.get_args(messages.Message):
            tag = str(kind.__struct_config__.tag)
            fields = ", ".join([f'"{tag}"', *kind.__struct_fields__])
            about = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
            yield f"`[{fields}]`", _who_sends(kind), about.replace("|", "\\|")

    return table("message | sent by | what it says", rows())


def _who_sends(kind: type) -> str:
    """Whoever the other side takes it from, and when."""
    sends = []
    for (side, state), kinds in session._ALLOWED.items():
        if kind in kinds:
            sender = "participant" if side is session.Side.HUB else "hub"
            sends.append(f"{sender}, {state.__name__.lower()}")
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
        "a message of a stream": f"{messages.MAX_PAYLOAD:,} bytes",
        "stream bytes under way": f"{messages.STREAM_WINDOW:,} beyond the last `relayed`",
        "until hello": f"{session.OPENING_TIMEOUT / 1e6:g} s",
        "between pings": f"{session.PING_EVERY / 1e6:g} s",
        "silence that ends a session": f"{session.SILENCE / 1e6:g} s",
    }
    return table("what | at most", iter(said.items()))


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
