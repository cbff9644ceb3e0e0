"""`examples/mounted.py`: a hub inside an application of somebody else."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

import callmesh
from callmesh.folder import AlreadyRunning
from callmesh.messages import MAX_BUNDLE
from callmesh.transport.websocket import WebSocketLink
from tests.served_by_asgi import FLAGS, SAID

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent


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
        "hub = callmesh.asgi(data=pathlib.Path(os.environ['CALLS']), dev=True)\n"
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
    first, second = callmesh.asgi(data=tmp_path, dev=True), callmesh.asgi(data=tmp_path, dev=True)
    app = Starlette(routes=[Mount("/hub", first)], lifespan=first.lifespan)
    async with app.router.lifespan_context(app):
        with pytest.raises(AlreadyRunning):
            await second.lifespan(second).__aenter__()
    async with callmesh.asgi(data=tmp_path, dev=True).lifespan(app):
        pass


async def test_a_hub_without_a_key_is_said_to_be_one(tmp_path: Path) -> None:
    """[J11]"""
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef" * 2)
    for given, dev in ((None, False), (key, True)):
        with pytest.raises(callmesh.BadInput, match="or say dev=True"):
            callmesh.asgi(data=tmp_path / "data", key=given, dev=dev)
    assert not (tmp_path / "data").exists()


async def test_a_hub_without_a_key_is_for_its_own_machine(tmp_path: Path) -> None:
    """[J11] Whatever host they name, on whatever address the server listens."""
    hub = callmesh.asgi(data=tmp_path, dev=True)
    outer = Starlette(routes=[Mount("/hub", hub)], lifespan=hub.lifespan)
    near = ("127.0.0.1", 50_000)
    async with outer.router.lifespan_context(outer):
        for client, headers, status in (
            (near, {}, 101),
            (("::1", 50_000), {}, 101),
            (("::ffff:127.0.0.1", 50_000), {}, 101),
            (("192.0.2.1", 50_000), {}, 403),
            (("::ffff:192.0.2.1", 50_000), {}, 403),
            (None, {}, 403),
            (near, {"X-Forwarded-For": "127.0.0.1"}, 403),
            (near, {"Forwarded": "for=127.0.0.1"}, 403),
            (near, {"X-Forwarded-Proto": "https"}, 403),
        ):
            assert await _opened(outer, client, headers) == status, (client, headers)


async def _opened(app: Starlette, client: tuple[str, int] | None, headers: dict[str, str]) -> int:
    """The status of the answer to who opens a socket and names localhost."""
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.disconnect" if answers else "websocket.connect", "code": 1006}

    async def send(message: Any) -> None:
        answers.append(message)

    given = {"Host": "localhost", **headers}.items()
    scope: dict[str, Any] = {
        "type": "websocket", "scheme": "ws", "path": "/hub/call/demo/socket", "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given],
        "client": client, "subprotocols": [], "extensions": {"websocket.http.response": {}},
    }  # fmt: skip
    await app(scope, receive, send)
    return 101 if answers[0]["type"] == "websocket.accept" else int(answers[0]["status"])
