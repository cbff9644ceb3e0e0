"""Apps that fall into traps, and those that do not, before `callmesh apps check --conformance`."""

import json
import shutil
import sys
from pathlib import Path
from typing import TypeAlias

import pytest

from callmesh.catalog import BUILT_IN
from callmesh.cli import main

Capture: TypeAlias = pytest.CaptureFixture[str]
pytestmark = [pytest.mark.timeout(240), pytest.mark.usefixtures("chromium")]

MORE = "<button id=more>More</button>"
COUNT = """more.onclick = () => r.state.set("count", (r.state.get("count") ?? 0) + 1);"""
GOOD = (
    """const r = await connect({ setup({ state }) {
    if (!state.has("count")) state.set("count", 0); } });"""
    + COUNT
)
FORM = "<form><input required><input required type=number><button id=more>More</button></form>"
SUBMITTED = """more.onclick = null;
document.forms[0].onsubmit = (event) => {
    event.preventDefault();
    r.state.set("count", (r.state.get("count") ?? 0) + 1);
};"""
WIPES = """const r = await connect({ setup({ state }) { state.set("count", 0); } });""" + COUNT
SILENT = """let s;
await connect({
    setup(r) { s = r.stream("x", { mode: "latest" }); },
    disable() { s?.close(); s = undefined; },
});
setInterval(() => s?.send({}).catch(() => {}), 50);"""
OWNER = """const r = await connect(), s = r.stream("x", { mode: "latest" });
if (r.owner === r.me.person) setInterval(() => s.send({}).catch(() => {}), 50);"""
TEXT = """const r = await connect(), box = document.querySelector("textarea");
box.oninput = () => r.state.set("text", box.value);
r.state.listen(() => { box.value = r.state.get("text") ?? ""; });"""
OWN_TEXT = """const r = await connect(), box = document.querySelector("textarea");
box.oninput = () => r.state.set(`text/${r.me.person}`, box.value);"""
TAKES_OVER = """const r = await connect(), s = r.stream("x", { mode: "latest" });
const producer = () => {
    const here = [...r.participants.values()].filter(one => one.here);
    const own = here.find(one => one.person === r.owner);
    return own?.id ?? here.map(one => one.id).sort()[0];
};
setInterval(() => producer() === r.me.id && s.send({}).catch(() => {}), 50);"""
THROWS = """await connect(); more.onclick = async () => { throw new Error("nobody sees this"); };"""
DEAD = """throw new Error("it does not begin");"""


def app(folder: Path, script: str, body: str = MORE) -> Path:
    made = folder / "trap"
    made.mkdir()
    manifest = {
        "id": "trap",
        "name": "Trap",
        "version": "1",
        "capabilities": ["streams", "participants"],
    }
    (made / "manifest.json").write_text(json.dumps(manifest))
    (made / "index.html").write_text(
        f"""<!doctype html><title>Trap</title>{body}
        <script type="module">import {{ connect }} from "callmesh/app"; {script}</script>"""
    )
    return made


def tried(capsys: Capture, source: Path) -> tuple[int, dict[str, str]]:
    """The exit code, and what is said of each trap by its number."""
    code = main(["apps", "check", "--conformance", "--seed", "7", str(source)])
    said = capsys.readouterr().out
    print(said, file=sys.stderr)
    lines = [line.split(maxsplit=2) for line in said.splitlines()[1:]]
    return code, {trap: f"{mark} {why}" for mark, trap, why in lines}


@pytest.mark.parametrize(
    ("script", "body", "trap", "words"),
    [
        pytest.param(DEAD, MORE, "T1", "it does not begin", id="[T1] does not start"),
        pytest.param(WIPES, MORE, "T2", "“count”", id="[T2] wipes its State"),
        pytest.param(SILENT, MORE, "T3", "`enable` has to start", id="[T3] stays silent"),
        pytest.param(OWNER, MORE, "T4", "take over", id="[T4] ends with its owner"),
        pytest.param(TEXT, "<textarea></textarea>", "T5", "12 are left", id="[T5] loses letters"),
        pytest.param(THROWS, MORE, "T6", "nobody sees this", id="[T6] throws unseen"),
    ],
)
def test_a_trap_is_found(
    tmp_path: Path,
    capsys: Capture,
    script: str,
    body: str,
    trap: str,
    words: str,
) -> None:
    code, said = tried(capsys, app(tmp_path, script, body))
    assert code == 1
    assert said[trap].startswith("✗")
    assert words in said[trap]
    other = {name for name, what in said.items() if what.startswith("✗")} - {trap}
    assert other <= ({"T6"} if trap == "T1" else set())


def test_what_keeps_clear_of_them_passes(tmp_path: Path, capsys: Capture) -> None:
    """[T1, T2, T6] A form is filled in before its button is pressed."""
    code, said = tried(capsys, app(tmp_path, GOOD + SUBMITTED, FORM))
    assert [code, said["T1"][0], said["T2"][0], said["T6"][0]] == [0, "✓", "✓", "✓"]


def test_streams_that_go_on(tmp_path: Path, capsys: Capture) -> None:
    """[T3, T4]"""
    code, said = tried(capsys, app(tmp_path, TAKES_OVER))
    assert [code, said["T3"][0], said["T4"][0]] == [0, "✓", "✓"]


def test_a_text_of_which_each_has_a_part(tmp_path: Path, capsys: Capture) -> None:
    """[T5]"""
    code, said = tried(capsys, app(tmp_path, OWN_TEXT, "<textarea></textarea>"))
    assert [code, said["T5"][0]] == [0, "✓"]


def framed(folder: Path) -> Path:
    """Talk by another id: the call page has no frame for it by its own (G7)."""
    copy = shutil.copytree(BUILT_IN / "talk", folder / "spoken")
    file = copy / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "id": "spoken"}))
    return copy


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("poll", "T1 T2 T6"),
        ("talk", "T1 T6"),
        ("vitals", "T1 T6"),
        ("whiteboard", "T1 T2 T6"),
    ],
)
def test_a_built_in_app_keeps_clear_of_them(
    tmp_path: Path, name: str, kept: str, capsys: Capture
) -> None:
    """[T1, T2, T6] And falls into none of the others."""
    source = framed(tmp_path) if name == "talk" else BUILT_IN / name
    code, said = tried(capsys, source)
    assert code == 0
    assert [trap for trap, what in said.items() if what[0] == "✓"] == kept.split()
