"""Coming back as the same participant: proofs that change with every welcome."""

import asyncio
import contextlib

import pytest

from callmesh import messages
from callmesh.errors import Broken, CallmeshError, Unauthorized
from callmesh.ids import RECORD, CallId, ParticipantId
from callmesh.ledger import Delta
from callmesh.messages import Hello, Leave, Ping, Welcome
from callmesh.storage.memory import MemoryStorage
from callmesh.testing import ADDRESS, MemoryHub
from callmesh.visits import LONGEST, MAX_VISITS, RETURN

pytestmark = pytest.mark.anyio
START = 1_700_000_000_000_000


class Clock:
    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = START
        self.set_by = 0
        """How much of its way somebody has set it, and it has not gone."""
        for module in ("live", "links"):
            patch.setattr(f"callmesh.{module}.clock", lambda: self.now)
        patch.setattr("callmesh.live.ahead", lambda: self.set_by)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Visitor:
    """A participant by hand: says hello, and what it is told to."""

    def __init__(self, hub: MemoryHub, resume: str | None = None) -> None:
        self.hub = hub
        self.resume = resume

    async def come(self, *, heard: bool = True) -> Welcome:
        """Join. `heard`: send a word afterwards, and wait for its answer."""
        self.link = await self.hub.open_link(f"{ADDRESS}/socket")
        hello = Hello(1, "demo", "Ada", role="guest", resume=self.resume)
        await self.link.send(messages.bundle([messages.encode(hello)]))
        first = messages.unbundle(await self.link.receive())[0]
        if isinstance(first, messages.Error):
            raise Unauthorized(first.message)
        assert isinstance(first, Welcome)
        if heard:
            await self.say(Ping(1))
            while not isinstance(messages.unbundle(await self.link.receive())[0], messages.Pong):
                pass
        return first

    async def say(self, message: messages.Message) -> None:
        await self.link.send(messages.bundle([messages.encode(message)]))

    async def ended(self) -> None:
        """Until the hub has closed the link."""
        with contextlib.suppress(CallmeshError):
            while True:
                await self.link.receive()


async def cut(visitor: Visitor) -> None:
    """The link breaks, and the hub has noticed."""
    await visitor.hub.links[-1].cut()
    member = next(iter(visitor.hub.live._calls[CallId("demo")].hosted.people.members.values()))
    for _ in range(100):
        if member.session is None:
            return
        with contextlib.suppress(Broken):
            await visitor.hub.links[-1].receive()
        await asyncio.sleep(0)
    raise AssertionError("the hub has not noticed")


async def test_every_welcome_gives_another_proof_and_ends_the_one_before(clock: Clock) -> None:
    """[J2]"""
    async with MemoryHub() as hub:
        ada = Visitor(hub)
        first = await ada.come()
        await cut(ada)
        ada.resume = first.resume
        second = await ada.come()
        assert second.participant == first.participant
        assert second.role == "guest"
        assert second.resume != first.resume
        thief = Visitor(hub, first.resume)
        with pytest.raises(Unauthorized, match="used before"):
            await thief.come()
        ada.resume = second.resume
        assert (await ada.come()).participant == first.participant


async def test_a_welcome_that_was_lost_costs_nothing(clock: Clock) -> None:
    """[J2] Until a word comes over the new link, the proof before it counts too."""
    async with MemoryHub() as hub:
        ada = Visitor(hub)
        first = await ada.come()
        for _ in range(3):
            await cut(ada)
            ada.resume = first.resume
            lost = await ada.come(heard=False)
            assert lost.participant == first.participant
        await cut(ada)
        ada.resume = lost.resume
        assert (await ada.come()).participant == first.participant


async def test_ten_minutes_and_not_longer(clock: Clock) -> None:
    """[J2] From when the link was lost, not from when it was made."""
    async with MemoryHub() as hub:
        ada = Visitor(hub)
        first = second = await ada.come()
        for away, same in ((RETURN, True), (RETURN + 1, False)):
            clock.now += 20_000_000
            await ada.say(Ping(2))
            await cut(ada)
            clock.now += away
            hub.live._tidy()
            ada.resume = first.resume if same else second.resume
            second = await ada.come()
            assert (second.participant == first.participant) is same


@pytest.mark.parametrize("by", [-40 * 365 * 86_400, -3_600, -50, 50, 3_600, 40 * 365 * 86_400])
async def test_a_clock_that_is_set_throws_nobody_out_and_keeps_nobody(
    clock: Clock, by: int
) -> None:
    """[P3] Who is away keeps what is left to them."""

    def passes(seconds: int) -> None:
        clock.now += seconds * 1_000_000
        hub.live._tidy()

    async def away(welcome: Welcome) -> None:
        """Their link breaks, and the hub has noticed."""
        await hub.links[-1].cut()
        await bob.until(lambda: not bob.participants[ParticipantId(welcome.participant)].here)

    async with MemoryHub() as hub, hub.join("Bob", role="host") as bob:
        ada, cy = Visitor(hub), Visitor(hub)
        first = await cy.come()
        await away(first)
        passes(100)
        welcome = await ada.come()
        id = ParticipantId(welcome.participant)
        await away(welcome)
        passes(30)
        clock.now += by * 1_000_000
        clock.set_by += by * 1_000_000
        passes(0)
        members = hub.live._calls[CallId("demo")].hosted.people.members
        assert id in members
        passes(10)
        assert id in members
        passes(40)
        assert id not in members
        assert bob.me.id in members
        for visitor, said in ((ada, welcome), (cy, first)):
            visitor.resume = said.resume
            again = await visitor.come()
            assert again.participant == said.participant
            visitor.resume = again.resume
            await away(again)
        passes(50)
        passes(700)
        for visitor, said in ((ada, welcome), (cy, first)):
            assert (await visitor.come()).participant != said.participant


async def test_who_left_does_not_come_back(clock: Clock) -> None:
    """[J2]"""
    async with MemoryHub() as hub:
        ada = Visitor(hub)
        first = await ada.come()
        await ada.say(Leave())
        await ada.ended()
        ada.resume = first.resume
        assert (await ada.come()).participant != first.participant


@pytest.mark.parametrize(("away", "same"), [(RETURN, True), (LONGEST, True), (LONGEST + 1, False)])
async def test_a_hub_that_was_started_again_knows_who_was_here(
    clock: Clock, away: int, same: bool
) -> None:
    """[J2] Also what it had not saved when it died: the record says only which proofs are old."""
    storage = MemoryStorage()
    async with MemoryHub(storage=storage) as hub:
        ada = Visitor(hub)
        first = await ada.come()
        await hub.live._saving.commit()
        kept = storage.load(CallId("demo"))
        assert kept is not None
        killed = MemoryStorage()
        killed.commit({CallId("demo"): Delta(kept.records, [], 0, kept.reserved)})
        await cut(ada)
        second = Visitor(hub, first.resume)
        told = await second.come()  # not saved any more
    clock.now += away
    async with MemoryHub(storage=killed) as hub:
        back = Visitor(hub, told.resume)
        assert ((await back.come()).participant == first.participant) is same


async def test_the_record_is_shown_to_nobody_and_is_bounded(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[J2]"""
    monkeypatch.setattr("callmesh.visits.MAX_VISITS", 3)
    assert MAX_VISITS == 1_000
    async with MemoryHub() as hub, hub.join("Bob", role="host") as bob:
        hosted = hub.live._calls[CallId("demo")].hosted
        for _ in range(5):
            ada = Visitor(hub)
            welcome = await ada.come()
            await hub.links[-1].cut()
            await bob.until(lambda id=welcome.participant: not bob.participants[id].here)  # type: ignore[misc]
            clock.now += 50_000_000
            hub.live._tidy()
        record = [entry.key for entry in hosted.ledger.state(RECORD).live()]
        visits = [key for key in record if key.startswith("visit/")]
        assert len(visits) == 4, "three who are away, and Bob"
        assert f"visit/{bob.me.id}" in visits
        assert f"visit/{ParticipantId(welcome.participant)}" in visits
        assert list(bob._replica.mesh.keys(RECORD)) == []
