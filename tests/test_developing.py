"""`callmesh dev`: a hub for an app that is being written."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import callmesh
from callmesh.cli import main
from callmesh.creating import create
from callmesh.developing import app_in
from callmesh.errors import BadInput
from callmesh.guise import Guise
from callmesh.lists import OrderedList
from tests.processes import hub_process


class DevProcess:
    """`callmesh dev` on a free port."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        scratch.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "callmesh", "dev", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(scratch)},
        )
        self.greeting = self.errors = ""
        assert self.process.stdout is not None
        while "Ctrl-C" not in self.greeting and (line := self.process.stdout.readline()):
            self.greeting += line
        found = re.search(r"http://127\.0\.0\.1:\d+/dev/[a-z-]+", self.greeting)
        assert found, self.greeting + (self.process.communicate()[1] or "")
        self.link = found[0]

    def stop(self) -> int:
        """Ctrl-C. The exit code."""
        self.process.send_signal(signal.SIGINT)
        self.errors = self.process.communicate(timeout=20)[1]
        return self.process.returncode


@pytest.fixture
def tea(tmp_path: Path) -> Path:
    create(tmp_path / "tea")
    return tmp_path / "tea"


@pytest.fixture
def dev(tea: Path, tmp_path: Path) -> Iterator[DevProcess]:
    dev = DevProcess(tea, tmp_path / "scratch")
    try:
        yield dev
    finally:
        dev.process.kill()
        dev.process.communicate()


def test_one_link_leads_to_the_page_and_nothing_is_left_behind(
    dev: DevProcess, tmp_path: Path
) -> None:
    """[A14]"""
    assert dev.greeting.count("http://") == 1
    page = httpx.get(dev.link)
    assert page.status_code == 200
    assert page.headers["content-security-policy"].count("/dev/;") == 1
    assert "/apps/;" in httpx.get(f"{dev.link}/seat").headers["content-security-policy"]
    assert httpx.get(dev.link.replace("/tea", "/milk")).status_code == 404
    assert [path.name for path in (tmp_path / "scratch").iterdir()] != []
    assert dev.stop() == 0
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == []


@pytest.mark.anyio
async def test_the_python_half_of_a_new_app_runs_and_is_loaded_anew(tmp_path: Path) -> None:
    """[A13, A14] Each sees what the other one wrote."""
    create(tmp_path / "tea", python=True)
    dev = DevProcess(tmp_path / "tea", tmp_path / "scratch")
    try:
        assert "Its Python, half.py, runs here, and may do all that you may." in dev.greeting
        address = dev.link.replace("/dev/tea", "/call/dev-tea")
        async with callmesh.join(address, name="Ada", rtc=False) as call:
            resource = await call.resources.add("tea")
            items = resource.state.list("items")
            for text in ("milk", "Bread", "Milk"):
                items.append({"text": text, "by": "Ada"})
            await call.until(lambda: texts(items) == ["Milk", "Bread"], timeout=30)
            half = tmp_path / "tea/half.py"
            shouts = "    print('it shouts')\n    tidy(resource)"
            changed = half.read_text().replace("text[:1].upper() + text[1:]", "text.upper()")
            half.write_text(changed.replace("    tidy(resource)", shouts, 1))
            async with httpx.AsyncClient() as page:  # as it does all the time
                await page.get(dev.link.replace("/dev/tea", "/api/apps"))
            await call.until(lambda: texts(items) == ["MILK", "BREAD"], timeout=30)
    finally:
        assert dev.stop() == 0
    assert "app=tea said=it shouts" in dev.errors


def texts(items: OrderedList) -> list[str]:
    return [item["text"] for item in items.values()]


def test_what_is_wrong_is_said_before_anything_runs(
    tea: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[A14]"""
    (tea / "manifest.json").write_text("{")
    assert main(["dev", str(tea)]) == 1
    assert "manifest.json:1:2: it ends too early" in capsys.readouterr().err
    assert main(["dev", str(tmp_path / "nothing")]) == 1
    assert "nothing is no folder" in capsys.readouterr().err
    manifest = {"id": "poll", "name": "Mine", "version": "1"}
    create(tmp_path / "other")
    (tmp_path / "other").rename(tmp_path / "poll")
    (tmp_path / "poll/manifest.json").write_text(json.dumps(manifest))
    assert main(["dev", str(tmp_path / "poll")]) == 1
    assert "an app called poll is built in; give this one another id" in capsys.readouterr().err


def test_a_project_is_served_as_it_was_built(tmp_path: Path) -> None:
    """[A14]"""
    project = tmp_path / "tea"
    create(project, "typescript")
    with pytest.raises(BadInput, match="not built yet: run `npm install` and `npm run build`"):
        app_in(project)
    (project / "dist/tea").mkdir(parents=True)
    (project / "dist/tea/manifest.json").write_text("{}")
    assert app_in(project) == project / "dist/tea"


def test_hubs_with_a_key_have_no_such_pages(tea: Path, tmp_path: Path) -> None:
    """[A14, A16]"""
    key = tmp_path / "key"
    key.write_text("0123456789abcdefghijklmnopqrstuvwxyz")
    with hub_process(tmp_path / "data", key=key, apps=(tea,)) as hub:
        assert httpx.get(f"{hub.address}/dev/tea").status_code == 404
        (base,) = (app["base"] for app in httpx.get(f"{hub.address}/api/apps").json()
                   if app["id"] == "tea")  # fmt: skip
        assert httpx.get(f"{hub.address}{base}index.html").status_code == 200
        tried = base.removesuffix("/") + "~dark~de/index.html"
        assert httpx.get(f"{hub.address}{tried}").status_code == 404


def test_theme_and_language_are_part_of_an_address() -> None:
    """[A16]"""
    asked = "@media (prefers-color-scheme: dark) { } @media (prefers-color-scheme:light) { }"
    dark = Guise("0123abcd~dark~pt-BR")
    assert (dark.hash, dark.style(asked)) == (
        "0123abcd",
        "@media (min-width: 0px) { } @media (max-width: 0px) { }",
    )
    page = '<head><script type="importmap"></script><style>@media (prefers-color-scheme: dark)'
    assert dark.page(page).startswith("<head><style>:root { color-scheme: dark !important; }")
    assert '("pt-BR");</script><script type="importmap">' in dark.page(page)
    assert dark.page(page).endswith("<style>@media (min-width: 0px)")
    assert Guise("0123abcd~~").page(page) == page
    for strange in ("0123abcd", "0123~dark", "0~dark~'", "0~dim~de", "../x~dark~de", "0~dark~de\n"):
        assert (Guise(strange).hash, Guise(strange).page(page)) == ("", page)
