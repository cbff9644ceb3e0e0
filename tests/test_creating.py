"""`callmesh new`: an app to begin with."""

import json
import subprocess
from pathlib import Path

import pytest

from callmesh.catalog import read_app
from callmesh.cli import main
from callmesh.creating import KINDS, OF_SDK, SDK, TEMPLATES, create
from callmesh.errors import BadInput

ROOT = Path(__file__).parent.parent


def built(folder: Path, kind: str) -> Path:
    """The app of a template in its folder: as it is, or built with the packages that are here."""
    if kind == "plain":
        return folder
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    for tool in (["tsc"], ["vite", "build", "--logLevel", "error"]):
        command = [str(ROOT / "node_modules/.bin" / tool[0]), *tool[1:]]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    return folder / "dist" / folder.name


@pytest.mark.parametrize("python", [(), ("--python",)], ids=["", "python"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_app_is_made_that_a_hub_takes(
    kind: str, python: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[A13]"""
    folder = tmp_path / "apps" / "tea-round"
    assert main(["new", str(folder), "--template", kind, *python]) == 0
    assert "callmesh" in capsys.readouterr().out
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    assert len(texts) >= 5
    assert [text for text in texts if "my-app" in text or "My app" in text] == []
    app = built(folder, kind)
    assert main(["apps", "check", str(app)]) == 0
    assert capsys.readouterr().out == f"{app}: tea-round 0.1.0 is fine\n"
    manifest = read_app(app).manifest
    assert (manifest.name, manifest.python) == ("Tea round", "half.py" if python else "")
    assert (app / "half.py").exists() == bool(python)
    assert ("--allow-python" in (folder / "README.md").read_text()) == bool(python)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_what_is_of_the_sdk_is_what_a_hub_serves(kind: str, tmp_path: Path) -> None:
    """[A13, A19]"""
    create(tmp_path / "tea", kind)
    for name in OF_SDK[kind]:
        assert (tmp_path / "tea" / f"callmesh-{name}").read_text() == (SDK / name).read_text()
    here = {path.name for path in (tmp_path / "tea").glob("callmesh-*")}
    assert here == {f"callmesh-{name}" for name in OF_SDK[kind]}
    assert (tmp_path / "tea/.gitignore").read_text() == "node_modules/\ndist/\n"


@pytest.mark.parametrize("kind", KINDS[1:])
def test_templates_ask_for_what_they_are_tested_with(kind: str) -> None:
    """[A13]"""
    ours = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    asked = json.loads((TEMPLATES / kind / "package.json").read_text())
    ranges = {**asked.get("dependencies", {}), **asked["devDependencies"]}
    assert len(ranges) >= 2
    assert {name: ours.get(name) for name in ranges} == ranges


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Tea Round!", "no app can be called Tea Round!.*starts with a letter; try .*/tea-round$"),
        ("9", "no app can be called 9: an app id is 1–40 lower-case letters, digits or -.*letter$"),
        ("poll", "an app called poll is built in; choose another name"),
        ("there", "/there is there already; choose another name, or remove it first"),
        ("file", "/file is there already"),
        ("file/tea", "/file/tea cannot be made: Not a directory"),
    ],
)
def test_what_cannot_be_made_is_refused(name: str, says: str, tmp_path: Path) -> None:
    """[A13] With what to do; nothing is changed."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "work.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInput, match=says):
        create(tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    """[A13]"""
    (tmp_path / "tea").mkdir()
    create(tmp_path / "tea")
    assert read_app(tmp_path / "tea").manifest.id == "tea"
