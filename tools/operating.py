"""Write the tables of docs/operating.md out of the code: `python -m tools.operating`."""

from collections.abc import Iterator
from pathlib import Path

from callmesh.auth import Authority
from callmesh.catalog import Catalog
from callmesh.live import LiveHub
from callmesh.metrics import HubCollector
from callmesh.settings import FIELDS
from callmesh.storage.memory import MemoryStorage
from tools.protocol import filled, table

PAGE = Path(__file__).parent.parent / "docs" / "operating.md"


def rendered(page: str) -> str:
    """The page with its tables as the code has them now."""
    return filled(page, {"settings": _settings(), "metrics": _metrics()})


def _settings() -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for field in FIELDS.values():
            unset = field.default is None or field.default == ()
            default = "–" if unset else f"`{str(field.default).lower()}`"
            yield f"`{field.name}`", default, field.meaning

    return table("setting | default | what it means", rows())


def _metrics() -> str:
    collector = HubCollector(LiveHub(MemoryStorage(), Catalog(), Authority(b"s" * 32)))

    def rows() -> Iterator[tuple[str, ...]]:
        for metric in collector.collect():
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            labels = ", ".join(getattr(metric, "_labelnames", ()))
            yield f"`{name}`", metric.type, labels or "–", metric.documentation

    return table("metric | kind | by | what it says", rows())


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
