"""The operator's API: who may use it, what it answers, and that its description is true."""

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import negative_data_rejection
from starlette.applications import Starlette
from starlette.routing import Mount
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from callmesh.api import description
from callmesh.auth import Authority
from callmesh.catalog import Catalog
from callmesh.client import join
from callmesh.door import DAY
from callmesh.errors import BadInput, BadName, CallOver, Removed
from callmesh.guard import MAX_BODY, WRONG, ApiKey
from callmesh.hub import Application, application, asgi
from callmesh.ids import display_name
from callmesh.live import LiveHub
from callmesh.operator import Operator
from callmesh.settings import Settings
from callmesh.storage.memory import MemoryStorage
from tests.processes import hub_process
from tests.test_archive import FIRST, packed
from tests.test_door import KEY, ends
from tests.test_saving import FailingStorage

SECRET = "operator-key-that-has-more-than-32-bytes"
AUTHORITY = Authority(b"s" * 32, KEY)
BEARER = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("key") / "api.key"
    file.write_text(f"{SECRET}\n")
    return file


@pytest.fixture
def storage() -> FailingStorage:
    return FailingStorage()


@pytest.fixture
def app(storage: FailingStorage, key: Path) -> Application:
    return application(storage, Catalog(), AUTHORITY, Settings(api_key=key))


@contextlib.asynccontextmanager
async def opened(app: Application, base: str = "http://hub.example") -> AsyncIterator[Any]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.lifespan(app), httpx.AsyncClient(transport=transport, base_url=base) as http:
        yield http


@pytest.fixture
async def http(app: Application) -> AsyncIterator[httpx.AsyncClient]:
    """With the key."""
    async with opened(app) as client:
        client.headers.update(BEARER)
        yield client


@contextlib.contextmanager
def served(app: Application) -> Iterator[str]:
    """On a real socket, in a thread of its own; its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, ws="websockets-sansio", lifespan="on")
    )
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


# --- the key


@pytest.mark.anyio
async def test_nothing_is_said_without_the_key(
    http: httpx.AsyncClient, app: Application, storage: FailingStorage
) -> None:
    """[O22] Not even whether there is such an address."""
    assert (await http.post("/api/calls", json={"id": "demo"})).status_code == 201
    spec = (await http.get("/api/openapi.json")).json()
    paths = [path.replace("{call}", "demo") for path in spec["paths"]]
    wrong: tuple[dict[str, str], ...] = (
        {}, {"Authorization": SECRET}, {"Authorization": f"Basic {SECRET}"},
        {"Authorization": "Bearer"}, {"Authorization": "Bearer "},
    )  # fmt: skip
    before = storage.audit(0, 100)
    del http.headers["Authorization"]
    for path in [*paths, "/openapi.json", "/nothing", "/no%0Athing", "/", ""]:
        for method in ("GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "HEAD"):
            for headers in wrong:
                answer = await http.request(method, f"/api{path}", headers=headers)
                assert answer.status_code == 401, (method, path)
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                assert "access-control-allow-origin" not in answer.headers
    assert storage.audit(0, 100) == before
    assert (await http.get("/api/calls", headers=BEARER)).status_code == 200
    assert (await http.get("/api/apps")).status_code == 200, "the apps are for everybody"
    twice = [("Authorization", f"Bearer {SECRET}"), ("Authorization", "Bearer x")]
    assert (await http.get("/api/calls", headers=twice)).status_code == 401


@pytest.mark.anyio
async def test_wrong_keys_are_limited_and_logged_without_them(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """[O22] The right one always opens."""
    with caplog.at_level(logging.WARNING, "callmesh.api"):
        statuses = []
        for number in range(WRONG + 5):
            guess = {"Authorization": f"Bearer guess{number}"}
            statuses.append((await http.get("/api/calls", headers=guess)).status_code)
    assert statuses == [401] * WRONG + [429] * 5
    assert (await http.get("/api/calls")).status_code == 200
    assert (await http.get("/api/calls", headers={"Authorization": ""})).status_code == 401
    assert len(caplog.records) == WRONG
    assert "guess" not in str([record.__dict__ for record in caplog.records])


def test_a_key_cannot_be_guessed_and_is_for_one_thing(tmp_path: Path, key: Path) -> None:
    """[O22]"""
    long = SECRET.encode()
    assert ApiKey(b" " + long + b"\n").opens(long)
    assert not ApiKey(long).opens(long[:-1])
    assert not ApiKey(long).opens(b"\xff" * 32)
    (tmp_path / "short").write_bytes(long[:31])
    (tmp_path / "typed").write_bytes(b"secret" * 10)
    (tmp_path / "same").write_bytes(b"\n" + long)
    for file, tokens, says in (
        (tmp_path / "short", None, "at least 32 bytes"),
        (tmp_path / "typed", None, "can be guessed"),
        (tmp_path / "none", None, "cannot be read"),
        (tmp_path, None, "cannot be read"),
        (key, key, "key for tokens too"),
        (key, tmp_path / "same", "key for tokens too"),
        (key, tmp_path / "none", "none cannot be read"),
    ):
        with pytest.raises(BadInput, match=says):
            ApiKey.read(file, tokens)
    assert ApiKey.read(key, tmp_path / "typed").opens(long)
    with pytest.raises(BadInput, match="make another with"):
        asgi(data=tmp_path / "data", key=key, api_key=key)


@pytest.mark.anyio
async def test_without_a_key_there_is_no_api() -> None:
    """[O22]"""
    app = application(MemoryStorage(), Catalog(), Authority(b"s" * 32, KEY))
    async with opened(app) as http:
        assert (await http.get("/api/calls", headers=BEARER)).status_code == 404


@pytest.mark.anyio
async def test_there_are_no_sockets_under_it(
    app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    """[O22, W10] Nor where files are."""
    with served(app) as address:
        socket = address.replace("http", "ws")
        for path in ("/api", "/api/", "/api/calls", "/sdk/app.js", "/page/", "/metrics", "/none"):
            for headers in ({}, BEARER):
                with pytest.raises(InvalidStatus) as refused:
                    await connect(socket + path, additional_headers=headers)
                assert refused.value.response.status_code == 403, path
    assert not [record for record in caplog.records if record.exc_info]


def test_what_the_api_needs_is_imported_for_it_alone() -> None:
    """[O22]"""
    loaded = "import sys, callmesh.hub; print({'fastapi', 'httpx', 'pydantic'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True)
    assert ended.stdout == "set()\n", ended.stderr


# --- what it does


@pytest.mark.anyio
async def test_a_call_from_its_making_to_its_end(app: Application, http: httpx.AsyncClient) -> None:
    """[O16, O18, O19, O23]"""
    made = await http.post("/api/calls", json={"id": "demo", "retention": 30})
    assert made.status_code == 201
    assert made.json()["expires"] - made.json()["used"] == 30 * DAY
    again = await http.post("/api/calls", json={"id": "demo"})
    assert (again.status_code, again.json()["code"]) == (409, "refused")
    changed = await http.patch("/api/calls/demo", json={"retention": None, "waiting_area": False})
    assert (changed.json()["retention"], changed.json()["waiting_area"]) == (None, False)
    same = await http.patch("/api/calls/demo", json={})
    assert same.json() == changed.json()
    for locked in (True, False):
        found = await http.patch("/api/calls/demo", json={"locked": locked})
        assert found.json()["locked"] is locked
    assert (await http.post("/api/calls/demo/end")).json()["final"] is True
    assert (await http.post("/api/calls/demo/reopen")).json()["ended"] == 0
    denied = await http.post("/api/calls/demo/reopen")
    assert (denied.status_code, denied.json()["code"], denied.json()["reason"]) == (
        409, "denied", "bad_value",
    )  # fmt: skip
    assert (await http.delete("/api/calls/demo")).status_code == 204
    for gone in (await http.get("/api/calls/demo"), await http.delete("/api/calls/demo")):
        assert (gone.status_code, gone.json()["code"]) == (404, "no_such_call")


@pytest.mark.anyio
async def test_pages_of_calls(http: httpx.AsyncClient) -> None:
    """[O23]"""
    for number in range(5):
        await http.post("/api/calls", json={"id": f"c{number}"})
    found: list[str] = []
    after: str | None = ""
    pages = 0
    while after is not None:
        page = (await http.get("/api/calls", params={"after": after, "limit": 2})).json()
        found += [call["id"] for call in page["calls"]]
        after, pages = page["next"], pages + 1
    assert (found, pages) == ([f"c{number}" for number in range(5)], 3)


@pytest.mark.anyio
async def test_the_audit_log_in_pages(http: httpx.AsyncClient) -> None:
    """[O23, O1]"""
    for number in range(3):
        await http.post("/api/calls", json={"id": f"c{number}"})
    after, lines = 0, []
    while (page := (await http.get(f"/api/audit?after={after}&limit=2")).json())["lines"]:
        lines += page["lines"]
        after = page["next"]
    assert [line["number"] for line in lines] == [1, 2, 3, 4]
    assert [line["event"]["what"] for line in lines] == ["hub.started", *["call.created"] * 3]


def test_people_over_http(app: Application) -> None:
    """[O18, J17, J20] A link from the API opens the call, and the person is the one it named."""

    async def scene(address: str) -> None:
        async with httpx.AsyncClient(base_url=f"{address}/api/calls/demo", headers=BEARER) as http:
            await http.post(f"{address}/api/calls", json={"id": "demo"})
            host = (await http.post("/invites", json={"role": "host", "name": "Ada"})).json()
            for name in ("Ольга", "李明", "علي", "Ådá"):
                assert (await http.post("/invites", json={"name": name})).status_code == 201
            guest = (await http.post("/invites", json={"person": "bob", "name": "Bob"})).json()
            assert host["link"].startswith(f"{address}/call/demo#token=")
            async with join(host["link"], name="x", rtc=False) as ada:
                poll = await ada.resources.add("poll")
                stack = contextlib.AsyncExitStack()
                coming = stack.enter_async_context(join(guest["link"], name="x", rtc=False))
                waiting = asyncio.create_task(coming)
                await ada.until(lambda: len(ada.hosting.waiting) == 1)
                people = f"/people/{guest['person']}"
                held = await http.post(f"{people}/hold", json={"words": "One moment"})
                assert held.status_code == 204
                found = (await http.get("/participants")).json()["participants"]
                assert {(one["name"], one["state"], one["words"]) for one in found} == {
                    ("Ada", "here", ""), ("Bob", "waiting", "One moment"),
                }  # fmt: skip
                assert (await http.post("/admit")).status_code == 204
                bob = await waiting
                assert bob.me.person == guest["person"]
                hidden = await http.put(
                    f"/resources/{poll.id}/access/guest", json={"access": "hidden"}
                )
                assert hidden.status_code == 204
                await bob.until(lambda: poll.id not in bob.resources)
                shown = (await http.get("/resources")).json()["resources"]
                assert shown[0]["access"] == {"guest": "hidden"}
                await http.put(f"{people}/role", json={"role": "observer"})
                await bob.until(lambda: bob.me.role == "observer")
                assert (await http.post(f"{people}/remove")).status_code == 204
                assert isinstance(await ends(bob), Removed)
                noted = (await http.get("/people")).json()["people"]
                assert noted[0]["removed"] > 0
                assert (await http.post(f"{people}/allow")).status_code == 204
                assert (await http.post(f"{people}/allow")).json()["reason"] == "nobody"
                assert (await http.delete(f"{address}/api/calls/demo")).status_code == 204
                assert isinstance(await ends(ada), CallOver)
                await stack.aclose()

    with served(app) as address:
        asyncio.run(scene(address))


@pytest.mark.anyio
async def test_archives_over_http(http: httpx.AsyncClient) -> None:
    """[O20] And what is too large is not taken."""
    put = await http.post("/api/calls/import", content=packed(FIRST).getvalue())
    assert (put.status_code, put.json()["id"], put.json()["resources"]) == (201, "demo", 1)
    got = await http.get("/api/calls/demo/export")
    assert got.headers["content-type"] == "application/zip"
    assert got.headers["content-disposition"].startswith('attachment; filename="demo-')
    assert int(got.headers["content-length"]) == len(got.content)
    copy = await http.post("/api/calls/import?call=copy", content=got.content)
    assert (copy.status_code, copy.json()["id"]) == (201, "copy")
    assert (await http.post("/api/calls/import", content=got.content)).status_code == 409
    bad = await http.post("/api/calls/import?call=other", content=b"rubbish")
    assert (bad.status_code, bad.json()["code"]) == (422, "bad_input")


@pytest.mark.anyio
async def test_what_is_sent_is_bounded(
    app: Application, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[O22, O23] By what comes, whatever was said of its length."""
    mount = next(r for r in app.routes if isinstance(r, Mount) and r.path == "/api")
    api = mount.app._app  # type: ignore[attr-defined]
    monkeypatch.setattr(api, "_most", 200_000)

    async def parts(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 1_000):
            yield b" " * 1_000

    for path, most in (("/api/calls", MAX_BODY), ("/api/calls/import", 200_000)):
        over = await http.post(path, content=parts(most + 2_000))
        assert (over.status_code, over.json()["code"]) == (413, "too_large"), path
        under = await http.post(path, content=parts(most - 2_000))
        assert under.status_code == 422


@pytest.mark.anyio
async def test_a_body_of_which_nothing_is_needed_may_be_left_out(http: httpx.AsyncClient) -> None:
    """[O23] By everybody who asks, whatever they say that it is."""
    made = await http.post("/api/calls")
    assert made.status_code == 201
    call = f"/api/calls/{made.json()['id']}"
    json = {"Content-Type": "application/json"}
    for method, path, status in (
        ("PATCH", "", 200), ("POST", "/invites", 201), ("POST", "/people/u1/hold", 404),
    ):  # fmt: skip
        for headers in ({}, json):
            answer = await http.request(method, f"{call}{path}", headers=headers)
            assert answer.status_code == status, answer.text


@pytest.mark.anyio
async def test_what_is_wrong_is_said_in_words_of_ones_own(http: httpx.AsyncClient) -> None:
    """[O23] Which member, what is wrong with it, and what would be right."""
    await http.post("/api/calls", json={"id": "demo"})
    for method, path, body, says in (
        ("GET", "/calls?limt=3", None, "there is no parameter limt here; there is after, limit"),
        ("GET", "/webhooks?x=3", None, "there is no parameter x here; there is none"),
        ("GET", "/calls?limit=0", None, 'limit is a whole number from 1 to 1000, and "0" is not'),
        ("GET", "/audit?after=x", None, "after is a whole number from 0 to 9007199254740991, and"),
        ("GET", "/calls/no%20call", None, "call is 1–64 letters, digits, - or _, the first of"),
        ("POST", "/calls", {"mor": 1}, "there is no member mor here; there is id, waiting_area, r"),
        ("POST", "/calls", {"retention": "3"}, "retention is a whole number from 1 to 36500, or n"),
        ("POST", "/calls", {"waiting_area": 1}, "waiting_area is true or false, or null, and 1 is"),
        ("POST", "/calls", [], "the body is a JSON object, sent as application/json"),
        ("POST", "/calls/demo/invites", {"lasts": 0}, "lasts is a whole number from 1 to 31536000"),
        (
            "POST",
            "/calls/demo/invites",
            {"role": "king"},
            "role is one of host, guest, observer, a",
        ),
        ("POST", "/calls/demo/invites", {"name": " "}, "name is a name of 1–80 characters, one of"),
        ("POST", "/calls/demo/invites", {"person": ""}, "person is a text of 1–256 characters, or"),
        ("PUT", "/calls/demo/people/u1/role", {}, "role is missing; it is one of host, guest, obs"),
        ("POST", "/calls/demo/people/bob/ban", None, "person is a person as the hub names them"),
        ("POST", "/nothing", None, "there is nothing at this address; openapi.json says"),
        ("PUT", "/calls", {}, "this address takes other methods; openapi.json says which"),
        ("POST", "/calls/demo/people/u1/admit", None, "there is no such person in this call"),
    ):
        message = (await http.request(method, f"/api{path}", json=body)).json()["message"]
        assert message.startswith(says), message
    for content, says in (
        (b'{"id"', "the body is no JSON, as from its character"),
        (b'{"id": "\xff"}', "the body is no JSON in UTF-8"),
    ):
        headers = {"Content-Type": "application/json"}
        answer = await http.post("/api/calls", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
        assert answer.json()["message"].startswith(says), answer.text
    plain = await http.post("/api/calls", content=b"{}", headers={"Content-Type": "text/plain"})
    assert plain.json()["message"].endswith("sent as application/json")


def test_all_that_is_sent_and_answered_is_described() -> None:
    """[O23] Its unit too, where it is a time."""
    schemas = DESCRIBED.raw_schema["components"]["schemas"]
    clear = {"id", "url", "call", "name", "title", "app", "role", "calls", "participants", "people",
             "resources", "webhooks", "lines", "event"}  # fmt: skip
    for name, schema in schemas.items():
        for member, said in schema.get("properties", {}).items():
            assert "description" in said or member in clear, (name, member)
    times = {"time", "made", "used", "ended", "expires", "since", "added", "removed", "failing"}
    for schema in schemas.values():
        for member in times & schema.get("properties", {}).keys():
            assert "microseconds" in schema["properties"][member]["description"].lower(), member
    assert schemas["NewInvite"]["properties"]["lasts"]["description"].startswith("Seconds")


@pytest.mark.anyio
async def test_errors_have_one_shape(http: httpx.AsyncClient, storage: FailingStorage) -> None:
    """[O23]"""
    await http.post("/api/calls", json={"id": "demo"})
    for method, path, body, status, code in (
        ("GET", "", None, 404, "not_found"),
        ("GET", "/", None, 404, "not_found"),
        ("GET", "/nothing", None, 404, "not_found"),
        ("GET", "/no%0Athing", None, 404, "not_found"),
        ("GET", "/calls?limt=3", None, 422, "bad_input"),
        ("PUT", "/calls", {}, 405, "not_allowed"),
        ("GET", "/calls/no%20call", None, 422, "bad_input"),
        ("GET", "/calls?limit=0", None, 422, "bad_input"),
        ("GET", "/calls?limit=x", None, 422, "bad_input"),
        ("POST", "/calls", {"id": "../x"}, 422, "bad_input"),
        ("POST", "/calls", {"more": 1}, 422, "bad_input"),
        ("POST", "/calls", {"retention": "3"}, 422, "bad_input"),
        ("POST", "/calls", [], 422, "bad_input"),
        ("PATCH", "/calls/demo", {"retention": 0}, 422, "bad_input"),
        ("POST", "/calls/demo/invites", {"name": " "}, 422, "bad_input"),
        ("POST", "/calls/demo/invites", {"role": "king"}, 422, "bad_input"),
        ("POST", "/calls/demo/people/u1/remove", None, 404, "denied"),
        ("POST", "/calls/demo/people/bob/remove", None, 422, "bad_input"),
        ("PUT", "/calls/demo/resources/r1/access/guest", {"access": "view"}, 404, "denied"),
        ("PUT", "/calls/demo/resources/r1/access/bob", {"access": "view"}, 422, "bad_input"),
    ):  # fmt: skip
        answer = await http.request(method, f"/api{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (path, answer.text)
        assert answer.json().keys() == {"code", "reason", "message"}
        assert answer.headers["cache-control"] == "no-store"
    broken = await http.post(
        "/api/calls", content=b'{"id"', headers={"Content-Type": "application/json"}
    )
    assert broken.status_code == 422
    half = b'{"name": "\\ud800"}'
    surrogate = await http.post(
        "/api/calls/demo/invites", content=half, headers={"Content-Type": "application/json"}
    )
    assert surrogate.status_code == 422
    storage.refuse = {"commit"}
    for _ in range(2):
        refused = await http.post("/api/calls/demo/end")
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_failed")
    storage.refuse = {"load", "commit"}
    assert (await http.get("/api/calls/other")).status_code == 503
    storage.refuse = set()


@pytest.mark.anyio
async def test_the_api_of_a_mounted_hub(tmp_path: Path, key: Path) -> None:
    """[O14, O23] Links lead to where the hub is; and nothing is done before it runs."""
    tokens = tmp_path / "key"
    tokens.write_bytes(b"0123456789abcdef" * 2)
    hub = asgi(data=tmp_path / "data", key=tokens, api_key=key)
    outer = Starlette(routes=[Mount("/callmesh", hub)], lifespan=hub.lifespan)
    transport = httpx.ASGITransport(outer)
    base = "https://example.org/callmesh/api/"
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=BEARER) as http:
        early = await http.post("calls", json={"id": "demo"})
        assert (early.status_code, early.json()["code"]) == (503, "storage_failed")
        async with hub.lifespan(hub):
            await http.post("calls", json={"id": "demo"})
            link = (await http.post("calls/demo/invites", json={})).json()["link"]
            assert link.startswith("https://example.org/callmesh/call/demo#token=")
            servers = (await http.get("openapi.json")).json()["servers"]
            assert servers == [{"url": "/callmesh/api"}]
            put = await http.post("calls/import?call=b", content=b" " * (MAX_BODY + 1))
            assert put.status_code == 422, "an archive may be larger than other things"


def test_the_command_serves_it(tmp_path: Path, key: Path) -> None:
    """[O22, O5]"""
    token_key = tmp_path / "token.key"
    token_key.write_bytes(b"0123456789abcdef" * 2)
    with hub_process(tmp_path / "data", key=token_key, more=("--api-key", str(key))) as hub:
        made = httpx.post(f"{hub.address}/api/calls", json={"id": "demo"}, headers=BEARER)
        assert made.status_code == 201
        hub.kill()
    with hub_process(tmp_path / "data", key=token_key, more=("--api-key", str(key))) as hub:
        listed = httpx.get(f"{hub.address}/api/calls", headers=BEARER).json()
        assert [call["id"] for call in listed["calls"]] == ["demo"]
    short = tmp_path / "short.key"
    short.write_bytes(b"short")
    command = [sys.executable, "-m", "callmesh", "serve", "--dev", "--port", "0", "--data",
               str(tmp_path / "x"), "--api-key", str(short)]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "at least 32 bytes" in ended.stderr
    assert ended.stderr.count("\n") == 1


# --- the description


@pytest.fixture(scope="module")
def address(key: Path) -> Iterator[str]:
    app = application(MemoryStorage(), Catalog(), AUTHORITY, Settings(api_key=key, retention=9))
    with pytest.MonkeyPatch.context() as patch, served(app) as address:
        patch.setattr("callmesh.guard.WRONG", 10_000)
        for call in ("demo", "other"):
            httpx.post(f"{address}/api/calls", json={"id": call}, headers=BEARER)
        yield address


def shows(name: str) -> bool:
    """Whether somebody can be called so (J10)."""
    with contextlib.suppress(BadName):
        return bool(display_name(name))
    return False


schemathesis.openapi.media_type(
    "application/zip",
    st.sampled_from("abcdef").map(lambda id: packed(FIRST, id=id).getvalue()),
)
schemathesis.openapi.format(  # of which a pattern cannot say what is visible
    "name", st.text(min_size=1, max_size=80).filter(shows)
)
DESCRIBED = schemathesis.openapi.from_dict(
    description(Operator(LiveHub(MemoryStorage(), Catalog(), AUTHORITY), AUTHORITY)).openapi()
)
OPERATIONS: dict[str, Any] = {
    found.ok().label: found.ok()  # type: ignore[union-attr]
    for found in DESCRIBED.get_all_operations()
}
RIGHT, WRONGLY = schemathesis.GenerationMode


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_as_described(address: str, label: str) -> None:
    """[O23] Whatever is sent: no 500, and nothing that the description does not have."""
    operation = OPERATIONS[label]
    # That wrong data is refused has tests of its own: some of what is made here is not wrong any
    # more when it is sent. A query does not tell [] from nothing, and the key is always there.
    exceptions = [negative_data_rejection]

    @given(operation.as_strategy(RIGHT) | operation.as_strategy(WRONGLY))
    @settings(
        max_examples=25, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def check(case: Any) -> None:
        case.call_and_validate(
            base_url=f"{address}/api", headers=BEARER, excluded_checks=exceptions
        )

    check()
