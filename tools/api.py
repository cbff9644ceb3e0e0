"""Write the tables of docs/reference/api.md out of the code: `python -m tools.api`."""

import json
import re
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

from callmesh import audit, shapes
from callmesh.api import description
from callmesh.auth import Authority
from callmesh.catalog import Catalog
from callmesh.live import LiveHub
from callmesh.operator import Operator
from callmesh.problems import wanted
from callmesh.storage.memory import MemoryStorage
from callmesh.webhooks import SENT
from tools.protocol import filled, table

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "api.md"


def rendered(page: str) -> str:
    """The page with its tables as the code has them now."""
    authority = Authority(b"s" * 32)
    operator = Operator(LiveHub(MemoryStorage(), Catalog(), authority), authority)
    spec = description(operator).openapi()
    requests = table("request | takes | answers | what it does", _requests(spec))
    columns = "of | member | what it is | what it means"
    schemas = spec["components"]["schemas"]
    sent = {name for name in schemas if issubclass(getattr(shapes, name, object), shapes.Sent)}
    tables = {
        "requests": requests,
        "sent": table(columns, _members(schemas, sent)),
        "answered": table(columns, _members(schemas, schemas.keys() - sent)),
        "events": table("type | when", _events()),
    }
    return filled(page, tables)


def _members(schemas: dict[str, Any], names: Set[str]) -> Iterator[tuple[str, ...]]:
    for name in sorted(names):
        for member, said in schemas[name].get("properties", {}).items():
            kind = _kind(schemas, said)
            yield f"`{name}`", f"`{member}`", kind, said.get("description", "–")


def _kind(schemas: dict[str, Any], said: dict[str, Any]) -> str:
    match said:
        case {"$ref": ref}:
            name = ref.rpartition("/")[2]
            return wanted(schemas[name]) if "enum" in schemas[name] else f"`{name}`"
        case {"anyOf": [inner, {"type": "null"}]}:
            return f"{_kind(schemas, inner)}, or null"
        case {"type": "array", "items": items}:
            return f"a list of {_kind(schemas, items)}"
        case {"type": "object"}:
            return "an object"
    default = f" ({json.dumps(said['default'])})" if said.get("default") is not None else ""
    return wanted(said) + default


def _events() -> Iterator[tuple[str, ...]]:
    """What is sent, with the words that stand beside it in the code."""
    lines = Path(audit.__file__).read_text().splitlines()
    for line in lines:
        found = re.fullmatch(r'    "([a-z_.]+)",(?:  # (.+))?', line)
        if found and found[1] in SENT:
            yield f"`{found[1]}`", found[2] or "–"


def _requests(spec: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for path, methods in spec["paths"].items():
        for method, said in methods.items():
            about = said.get("description") or said["summary"]
            yield f"`{method.upper()} {path}`", _takes(spec, said) or "–", _answers(said), about


def _answers(said: dict[str, Any]) -> str:
    """What the answer of a request that was done has in it."""
    done = next(answer for status, answer in said["responses"].items() if int(status) < 300)
    for kind, body in done.get("content", {}).items():
        name = body["schema"].get("$ref", "").rpartition("/")[2]
        return f"`{name}`" if name else str(kind)
    return "–"


def _takes(spec: dict[str, Any], said: dict[str, Any]) -> str:
    """The names of what it takes, in the body or the query; an optional one with `?`."""
    query = [f"`{one['name']}?`" for one in said.get("parameters", ()) if one["in"] == "query"]
    content = said.get("requestBody", {}).get("content", {})
    for kind, body in content.items():
        if "$ref" not in body["schema"]:
            query.append(f"{kind}")
            continue
        name = body["schema"]["$ref"].rpartition("/")[2]
        schema = spec["components"]["schemas"][name]
        needed = schema.get("required", ())
        query += [f"`{one}{'' if one in needed else '?'}`" for one in schema["properties"]]
    return ", ".join(query)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
