from pathlib import Path

import pytest
from msgspec import Raw

from callmesh.cache import MAX_ITEM, ResourceCache
from callmesh.cachefile import CacheFile
from callmesh.errors import BadValue, TooLarge
from callmesh.state import DELETED


def test_a_cache_is_a_mapping_and_tells_who_keeps_it() -> None:
    """[C1]"""
    kept: list[tuple[str, Raw]] = []
    cache = ResourceCache(keep=lambda key, value: kept.append((key, value)))
    cache["zoom"] = 1.5
    cache["draft"] = {"text": "half a sentence"}
    del cache["zoom"]
    assert dict(cache) == {"draft": {"text": "half a sentence"}}
    assert [key for key, _ in kept] == ["zoom", "draft", "zoom"]
    assert kept[-1][1] == DELETED
    assert dict(ResourceCache({"draft": kept[1][1]})) == dict(cache)


def test_what_is_read_is_a_copy() -> None:
    """[C3]"""
    cache = ResourceCache()
    cache["list"] = [1]
    cache["list"].append(2)
    assert cache["list"] == [1]


def test_a_cache_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """[C3] What does not fit changes nothing."""
    monkeypatch.setattr("callmesh.cache.MAX_CACHE", 1000)
    cache = ResourceCache()
    cache["a"] = "x" * 600
    with pytest.raises(TooLarge):
        cache["b"] = "x" * 600
    cache["a"] = "y" * 900
    with pytest.raises(TooLarge):
        cache["a"] = "x" * (MAX_ITEM + 1)
    with pytest.raises(BadValue):
        cache["c"] = object()
    assert dict(cache) == {"a": "y" * 900}
    del cache["a"]
    cache["b"] = "x" * 600


def test_a_cache_file_keeps_places_apart(tmp_path: Path) -> None:
    """[C1, C2]"""
    file = CacheFile(tmp_path)
    file.keep("call person r1", "zoom", b"\x01")
    file.keep("call person r2", "zoom", b"\x02")
    file.keep("call person r2", "gone", b"\x03")
    file.keep("call person r2", "gone", None)
    file.keep_person("hub", "proof")
    file.close()
    again = CacheFile(tmp_path)
    assert again.load("call person r1") == {"zoom": b"\x01"}
    assert again.load("call person r2") == {"zoom": b"\x02"}
    assert again.load("call other r1") == {}
    assert (again.person("hub"), again.person("other")) == ("proof", None)
    again.close()
