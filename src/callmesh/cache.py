"""ResourceCache: what one participant keeps about one resource. Local, never sent."""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from msgspec import Raw

from callmesh.errors import TooLarge
from callmesh.state import DELETED
from callmesh.values import check_key, decode, encode

MAX_CACHE = 16 * 1024 * 1024
"""Bytes of one resource's cache."""
MAX_ITEM = 4 * 1024 * 1024
"""Bytes of one value: a cache may hold a downloaded page or a picture."""


class ResourceCache(MutableMapping[str, Any]):
    """A mapping of JSON values under string keys that nobody else ever sees.

    `keep` is told of every change, with `DELETED` for what is gone; whoever keeps the cache
    somewhere passes it. Values are copies: changing one that was read changes nothing.
    """

    def __init__(
        self,
        items: dict[str, Raw] | None = None,
        *,
        keep: Callable[[str, Raw], None] = lambda key, value: None,
    ) -> None:
        self._items = dict(items or {})
        self._size = sum(map(_size, self._items.items()))
        self._keep = keep

    def __repr__(self) -> str:
        return f"<ResourceCache {dict(self)!r}>"

    def __getitem__(self, key: str) -> Any:
        return decode(self._items[key], limit=MAX_ITEM)

    def __setitem__(self, key: str, value: object) -> None:
        data = encode(value, limit=MAX_ITEM)
        old = self._items.get(check_key(key))
        size = self._size + _size((key, data)) - (0 if old is None else _size((key, old)))
        if size > MAX_CACHE:
            raise TooLarge(f"a cache has at most {MAX_CACHE} bytes; delete something first")
        self._size = size
        self._items[key] = data
        self._keep(key, data)

    def __delitem__(self, key: str) -> None:
        self._size -= _size((key, self._items.pop(key)))
        self._keep(key, DELETED)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._items))

    def __len__(self) -> int:
        return len(self._items)


def _size(item: tuple[str, Raw]) -> int:
    return len(item[0]) + len(bytes(item[1]))
