"""Webhooks: what is sent, in which order, signed how, and what an endpoint may do without harm."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import random
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest

from callmesh.audit import EVENTS, Event
from callmesh.auth import Authority
from callmesh.catalog import Catalog
from callmesh.client import join
from callmesh.errors import BadInput
from callmesh.hub import application
from callmesh.ids import CallId
from callmesh.operator import Operator
from callmesh.settings import Settings
from callmesh.storage.memory import MemoryStorage
from callmesh.testing import MemoryHub
from callmesh.webhooks import PREFIX, SENT, Cursors, Secret, Webhooks, _seconds, is_sent
from tests.processes import HubProcess
from tests.test_api import BEARER, opened
from tests.test_door import KEY
from tests.test_saving import becomes

pytestmark = pytest.mark.anyio
RAW = b"a secret of more than twenty-four bytes"
SECRET = Secret(PREFIX + base64.b64encode(RAW))
Answer: TypeAlias = Callable[["Endpoint", asyncio.StreamWriter], Any]


def status(code: int, *headers: str) -> Answer:
    """Answer with a status."""

    async def answer(endpoint: "Endpoint", writer: asyncio.StreamWriter) -> None:
        length = [] if code == 204 else ["content-length: 2"]
        body = "" if code == 204 else "ok"
        lines = [f"HTTP/1.1 {code} X", *length, *headers, "", body]
        writer.write("\r\n".join(lines).encode())

    return answer


async def lose(endpoint: "Endpoint", writer: asyncio.StreamWriter) -> None:
    """Take it, and lose the answer."""
    writer.transport.abort()


async def stall(endpoint: "Endpoint", writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await endpoint.closed.wait()


async def rubbish(endpoint: "Endpoint", writer: asyncio.StreamWriter) -> None:
    writer.write(b"what?\r\n\r\n")


async def endless(endpoint: "Endpoint", writer: asyncio.StreamWriter) -> None:
    """A success whose body does not end."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    with contextlib.suppress(OSError):
        while not endpoint.closed.is_set():
            writer.write(b"x" * 10_000)
            await writer.drain()


class Endpoint:
    """A server of the operator's. `answers` are what it does to what comes, the last for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers) or [status(204)]
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.closed = asyncio.Event()
        self.port = 0

    async def __aenter__(self) -> "Endpoint":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self.closed.set()
        self._server.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?secret=hush"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError), contextlib.closing(writer):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                assert head[0] == "POST /hook?secret=hush HTTP/1.1"
                headers = {k.lower(): v for k, _, v in (x.partition(": ") for x in head[1:] if x)}
                body = await reader.readexactly(int(headers["content-length"]))
                self.requests.append((headers, body))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                await answer(self, writer)
                await writer.drain()

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.requests]

    @property
    def numbers(self) -> list[int]:
        return [said["data"]["number"] for said in self.told]


def verified(headers: dict[str, str], body: bytes) -> bool:
    """As the Standard Webhooks specification says, written down anew."""
    content = b".".join(
        [headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body]
    )
    wanted = base64.b64encode(hmac.new(RAW, content, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in headers["webhook-signature"].split(" ")


@contextlib.asynccontextmanager
async def following(
    storage: MemoryStorage, file: Path, *urls: str
) -> AsyncIterator[tuple[MemoryHub, Webhooks]]:
    """A hub whose log is sent on."""
    async with MemoryHub(storage=storage) as hub:
        hooks = Webhooks(hub.live, urls, SECRET, file)
        task = asyncio.create_task(hooks.follow())
        await becomes(
            lambda: task.done() or all(hooks._cursors.of(url) is not None for url in urls)
        )
        try:
            yield hub, hooks
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def happens(hub: MemoryHub, count: int, first: int = 0) -> None:
    """Some lines in the log."""
    operator = Operator(hub.live, hub.live._authority)
    for number in range(first, first + count):
        await operator.create(f"c{number:03}")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callmesh.webhooks.PAUSES", (0.01, 0.04))
    monkeypatch.setattr("callmesh.webhooks.PATIENCE", 0.5)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "webhooks.json"


async def test_what_happens_is_told_in_order_and_signed(file: Path) -> None:
    """[O24, O25] From what comes on; what is about the hub alone is not told."""
    storage = MemoryStorage()
    storage.commit({}, [Event(5, "call.created", "before")])
    async with Endpoint() as endpoint, following(storage, file, endpoint.url) as (hub, hooks):
        async with hub.join("Ådá") as ada:
            await ada.state.saved()
        await happens(hub, 1)
        await becomes(lambda: len(endpoint.told) == 4)
        whats = ["call.created", "participant.joined", "participant.left", "call.created"]
        assert [said["type"] for said in endpoint.told] == whats
        joined = endpoint.told[1]
        line = next(one for one in storage.audit(0, 99) if one.event.what == "participant.joined")
        assert joined["data"] == {
            "number": line.number, "call": "demo", "by": "", "person": ada.me.person,
            "participant": ada.me.id, "name": "Ådá", "detail": {"role": "host"},
        }  # fmt: skip
        assert joined["timestamp"].endswith("Z")
        assert len({headers["webhook-id"] for headers, _ in endpoint.requests}) == 4
        for headers, body in endpoint.requests:
            assert verified(headers, body)
            assert not verified(headers, body + b" ")
            assert abs(int(headers["webhook-timestamp"]) - hub.live.now() / 1e6) < 100
            assert headers["content-type"] == "application/json"
        (one,) = hooks.endpoints
        await becomes(lambda: one.delivered == 4)
        assert (one.failures, one.failing) == (0, 0)
    assert [event for event in EVENTS if event not in SENT] == ["hub.started", "hub.stopped"]


async def test_strangers_who_are_refused_are_not_told_of(file: Path) -> None:
    """[O24] They would decide how many requests the endpoint gets."""
    storage = MemoryStorage()
    async with Endpoint() as endpoint, following(storage, file, endpoint.url) as (hub, hooks):
        hub.live._saving.note(
            [
                Event(1, "participant.refused", "demo"),
                Event(2, "participant.refused", "demo", person="u1"),
            ]
        )
        last = partial(storage.audit, -1, 1)
        await becomes(lambda: any(hooks.endpoints[0].sent >= line.number > 2 for line in last()))
        assert [said["data"]["person"] for said in endpoint.told] == ["u1"]


async def test_the_environment_has_no_say_in_where_it_goes(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[O24] No proxy gets to read it, and no password of somebody's goes along."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login hush password hush\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with Endpoint() as endpoint, following(MemoryStorage(), file, endpoint.url) as (hub, _):
        await happens(hub, 1)
        await becomes(lambda: len(endpoint.told) == 1)
        assert "authorization" not in endpoint.requests[0][0]


async def test_an_endpoint_that_fails_gets_all_of_it_later_in_order(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """[O24, O26] Whatever it does; the same id each time; and it is told of once in the log."""
    trouble = [
        status(500), lose, status(204), status(301, "location: /elsewhere"), rubbish, status(404),
        stall, status(200), endless, status(410), lose, status(429), status(204),
    ]  # fmt: skip
    async with (
        Endpoint(*trouble) as endpoint,
        following(MemoryStorage(), file, endpoint.url) as (hub, hooks),
    ):
        await happens(hub, 5)
        await becomes(lambda: hooks.endpoints[0].delivered == 5)
        numbers, ids = endpoint.numbers, [h["webhook-id"] for h, _ in endpoint.requests]
        assert numbers == sorted(numbers), "never in another order"
        assert len(set(numbers)) == 5
        assert len(set(zip(numbers, ids, strict=True))) == 5, "one id for each"
        assert all(verified(headers, body) for headers, body in endpoint.requests)
        assert hooks.endpoints[0].failures >= 8
        assert hub.live.counts.webhooks["failed"] == hooks.endpoints[0].failures
        assert hooks.endpoints[0].failing == 0
    events = [r.getMessage() for r in caplog.records if r.name == "callmesh.webhooks"]
    assert events.count("a webhook fails, and is tried again") <= 4
    assert events[-1] == "a webhook works again"
    assert "hush" not in str([record.__dict__ for record in caplog.records])


async def test_one_endpoint_holds_up_neither_the_hub_nor_another(file: Path) -> None:
    """[O26]"""
    async with Endpoint(stall) as dead, Endpoint() as good:
        urls = (dead.url, good.url, "http://127.0.0.1:1/nobody")
        async with following(MemoryStorage(), file, *urls) as (hub, hooks):
            async with hub.join("Ada") as ada:
                await ada.state.saved()
                await becomes(lambda: len(good.told) == 2)
            await becomes(lambda: all(hooks.endpoints[n].failures for n in (0, 2)))
            assert hooks.endpoints[0].failing > 0
            assert "no answer" in hooks.endpoints[0].trouble
            assert hooks.endpoints[2].trouble == "ConnectError"


async def test_it_goes_on_where_it_was_after_a_restart(file: Path) -> None:
    """[O25] Each endpoint for itself; what happened meanwhile too. A new one begins at the end."""
    storage = MemoryStorage()
    async with Endpoint() as good, Endpoint(status(500)) as bad:
        async with following(storage, file, good.url, bad.url) as (hub, hooks):
            await happens(hub, 3)
            await becomes(lambda: hooks.endpoints[0].delivered == 3)
        async with MemoryHub(storage=storage) as hub:
            await happens(hub, 2, first=3)
        bad.answers = [status(204)]
        async with Endpoint() as new:
            urls = (new.url, good.url, bad.url)
            async with following(storage, file, *urls) as (hub, hooks):
                await becomes(lambda: [e.delivered for e in hooks.endpoints[1:]] == [2, 5])
                await happens(hub, 1, first=5)
                await becomes(lambda: [e.delivered for e in hooks.endpoints] == [1, 3, 6])
        calls = [said["data"]["call"] for said in good.told]
        assert calls == [f"c{number:03}" for number in range(6)]
        assert list(dict.fromkeys(bad.numbers)) == sorted(set(good.numbers))
        assert [said["data"]["call"] for said in new.told] == ["c005"]
    assert file.stat().st_mode & 0o777 == 0o600  # noqa: ASYNC240


async def test_a_restored_backup_does_not_silence_it(file: Path) -> None:
    """[O25]"""
    storage = MemoryStorage()
    async with Endpoint() as endpoint:
        cursors = Cursors(file)
        cursors.keep(endpoint.url, 1_000)
        async with following(storage, file, endpoint.url) as (hub, _):
            await becomes(lambda: not hub.live._saving._events)
            await happens(hub, 1)
            await becomes(lambda: len(endpoint.told) == 1)


@pytest.mark.parametrize("seed", range(5))
async def test_nothing_is_left_out_whenever_it_ends(file: Path, seed: int) -> None:
    """[O24, O25] Ended and begun again at any moment, by a server that does as it likes."""
    chance = random.Random(seed)
    storage = MemoryStorage()

    async def answer(endpoint: Endpoint, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(chance.random() * 0.01)
        kind = chance.choice([status(204), status(204), status(503), lose])
        await kind(endpoint, writer)

    made = 0
    async with Endpoint(answer) as endpoint:
        for _ in range(8):
            async with following(storage, file, endpoint.url) as (hub, hooks):
                await happens(hub, 3, first=made)
                made += 3
                await asyncio.sleep(chance.random() * 0.05)
        async with following(storage, file, endpoint.url) as (hub, hooks):
            end = storage.audit(-1, 1)[0].number
            await becomes(lambda: hooks.endpoints[0].sent >= end)
        numbers = endpoint.numbers
        assert numbers == sorted(numbers)
        wanted = [one.number for one in storage.audit(0, 999) if is_sent(one.event)]
        assert sorted(set(numbers)) == wanted


@pytest.mark.parametrize("how", ["seconds", "date"])
async def test_it_waits_for_as_long_as_an_endpoint_asks(file: Path, how: str) -> None:
    """[O26] Up to an hour."""
    later = {"seconds": "7", "date": "Thu, 01 Jan 2099 00:00:00 GMT"}[how]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with (
        Endpoint(status(429, f"retry-after: {later}"), status(204)) as endpoint,
        following(MemoryStorage(), file, endpoint.url) as (hub, hooks),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("callmesh.webhooks.asyncio.sleep", sleep)
            operator = Operator(hub.live, hub.live._authority)
            await operator.create("c1")
            while hooks.endpoints[0].delivered == 0:
                await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(int))])
    assert {"seconds": 7.0, "date": 3600.0}[how] in slept
    for rubbish in ("", "-1", "x", "٣", "1e9", "Thu, 99 Jan 2099"):
        assert _seconds(rubbish, 0) == 0


def test_secrets_are_long_and_written_either_way(tmp_path: Path) -> None:
    """[O24]"""
    body = b'{"test": 2432232314}'
    known = Secret(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = known.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert Secret(RAW + b"\n").sign("a", 1, b"") == SECRET.sign("a", 1, b"")
    for bad in (b"", b"x" * 23, PREFIX + base64.b64encode(b"x" * 23), PREFIX + b"!" * 40):
        with pytest.raises(BadInput):
            Secret(bad)
    with pytest.raises(BadInput, match="webhook secret"):
        Secret.read(tmp_path / "none")
    (tmp_path / "cursors").write_text("[]")
    with pytest.raises(BadInput, match="delete it"):
        Cursors(tmp_path / "cursors")


async def test_they_are_settings_and_shown_by_the_api(tmp_path: Path) -> None:
    """[O26, O5]"""
    key, secret = tmp_path / "api.key", tmp_path / "hook.secret"
    key.write_text(BEARER["Authorization"].removeprefix("Bearer "))
    secret.write_bytes(RAW)
    authority = Authority(b"s" * 32, KEY)
    async with Endpoint(status(500), status(204)) as endpoint:
        chosen = Settings(data=tmp_path, api_key=key, webhook_url=(endpoint.url,))
        with pytest.raises(BadInput, match="webhook_secret"):
            application(MemoryStorage(), Catalog(), authority, chosen)
        chosen = Settings(
            data=tmp_path, api_key=key, webhook_url=(endpoint.url,), webhook_secret=secret
        )
        app = application(MemoryStorage(), Catalog(), authority, chosen)
        async with opened(app) as http:
            http.headers.update(BEARER)
            while not (tmp_path / "webhooks.json").exists():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await http.post("/api/calls", json={"id": "demo"})
            await becomes(lambda: len(endpoint.told) == 2)
            behind = 1
            while behind:
                await asyncio.sleep(0.01)
                found = (await http.get("/api/webhooks")).json()["webhooks"]
                behind = found[0]["behind"]
            assert found == [
                {"url": endpoint.url, "behind": 0, "delivered": 1, "failures": 1, "failing": 0,
                 "trouble": ""}
            ]  # fmt: skip


async def test_a_hub_that_is_killed_tells_all_of_it(tmp_path: Path) -> None:
    """[O25, O24] A real one, over and over."""
    key, api, secret = (tmp_path / name for name in ("key", "api", "secret"))
    key.write_bytes(b"0123456789abcdef" * 2)
    api.write_text(BEARER["Authorization"].removeprefix("Bearer "))
    secret.write_bytes(RAW)
    async with Endpoint(status(204), status(500), lose, status(204)) as endpoint:
        endpoint.answers = [*endpoint.answers[:3] * 4, status(204)]
        more = ("--api-key", str(api), "--webhook-url", endpoint.url,
                "--webhook-secret", str(secret))  # fmt: skip
        made = []
        for turn in range(3):
            hub = await asyncio.to_thread(HubProcess, tmp_path / "data", key=key, more=more)
            while not (tmp_path / "data" / "webhooks.json").exists():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            async with httpx.AsyncClient(base_url=hub.address, headers=BEARER) as http:
                for number in range(4):
                    made.append(f"t{turn}n{number}")
                    assert (await http.post("/api/calls", json={"id": made[-1]})).is_success
            await asyncio.to_thread(hub.kill)
        hub = await asyncio.to_thread(HubProcess, tmp_path / "data", key=key, more=more)
        async with httpx.AsyncClient(base_url=hub.address, headers=BEARER) as http:
            invites = f"/api/calls/{made[0]}/invites"
            link = (await http.post(invites, json={"wait": False})).json()["link"]
            async with join(link, name="Ada", rtc=False):
                pass
        await becomes(lambda: endpoint.told[-1]["type"].startswith("participant."))
        assert await asyncio.to_thread(hub.stop) == 0
        await asyncio.to_thread(hub.end)
    numbers = endpoint.numbers
    assert numbers == sorted(numbers)
    told = [said["data"]["call"] for said in endpoint.told if said["type"] == "call.created"]
    assert list(dict.fromkeys(told)) == made
    assert all(verified(headers, body) for headers, body in endpoint.requests)
    assert CallId(made[0]) in told
