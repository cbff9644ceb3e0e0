import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callmesh.app import MAX_RULES, KeyRule, Manifest, Rules, Standing
from callmesh.catalog import BUILT_IN, Catalog
from callmesh.errors import BadManifest
from callmesh.jsontext import scan
from callmesh.manifest import read_manifest, schema_text
from callmesh.participant import Access, access_of
from callmesh.values import MAX_KEY, encode
from tests import vectors
from tools.manifest import PAGE, SCHEMA, rendered

VECTORS = vectors.load("rules")
STANDINGS = {
    name: msgspec.convert(standing, Standing) for name, standing in VECTORS["standings"].items()
}


@pytest.mark.parametrize("case", VECTORS["rules"], ids=lambda case: case["name"])
def test_key_rules_let_in_whom_the_vectors_say(case: dict[str, Any]) -> None:
    """[K1, K4, K5]"""
    rules = Rules(msgspec.convert(case["rules"], list[KeyRule]))
    again = Rules(msgspec.convert(rules.described(), list[KeyRule]))
    for check in case["checks"]:
        for known in (rules, again):
            allows = sorted(name for name, who in STANDINGS.items() if may(known, check, who))
            assert allows == check["allows"], check


def may(rules: Rules, check: dict[str, Any], who: Standing) -> bool:
    if check["do"] == "read":
        return rules.may_read(check["key"], who)
    if check["do"] == "read all":
        return rules.may_read_all(who)
    return rules.may_write(check["key"], who, new=check["do"] == "write")


@pytest.mark.parametrize("case", VECTORS["access"], ids=lambda case: case["name"])
def test_access_is_as_the_vectors_say(case: dict[str, Any]) -> None:
    """[J12]"""
    settings = {who: Access(access) for who, access in case["settings"].items()}
    found = {name: access_of(who.person, who.role, settings) for name, who in STANDINGS.items()}
    assert found == case["access"]


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
        ({"name": ""}, '"name" is to be a text of length at least 1'),
        ({"name": 5}, '"name" is to be a text, and is a whole number'),
        ({"version": "one"}, '"version" is "one"; write one to three numbers'),
        ({"version": 1}, '"version" is to be a text, and is a whole number'),
        ({"colour": "red"}, 'a manifest has no field "colour"; there are id, name'),
        ({"key": []}, 'did you mean "keys"?'),
        ({"capabilities": ["stream"]}, 'documents; did you mean "streams"?'),
        ({"capabilities": ["files"]}, 'add "participants" to it'),
        ({"capabilities": "streams"}, 'write ["streams"]'),
        ({"hosts": ["example.org"]}, '"hosts[0]" is "example.org"; write https://'),
        ({"hosts": ["https://example.org/path"]}, "without a path"),
        ({"hosts": ["https://a.org; script-src *"]}, "without a path"),
        ({"hosts": ["http://example.org"]}, "write https://"),
        ({"hosts": ["https://*"]}, "write https://"),
        ({"hosts": ["https://a.org"] * 21}, "a list of length at most 20"),
        ({"add": []}, "a list of length at least 1"),
        ({"add": ["observer"]}, "the words are guest, host"),
        ({"access": {"host": "view"}}, "the words are guest, observer, waiting"),
        ({"access": {"guest": "read"}}, '"access.guest" is "read"; the words are edit, hidden'),
        ({"size": {"width": -1}}, '"size.width" is to be a whole number at least 0'),
        ({"afterwards": "yes"}, "true or false, and is a text"),
        ({"size": {"height": 5000}}, "at most 2000"),
        ({"size": {"width": "wide"}}, "a whole number, and is a text"),
        ({"languages": {"German": {"name": "x"}}}, "write a tag of a language, as de or pt-BR"),
        ({"languages": {"de": {}}}, '"languages.de" needs a "name"'),
        ({"languages": {"de": {"name": "x" * 81}}}, "of length at most 80"),
        ({"python": "half.py"}, "no such file"),
        ({"python": "index.html"}, "ends with .py"),
        ({"keys": [{}]}, '"keys[0]" needs a "key"; write for instance "key": "votes/{person}"'),
        ({"keys": {}}, '"keys" is to be a list, and is an object'),
        (
            {"keys": [{"key": "b"}, {"key": "a", "write": "host"}]},
            'a list, and is a text: write ["h',
        ),
        ({"keys": [{"key": "a", "read": "host"}]}, 'write ["host"]'),
        ({"keys": [{"key": "a", "writes": []}]}, 'no field "writes"; there are key, write, change'),
        ({"keys": [{"key": "**"}, {"key": "a"}]}, 'keys[1], "a", never applies: keys[0], "**"'),
        ({"keys": [{"key": "a/*"}, {"key": "a/{person}"}]}, "Put it further up"),
        ({"keys": [{"key": "a/{person}"}, {"key": "a/*"}]}, "never applies"),
        ({"keys": [{"key": "a/**"}, {"key": "a/b/**"}]}, "never applies"),
        ({"keys": [{"key": "a//b"}]}, "a//b"),
        ({"keys": [{"key": "a/**/b"}]}, "a/**/b"),
        ({"keys": [{"key": "a/x*"}]}, "a/x*"),
        ({"keys": [{"key": "a/{name}"}]}, "{name}"),
        (
            {"keys": [{"key": "a", "write": ["king"]}]},
            'is "king"; the words are everyone, host',
        ),
        ({"keys": [{"key": "a", "write": ["self"]}]}, "names nobody"),
        ({"keys": [{"key": "a/{person}", "read": ["owner"]}]}, "add self to"),
        ({"keys": [{"key": "a", "write": ["everyone"], "read": ["host"]}]}, "add everyone to"),
        ({"keys": [{"key": "a", "read": ["host"], "change": ["owner"]}]}, "add owner to"),
        ({"keys": [{"key": "a"}] * 201}, '"keys" is to be a list of length at most 200'),
        ({"state": {"version": 0}}, '"state.version" is to be a whole number at least 1'),
        ({"state": {"defaults": {"a//b": 1}}}, "a//b"),
        ({"state": {"defaults": {"a": 2**60}}}, "integer"),
        ({"state": {"default": {}}}, '"state" has no field "default"; there are version, defaults'),
    ],
)
def test_a_manifest_that_is_not_true_is_refused(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    """[K3] The sentence names the file and what is wrong; other apps are served."""
    catalog = Catalog([write_app(tmp_path, GOOD | change)])
    (problem,) = catalog.problems
    assert str(tmp_path / "notes" / "manifest.json") in str(problem)
    assert says in str(problem)
    assert catalog.manifest("notes") is None
    assert "poll" in catalog.apps


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"id": 5}', "[" * 50_000, '"\\ud800"'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    """[K3]"""
    (problem,) = Catalog([write_app(tmp_path, text)]).problems
    assert isinstance(problem, BadManifest)


@pytest.mark.parametrize(
    ("keys", "fine"),
    [
        (["a/*", "a/b/*", "*/b", "**"], True),
        (["*/b", "a/*"], True),
        (["a/b/**", "a/**", "a"], True),
        (["a/**", "a"], True),
        (["*/**", "a"], True),
        (["*", "a/**"], True),
        (["*", "{person}"], False),
        (["*/**", "a/b"], False),
    ],
)
def test_a_rule_has_to_apply_to_something(tmp_path: Path, keys: list[str], fine: bool) -> None:
    """[K3]"""
    folder = write_app(tmp_path, GOOD | {"keys": [{"key": key} for key in keys]})
    assert (not Catalog([folder]).problems) == fine


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "2: it ends too early"),
        ('{\n"id": "notes",\n}', "2:14: nothing follows this comma but }: take it out"),
        ('{\n"id": "notes"\n"name": "Notes"}', "3:1: a comma is missing before this"),
        ("{\n  'id': 1}", '2:3: the name of a field stands in "double quotes" here'),
        ('{"id" "notes"}', '1:7: a : is missing between "id" and its value'),
        ('{"id": notes}', "1:8: notes is no value: write a text in"),
        ('{"id": True}', "1:8: True is no value"),
        ('{"id": "a\nb"}', "1:8: this text does not end in its line"),
        ('{"id": "\\x"}', "1:8: this text does not end in its line"),
        ('{"keys": [1, 2}', "1:15: } stands where ] is to"),
        ('{"keys": [1, 2,]}', "1:15: nothing follows this comma but ]"),
        ('{ // an app\n"id": 1}', "1:3: JSON has no comments"),
        ('{"id": 1 /* one */}', "1:10: JSON has no comments"),
        ("{} {}", "1:4: something stands behind the end"),
        ('{"a":' * 4000 + "1" + "}" * 4000, "1:501: it is nested too deep"),
    ],
)
def test_a_slip_in_the_json_is_found(tmp_path: Path, text: str, says: str) -> None:
    """[K3, K7] Line and column, and what to do there."""
    (problem,) = Catalog([write_app(tmp_path, text)]).problems
    assert says in str(problem)


def test_all_that_is_wrong_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    """[K7]"""
    text = """{
  "id": "notes",
  "name": "",
  "version": "1.0.0", "colour": "red",
  "hosts": [
    "https://example.org",
    "example.org"
  ],
  "keys": [
    { "key": "a", "write": ["king"], "writes": [] },
    {}
  ],
  "entry": "main.html",
  "entry": "other.html"
}"""
    (problem,) = Catalog([write_app(tmp_path, text)]).problems
    path = tmp_path / "notes" / "manifest.json"
    found = [line.removeprefix(f"{path}:").split(": ")[0] for line in str(problem).splitlines()]
    assert found == ["3:3", "4:23", "7:5", "10:29", "10:38", "11:5", "14:3", "14:3"]


@pytest.mark.parametrize("name", ["poll", "vitals"])
def test_places_are_those_of_the_text(name: str) -> None:
    """[K7] Every value is found where it stands."""
    text = (BUILT_IN / name / "manifest.json").read_text()
    values = scan(text).values
    assert len(values) > 10
    for path, at in values.items():
        found, _ = json.JSONDecoder().raw_decode(text, at)
        value = json.loads(text)
        for part in path:
            value = value[part]
        assert found == value


def test_the_schema_is_what_the_hub_checks() -> None:
    """[K8] If not: `python -m tools.manifest`."""
    text = SCHEMA.read_text()
    assert (text, PAGE.read_text()) == (schema_text(), rendered(PAGE.read_text()))
    named = set(json.loads(text)["$defs"]["Manifest"]["properties"])
    assert {"id", "size", "add", "access", "capabilities", "hosts", "languages"} < named


def test_everything_that_a_manifest_may_say(tmp_path: Path) -> None:
    """[K8]"""
    said = {
        "$schema": "https://example.org/apps/manifest.schema.json",
        "size": {"width": 640},
        "languages": {"pt-BR": {"name": "Notas"}},
        "add": ["host"],
        "access": {"guest": "view", "observer": "hidden"},
        "capabilities": ["streams", "files", "participants", "documents"],
        "hosts": ["https://*.example.org", "wss://example.org:8443", "http://127.0.0.1:1"],
    }
    manifest = Catalog([write_app(tmp_path, GOOD | said)]).manifest("notes")
    assert manifest is not None
    assert json.loads(msgspec.json.encode(manifest)) == {
        **json.loads(msgspec.json.encode(msgspec.convert(GOOD, Manifest))),
        **said,
        "size": {"width": 640, "height": 0},
        "languages": {"pt-BR": {"name": "Notas", "description": ""}},
    }


def test_what_is_perhaps_not_meant_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """[K5] Who may change and not write deletes for good."""
    keys = [
        {"key": "title", "write": ["host"], "change": ["guest", "host"]},
        {"key": "votes/{person}", "change": ["self", "host"]},
        {"key": "slot/*", "write": [], "change": ["everyone"]},
    ]
    catalog = Catalog([write_app(tmp_path, GOOD | {"keys": keys})])
    assert not catalog.problems
    assert caplog.text.count("perhaps not meant") == 1
    assert 'keys[0], "title": "change" lets in guest' in caplog.text


def test_an_authors_slip_changes_nothing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """[K3] The last good manifest stays."""
    folder = write_app(tmp_path, GOOD | {"keys": [{"key": "a"}]})
    catalog = Catalog([folder])
    good, manifest = catalog.manifest("notes"), folder / "manifest.json"
    text = manifest.read_text()
    before = catalog.stale
    manifest.write_text(text.replace("keys", "kyes"))
    assert (before, catalog.stale) == (False, True)
    for _ in range(2):
        catalog.refresh()
        assert catalog.manifest("notes") == good
        assert 'no field "kyes"' in catalog.apps["notes"].problem
    assert not catalog.stale
    assert caplog.text.count("kyes") == 1
    manifest.unlink()
    catalog.refresh()
    assert "has no manifest.json" in catalog.apps["notes"].problem
    manifest.write_text(text)
    catalog.refresh()
    assert (catalog.problems, catalog.apps["notes"].problem) == ([], "")
    assert catalog.manifest("notes") == good


def test_all_the_rules_that_a_manifest_can_have_fit_into_one_value(tmp_path: Path) -> None:
    """[K6] The hub tells them in one."""
    keys = [{"key": f"{n}/".ljust(MAX_KEY, "x")} for n in range(MAX_RULES)]
    manifest = Catalog([write_app(tmp_path, GOOD | {"keys": keys})]).manifest("notes")
    assert manifest is not None
    encode({"version": 2**53 - 1, "keys": Rules(manifest.keys).described()})


def test_a_manifest_has_a_largest_size() -> None:
    """[K3]"""
    with pytest.raises(BadManifest, match="bytes"):
        read_manifest(b" " * 70_000, path=Path("notes/manifest.json"), files=[])


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


def test_apps_are_read_anew_only_where_a_file_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[K3] Anybody may ask for them, however often."""
    folder = write_app(tmp_path, GOOD)
    catalog = Catalog([folder])
    first, changes = catalog.apps["notes"], catalog.changes
    reads: list[str] = []
    read = Path.read_bytes

    def read_bytes(self: Path) -> bytes:
        reads.append(self.name)
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    for _ in range(3):
        catalog.refresh()
    assert (reads, catalog.changes) == ([], changes)
    assert catalog.apps["notes"] is first
    (folder / "more.js").write_text("more")
    catalog.refresh()
    assert sorted(set(reads)) == ["index.html", "manifest.json", "more.js"]
    assert catalog.changes == changes + 1
    assert catalog.apps["notes"].files == first.files | {"more.js"}


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
