"""`callmesh apps`: folders and zips, made by anybody."""

import json
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

import callmesh
from callmesh.catalog import MAX_FILES, Catalog
from callmesh.cli import main
from callmesh.errors import BadInput, BadManifest
from callmesh.installing import Package, add, remove

MANIFEST = {"id": "notes", "name": "Notes", "version": "1.0.0"}
FILES = {"manifest.json": json.dumps(MANIFEST).encode(), "index.html": b"<!doctype html>one"}


def zipped(path: Path, files: Mapping[str, bytes], *more: zipfile.ZipInfo) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for info in more:
            archive.writestr(info, b"../../secret")
    return path


def folder(parent: Path, files: Mapping[str, bytes], name: str = "notes") -> Path:
    for file, content in files.items():
        path = parent / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return parent / name


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def test_a_folder_and_a_zip_of_it_are_the_same_app(tmp_path: Path) -> None:
    """[A11] Also where the zip has one folder with everything in it."""
    files = {**FILES, "img/a b.svg": b"<svg/>"}
    inside = {f"my-notes/{name}": content for name, content in files.items()}
    more = {"__MACOSX/my-notes/._x": b"", "my-notes/.DS_Store": b"x"}
    sources = [
        folder(tmp_path, files),
        zipped(tmp_path / "any name.zip", files),
        zipped(tmp_path / "top.zip", {**inside, **more}),
    ]
    hashes = set()
    for number, source in enumerate(sources):
        data = tmp_path / f"data{number}"
        manifest, hash = add(source, data)
        assert manifest.id == "notes"
        catalog = Catalog([], data / "apps")
        assert (catalog.problems, catalog.apps["notes"].hash) == ([], hash)
        assert catalog.apps["notes"].files == set(files)
        hashes.add(hash)
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../out.js", "is no path within the folder"),
        ("a/../../out.js", "is no path within the folder"),
        ("/etc/cron.d/x", "is no path within the folder"),
        ("a//b", "is no path within the folder"),
        ("./a", "is no path within the folder"),
        ("a\\..\\b", "is no path within the folder"),
        ("C:/x", "is no path within the folder"),
        ("a:stream", "is no path within the folder"),
        ("con", "a name that a system keeps"),
        ("a/NUL.js", "a name that a system keeps"),
        ("Com1.tar.gz", "a name that a system keeps"),
        ("a.", "a name that a system keeps"),
        ("a /b", "a name that a system keeps"),
        ("a\nb", "characters that are not shown"),
        ("a\u202egnp.js", "characters that are not shown"),
        ("x" * 201, "or too many"),
        ("INDEX.html", "one file on some systems"),
        ("index.html/more", "one file on some systems"),
        ("Index.HTML/more", "one file on some systems"),
    ],
)
def test_a_zip_with_a_bad_name_in_it_is_refused(tmp_path: Path, name: str, says: str) -> None:
    """[A12]"""
    source = zipped(tmp_path / "x.zip", {**FILES, name: b"x"})
    with pytest.raises(BadManifest, match=says):
        add(source, tmp_path / "data")
    assert not list((tmp_path / "data").rglob("*.html"))


def test_names_that_one_system_takes_for_one_are_refused(tmp_path: Path) -> None:
    """[A12] In folders too: one is copied from where they are two."""
    for pair in (("É.js", "E\u0301.js"), ("straße.js", "STRASSE.js"), ("a/x.js", "A/y.js")):
        files = {**FILES, **dict.fromkeys(pair, b"")}
        for source in (zipped(tmp_path / "x.zip", files), folder(tmp_path / pair[0][0], files)):
            with pytest.raises(BadManifest, match="one file on some systems"):
                Package(source)


def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """[A12]"""
    with pytest.warns(UserWarning, match="Duplicate name"):
        source = zipped(tmp_path / "x.zip", FILES, zipfile.ZipInfo("index.html"))
    with pytest.raises(BadManifest, match="one file on some systems"):
        Package(source)


def test_a_link_is_refused(tmp_path: Path) -> None:
    """[A12] In a folder one that leads out is left out."""
    with pytest.raises(BadManifest, match="'link' is no plain file; put what a link points to"):
        Package(zipped(tmp_path / "x.zip", FILES, link()))
    (tmp_path / "secret").write_text("secret")
    source = folder(tmp_path, FILES)
    (source / "link").symlink_to(tmp_path / "secret")
    assert set(Package(source).files) == set(FILES)


def test_a_zip_is_bounded_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[A12] By what it unpacks to, that against its size, and how many files it has."""
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    bomb = zipped(tmp_path / "bomb.zip", {**FILES, "zeros": bytes(8 * 1024 * 1024)})
    with pytest.raises(BadManifest, match=r"unpacks to \d+ times its size"):
        Package(bomb)
    large = zipped(tmp_path / "large.zip", {**FILES, "zeros": bytes(65 * 1024 * 1024)})
    with pytest.raises(BadManifest, match="unpacks to too much"):
        Package(large)
    for count in (MAX_FILES - 1, 2 * MAX_FILES):
        many = zipped(tmp_path / "many.zip", {**FILES, **{f"f{n}": b"" for n in range(count)}})
        with pytest.raises(BadManifest, match="too many files"):
            Package(many)


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    """[A12] What is read is as long as it was said to be, and has its checksum."""
    packed = bytearray(
        zipped(tmp_path / "x.zip", {**FILES, "zeros": bytes(4_000_000)}).read_bytes()
    )
    size = (4_000_000).to_bytes(4, "little")
    assert packed.count(size) == 2
    (tmp_path / "lies.zip").write_bytes(packed.replace(size, (100).to_bytes(4, "little")))
    with pytest.raises(BadManifest, match="no zip that can be read"):
        Package(tmp_path / "lies.zip")


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    """[A12]"""
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(BadManifest, match=r"x\.zip"):
        Package(tmp_path / "x.zip")
    with pytest.raises(BadManifest, match="cannot be read"):
        Package(tmp_path / "nowhere.zip")


def test_every_cut_of_a_zip_ends_in_a_sentence(tmp_path: Path) -> None:
    """[A12]"""
    packed = zipped(tmp_path / "x.zip", FILES).read_bytes()
    for cut in range(0, len(packed), 7):
        (tmp_path / "cut.zip").write_bytes(packed[:cut])
        with pytest.raises(BadManifest):
            Package(tmp_path / "cut.zip")
    for at in range(0, len(packed), 3):
        damaged = bytearray(packed)
        damaged[at] ^= 0xFF
        (tmp_path / "x.zip").write_bytes(damaged)
        try:
            Package(tmp_path / "x.zip")
        except BadManifest:
            continue


def test_an_app_that_is_built_in_stays(tmp_path: Path) -> None:
    """[A11]"""
    files = {**FILES, "manifest.json": json.dumps({**MANIFEST, "id": "poll"}).encode()}
    with pytest.raises(BadManifest, match="an app called poll is built in"):
        add(zipped(tmp_path / "x.zip", files), tmp_path / "data")


@pytest.mark.anyio
async def test_a_running_hub_has_what_is_added_and_serves_what_was_open(tmp_path: Path) -> None:
    """[A10, A11] By the hash of its content; two versions of it, also after the hub starts anew."""
    data = tmp_path / "data"
    hub = callmesh.asgi(data=data, dev=True)
    transport = httpx.ASGITransport(hub, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:

        async def base() -> str | None:
            apps = {app["id"]: app["base"] for app in (await client.get("/api/apps")).json()}
            return apps.get("notes")

        assert await base() is None
        bases = []
        for number in range(3):
            page = f"<!doctype html>{number}".encode()
            add(zipped(tmp_path / "x.zip", {**FILES, "index.html": page}), data)
            bases.append(await base())
        assert len(set(bases)) == 3
        for number in (1, 2):
            answer = await client.get(f"{bases[number]}index.html")
            assert answer.text.endswith(str(number))
            assert "immutable" in answer.headers["cache-control"]
        assert (await client.get(f"{bases[0]}index.html")).status_code == 404
        assert (await client.get(f"{bases[2]}other.html")).status_code == 404
        again = httpx.ASGITransport(callmesh.asgi(data=data, dev=True), client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=again, base_url="http://127.0.0.1") as later:
            for number in (1, 2):
                assert (await later.get(f"{bases[number]}index.html")).text.endswith(str(number))
        remove("notes", data)
        assert await base() is None


@pytest.mark.anyio
async def test_at_an_address_there_is_never_anything_else(tmp_path: Path) -> None:
    """[A10] Of a folder that an author changes, what has changed is not at the old one."""
    source = folder(tmp_path, {**FILES, "a.js": b"a", "b.js": b"b"})
    hub = callmesh.asgi(data=tmp_path / "data", dev=True, apps=[source])
    transport = httpx.ASGITransport(hub, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        (old,) = [a["base"] for a in (await client.get("/api/apps")).json() if a["id"] == "notes"]
        (source / "a.js").write_bytes(b"another")
        assert (await client.get(f"{old}a.js")).status_code == 404
        (new,) = [a["base"] for a in (await client.get("/api/apps")).json() if a["id"] == "notes"]
        assert new != old
        assert (await client.get(f"{new}a.js")).text == "another"
        assert (await client.get(f"{old}b.js")).text == "b"
        assert (await client.get(f"{old}a.js")).status_code == 404


def test_what_was_changed_after_it_was_added_is_not_served(tmp_path: Path) -> None:
    """[A10]"""
    data = tmp_path / "data"
    _, hash = add(folder(tmp_path, FILES), data)
    (data / "apps" / f"notes-{hash}" / "notes" / "index.html").write_text("changed")
    (problem,) = Catalog([], data / "apps").problems
    assert "was changed after the app was added; add it again" in str(problem)
    add(folder(tmp_path, FILES), data)
    assert not Catalog([], data / "apps").problems
    (data / "apps" / "installed.json").write_text("{")
    (problem,) = Catalog([], data / "apps").problems
    assert "installed.json cannot be read" in str(problem)


def test_what_is_added_counts_when_a_program_comes(tmp_path: Path) -> None:
    """[A11]"""
    catalog = Catalog([], tmp_path / "data" / "apps")
    assert not catalog.stale
    add(folder(tmp_path, FILES), tmp_path / "data")
    assert catalog.stale


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """[A11]"""
    manifest = {**MANIFEST, "capabilities": ["streams"], "hosts": ["https://example.org"]}
    source = folder(tmp_path, {**FILES, "manifest.json": json.dumps(manifest).encode()})
    data = str(tmp_path / "data")
    assert main(["apps", "add", str(source), "--data", data]) == 0
    said = capsys.readouterr().out
    assert "added notes 1.0.0 (" in said
    assert "it may use: streams, https://example.org" in said
    assert main(["apps", "list", "--data", data]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["ID", "NAME", "VERSION", "HASH", "FROM"]
    assert (rows[1][:3], rows[1][4:]) == (["notes", "Notes", "1.0.0"], [str(source)])
    assert rows[2][0] == "poll"
    assert rows[2][4:] == ["built", "in"]
    assert main(["apps", "remove", "notes", "--data", data]) == 0
    assert main(["apps", "remove", "notes", "--data", data]) == 1
    assert "no app called notes was added" in capsys.readouterr().err
    with pytest.raises(BadInput, match="none was added"):
        remove("notes", tmp_path / "data")
    assert sorted(path.name for path in (tmp_path / "data" / "apps").iterdir()) == [
        "installed.json",
        "lock",
    ]


def test_check_says_file_line_and_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[A11, K7]"""
    good = folder(tmp_path, FILES)
    assert main(["apps", "check", str(good)]) == 0
    assert capsys.readouterr().out == f"{good}: notes 1.0.0 is fine\n"
    wrong = b'{\n  "id": "notes",\n  "name": 5,\n  "version": "1"\n}'
    bad = folder(tmp_path / "bad", {**FILES, "manifest.json": wrong})
    packed = zipped(tmp_path / "bad.zip", {**FILES, "manifest.json": wrong})
    assert main(["apps", "check", str(good), str(bad), str(packed)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [
        f'{place}/manifest.json:3:3: "name" is to be a text, and is a whole number'
        for place in (bad, packed)
    ]
