"""`examples/mounted.py`: a hub inside an application of somebody else."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

import callmesh
from callmesh.folder import AlreadyRunning
from callmesh.messages import MAX_BUNDLE
from callmesh.transport.websocket import WebSocketLink

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent
SAID = re.findall(r"^\| `(--\S+ \S+)` \|", (ROOT / "docs/operating.md").read_text(), re.MULTILINE)
FLAGS = " ".join(SAID).split()


@contextlib.contextmanager
def served(
    data: Path, *, app: str = "mounted:app", folder: Path = ROOT / "examples"
) -> Iterator[str]:
    """An application under uvicorn; its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--app-dir", str(folder), "--port", "0", *FLAGS, app],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "CALLS": str(data)},
    )  # fmt: skip
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"running on (http://\S+)", line):
                yield found[1]
                break
        else:
            raise AssertionError(said)
    finally:
        process.terminate()
        process.communicate(timeout=20)


async def test_calls_live_in_an_application_of_ones_own(tmp_path: Path) -> None:
    """[O14]"""
    with served(tmp_path) as address:
        async with httpx.AsyncClient(base_url=address) as http:
            call = (await http.get("/")).json()["Mrs Brown"]
            page = await http.get(call)
            assert '<base href="/callmesh/page/">' in page.text
            policy = page.headers["content-security-policy"]
            assert f"frame-src {address}/callmesh/apps/" in policy
            for script in re.findall(r'(?:src|href)="([^"/][^"]*\.(?:js|css))"', page.text):
                assert (await http.get(f"/callmesh/page/{script}")).status_code == 200
            apps = {a["id"]: a["base"] for a in (await http.get("/callmesh/api/apps")).json()}
            entry = await http.get(apps["poll"] + "index.html")
            assert '"callmesh/app": "/callmesh/sdk/app.js"' in entry.text
            assert (await http.get("/callmesh/sdk/app.js")).status_code == 200
            assert (await http.get("/callmesh/readyz")).text == "ready\n"
            assert (await http.get("/callmesh")).status_code == 307
        async with (
            callmesh.join(address + call, name="Ada", rtc=False) as ada,
            callmesh.join(address + call, name="Bob", rtc=False) as bob,
        ):
            poll = await ada.resources.add("poll", state={"question": "?"})
            await poll.state.saved()
            assert (await bob.resources.get(poll.id)).state["question"] == "?"
    with served(tmp_path) as address:
        async with callmesh.join(address + call, name="Late", rtc=False) as late:
            assert dict(late.resources[poll.id].state) == {"question": "?"}


def test_the_flags_are_the_same_everywhere() -> None:
    """[O14, W4]"""
    example = (ROOT / "examples" / "mounted.py").read_text()
    assert " ".join(FLAGS) in " ".join(example.replace("\\\n", "").split())
    assert f"--ws-max-size {2 * MAX_BUNDLE}" in SAID


async def test_without_its_lifespan_a_hub_lets_nobody_in(tmp_path: Path) -> None:
    """[O14] It would save nothing."""
    (tmp_path / "forgetful.py").write_text(
        "import callmesh, os, pathlib\n"
        "from starlette.applications import Starlette\n"
        "from starlette.routing import Mount\n"
        "hub = callmesh.asgi(data=pathlib.Path(os.environ['CALLS']))\n"
        "app = Starlette(routes=[Mount('/hub', hub)])\n"
    )
    with served(tmp_path / "data", app="forgetful:app", folder=tmp_path) as address:
        async with httpx.AsyncClient(base_url=address) as http:
            page = await http.get("/hub/call/demo")
            assert page.status_code == 503
            assert "lifespan=hub.lifespan" in page.text
            assert (await http.get("/hub/readyz")).status_code == 503
        with pytest.raises(callmesh.Broken, match="503"):
            await WebSocketLink.open(f"{address.replace('http', 'ws')}/hub/call/demo/socket")


async def test_two_hubs_do_not_share_a_folder(tmp_path: Path) -> None:
    """[O14, L5] As two workers of one server would."""
    first, second = callmesh.asgi(data=tmp_path), callmesh.asgi(data=tmp_path)
    app = Starlette(routes=[Mount("/hub", first)], lifespan=first.lifespan)
    async with app.router.lifespan_context(app):
        with pytest.raises(AlreadyRunning):
            await second.lifespan(second).__aenter__()
    async with callmesh.asgi(data=tmp_path).lifespan(app):
        pass
