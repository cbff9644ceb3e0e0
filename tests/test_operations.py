"""What an operator's tools are told: `/healthz`, `/readyz`, `/metrics`."""

import asyncio
import threading
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

import callmesh
from callmesh import operations
from callmesh.audit import Event
from callmesh.auth import Authority
from callmesh.catalog import Catalog
from callmesh.counts import Commits, Histogram
from callmesh.errors import StorageFailed
from callmesh.hub import application
from callmesh.ids import CallId
from callmesh.ledger import Delta
from callmesh.metrics import Metrics
from callmesh.settings import Settings
from callmesh.storage.memory import MemoryStorage
from callmesh.testing import MemoryHub
from callmesh.tokens import Key
from tests.processes import hub_process

pytestmark = pytest.mark.anyio


class MoodyStorage(MemoryStorage):
    """Its disk is full, or hangs, when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = 0

    def commit(
        self,
        deltas: Mapping[CallId, Delta],
        events: Sequence[Event] = (),
        gone: Collection[CallId] = (),
    ) -> None:
        self.asked += 1
        self.may_answer.wait()
        if self.full:
            raise StorageFailed("changes cannot be saved: the disk is full")
        super().commit(deltas, events, gone)


def made(storage: MemoryStorage | None = None, **settings: object) -> Starlette:
    return application(
        storage or MemoryStorage(),
        Catalog(),
        Authority(b"s" * 32, Key(b"0123456789abcdef" * 2)),
        Settings(**settings),  # type: ignore[arg-type]
    )


@asynccontextmanager
async def client(app: Starlette, *, at: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=(at, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8484") as found:
        yield found


async def test_a_hub_is_ready_when_it_can_load_and_save(monkeypatch: pytest.MonkeyPatch) -> None:
    """[O9]"""
    monkeypatch.setattr(operations, "FRESH", 0.0)
    storage = MoodyStorage()
    app = made(storage)
    async with client(app) as http:
        starting = await http.get("/readyz")
        assert (starting.status_code, (await http.get("/healthz")).text) == (503, "ok\n")
        assert starting.text == "the hub is starting, or going down\n"
        async with app.router.lifespan_context(app):
            assert (await http.get("/readyz")).status_code == 200
            storage.full = True
            full = await http.get("/readyz")
            assert full.text == "changes cannot be saved: the disk is full\n"
            storage.full = False
            await becomes_ready(http)  # a commit of the hub's own may have failed meanwhile

            monkeypatch.setattr(operations, "PATIENCE", 0.05)
            before = storage.asked
            storage.may_answer.clear()
            answers = await asyncio.gather(*(http.get("/readyz") for _ in range(20)))
            assert {a.status_code for a in answers} == {503}
            assert answers[0].text == "the disk does not answer\n"
            assert storage.asked == before + 1, "those who ask do not fill its queue"
            storage.may_answer.set()
            await becomes_ready(http)


async def becomes_ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(10):
        while (await http.get("/readyz")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_commit_that_failed_is_told_until_one_has_not() -> None:
    """[O9, O10, L7]"""
    storage = MoodyStorage()
    async with MemoryHub(storage=storage) as hub, hub.join("Ada") as ada:
        poll = await ada.resources.add("poll", state={"question": "?"})
        await poll.state.saved()
        await hub.live.check()
        storage.full = True
        poll.state["question"] = "!"
        async with asyncio.timeout(10):
            while not hub.live.read_only:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        storage.full = False
        with pytest.raises(StorageFailed, match="full"):
            await hub.live.check()
        numbers = read(hub)
        assert numbers["callmesh_commit_failures_total"] == 1
        assert numbers["callmesh_unsaved_entries"] == 1
        assert numbers["callmesh_unsaved_age_seconds"] > 0
        assert numbers["callmesh_read_only"] == 1
        await poll.state.saved()
        await hub.live.check()
        assert read(hub)["callmesh_unsaved_entries"] == 0
        assert read(hub)["callmesh_unsaved_age_seconds"] < 0.5


def read(hub: MemoryHub) -> dict[str, float]:
    """Every number by its name, with the values of its labels behind."""
    found = {}
    for family in text_string_to_metric_families(Metrics(hub.live).text().decode()):
        for sample in family.samples:
            labels = "".join(f" {value}" for value in sample.labels.values())
            found[sample.name + labels] = sample.value
    return found


async def test_the_numbers_are_those_of_the_hub() -> None:
    """[O10]"""
    async with MemoryHub() as hub:
        async with hub.join("Ada") as ada, hub.join("Olga", role="observer") as olga:
            vitals = await ada.resources.add("vitals", state={"source": "?"})
            await vitals.state.saved()
            seen = await olga.resources.get(vitals.id)
            seen.state["source"] = "mine"
            with pytest.raises(callmesh.Denied):
                await seen.state.saved()
            heard = seen.stream("pen")
            await vitals.stream("pen").send(b"x" * 1000)
            await anext(aiter(heard))
            del vitals.state["source"]
            await vitals.state.saved()
            numbers = read(hub)
            text = Metrics(hub.live).text().decode()
            secrets = ["Ada", "Olga", "demo", vitals.id, ada.me.id, ada.me.person, olga.me.id]
            assert [secret for secret in secrets if secret in text] == []
            with pytest.raises(callmesh.CallmeshError):
                await hub.join(" \n").__aenter__()
        after = read(hub)
    assert numbers["callmesh_calls"] == 1
    assert numbers["callmesh_links"] == 2
    assert numbers["callmesh_participants host"] == numbers["callmesh_participants observer"] == 1
    assert numbers["callmesh_participants guest"] == 0
    assert numbers["callmesh_joins_total host"] == 1
    assert numbers["callmesh_writes_accepted_total"] == 2
    assert numbers["callmesh_writes_denied_total no_right"] == 1
    assert numbers["callmesh_tombstones"] >= 1
    assert numbers["callmesh_waiting"] == 0
    assert numbers["callmesh_relayed_bytes_total"] == 1000
    assert numbers["callmesh_bundles_sent_total"] >= 4
    assert numbers["callmesh_sent_bytes_total"] > 1000
    assert numbers["callmesh_commit_seconds_count"] >= 2
    assert numbers["callmesh_unsaved_entries"] == 0
    assert numbers["process_start_time_seconds"] > 0
    assert after["callmesh_refusals_total bad_name"] == 1
    assert after["callmesh_sessions_ended_total closed"] == 2
    assert after["callmesh_links"] == after["callmesh_participants host"] == 0


def test_what_waits_for_the_disk_has_an_age() -> None:
    """[O10]"""
    commits = Commits()
    assert commits.age(10) == 0
    commits.wanted(1)
    commits.wanted(2)
    assert commits.age(3) == 2
    commits.begins(3)
    commits.wanted(4)
    assert commits.age(5) == 4, "what is under way is not saved yet"
    commits.failed()
    assert (commits.age(6), commits.failures) == (5, 1)
    commits.begins(6)
    commits.wanted(6.5)
    commits.done(7)
    assert (commits.age(7), commits.took.total) == (0.5, 1)
    commits.nothing()
    assert commits.age(9) == 0
    histogram = Histogram()
    for seconds in (0, 0.001, 0.002, 60):
        histogram.observe(seconds)
    assert (histogram.buckets[0], histogram.buckets[1], histogram.buckets[-1]) == (2, 1, 1)


LOCAL = "on the hub's own machine"


async def test_who_may_read_the_numbers() -> None:
    """[O11]"""
    everyone, off = made(metrics="everyone"), made(metrics="off")
    for app, at, headers, refused in (
        (made(), "127.0.0.1", {}, ""),
        (made(), "::1", {"Host": "localhost"}, ""),
        (made(), "192.0.2.1", {}, LOCAL),
        (made(), "127.0.0.1", {"X-Forwarded-Proto": "https"}, LOCAL),
        (made(), "127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, LOCAL),
        (made(), "127.0.0.1", {"Via": "1.1 proxy"}, LOCAL),
        (made(), "127.0.0.1", {"Sec-Fetch-Site": "cross-site"}, "pages do not"),
        (made(), "127.0.0.1", {"Sec-Fetch-Site": "same-origin"}, "pages do not"),
        (made(), "127.0.0.1", {"Origin": "null"}, "pages do not"),
        (everyone, "192.0.2.1", {"X-Forwarded-Proto": "https"}, ""),
        (everyone, "192.0.2.1", {"Origin": "https://evil.example"}, "pages do not"),
        (off, "127.0.0.1", {}, "metrics are off"),
    ):
        async with client(app, at=at) as http:
            answer = await http.get("/metrics", headers=headers)
        assert answer.status_code == (403 if refused else 200), (at, headers)
        assert (refused or "callmesh_calls 0.0") in answer.text
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


async def test_a_name_that_was_made_to_point_here_reads_nothing() -> None:
    """[O11] On a hub with a key, which answers to every name."""
    assert await _asked("calls.example.org") == 403
    assert await _asked("127.0.0.1:8484") == 200


async def _asked(name: str) -> int:
    authority = Authority(b"s" * 32, Key(b"0123456789abcdef" * 2))
    app = application(MemoryStorage(), Catalog(), authority)
    async with client(app) as http:
        return (await http.get("/metrics", headers={"Host": name})).status_code


async def test_a_real_hub_is_ready_and_counts(tmp_path: Path) -> None:
    """[O9, O10]"""
    with hub_process(tmp_path) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada", rtc=False),
            httpx.AsyncClient(base_url=hub.address) as http,
        ):
            assert (await http.get("/readyz")).text == "ready\n"
            answer = await http.get("/metrics")
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
            assert 'callmesh_joins_total{role="host"} 1.0' in answer.text
