"""Write what docs/reference says of manifests out of the code: `python -m tools.manifest`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import inspect

from callmesh.app import Capability, KeyRule, Manifest, Size, StateSpec, Translation, Who
from callmesh.manifest import schema_text
from tools.protocol import filled, meanings, table

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
PAGE = FOLDER / "manifest.md"
SCHEMA = FOLDER / "manifest.schema.json"


def rendered(page: str) -> str:
    """The page with its tables as the code has them now."""
    structs = {"manifest": Manifest, "rules": KeyRule, "state": StateSpec, "size": Size}
    tables = {name: _fields(kind) for name, kind in structs.items()}
    tables |= {"capabilities": _words(Capability), "who": _words(Who)}
    return filled(page, tables | {"languages": _fields(Translation)})


def _words(kind: type[Capability | Who]) -> str:
    said = meanings(kind)
    rows = ((f"`{word.value}`", said[word.name]) for word in kind)
    return table("word | what it means", iter(rows))


def _fields(kind: type) -> str:
    return table("field | what stands there | what it means", _rows(kind))


def _rows(kind: type) -> Iterator[tuple[str, ...]]:
    found = inspect.type_info(kind)
    assert isinstance(found, inspect.StructType)
    for field in found.fields:
        assert isinstance(field.type, inspect.Metadata)
        wanted, extra = field.type.type, field.type.extra_json_schema or {}
        needed = ", needed" if field.required else ""
        yield f"`{field.encode_name}`", _kind(wanted) + needed, str(extra["description"])


def _kind(wanted: Any) -> str:
    """What stands there, in words."""
    match wanted:
        case inspect.StrType(max_length=int(most)):
            return f"text, {most} characters at most"
        case inspect.StrType():
            return "text"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=least, le=most):
            return f"whole number, {least} to {most}"
        case inspect.UnionType(types=[first, *_]):
            return _kind(first)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            bound = f", {wanted.max_length} at most" if wanted.max_length else ""
            return f"list of {_item(item)}{bound}"
        case inspect.DictType(key_type=key, value_type=value):
            return f"object: {_item(key)} to {_item(value)}"
        case _:
            return f"object: see {_item(wanted)}"


def _item(item: Any) -> str:
    match item:
        case inspect.LiteralType(values=words):
            return " or ".join(f"`{word}`" for word in words)
        case inspect.EnumType(cls=words):
            return f"[{words.__name__.lower()}](#{words.__name__.lower()})"
        case inspect.StructType(cls=kind):
            return f"[{kind.__name__.lower()}](#{kind.__name__.lower()})"
        case inspect.AnyType():
            return "any JSON"
        case _:
            return "texts" if item.pattern is None else "language tag"


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
    SCHEMA.write_text(schema_text())
