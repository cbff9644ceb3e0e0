"""What the README shows is what the repository holds, and it runs."""

import ast
import asyncio
import gzip
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import callmesh
from benchmarks.all import SCENARIOS
from benchmarks.page import rendered
from benchmarks.suite import FIGURES, Figures
from callmesh.catalog import read_app
from callmesh.creating import create
from callmesh.errors import DENIALS
from callmesh.limits import Limits
from callmesh.testing import MemoryHub
from tests.processes import SHELF, hub_process
from tools import api, protocol

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    "file", ["examples/hello.py", "examples/hands/manifest.json", "examples/hands/index.html"]
)
def test_the_readme_shows_the_files_as_they_are(file: str) -> None:
    assert (ROOT / file).read_text().strip() in README


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_reason_of_a_denial_is_explained() -> None:
    """[S10]"""
    page = (ROOT / "docs/state.md").read_text()
    assert [reason for reason in DENIALS if f"`{reason}`" not in page] == []


def test_the_table_of_the_api_is_that_of_its_description() -> None:
    """[O23] If not: `python -m tools.api`."""
    page = api.PAGE.read_text()
    assert api.rendered(page) == page


def test_the_tables_of_the_protocol_are_those_of_the_code() -> None:
    """[W6] If not: `python -m tools.protocol`."""
    page = protocol.PAGE.read_text()
    assert protocol.rendered(page) == page


def test_the_page_about_speed_is_that_of_its_figures() -> None:
    """If not: `python -m benchmarks.all --render`."""
    made = rendered(Figures.read(FIGURES), SCENARIOS)
    assert [str(file) for file, text in made.items() if file.read_text() != text] == []


def test_every_limit_says_what_happens_beyond_it() -> None:
    """[O6, W6] A limit that is added without a line in the table fails here."""
    assert set(protocol.at_limits()) == set(Limits.__struct_fields__)
    page = protocol.PAGE.read_text()
    assert [name for name in Limits.__struct_fields__ if f"`limits.{name}`" not in page] == []


def test_the_python_example_runs(tmp_path: Path) -> None:
    with hub_process(tmp_path) as hub:
        script = str(ROOT / "examples/hello.py")
        ended = subprocess.run(
            [sys.executable, "-W", "error::RuntimeWarning", script, hub.call("hello")],
            capture_output=True, text=True, timeout=30, env=os.environ, check=False,
        )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Bob sees {'question': 'Where to?'}" in ended.stdout
    assert "the pen is at {'x': 1, 'y': 2}" in ended.stdout


def test_the_page_about_files_runs(tmp_path: Path) -> None:
    """[F1, F4, F7]"""
    said = ""
    with hub_process(tmp_path, apps=(SHELF,)) as hub:
        for code in blocks("files.md", "python"):
            ended = subprocess.run(
                [sys.executable, "-W", "error::RuntimeWarning", "-c", code, hub.call("files")],
                capture_output=True, text=True, timeout=30, env=os.environ, check=False,
            )  # fmt: skip
            assert (ended.returncode, ended.stderr) == (0, "")
            said += ended.stdout
    assert "saved map.png 3000000\n" in said
    assert "3000000 of 3000000\n" in said
    assert "refused: too large for this folder\n" in said
    assert "3000000 of 3000000 are there\n" in said
    assert "kept: map.png 3000000\n" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [([], "say which call"), (["http://127.0.0.1:9/call/hello"], "no hub answers")],
)
def test_the_python_example_ends_in_a_sentence(arguments: list[str], says: str) -> None:
    ended = subprocess.run(
        [sys.executable, ROOT / "examples/hello.py", *arguments],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.startswith("hello: ")
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1


TYPED_APP = """
import { connect, type Change, type SharedState } from "callmesh/app";

interface Poll {
  question: string;
  closed: boolean;
  [vote: `votes/${string}`]: number;
}

const poll = await connect<Poll>({ version: 1, setup: ({ title }) => title.trim() });
const { state, me } = poll;
const question: string | undefined = state.get("question");
const votes: SharedState<{ [person: string]: number }> = state.at("votes");
state.set(`votes/${me.person}`, 1);
state.transaction((w) => w.set("closed", !w.get("closed")));
state.listen((change: Change) => change.denied?.reason, { prefix: "votes/" });
state.onStatus((status, fates) => [status === "offline", fates.get("question") === "saved"]);
for (const [id, item] of state.list("todo").entries()) console.log(id, item, question, votes);
poll.stream("pen", { mode: "latest" }).subscribe(({ data, sender }) => console.log(data, sender));
// @ts-expect-error -- a question is a text
state.set("question", 5);
// @ts-expect-error -- there is no such option
state.listen(() => undefined, { keys: "x" });
"""


SDK = ROOT / "src/callmesh/page/dist/sdk"


def compiled_against_the_sdk(folder: Path, file: str) -> tuple[int, str]:
    """What the compiler says of a file that sees the types of the SDK and nothing else of ours."""
    types = {path.name: path.read_text() for path in SDK.glob("*.d.ts")}
    options = {
        "strict": True, "noEmit": True, "target": "es2022", "lib": ["es2022", "dom"], "types": [],
        "module": "esnext", "moduleResolution": "bundler", "skipLibCheck": False,
        "paths": {f"callmesh/{name.removesuffix('.d.ts')}": [f"./{name}"] for name in types},
    }  # fmt: skip
    for name, text in types.items():
        (folder / name).write_text(text)
    config = {"compilerOptions": options, "files": [file]}
    (folder / "tsconfig.json").write_text(json.dumps(config))
    tsc = ROOT / "node_modules/.bin/tsc"
    ended = subprocess.run([tsc, "-p", folder], capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout


def test_an_app_is_compiled_against_the_types_of_the_sdk_alone(tmp_path: Path) -> None:
    (tmp_path / "poll.ts").write_text(TYPED_APP)
    assert compiled_against_the_sdk(tmp_path, "poll.ts") == (0, "")


def test_the_typescript_of_the_page_about_testing_runs(tmp_path: Path) -> None:
    """[T8] Against the files that a hub serves."""
    (code,) = blocks("testing.md", "ts")
    (config,) = blocks("testing.md", "js")
    (paths,) = blocks("testing.md", "json")
    assert json.loads(paths)["paths"]["callmesh/testing"] == ["./testing.d.ts"]
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    (tmp_path / "away.test.ts").write_text(code)
    (tmp_path / "vitest.config.js").write_text(config)
    (tmp_path / "package.json").write_text('{ "type": "module" }')
    (tmp_path / "testing.js").write_text((SDK / "testing.js").read_text())
    vitest = ROOT / "node_modules/.bin/vitest"
    ended = subprocess.run(
        [vitest, "run", "--root", tmp_path], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, "1 passed" in ended.stdout) == (0, True), ended.stdout + ended.stderr
    typed = code.replace('import { expect, test } from "vitest";', TEST_WORDS)
    (tmp_path / "away.ts").write_text(typed)
    assert compiled_against_the_sdk(tmp_path, "away.ts") == (0, "")


TEST_WORDS = """
declare const test: (name: string, fn: () => Promise<void>) => void;
declare const expect: (value: unknown) => { toBe(other: unknown): void };
"""


def test_the_typescript_of_the_page_about_react_is_compiled(tmp_path: Path) -> None:
    """[A19] In the app that `callmesh new` makes."""
    (code,) = blocks("react.md", "tsx")
    create(tmp_path / "counter", "react")
    (tmp_path / "counter/node_modules").symlink_to(ROOT / "node_modules")
    (tmp_path / "counter/src/main.tsx").write_text(code)
    tsc = ROOT / "node_modules/.bin/tsc"
    ended = subprocess.run(
        [tsc, "-p", tmp_path / "counter"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "")


def test_what_every_app_loads_is_small() -> None:
    """[T8, A23] What is for tests, for React, or for streams and files alone is not in it."""

    def zipped(file: Path) -> int:
        return len(gzip.compress(file.read_bytes()))

    app = (SDK / "app.js").read_bytes()
    assert b"in step after" in (SDK / "testing.js").read_bytes()
    assert b"in step after" not in app
    assert b"useSyncExternalStore" not in app
    parts = {file.name.partition("-")[0]: file for file in SDK.glob("*-????????.js")}
    assert sorted(parts) == ["files", "streams"]
    assert b"not a word about a file" in parts["files"].read_bytes()
    assert b"not a word about a file" not in app
    assert b"a stream message has at most" in parts["streams"].read_bytes()
    assert b"a stream message has at most" not in app
    assert zipped(SDK / "app.js") < 30_000
    assert zipped(SDK / "app.js") + sum(map(zipped, parts.values())) < 44_000
    assert zipped(SDK / "react.js") < 1_000


def test_the_first_load_of_the_page_is_small() -> None:
    """[G52] Scripts and styles that the page names, what these import at once, and a language."""
    page = SDK.parent

    def needs(file: Path, found: set[Path]) -> set[Path]:
        if file not in found:
            found.add(file)
            for name in re.findall(r"""(?:from|import) ?["']\./([^"']+)["']""", file.read_text()):
                needs(file.parent / name, found)
        return found

    html = (page / "index.html").read_text()
    named = {page / name for name in re.findall(r'(?:src|href)="\./(assets/[^"]+)"', html)}
    loaded = set[Path]().union(*(needs(file, set()) for file in named))
    assert any(file.suffix == ".js" for file in loaded)
    assert any(file.suffix == ".css" for file in loaded)
    largest = max((page / "assets").glob("??-*.js"), key=lambda file: file.stat().st_size)
    loaded.add(largest)
    sizes = {file.name: len(gzip.compress(file.read_bytes())) for file in sorted(loaded)}
    assert sum(sizes.values()) < 200_000, sizes


def test_the_app_example_is_an_app_of_thirty_lines() -> None:
    app = read_app(ROOT / "examples/hands")
    assert app.manifest.name == "Hands up"
    assert (ROOT / "examples/hands/index.html").read_text().count("\n") <= 30


@pytest.mark.parametrize("file", ["vitals_source.py", "poll_bot.py"])
def test_examples_are_short_and_explain_themselves(file: str) -> None:
    path = ROOT / "examples" / file
    assert path.read_text().count("\n") < 60
    ended = subprocess.run(
        [sys.executable, path, "--help"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0
    assert "call" in ended.stdout


def blocks(page: str, language: str) -> list[str]:
    """The code in a page of the docs."""
    text = (ROOT / "docs" / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.anyio
async def test_leading_and_pointing_in_python_run_as_the_page_about_apps_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """[A21]"""
    (code,) = [code for code in blocks("apps.md", "python") if "leading" in code]
    async with MemoryHub() as hub, hub.join("Ada") as ada:
        exec(code, {"resource": await ada.resources.add("vitals")})
        await hub.settled()
    assert capsys.readouterr().out == "{'slide': 3}\n[]\n"


@pytest.mark.anyio
async def test_the_half_of_the_page_about_halves_counts_as_it_says(tmp_path: Path) -> None:
    """[T9, Y4] Nobody else writes the score, or reads what others have answered."""
    (keys,) = [
        code for code in blocks("halves.md", "json") if "solution" in code and "self" in code
    ]
    (code,) = [code for code in blocks("halves.md", "python") if "judge" in code]
    manifest = json.loads(f"{{{keys}}}") | {"id": "quiz", "name": "Quiz", "version": "1"}
    folder = tmp_path / "quiz"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "index.html").write_text("")
    names = {"callmesh": callmesh}
    exec(code, names)
    async with (
        MemoryHub(apps=[folder]) as hub,
        hub.join("Ada", role="host") as ada,
        hub.join("Bob", role="guest") as bob,
    ):
        quiz = await ada.resources.add("quiz")
        seen = await bob.resources.get(quiz.id)
        seen.state[f"answer/{bob.me.person}"] = "4"
        async with hub.half(names["app"], quiz) as half:  # type: ignore[arg-type]
            assert half.me.half == quiz.id
            quiz.state["solution"] = "4"
            await bob.until(lambda: seen.state.get(f"score/{bob.me.person}") == 1)
        quiz.state[f"answer/{ada.me.person}"] = "5"
        await quiz.state.accepted()
        async with hub.half(names["app"], quiz):  # type: ignore[arg-type]
            await bob.until(lambda: seen.state.get(f"score/{ada.me.person}") == 0)
        assert "solution" not in seen.state
        assert not quiz.state.can_write(f"score/{ada.me.person}")


@pytest.mark.anyio
async def test_the_python_of_the_page_about_streams_runs() -> None:
    """[D2, D12, D14, D15, D16]"""
    async with MemoryHub() as hub, hub.join("Ada") as ada, hub.join("Bob") as bob:
        vitals = await ada.resources.add("vitals")
        seen = await bob.resources.get(vitals.id)
        names = {"vitals": vitals, "seen": seen, "ada": ada, "bob": bob}
        names |= {"asyncio": asyncio, "struct": struct, "print": lambda *said: None}
        seen.stream("ecg")
        code = "\n".join(blocks("streams.md", "python"))
        assert code.count("async for") == 2
        compiled = compile(code, "streams.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        async with asyncio.timeout(20):
            await eval(compiled, names)


def test_the_typescript_of_the_page_about_files_is_true(tmp_path: Path) -> None:
    """[F1, F4] Against the types of the SDK."""
    about = "import { connect, type Participant } from 'callmesh/app';\n"
    about += "const resource = await connect();\ndeclare const someone: Participant['id'];\n"
    about += "declare const person: Participant['person'];\n"
    about += "declare const input: HTMLInputElement;\ndeclare const link: HTMLAnchorElement;\n"
    (tmp_path / "files.ts").write_text(about + "\n".join(blocks("files.md", "ts")))
    assert compiled_against_the_sdk(tmp_path, "files.ts") == (0, "")


def test_the_typescript_of_the_page_about_streams_is_true(tmp_path: Path) -> None:
    """[D12, D14, D15] Against the types of the SDK."""
    about = "import { connect, type Participant } from 'callmesh/app';\n"
    about += "const resource = await connect();\ndeclare const canvas: HTMLElement;\n"
    about += "declare const sender: Participant['id'];\n"
    (tmp_path / "streams.ts").write_text(about + "\n".join(blocks("streams.md", "ts")))
    assert compiled_against_the_sdk(tmp_path, "streams.ts") == (0, "")
