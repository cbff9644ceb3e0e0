"""The data that both languages are tested with."""

import json
from pathlib import Path
from typing import Any

from msgspec import Raw

from callmesh.state import DELETED
from callmesh.values import encode

FOLDER = Path(__file__).parent.parent / "vectors"


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def value(described: dict[str, Any]) -> Raw:
    """`{"value": …}`, `{"deleted": true}`, or `{"hex": …}` for bytes that are no value."""
    if "hex" in described:
        return Raw(bytes.fromhex(described["hex"]))
    return DELETED if described.get("deleted") else encode(described["value"])
