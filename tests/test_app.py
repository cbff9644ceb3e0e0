import json
from pathlib import Path
from typing import Any

import pytest

from callmesh.app import KeyRule, KeyWriter, Who, may_write, read_manifest
from callmesh.catalog import Catalog
from callmesh.errors import BadManifest
from callmesh.ids import ParticipantId, PersonId
from callmesh.participant import Role

ADA = KeyWriter(ParticipantId("pa"), PersonId("ua"), Role.GUEST, owner=False)
OWNER = KeyWriter(ParticipantId("po"), PersonId("uo"), Role.GUEST, owner=True)
HOST = KeyWriter(ParticipantId("ph"), PersonId("uh"), Role.HOST, owner=False)
OBSERVER = KeyWriter(ParticipantId("px"), PersonId("ux"), Role.OBSERVER, owner=False)


@pytest.mark.parametrize(
    ("pattern", "key", "fits"),
    [
        ("a", "a", True), ("a", "b", False), ("a", "a/b", False), ("a/*", "a/b", True),
        ("a/*", "a", False), ("a/*", "a/b/c", False), ("a/**", "a/b", True),
        ("a/**", "a/b/c", True), ("a/**", "a", False), ("**", "a", True), ("**", "a/b", True),
        ("*/x", "a/x", True), ("votes/{person}", "votes/anybody", True),
        ("votes/{person}", "votes", False), ("{participant}/x/**", "pz/x/y", True),
    ],
)  # fmt: skip
def test_which_keys_a_rule_is_about(pattern: str, key: str, fits: bool) -> None:
    """[K1]"""
    assert KeyRule(key=pattern).fits(key) is fits


def test_person_and_participant_are_the_writers_own() -> None:
    """[K1]"""
    rules = [KeyRule(key="votes/{person}"), KeyRule(key="hands/{participant}/**")]
    assert may_write(rules, "votes/ua", ADA)
    assert not may_write(rules, "votes/uo", ADA)
    assert may_write(rules, "hands/pa/up", ADA)
    assert not may_write(rules, "hands/po/up", ADA)


def test_the_first_rule_that_fits_decides() -> None:
    """[K1]"""
    rules = [
        KeyRule(key="question", write=[Who.HOST, Who.OWNER]),
        KeyRule(key="open/**", write=[Who.OBSERVER]),
        KeyRule(key="**", write=[]),
    ]
    allowed = {
        who: [key for key in ("question", "open/x", "else") if may_write(rules, key, writer)]
        for who, writer in (("ada", ADA), ("owner", OWNER), ("host", HOST), ("obs", OBSERVER))
    }
    assert allowed == {"ada": [], "owner": ["question"], "host": ["question"], "obs": ["open/x"]}


def test_without_a_rule_editors_may() -> None:
    """[K1]"""
    assert [may_write([], "k", who) for who in (HOST, ADA, OBSERVER)] == [True, True, False]


GOOD = {"id": "notes", "name": "Notes", "version": "1.0.0"}


def write_app(parent: Path, manifest: object, name: str = "notes") -> Path:
    folder = parent / name
    folder.mkdir()
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    (folder / "manifest.json").write_text(text)
    (folder / "index.html").write_text("<!doctype html><title>Notes</title>")
    return folder


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"id": "other"}, "name the folder other"),
        ({"id": "Notes!"}, "app id"),
        ({"entry": "main.html"}, "no such file"),
        ({"entry": "../notes/index.html"}, "no such file"),
        ({"entry": "/etc/passwd"}, "no such file"),
        ({"icon": "icon.svg"}, "no such file"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"version": "one"}, "version"),
        ({"capabilities": []}, "capabilities"),
        ({"keys": [{"key": "a//b"}]}, "a//b"),
        ({"keys": [{"key": "a/**/b"}]}, "a/**/b"),
        ({"keys": [{"key": "a/x*"}]}, "a/x*"),
        ({"keys": [{"key": "a/{name}"}]}, "{name}"),
        ({"keys": [{"key": "a", "write": ["king"]}]}, "king"),
    ],
)
def test_a_manifest_that_is_not_true_is_refused(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    """[K3] The sentence names the file and what is wrong; other apps are served."""
    catalog = Catalog([write_app(tmp_path, GOOD | change)])
    (problem,) = catalog.problems
    assert "notes" in str(problem)
    assert says in str(problem)
    assert catalog.manifest("notes") is None
    assert "poll" in catalog.apps


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"id": 5}', "[" * 50_000, '"\\ud800"'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    """[K3]"""
    (problem,) = Catalog([write_app(tmp_path, text)]).problems
    assert isinstance(problem, BadManifest)


def test_a_manifest_has_a_largest_size() -> None:
    """[K3]"""
    with pytest.raises(BadManifest, match="bytes"):
        read_manifest(b" " * 70_000, folder="notes", files=[])


def test_a_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    """[K3]"""
    for folder in (tmp_path, tmp_path / "nowhere"):
        (problem,) = Catalog([folder]).problems
        assert str(folder) in str(problem)


def test_an_app_has_an_address_of_its_content(tmp_path: Path) -> None:
    folder = write_app(tmp_path, GOOD)
    first = Catalog([folder]).apps["notes"]
    assert Catalog([folder]).apps["notes"].hash == first.hash
    (folder / "index.html").write_text("changed")
    assert Catalog([folder]).apps["notes"].hash != first.hash


def test_hidden_files_and_links_out_of_the_folder_are_not_served(tmp_path: Path) -> None:
    folder = write_app(tmp_path, GOOD)
    (tmp_path / "secret").write_text("secret")
    (folder / ".env").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    assert Catalog([folder]).apps["notes"].files == {"manifest.json", "index.html"}


def test_two_apps_of_one_id_are_told_apart(tmp_path: Path) -> None:
    """[K3] The first one stays."""
    first, second = tmp_path / "1", tmp_path / "2"
    for parent in (first, second):
        parent.mkdir()
        write_app(parent, GOOD)
    catalog = Catalog([first / "notes", second / "notes"])
    assert catalog.apps["notes"].folder == first / "notes"
    assert len(catalog.problems) == 1
