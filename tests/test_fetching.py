"""What apps fetch by way of the hub: the rules, the addresses, and the log of it."""

import asyncio
import contextlib
import datetime
import json
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import callmesh
from callmesh.auditing import lines_of
from callmesh.counts import Counts
from callmesh.errors import (
    BadValue,
    CallmeshError,
    Denied,
    EndpointFailed,
    NoSuchCall,
    Restarting,
    StorageFailed,
    TooFast,
    TooLarge,
    Unreachable,
)  # fmt: skip
from callmesh.fetching import Fetching
from callmesh.ids import CallId, ParticipantId, PersonId
from callmesh.limits import Limits
from callmesh.messages import Fetch
from callmesh.outbound import BLOCK, EARLY, LOOKUPS, TURN, Outbound, _exchange, resolve
from callmesh.outside import Reply, check_host, check_wish, is_public, target_of
from callmesh.participant import Participant, Role
from tests.processes import HubProcess, hub_process

pytestmark = pytest.mark.anyio


def wish(url: str, method: str = "GET", body: bytes = b"", **headers: str) -> Fetch:
    said = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Fetch(1, "r1", method, url, said, body)


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "ftp://a.example/", "https://", "https:///x", "https://u:p@a.example/",
        "https://a.example@b.example/", "https://a.example\\@b.example/", "https://a b/",
        "https://a.example/ x", "https://a.example/\r\nx: y", "https://a.example:99999/",
        "https://[::1]/", "https://é.example/", "https://a.example/" + "x" * 5_000, "//a.example/",
        "https://-a.example/", "https://a.example.:443/", "https://a_b.example/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    """[A20]"""
    with pytest.raises(BadValue):
        target_of(url)


def test_an_address_is_taken_apart_once() -> None:
    """[A20] The log has it without the query."""
    target = target_of("https://API.example.org:8443?a=secret#part")
    assert (target.host, target.port, target.path) == ("api.example.org", 8443, "/?a=secret")
    assert target.shown == "https://api.example.org:8443/"


@pytest.mark.parametrize(
    ("host", "url", "fine"),
    [
        ("https://a.example", "https://a.example/x?y", True),
        ("https://a.example", "https://a.example:443/", True),
        ("https://a.example", "https://a.example:8443/", False),
        ("https://a.example", "https://b.a.example/", False),
        ("https://a.example", "http://a.example/", False),
        ("wss://a.example", "https://a.example/", False),
        ("https://*.a.example", "https://b.a.example/", True),
        ("https://*.a.example", "https://a.example/", False),
        ("https://*.a.example", "https://ba.example/", False),
        ("http://localhost:9", "http://localhost:9/", False),
    ],
)
def test_what_the_manifest_does_not_name_is_denied(host: str, url: str, fine: bool) -> None:
    """[A20]"""
    if fine:
        check_host("notes", [host], target_of(url), dev=False)
    else:
        with pytest.raises(Denied, match="A20"):
            check_host("notes", [host], target_of(url), dev=False)


def test_on_a_dev_hub_this_machine_may_be_asked_without_tls() -> None:
    """[A20]"""
    check_host("notes", ["http://localhost:9"], target_of("http://localhost:9/"), dev=True)
    with pytest.raises(Denied, match="https alone"):
        check_host("notes", ["https://a.example"], target_of("http://a.example/"), dev=True)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True), ("2606:2800:21f::1", True), ("64:ff9b::5db8:d70e", True),
        ("127.0.0.1", False), ("10.0.0.1", False), ("172.16.0.1", False), ("192.168.1.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False),
        ("224.0.0.1", False), ("255.255.255.255", False), ("::1", False), ("::", False),
        ("fe80::1%eth0", False), ("fd00::1", False), ("fec0::1", False), ("ff02::1", False),
        ("::ffff:127.0.0.1", False), ("::127.0.0.1", False), ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::1", False), ("2002:7f00:1::", False), ("2001:0:7f00:1::", False),
    ],
)  # fmt: skip
def test_what_is_no_address_of_the_public_network_is_known(address: str, public: bool) -> None:
    """[A20] Also where it hides in another one."""
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        (wish("https://a.example/", "TRACE"), BadValue),
        (wish("https://a.example/", "GET", b"x"), BadValue),
        (wish("https://a.example/", "POST", b"x" * 600_000), TooLarge),
        (wish("https://a.example/", x="a\r\nHost: b"), BadValue),
        (Fetch(1, "r1", "GET", "https://a.example/", [("a b", "c")], b""), BadValue),
        (wish("https://a.example/", Host="b.example"), BadValue),
        (wish("https://a.example/", Transfer_Encoding="chunked"), BadValue),
        (wish("https://a.example/", Proxy_Authorization="x"), BadValue),
        (wish("https://a.example/", x="y" * 9_000), TooLarge),
    ],
)
def test_what_is_no_request_is_refused(asked: Fetch, wrong: type[CallmeshError]) -> None:
    """[A20] The SDK and the hub check alike."""
    with pytest.raises(wrong):
        check_wish(asked)


OK_HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Endpoint:
    """A host that answers by its path, and counts."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.bodies: list[bytes] = []
        self.port = 0
        self.opened = 0
        self.slow = asyncio.Event()
        """Whether it is asked for what it does not answer to the end."""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heard.append(head)
            size = head.lower().partition("content-length: ")[2].partition("\r")[0]
            self.bodies.append(await reader.readexactly(int(size or 0)))
            path = head.split(" ")[1].partition("?")[0]
            writer.write(self.answer(path))
            await writer.drain()
            if path == "/slow":
                self.slow.set()
                await reader.read()  # until they give up
        writer.close()

    def answer(self, path: str) -> bytes:
        match path:
            case "/slow":
                return b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"
            case "/rubbish":
                return b"rubbish\r\n\r\n"
            case "/close":
                return b""
            case "/cut":
                return b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"
            case "/large":
                return b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + b"x" * 2_000
            case "/within":
                return b"HTTP/1.1 302 Found\r\nlocation: /ok?2\r\ncontent-length: 0\r\n\r\n"
            case "/out":
                return (
                    b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n"
                    b"content-length: 0\r\n\r\n"
                )
            case "/pieces":
                return CHUNKED + b"1\r\nx\r\n" * 2_000 + b"0\r\n\r\n"
            case "/padded":
                return CHUNKED + (b"1;" + b"x" * 1_000 + b"\r\nx\r\n") * 100 + b"0\r\n\r\n"
            case "/early":
                return b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1_000 + OK_HEAD
            case "/missing":
                return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
        return (
            b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\nX-Kind: json\r\n"
            b'transfer-encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n0\r\n\r\n'
        )


@contextlib.asynccontextmanager
async def endpoint(tls: ssl.SSLContext | None = None) -> AsyncIterator[Endpoint]:
    found = Endpoint()
    server = await asyncio.start_server(found.take, "127.0.0.1", 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


def make_app(folder: Path, *hosts: str, asks: bool = True) -> Path:
    app = folder / "reader"
    app.mkdir()
    manifest = {"id": "reader", "name": "Reader", "version": "1", "hosts": hosts}
    if asks:
        manifest["capabilities"] = ["fetch"]
    (app / "manifest.json").write_text(json.dumps(manifest))
    (app / "index.html").write_text("<!doctype html><title>Reader</title>")
    return app


async def test_what_came_of_it_stands_in_the_log(tmp_path: Path) -> None:
    """[A20, O1, O10] Answered, failed and unreachable are told apart, without bodies and queries.

    Each is counted, and what was refused too.
    """
    async with endpoint() as there:
        here, nobody = f"http://127.0.0.1:{there.port}", "http://127.0.0.1:1"
        app = make_app(tmp_path, here, nobody)
        limits = {"fetch_bytes": 1_024, "fetch_seconds": 1}
        with hub_process(tmp_path / "data", apps=(app,), limits=limits) as hub:
            async with callmesh.join(hub.call(), name="Ada") as ada:
                reader = await ada.resources.add("reader")
                reply = await reader.fetch(
                    f"{here}/ok?q=secret", method="post", headers={"X-A": "b"}, body=b"private"
                )
                assert (reply.status, reply.ok, reply.json()) == (200, True, {"a": 1})
                assert (reply.header("X-kind"), reply.header("set-cookie")) == ("json", None)
                assert there.heard[0].startswith("POST /ok?q=secret HTTP/1.1\r\n")
                assert "x-a: b" in there.heard[0].lower()
                assert there.bodies == [b"private"]
                assert (await reader.fetch(f"{here}/missing")).status == 404
                assert (await reader.fetch(f"{here}/within")).json() == {"a": 1}
                assert (await reader.fetch(f"{here}/out")).status == 302
                for path in ("slow", "rubbish", "close", "cut", "large"):
                    with pytest.raises(EndpointFailed):
                        await reader.fetch(f"{here}/{path}?q=secret")
                with pytest.raises(Unreachable):
                    await reader.fetch(f"{nobody}/?q=secret")
                seen = there.opened
                for url in (f"http://localhost:{there.port}/", "https://a.example/"):
                    with pytest.raises(Denied, match="A20"):
                        await reader.fetch(url)
                assert there.opened == seen
                numbers = await asyncio.to_thread(metrics_of, hub)
        outcomes = {"sent": 4, "failed": 5, "unreachable": 1, "refused": 2}
        for what, times in outcomes.items():
            assert f'callmesh_fetches_total{{result="{what}"}} {times}.0' in numbers
        lines = [line.event for line in lines_of(tmp_path / "data")]
    begun = [event for event in lines if event.what == "fetch.begun"]
    told = [event for event in lines if event.what.startswith("fetch.") and event not in begun]
    assert [event.detail["fetch"] for event in told] == [one.detail["fetch"] for one in begun]
    assert len({event.detail["fetch"] for event in told}) == 10
    order = ["sent"] * 4 + ["failed"] * 5 + ["unreachable"]
    assert [event.what.partition(".")[2] for event in told] == order
    assert [event.detail.get("status") for event in told[:4]] == ["200", "404", "200", "302"]
    assert {(event.by, event.name) for event in told} == {(told[0].person, "Ada")}
    first = told[0].detail
    assert first == {
        "app": "reader", "method": "POST", "resource": reader.id, "status": "200",
        "url": f"{here}/ok", "fetch": first["fetch"],
    }  # fmt: skip
    assert "secret" not in str(lines)
    assert "private" not in str(lines)


def metrics_of(hub: HubProcess) -> str:
    with urllib.request.urlopen(f"{hub.address}/metrics") as answer:
        return str(answer.read().decode())


def fetches_of(data: Path, *more: str) -> list[dict[str, Any]]:
    """What the audit log's reader says of them."""
    command = [sys.executable, "-m", "callmesh", "audit", "fetches", "--data", str(data), *more]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in ended.stdout.splitlines()]


async def test_what_a_killed_hub_had_under_way_is_in_the_log(tmp_path: Path) -> None:
    """[A20] That it was begun is on disk before anything is sent; what came of it is unknown."""
    data = tmp_path / "data"
    async with endpoint() as there:
        here = f"http://127.0.0.1:{there.port}"
        app = make_app(tmp_path, here)
        with hub_process(data, apps=(app,)) as hub:
            async with callmesh.join(hub.call(), name="Ada") as ada:
                reader = await ada.resources.add("reader")
                await reader.fetch(f"{here}/ok")
                slow = asyncio.create_task(reader.fetch(f"{here}/slow?q=secret", method="POST"))
                await there.slow.wait()
                running = await asyncio.to_thread(fetches_of, data)
                assert [one["outcome"] for one in running] == ["sent: 200", "under way"]
                hub.kill()
                with pytest.raises(CallmeshError):
                    await slow
        last = [line.event for line in lines_of(data)][-1]
        assert (last.what, last.detail["url"]) == ("fetch.begun", f"{here}/slow")
        said = fetches_of(data)
        assert said[1] == {
            "time": last.time, "call": "demo", "by": last.by, "name": "Ada", "app": "reader",
            "resource": reader.id, "method": "POST", "url": f"{here}/slow",
            "outcome": "unknown, the hub stopped",
        }  # fmt: skip
        with hub_process(data, apps=(app,)):
            assert fetches_of(data, "--call", "demo") == said, "another hub knows no better"
        assert fetches_of(data, "--call", "other") == []


async def test_who_may_not_gets_nothing_sent(tmp_path: Path) -> None:
    """[A8, A20] The app has to ask; who only looks reads; too often is too fast."""
    async with endpoint() as there:
        here = f"http://127.0.0.1:{there.port}"
        app = make_app(tmp_path, here)
        limits = {"fetches_per_minute": 3}
        with hub_process(tmp_path / "data", apps=(app,), limits=limits) as hub:
            async with (
                callmesh.join(hub.call(), name="Ada") as ada,
                callmesh.join(hub.call(), name="Eve", role="observer") as eve,
            ):
                reader = await ada.resources.add("reader")
                theirs = await eve.resources.get(reader.id)
                assert (await theirs.fetch(f"{here}/ok")).ok
                with pytest.raises(Denied, match="A20") as denied:
                    await theirs.fetch(f"{here}/ok", method="POST")
                assert denied.value.reason == "no_right"
                reader.set_access("observer", "hidden")
                await eve.until(lambda: reader.id not in eve.resources)
                with pytest.raises(Denied) as denied:
                    await theirs.fetch(f"{here}/ok")
                assert denied.value.reason == "no_resource"
                for _ in range(3):
                    assert (await reader.fetch(f"{here}/ok")).ok
                with pytest.raises(TooFast):
                    await reader.fetch(f"{here}/ok")
                poll = await ada.resources.add("poll")
                with pytest.raises(Denied, match='"fetch" to "capabilities"'):
                    await poll.fetch(f"{here}/ok")
                forged = Fetch(1, poll.id, "GET", f"{here}/ok", [], b"")
                with pytest.raises(Denied):  # round the SDK
                    await ada._away.fetch(forged)
                assert there.opened == 4


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server of that name, and of who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    file = folder / f"{name}.pem"
    file.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_the_address_that_was_judged_is_the_one_that_is_connected_to(tmp_path: Path) -> None:
    """[A20] A name that leads into the hub's own network is refused, unless the operator allows it,
    and the certificate is that of the name."""
    resolved: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        resolved.append(host)
        return ["127.0.0.1"]

    server, trust = certificate(tmp_path, "records.example")
    async with endpoint(server) as there:
        url = f"https://records.example:{there.port}"
        until = asyncio.get_running_loop().time() + 10
        target = target_of(f"{url}/ok")

        async def fetch(outbound: Outbound, host: str = "records.example") -> int:
            outbound._tls = trust
            other = target_of(target.origin.replace("records.example", host) + "/ok")
            return (await outbound.fetch("reader", other, wish(url), 1_024, until)).status

        with pytest.raises(Denied, match="fetch_private"):
            await fetch(Outbound(resolve=resolve, dev=True))
        assert there.opened == 0
        assert resolved == ["records.example"]
        assert await fetch(Outbound(resolve=resolve, private=[url])) == 200
        assert resolved == ["records.example"] * 2, "once each"
        other = url.replace("records", "others")
        with pytest.raises(Unreachable):
            await fetch(Outbound(resolve=resolve, private=[other]), "others.example")
        assert len(there.heard) == 1, "nothing was sent to who is not who the name says"


@pytest.mark.parametrize(
    ("path", "why"), [("pieces", "pieces"), ("padded", "far more"), ("early", "will answer")]
)
async def test_an_answer_in_crumbs_is_none(path: str, why: str) -> None:
    """[A20] Small chunks, chunks that are padded, and 1xx without end."""
    async with endpoint() as there:
        target = target_of(f"http://127.0.0.1:{there.port}/{path}")
        until = asyncio.get_running_loop().time() + 10
        with pytest.raises(EndpointFailed, match=why):
            await Outbound(dev=True).fetch("a", target, wish("x"), 4_000, until)


LONG_HEAD = b"HTTP/1.1 103 Early Hints\r\nlink: " + b"x" * 12_000 + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "most", "expected"),
    [
        (CHUNKED + b"1\r\nx\r\n" * 1_000 + b"0\r\n\r\n", 4_000, 1_000 // TURN),
        (LONG_HEAD * EARLY + OK_HEAD, 1_000_000, EARLY * 12_000 // BLOCK),
    ],
)
async def test_while_an_answer_comes_others_have_their_turn(
    sent: bytes, most: int, expected: int
) -> None:
    """[A20] However much of it is there already, and however small or long its parts are."""
    reader = asyncio.StreamReader()
    reader.feed_data(sent)

    class Writer:
        def write(self, _: bytes) -> None:
            pass

        async def drain(self) -> None:
            pass

    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    target = target_of("https://a.example/")
    await _exchange(reader, Writer(), target, wish("x"), most)  # type: ignore[arg-type]
    task.cancel()
    assert turns >= expected


async def test_names_that_are_slow_keep_only_their_own_app_waiting() -> None:
    """[A20] Also when nobody waits for them any more: the system goes on looking."""
    looked: list[str] = []
    slow = asyncio.Event()

    async def resolve(host: str, port: int) -> list[str]:
        looked.append(host)
        if host.startswith("slow"):
            await slow.wait()
        return []

    outbound = Outbound(resolve=resolve)
    now = asyncio.get_running_loop().time

    async def ask(app: str, host: str, seconds: float = 10) -> None:
        target = target_of(f"https://{host}/")
        with pytest.raises(Unreachable):
            await outbound.fetch(app, target, wish("x"), 4_000, now() + seconds)

    slow_ones = [f"slow{n}.example" for n in range(20)]
    await asyncio.gather(*[ask("one", host, 0.05) for host in slow_ones])
    assert looked == slow_ones[: LOOKUPS[0]]
    await ask("two", "quick.example")
    waiting = asyncio.create_task(ask("one", "quick.example"))
    await asyncio.sleep(0)
    slow.set()
    await waiting
    assert looked == [*slow_ones[: LOOKUPS[0]], "quick.example", "quick.example"]


async def test_the_system_looks_names_up_in_threads_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """[A20] So that nothing else of the hub waits for them."""
    gate = threading.Event()

    def getaddrinfo(host: str, *_: object, **__: object) -> list[Any]:
        if host == "slow":
            gate.wait(60)
        if host == "none":
            raise socket.gaierror("no such name")
        return [(0, 0, 0, "", ("192.0.2.1", 443))] * 2

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    slow = [asyncio.create_task(resolve("slow", 443)) for _ in range(100)]
    await asyncio.sleep(0)
    assert await asyncio.to_thread(lambda: 1) == 1
    assert await resolve("quick", 443) == ["192.0.2.1"]
    with pytest.raises(OSError, match="no such name"):
        await resolve("none", 443)
    gate.set()
    assert await asyncio.gather(*slow) == [["192.0.2.1"]] * 100


class Scene:
    """A participant, a hub whose disk may refuse, and a host that answers as it is told."""

    def __init__(self, *replies: Reply | CallmeshError) -> None:
        self.replies = list(replies)
        self.refuses: CallmeshError | None = None
        self.commits: CallmeshError | None = None
        """Why what was noted is not on disk."""
        self.noted: list[str] = []
        self.dev = False
        self.limits = Limits()
        self.counts = Counts()
        self.hosted = self.journal = self
        self.id = CallId("demo")
        self.me = Participant(ParticipantId("p1"), PersonId("u1"), "Ada", Role.GUEST, [], True)

    async def fetch(self, *_: object) -> Reply:
        reply = self.replies.pop(0)
        if isinstance(reply, CallmeshError):
            raise reply
        return reply

    def fetches(self, *_: object, **__: object) -> tuple[str, list[str]]:
        return "reader", ["https://a.example"]

    def check_takes(self) -> None:
        if self.refuses is not None:
            raise self.refuses

    @contextlib.asynccontextmanager
    async def changing(self, _: CallId) -> AsyncIterator["Scene"]:
        self.check_takes()
        yield self
        if self.commits is not None:
            raise self.commits

    def add(self, what: str, *_: object, **__: object) -> None:
        self.noted.append(what)

    def now(self) -> int:
        return 1_700_000_000_000_000

    async def ask(self) -> Reply:
        fetching = Fetching(self, self, self)  # type: ignore[arg-type]
        return await fetching._fetch(self, wish("https://a.example/"))  # type: ignore[arg-type]


OK = Reply(200, (), b"ok")
WITHIN = Reply(302, (("location", "/on"),), b"")


async def test_while_the_disk_refuses_nothing_is_sent() -> None:
    """[A20]"""
    scene = Scene(OK)
    scene.refuses = StorageFailed("the disk is full")
    with pytest.raises(StorageFailed):
        await scene.ask()
    assert [scene.replies, scene.noted] == [[OK], []]
    scene.refuses = None
    scene.commits = StorageFailed("it is full now")
    with pytest.raises(StorageFailed):
        await scene.ask()
    assert [scene.replies, scene.noted] == [[OK], ["fetch.begun"]]


@pytest.mark.parametrize("why", [StorageFailed("full"), Restarting("stops"), NoSuchCall("gone")])
async def test_what_was_sent_and_cannot_be_written_down_is_not_told_as_unsent(
    why: CallmeshError,
) -> None:
    """[A20] In between the disk refuses, the hub stops, or the call is deleted."""
    for reply in (OK, EndpointFailed("cut")):
        scene = Scene(reply)
        fetch = scene.fetch

        async def then_full(*all: object, scene: Scene = scene, fetch: Any = fetch) -> Any:
            scene.refuses = why
            return await fetch(*all)

        scene.fetch = then_full  # type: ignore[method-assign]
        with pytest.raises(EndpointFailed):
            await scene.ask()
        assert scene.noted == ["fetch.begun"]


@pytest.mark.parametrize("error", [Unreachable("gone"), Denied("no_right", "private")])
async def test_a_host_that_sends_on_to_nowhere_was_reached(error: CallmeshError) -> None:
    """[A20]"""
    scene = Scene(WITHIN, error)
    with pytest.raises(EndpointFailed, match="sent on"):
        await scene.ask()
    assert scene.noted == ["fetch.begun", "fetch.failed"]
    scene = Scene(error)
    with pytest.raises(type(error)):
        await scene.ask()
    assert scene.noted == ["fetch.begun", "fetch.unreachable"]


async def test_a_call_fetches_so_often_and_so_much_at_once() -> None:
    """[A20] Whoever it is."""
    scene = Scene(*[OK] * 100)
    fetching = Fetching(scene, scene, scene)  # type: ignore[arg-type]
    gate = asyncio.Event()
    answer = scene.fetch

    async def slow(*all: object) -> Reply:
        await gate.wait()
        return await answer(*all)

    scene.fetch = slow  # type: ignore[method-assign]
    asked = wish("https://a.example/")
    under_way = []
    for number in range(16):
        if number % 4 == 0:
            scene.me = msgspec.structs.replace(scene.me, person=PersonId(f"u{number}"))
        under_way.append(asyncio.create_task(fetching._fetch(scene, asked)))  # type: ignore[arg-type]
        await asyncio.sleep(0)
    scene.me = msgspec.structs.replace(scene.me, person=PersonId("u99"))
    with pytest.raises(TooFast):
        await fetching._fetch(scene, asked)  # type: ignore[arg-type]
    gate.set()
    assert await asyncio.gather(*under_way) == [OK] * 16
    assert await fetching._fetch(scene, asked) == OK  # type: ignore[arg-type]
    assert scene.counts.fetches == {"sent": 17, "refused": 1}
