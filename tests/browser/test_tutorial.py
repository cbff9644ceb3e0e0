"""docs/tutorial.md, done as it says: every block of it, in its order, by two people."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from callmesh.cli import main
from tests.browser.test_dev import Bench
from tests.test_developing import DevProcess
from tests.test_docs import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

BLOCK = re.compile(r"([^\n]*)\n\n```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PORT = " --port 8485"
CALL = "http://127.0.0.1:8485/call/dev-tea-round"


class Tutorial:
    """What is left of the page to do, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._left = BLOCK.findall((ROOT / "docs/tutorial.md").read_text())

    @property
    def done(self) -> bool:
        return not self._left

    def commands(self) -> list[str]:
        """The lines of the next block, which is of commands."""
        _, language, text = self._left.pop(0)
        assert language == "sh"
        return [str(line) for line in text.splitlines()]

    def write(self, file: str) -> None:
        """Do with a file what the next block says."""
        before, language, text = self._left.pop(0)
        assert f"`{Path(file).name}`" in before, f"{before} is not about {file}"
        assert language == {".py": "python"}.get(Path(file).suffix, Path(file).suffix[1:])
        path = self.folder / file
        path.write_text(path.read_text() + text if "dd to `" in before else text)


@pytest.fixture
def tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tutorial:
    monkeypatch.chdir(tmp_path)
    return Tutorial(tmp_path)


@pytest.fixture
def dev(tutorial: Tutorial, tmp_path: Path) -> Iterator[DevProcess]:
    new, dev = tutorial.commands()
    assert main(new.split()[1:]) == 0
    assert dev == f"callmesh dev tea-round{PORT}"
    process = DevProcess(Path("tea-round"), tmp_path / "scratch")
    try:
        yield process
    finally:
        process.process.kill()
        process.process.communicate()


def run(script: str, call: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, script, call], capture_output=True, text=True, timeout=30, check=False
    )


async def test_two_people_do_the_tutorial(
    browser: Browser, tutorial: Tutorial, dev: DevProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    """[A13, A14, A15] State, rules, access, presence, cache, a stream, and a program."""
    page = await browser.new_page(viewport={"width": 1500, "height": 900})
    bench = Bench(page, tutorial.folder / "tea-round")
    ada, bob = bench.app("Ada"), bench.app("Bob")
    await page.goto(dev.link)
    await bench.add("Ada", "Milk")
    await expect(bench.item("Bob", "Milk")).to_be_visible()
    await bench.item("Ada", "Milk").get_by_role("button").click()

    tutorial.write("tea-round/index.html")
    tutorial.write("tea-round/app.js")
    await bench.until_loaded()
    await ada.get_by_label("I take").fill("green tea")
    await ada.get_by_label("I take").press("Enter")
    await expect(bench.item("Bob", "Ada: green tea")).to_be_visible()
    await expect(bench.part("State")).to_contain_text('{"who":"Ada","what":"green tea"}')
    await page.get_by_role("button", name="Late joiner").click()
    await expect(bench.item("Cem", "Ada: green tea")).to_be_visible()
    await page.get_by_label("Let Cem leave").click()

    tutorial.write("tea-round/manifest.json")
    tutorial.write("tea-round/app.js")
    await (
        page.frame_locator('iframe[title="Ada"]').get_by_label("What others").select_option("view")
    )
    await expect(bob.get_by_label("I take")).to_be_disabled()
    await (
        page.frame_locator('iframe[title="Ada"]').get_by_label("What others").select_option("edit")
    )

    tutorial.write("tea-round/app.js")
    await bench.until_loaded()
    await expect(bench.item("Bob", "Ada: green tea")).to_be_visible()  # the new script has run
    await bob.get_by_label("I take").focus()
    await expect(ada.get_by_text("Bob is choosing…")).to_be_visible()

    tutorial.write("tea-round/app.js")
    tutorial.write("tea-round/app.js")
    await bench.until_loaded()
    await expect(bench.part("Streams")).to_contain_text("kettle")
    await expect(bench.item("Bob", "Ada: green tea")).to_be_visible()
    await bob.get_by_label("I take").fill("coff")
    bench.change("index.html", "<h1>Tea round</h1>", "<h1>Tea for all</h1>")
    await bench.until_loaded()
    await expect(bob.get_by_role("heading", name="Tea for all")).to_be_visible()
    await expect(bob.get_by_label("I take")).to_have_value("coff")
    await bob.get_by_role("button", name="The kettle is on").click()
    await expect(ada.get_by_text("Bob says: the kettle is on!")).to_be_visible()

    tutorial.write("kitchen.py")
    (command,) = tutorial.commands()
    assert command == f"python kitchen.py {CALL}"
    call = dev.link.replace("/dev/", "/call/dev-")
    ended = await asyncio.to_thread(run, "kitchen.py", call)
    assert (ended.stdout, ended.stderr) == ("Ada takes green tea\n", "")
    for app in (ada, bob):
        await expect(app.get_by_text("Kitchen says: the kettle is on!")).to_be_visible()

    check, add = tutorial.commands()
    assert main(check.split()[1:]) == main(add.split()[1:]) == 0
    assert "tea-round 0.2.0 is fine" in capsys.readouterr().out
    assert tutorial.done
    await page.close()
