"""Who is let in, who waits, who is kept out, and what hosts command about them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import callmesh
from callmesh import messages
from callmesh.client import Call
from callmesh.door import KNOWN, MAX_KEPT_OUT, MAX_LEFT, Grant
from callmesh.ending import STALLED
from callmesh.errors import (
    CallmeshError,
    CallOver,
    Declined,
    Denied,
    Removed,
    TooFast,
    Unauthorized,
)  # fmt: skip
from callmesh.hosting import Waiting
from callmesh.ids import APPS, CALL, CallId, PersonId
from callmesh.limits import Limits
from callmesh.livecall import LiveCall
from callmesh.messages import Command, Hello
from callmesh.ports import Link
from callmesh.storage.memory import MemoryStorage
from callmesh.testing import ADDRESS, MemoryHub
from callmesh.tokens import Claims, Key
from callmesh.values import decode
from callmesh.visits import RETURN
from tests.test_visits import Clock

pytestmark = pytest.mark.anyio
KEY = Key(b"0123456789abcdef" * 2)
SECOND = 1_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def link(clock: Clock, role: str, sub: str, **said: Any) -> str:
    """An address with a token that was issued now."""
    now = clock.now / SECOND
    claims = Claims("demo", role, sub, now, now + 1_000_000, name=sub.title(), **said)  # type: ignore[arg-type]
    return f"{ADDRESS}#token={KEY.sign(claims)}"


@contextlib.asynccontextmanager
async def keyed(**options: Any) -> AsyncIterator[MemoryHub]:
    async with MemoryHub(key=KEY, **options) as hub:
        yield hub


class Guest:
    """Somebody who asks to be let in, as a task of its own."""

    def __init__(self, hub: MemoryHub, url: str, **options: Any) -> None:
        self.told: list[messages.Waiting] = []
        self._heard = asyncio.Event()
        self.call: asyncio.Future[Call] = asyncio.get_running_loop().create_future()
        self._go = asyncio.Event()
        self._hub, self._url, self._options = hub, url, options
        self.task = asyncio.create_task(self._come())

    async def _come(self) -> None:
        try:
            async with self._hub.join(
                "Guest", url=self._url, on_waiting=self._hear, **self._options
            ) as call:
                self.call.set_result(call)
                await self._go.wait()
        except CallmeshError as error:
            if not self.call.done():
                self.call.set_exception(error)

    def _hear(self, waiting: messages.Waiting) -> None:
        self.told.append(waiting)
        self._heard.set()

    async def waits(self, *, held: bool = False) -> messages.Waiting:
        """Until they are told to."""
        return await self.until(lambda told: told.held is held)

    async def until(self, true: Callable[[messages.Waiting], bool]) -> messages.Waiting:
        """Until something is true of what they were told last."""
        async with asyncio.timeout(5):
            while not self.told or not true(self.told[-1]):
                self._heard.clear()
                await self._heard.wait()
        return self.told[-1]

    async def inside(self) -> Call:
        async with asyncio.timeout(5):
            return await asyncio.shield(self.call)

    async def go(self) -> None:
        self._go.set()
        await self.task


async def seen(host: Call, true: Callable[[list[Waiting]], bool]) -> list[Waiting]:
    """Who waits, as the host sees it, once that is `true`."""
    await host.until(lambda: true(host.hosting.waiting))
    return host.hosting.waiting


async def ends(call: Call) -> CallmeshError:
    """What the call ends with for somebody."""
    try:
        await call.until(lambda: False, timeout=5)
    except CallmeshError as error:
        return error
    raise AssertionError


def live(hub: MemoryHub) -> LiveCall:
    return hub.live._calls[CallId("demo")]


# --- waiting


async def test_a_guest_waits_until_a_host_lets_them_in(clock: Clock) -> None:
    """[J18, J19]"""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        await ada.resources.add("poll", title="hush-hush")
        guest = Guest(hub, link(clock, "guest", "bob"))
        waiting = await seen(ada, lambda found: len(found) == 1)
        assert (waiting[0].name, waiting[0].role, waiting[0].held) == ("Bob", "guest", False)
        assert set(ada.participants) == {ada.me.id}
        assert not guest.call.done()
        await ada.hosting.hold(waiting[0].person, "Ten minutes,\n please.")
        assert (await guest.waits(held=True)).words == "Ten minutes, please."
        assert (await seen(ada, lambda found: found[0].held))[0].words == "Ten minutes, please."
        await ada.hosting.admit(waiting[0].person)
        bob = await guest.inside()
        assert [resource.title for resource in bob.resources.values()] == ["hush-hush"]
        assert bob.me.person == waiting[0].person
        await seen(ada, lambda found: not found)
        assert bob.hosting.waiting == []
        await guest.go()


async def test_who_waits_is_shown_what_is_there_for_them_and_nothing_of_it(clock: Clock) -> None:
    """[J27] Its record and its rules, without capabilities; anew when a host decides otherwise."""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        await ada.resources.add("vitals", title="hush-hush")
        intake = await ada.resources.add("vitals", title="Intake")
        intake.state["source"] = "hush-hush"
        await ada.state.saved()
        guest = Guest(hub, link(clock, "guest", "bob"))
        assert (await guest.waits()).groups == []

        intake.set_access("waiting", "edit")
        told = await guest.until(lambda told: told.groups != [])
        assert b"hush-hush" not in messages.encode(told)
        entries = {(group.state, e.key): e.value for group in told.groups for e in group.entries}
        access = (CALL, f"access/{intake.id}/guest")
        assert entries.keys() == {(CALL, f"resource/{intake.id}"), access, (APPS, "vitals")}
        assert decode(entries[access]) == "edit"
        assert decode(entries[APPS, "vitals"])["capabilities"] == []
        assert told.role == "guest"

        intake.set_access("waiting", "hidden")
        await guest.until(lambda told: told.groups == [])
        await ada.hosting.admit()
        bob = await guest.inside()
        assert bob.resources[intake.id].access == "edit", "it says nothing of who is in"
        await guest.go()


async def test_who_waits_gets_not_one_byte_of_the_call(clock: Clock) -> None:
    """[J18] Nor may they send anything but that they are there."""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        token = link(clock, "guest", "bob").partition("=")[2]
        near = await hub.open_link(f"{ADDRESS}/socket")
        hello = Hello(1, "demo", "Bob", token=token, cursor=2**24 + 1)
        await near.send(messages.bundle([messages.encode(hello)]))
        (waiting,) = messages.unbundle(await near.receive())
        assert isinstance(waiting, messages.Waiting)
        for number in range(5):
            ada.state[f"title/{number}"] = "hush-hush"
            await ada.state.saved()
            await near.send(messages.bundle([messages.encode(messages.Ping(number))]))
            assert [type(m) for m in messages.unbundle(await near.receive())] == [messages.Pong]
        write = messages.encode(messages.Write([]))
        await near.send(messages.bundle([write]))
        (error,) = messages.unbundle(await near.receive())
        assert isinstance(error, messages.Error)
        assert error.code == "bad_message"
        await seen(ada, lambda found: not found)


async def test_a_link_that_breaks_while_one_waits_knocks_again_as_the_same_person() -> None:
    """[J18, J3] Also on a hub that knows people by its own proof alone."""
    async with MemoryHub(waiting_area=True) as hub, hub.join("Ada") as ada:
        guest = Guest(hub, ADDRESS, role="guest")
        (first,) = await seen(ada, lambda found: len(found) == 1)
        await hub.links[-1].cut()
        await seen(ada, lambda found: bool(found) and found[0].id != first.id)
        (again,) = ada.hosting.waiting
        assert again.person == first.person
        await ada.hosting.admit(first.person)
        await guest.inside()
        await guest.go()


async def test_all_at_once_and_one_who_is_declined(clock: Clock) -> None:
    """[J19]"""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        eve = Guest(hub, link(clock, "guest", "eve"))
        (waiting,) = await seen(ada, lambda found: len(found) == 1)
        await ada.hosting.decline(waiting.person)
        with pytest.raises(Declined):
            await eve.inside()
        guests = [Guest(hub, link(clock, "observer", name)) for name in ("bob", "cy", "eve")]
        await seen(ada, lambda found: len(found) == 3)
        await ada.hosting.admit()
        assert {(await guest.inside()).me.name for guest in guests} == {"Bob", "Cy", "Eve"}
        for guest in guests:
            await guest.go()
        with pytest.raises(Denied, match="does not wait"):
            await ada.hosting.admit(waiting.person)


async def test_only_hosts_see_who_waits(clock: Clock) -> None:
    """[J19] From the moment on that they are one, and no longer."""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        bob = Guest(hub, link(clock, "guest", "bob", wait=False))
        inside = await bob.inside()
        waiting = [Guest(hub, link(clock, "guest", name)) for name in ("cy", "dee")]
        await seen(ada, lambda found: len(found) == 2)
        assert inside.hosting.waiting == []
        await ada.hosting.set_role(inside.me.person, "host")
        await seen(inside, lambda found: len(found) == 2)
        await ada.hosting.set_role(inside.me.person, None)
        await seen(inside, lambda found: not found)
        assert dict(inside.hosting.noted) == {}
        for guest in waiting:
            guest.task.cancel()
        await asyncio.gather(*(guest.task for guest in waiting), return_exceptions=True)
        await seen(ada, lambda found: not found)
        await bob.go()


async def test_who_was_admitted_waits_again_after_ten_minutes(clock: Clock) -> None:
    """[J19] A reload is no new visit; next week is, and so it is after the hub was gone."""
    storage = MemoryStorage()
    bob = link(clock, "guest", "bob")
    async with keyed(storage=storage) as hub:  # noqa: SIM117
        async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
            guest = Guest(hub, bob)
            await seen(ada, lambda found: len(found) == 1)
            await ada.hosting.admit()
            await guest.inside()
            await guest.go()
            clock.now += RETURN
            hub.live._tidy()
            guest = Guest(hub, bob)
            await guest.inside()
            assert guest.told == []
            await guest.go()
            clock.now += RETURN + 1
            hub.live._tidy()
            guest = Guest(hub, bob)
            await seen(ada, lambda found: len(found) == 1)
            await ada.hosting.admit()
            await guest.inside()
            await guest.go()
    async with keyed(storage=storage) as hub:
        guest = Guest(hub, bob)
        await guest.inside()
        await guest.go()
    clock.now += 2 * RETURN
    async with keyed(storage=storage) as hub, hub.join("A", url=link(clock, "host", "ada")) as ada:
        hub.live._tidy()
        guest = Guest(hub, bob)
        await seen(ada, lambda found: len(found) == 1)
        guest.task.cancel()
        await asyncio.gather(guest.task, return_exceptions=True)


async def test_hosts_switch_the_waiting_area(clock: Clock) -> None:
    """[J18] Off lets in who waits."""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        bob = Guest(hub, link(clock, "guest", "bob"))
        await seen(ada, lambda found: len(found) == 1)
        assert ada.hosting.waiting_area
        await ada.hosting.set_waiting_area(False)
        await bob.inside()
        await ada.until(lambda: not ada.hosting.waiting_area)
        cy = Guest(hub, link(clock, "guest", "cy"))
        await cy.inside()
        await bob.go()
        await cy.go()
    async with MemoryHub() as hub, hub.join("Ada") as ada:
        assert not ada.hosting.waiting_area
        async with hub.join("Bob", role="guest") as bob_:
            with pytest.raises(Denied, match="only a host"):
                await bob_.hosting.set_waiting_area(True)
        await ada.hosting.set_waiting_area(True)
        cy = Guest(hub, ADDRESS, role="guest")
        await seen(ada, lambda found: len(found) == 1)
        await ada.hosting.admit()
        await cy.inside()
        await cy.go()


async def test_while_a_call_is_locked_nobody_new_comes_in(clock: Clock) -> None:
    """[J29] Whoever is there stays, and comes back; who waits is told, and comes in afterwards."""
    storage = MemoryStorage()
    async with keyed(storage=storage) as hub, hub.join("A", url=link(clock, "host", "ada")) as ada:
        bob = Guest(hub, link(clock, "guest", "bob", wait=False))
        inside = await bob.inside()
        await ada.hosting.lock()
        await inside.until(lambda: inside.hosting.locked)
        cy, dee = (Guest(hub, link(clock, "guest", name, wait=False)) for name in ("cy", "dee"))
        assert (await cy.waits()).locked
        await seen(ada, lambda found: len(found) == 2)
        (waiting,) = [it for it in ada.hosting.waiting if it.name == "Dee"]
        await ada.hosting.admit(waiting.person)
        await (await dee.inside()).until(lambda: True)
        await bob.go()
        bob = Guest(hub, link(clock, "guest", "bob"))  # a reload
        inside = await bob.inside()
        await hub.links[-1].cut()
        await ada.hosting.set_role(inside.me.person, "guest")
        async with hub.join("E", url=link(clock, "host", "eve")) as eve:
            assert eve.hosting.locked
        with pytest.raises(Denied, match="only a host"):
            await inside.hosting.lock(False)
        await ada.hosting.lock(False)
        await cy.inside()
        await ada.hosting.lock()
        await ada.state.saved()
        for guest in (bob, cy, dee):
            await guest.go()
    async with keyed(storage=storage) as hub, hub.join("A", url=link(clock, "host", "ada")) as ada:
        assert ada.hosting.locked
        fay = Guest(hub, link(clock, "guest", "fay"))
        assert (await fay.waits()).locked
        await ada.hosting.lock(False)
        await fay.until(lambda told: not told.locked)  # and now waits for a host's word
        await ada.hosting.admit()
        await fay.inside()
        await fay.go()


async def test_a_locked_call_keeps_out_guests_where_there_is_no_waiting_area() -> None:
    """[J29, J27]"""
    async with MemoryHub() as hub, hub.join("Ada") as ada:
        await ada.hosting.lock()
        bob = Guest(hub, ADDRESS, role="guest")
        assert (await bob.waits()).locked
        await ada.hosting.hold(words="Soon.")
        assert (await bob.waits(held=True)).words == "Soon."
        await ada.hosting.lock(False)
        await bob.inside()
        await bob.go()


async def test_the_waiting_area_is_bounded(clock: Clock) -> None:
    """[J19, O6]"""
    assert Limits().waiting == 50
    async with (
        keyed(limits=Limits(waiting=2)) as hub,
        hub.join("Ada", url=link(clock, "host", "ada")) as ada,
    ):
        waiting = [Guest(hub, link(clock, "guest", name)) for name in ("bob", "cy")]
        await seen(ada, lambda found: len(found) == 2)
        with pytest.raises(TooFast):
            await Guest(hub, link(clock, "guest", "dee")).inside()
        await ada.hosting.admit()
        for guest in waiting:
            await guest.inside()
            await guest.go()


async def test_one_person_takes_nobody_elses_place(clock: Clock) -> None:
    """[J25] Neither in the call, nor in the waiting area, nor that of who has lost their link."""
    limits = Limits(participants=4, waiting=4, tabs=3)
    async with keyed(limits=limits) as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        eve = link(clock, "guest", "eve", wait=False)
        tabs = [Guest(hub, eve) for _ in range(2)]
        for tab in tabs:
            await tab.inside()
        bob = Guest(hub, link(clock, "guest", "bob", wait=False))
        inside = await bob.inside()

        async def refuse(url: str) -> Any:
            raise callmesh.Broken("no way to the hub")

        inside._connection._open_link = refuse
        await hub.links[-1].cut()
        await ada.until(lambda: not ada.participants[inside.me.id].here)
        with pytest.raises(TooFast, match="full"):
            await Guest(hub, eve).inside()
        assert inside.me.id in ada.participants, "a second tab takes nobody's place"
        inside._connection._open_link = hub.open_link
        await ada.until(lambda: ada.participants[inside.me.id].here)
        await tabs[0].go()
        await ada.until(lambda: len(ada.participants) == 3)
        waiting = link(clock, "guest", "dee")
        knocks = [Guest(hub, waiting) for _ in range(3)]
        await seen(ada, lambda found: len(found) == 3)
        with pytest.raises(TooFast, match="3 times"):
            await Guest(hub, waiting).inside()
        fay = Guest(hub, link(clock, "guest", "fay"))
        await fay.waits()
        for guest in (*knocks, fay):
            guest.task.cancel()
        await asyncio.gather(*(guest.task for guest in (*knocks, fay)), return_exceptions=True)
        await tabs[1].go()
        await bob.go()
    async with keyed(limits=Limits(tabs=2)) as hub:
        tabs = [Guest(hub, eve) for _ in range(2)]
        for tab in tabs:
            await tab.inside()
        with pytest.raises(TooFast, match="2 times"):
            await Guest(hub, eve).inside()
        for tab in tabs:
            await tab.go()


async def test_without_a_waiting_area_who_waits_comes_in_when_there_is_room(clock: Clock) -> None:
    """[J18]"""
    limits = Limits(participants=2)
    async with keyed(limits=limits) as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        waiting = [Guest(hub, link(clock, "guest", name)) for name in ("bob", "cy")]
        await seen(ada, lambda found: len(found) == 2)
        await ada.hosting.set_waiting_area(False)
        await waiting[0].inside()
        await seen(ada, lambda found: len(found) == 1)
        await waiting[0].go()
        await ada.until(lambda: len(ada.participants) == 1)
        hub.live._tidy()
        await waiting[1].inside()
        await waiting[1].go()


async def test_a_full_call_lets_nobody_in(clock: Clock) -> None:
    """[J8, J21] Who was let in before the room ended is in; the others go on waiting."""
    async with (
        keyed(limits=Limits(participants=2)) as hub,
        hub.join("Ada", url=link(clock, "host", "ada")) as ada,
    ):
        waiting = [Guest(hub, link(clock, "guest", name)) for name in ("bob", "cy")]
        await seen(ada, lambda found: len(found) == 2)
        with pytest.raises(Denied) as caught:
            await ada.hosting.admit()
        assert caught.value.reason == "full"
        await waiting[0].inside()
        await waiting[0].go()
        await ada.until(lambda: len(ada.participants) == 1)
        await ada.hosting.admit()
        await waiting[1].inside()
        await waiting[1].go()


# --- removing


async def test_removing_is_final_on_every_path(clock: Clock) -> None:
    """[J20] Links, proofs and tokens; what was issued later counts, after a host's word."""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        bob_link = link(clock, "guest", "bob", wait=False)
        tabs = [Guest(hub, bob_link) for _ in range(2)]
        bob, other = [await tab.inside() for tab in tabs]
        resource = await ada.resources.add("poll")
        (await bob.resources.get(resource.id)).presence["here"] = 1
        await ada.until(lambda: bob.me.id in resource.presence.all())
        clock.now += SECOND
        proof = bob._resume
        await ada.hosting.remove(bob.me.person)
        assert [type(await ends(call)) for call in (bob, other)] == [Removed, Removed]
        await ada.until(lambda: set(ada.participants) == {ada.me.id})
        assert bob.me.id not in resource.presence.all()
        with pytest.raises(Removed, match="new invitation"):
            await Guest(hub, bob_link).inside()
        near = await hub.open_link(f"{ADDRESS}/socket")
        hello = Hello(1, "demo", "Bob", token=bob_link.partition("=")[2], resume=proof)
        await near.send(messages.bundle([messages.encode(hello)]))
        (error,) = messages.unbundle(await near.receive())
        assert isinstance(error, messages.Error)
        assert error.code == "removed"
        assert ada.hosting.noted[bob.me.person].removed == clock.now
        clock.now += SECOND
        later = Guest(hub, link(clock, "guest", "bob"))
        await seen(ada, lambda found: len(found) == 1)
        await ada.hosting.admit()
        await later.inside()
        await later.go()
        for tab in tabs:
            await tab.go()


async def test_a_token_signed_by_a_clock_that_is_ahead_counts_no_more_either(clock: Clock) -> None:
    """[J20]"""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        clock.now += 50 * SECOND
        ahead = link(clock, "guest", "bob", wait=False)
        clock.now -= 50 * SECOND
        guest = Guest(hub, ahead)
        bob = await guest.inside()
        await ada.hosting.remove(bob.me.person)
        await ends(bob)
        with pytest.raises(Removed):
            await Guest(hub, ahead).inside()
        await guest.go()


async def test_who_is_removed_is_told_so_whatever_they_were_sending(clock: Clock) -> None:
    """[J20, W3] What crosses with the end is no mistake of theirs."""
    async with keyed() as hub:
        near = await hub.open_link(f"{ADDRESS}/socket")
        token = link(clock, "host", "bob").partition("=")[2]
        await near.send(messages.bundle([messages.encode(Hello(1, "demo", "Bob", token=token))]))
        welcome = messages.unbundle(await near.receive())[0]
        assert isinstance(welcome, messages.Welcome)
        await near.send(messages.bundle([messages.encode(messages.Ping(1))]))
        command = Command("x", "remove", welcome.person)
        assert live(hub).hosted.commands.carry_out(command, None, clock.now) is None
        told: list[str] = []
        with contextlib.suppress(CallmeshError):
            while True:
                said = messages.unbundle(await near.receive())
                told += [one.code for one in said if isinstance(one, messages.Error)]
        assert told == ["removed"]


async def test_who_waits_or_is_away_is_removed_too(clock: Clock) -> None:
    """[J20]"""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        bob = Guest(hub, link(clock, "guest", "bob"))
        (waiting,) = await seen(ada, lambda found: len(found) == 1)
        await ada.hosting.ban(waiting.person)
        with pytest.raises(Removed):
            await bob.inside()
        cy = Guest(hub, link(clock, "guest", "cy", wait=False))
        inside = await cy.inside()
        person = inside.me.person
        cut = hub.links[-1]

        async def refuse(url: str) -> Any:
            raise callmesh.Broken("no way to the hub")

        inside._connection._open_link = refuse
        await cut.cut()
        await ada.until(lambda: not ada.participants[inside.me.id].here)
        await ada.hosting.remove(person)
        await ada.until(lambda: inside.me.id not in ada.participants)
        inside._connection._open_link = hub.open_link
        assert isinstance(await ends(inside), Removed | Unauthorized)
        await cy.go()


@pytest.mark.parametrize("away", [False, True])
async def test_who_was_removed_and_is_allowed_back_asks_anew(clock: Clock, away: bool) -> None:
    """[J20] No proof of before brings them back as who they were, here or away as they were."""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        bob_link = link(clock, "guest", "bob")
        guest = Guest(hub, bob_link)
        await seen(ada, lambda found: len(found) == 1)
        await ada.hosting.admit()
        bob = await guest.inside()
        person, id, proof = bob.me.person, bob.me.id, bob._resume

        async def refuse(url: str) -> Any:
            raise callmesh.Broken("no way to the hub")

        bob._connection._open_link = refuse
        if away:
            await hub.links[-1].cut()
            await ada.until(lambda: not ada.participants[id].here)
            clock.now += 50 * SECOND
            hub.live._tidy()
            await ada.until(lambda: id not in ada.participants)
        await ada.hosting.remove(person)
        await ada.hosting.allow(person)
        token = link(clock, "guest", "bob").partition("=")[2]
        for hello, answer in (
            (Hello(1, "demo", "Bob", resume=proof), messages.Error),
            (Hello(1, "demo", "Bob", token=token, resume=proof), messages.Waiting),
        ):
            near = await hub.open_link(f"{ADDRESS}/socket")
            await near.send(messages.bundle([messages.encode(hello)]))
            (said,) = messages.unbundle(await near.receive())
            assert isinstance(said, answer)
        assert [waiting.person for waiting in await seen(ada, bool)] == [person]
        assert ada.hosting.waiting[0].id != id
        await guest.go()


async def test_who_was_removed_is_in_no_stream_any_more(clock: Clock) -> None:
    """[J20] Nothing reaches them, and nothing comes from them, over the link that they had."""

    async def come(sub: str) -> Link:
        near = await hub.open_link(f"{ADDRESS}/socket")
        token = link(clock, "guest", sub, wait=False).partition("=")[2]
        await say(near, Hello(1, "demo", sub, token=token))
        heard[sub] = messages.unbundle(await near.receive())
        return near

    async def say(near: Link, message: messages.Message) -> None:
        await near.send(messages.bundle([messages.encode(message)]))

    async def hear(sub: str, near: Link, until: Callable[[list[messages.Message]], bool]) -> None:
        async with asyncio.timeout(5):
            while not until(heard[sub]):
                heard[sub] += messages.unbundle(await near.receive())

    def streamed(sub: str) -> list[bytes]:
        return [m.payload for m in heard[sub] if isinstance(m, messages.Stream)]

    heard: dict[str, list[messages.Message]] = {}
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        poll = await ada.resources.add("vitals")

        def pen(number: int, payload: bytes, mode: messages.Mode) -> messages.Stream:
            return messages.Stream([], poll.id, mode, mode, number, False, payload)

        bob, eve = await come("bob"), await come("eve")
        modes: tuple[messages.Mode, ...] = ("reliable", "latest")
        for mode in modes:
            await say(eve, pen(1, b"from eve", mode))
            await say(bob, pen(1, b"before", mode))
        await hear("bob", bob, lambda _: len(streamed("bob")) == 2)
        await hear("eve", eve, lambda _: len(streamed("eve")) == 2)
        person = next(p.person for p in ada.participants.values() if p.name == "Eve")
        await ada.hosting.remove(person)
        for mode in modes:
            with contextlib.suppress(CallmeshError):
                await say(eve, pen(2, b"still there", mode))
            await say(bob, pen(2, b"after", mode))
        await say(bob, messages.Ping(7))
        await hear("bob", bob, lambda all_: isinstance(all_[-1], messages.Pong))
        with contextlib.suppress(CallmeshError):
            await hear("eve", eve, lambda _: False)
        assert [m.code for m in heard["eve"] if isinstance(m, messages.Error)] == ["removed"]
        assert streamed("bob") == [b"from eve"] * 2
        assert streamed("eve") == [b"before"] * 2


async def test_only_so_many_are_remembered_as_kept_out() -> None:
    """[J20, J8]"""
    async with MemoryHub() as hub, hub.join("Ada") as ada, hub.join("Bob", role="guest") as bob:
        grants = live(hub).hosted.people.door.grants.all
        for number in range(MAX_KEPT_OUT):
            grants[PersonId(f"u{number}")] = Grant("X", removed=1)
        with pytest.raises(Denied, match="10000 people") as denied:
            await ada.hosting.remove(bob.me.person)
        assert denied.value.reason == "full"
        del grants[PersonId("u1")]
        await ada.hosting.remove(bob.me.person)
        assert isinstance(await ends(bob), Removed)
        grants.clear()


async def test_who_is_banned_needs_a_hosts_word(clock: Clock) -> None:
    """[J20]"""
    storage = MemoryStorage()
    async with keyed(storage=storage) as hub:  # noqa: SIM117
        async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
            guest = Guest(hub, link(clock, "guest", "bob", wait=False))
            person = (await guest.inside()).me.person
            await ada.hosting.ban(person)
            await guest.go()
    clock.now += SECOND
    async with keyed(storage=storage) as hub, hub.join("A", url=link(clock, "host", "ada")) as ada:
        bob = link(clock, "guest", "bob", wait=False)
        with pytest.raises(Removed, match="any more"):
            await Guest(hub, bob).inside()
        assert ada.hosting.noted[person].banned
        await ada.hosting.allow(person)
        assert person not in ada.hosting.noted
        guest = Guest(hub, bob)
        await guest.inside()
        await guest.go()
        with pytest.raises(Denied, match="nobody keeps"):
            await ada.hosting.allow(person)


@pytest.mark.parametrize("how", ["left", "gave up", "was declined", "was lost", "host"])
@pytest.mark.parametrize("restarted", [False, True])
async def test_who_has_just_left_can_be_banned(clock: Clock, how: str, restarted: bool) -> None:
    """[J26] By every token there is, also one signed by a clock that is ahead."""
    storage = MemoryStorage()
    clock.now += 30 * SECOND
    url = link(clock, "host" if how == "host" else "guest", "bob", wait=how == "was declined")
    if how == "gave up":
        url = link(clock, "guest", "bob")
    clock.now -= 30 * SECOND
    async with keyed(storage=storage) as hub, hub.join("Ada", url=link(clock, "host", "ada")) as a:
        guest = Guest(hub, url)
        if how in ("gave up", "was declined"):
            (waiting,) = await seen(a, bool)
            person = waiting.person
            if how == "was declined":
                await a.hosting.decline(person)
            else:
                guest.task.cancel()
            await asyncio.gather(guest.task, return_exceptions=True)
            await seen(a, lambda found: not found)
        else:
            person = (await guest.inside()).me.person
            assert person not in a.hosting.left
            if how == "was lost":
                bob = live(hub).hosted.people.members[guest.call.result().me.id]
                assert bob.session is not None
                live(hub).hosted.people.lose(bob, bob.session, clock.now)
                clock.now += 50 * SECOND
                hub.live._tidy()
            await guest.go()
        await a.until(lambda: person in a.hosting.left)
        if not restarted:
            await a.hosting.remove(person)
    async with keyed(storage=storage) as hub, hub.join("Ada", url=link(clock, "host", "ada")) as a:
        if restarted:
            hub.live._tidy()
            assert a.hosting.left[person].name == "Bob"
            await a.hosting.remove(person)
        with pytest.raises(Removed, match="out of this call"):
            await Guest(hub, url).inside()
        await a.hosting.ban(person)
        clock.now += 60 * SECOND
        with pytest.raises(Removed, match="any more"):
            await Guest(hub, link(clock, "guest", "bob")).inside()


async def test_who_has_left_is_forgotten_after_a_day_and_only_so_many_are_known(
    clock: Clock,
) -> None:
    """[J26] But for whom something was decided about; who comes again has not left."""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        bob, cy = (link(clock, "guest", name, wait=False) for name in ("bob", "cy"))
        for url in (bob, cy, bob):
            guest = Guest(hub, url)
            person = (await guest.inside()).me.person
            assert person not in ada.hosting.left
            await guest.go()
            await ada.until(lambda person=person: person in ada.hosting.left)  # type: ignore[misc]
            clock.now += SECOND
        await ada.hosting.ban(person)
        clock.now += KNOWN - SECOND
        hub.live._tidy()
        assert [left.name for left in ada.hosting.left.values()] == ["Cy"]
        clock.now += 2 * SECOND
        hub.live._tidy()
        await ada.until(lambda: not ada.hosting.left)
        assert list(ada.hosting.noted) == [person]
        grants = live(hub).hosted.people.door.grants.all
        for number in range(MAX_LEFT + 5):
            grants[PersonId(f"u{number}")] = Grant("X", left=clock.now + number)
        hub.live._tidy()
        assert len(grants) == MAX_LEFT + 1
        assert PersonId("u4") not in grants
        assert {person, PersonId("u5")} <= grants.keys()


async def test_on_a_dev_hub_who_was_removed_stays_out() -> None:
    """[J20] There are no tokens that could be issued anew."""
    async with MemoryHub() as hub, hub.join("Ada") as ada:
        guest = Guest(hub, ADDRESS, role="guest")
        bob = await guest.inside()
        proof = hub.live._authority.person_proof(bob.me.person)
        await ada.hosting.remove(bob.me.person)
        assert isinstance(await ends(bob), Removed)
        for again in (True, False):
            near = await hub.open_link(f"{ADDRESS}/socket")
            hello = Hello(1, "demo", "Bob", role="host", person=proof)
            await near.send(messages.bundle([messages.encode(hello)]))
            first = messages.unbundle(await near.receive())[0]
            assert isinstance(first, messages.Error if again else messages.Welcome)
            if again:
                await ada.hosting.allow(bob.me.person)
        await guest.go()


async def test_a_reader_that_stalls_is_out_within_a_second() -> None:
    """[J20]"""
    async with MemoryHub() as hub, hub.join("Ada") as ada:
        before = set(hub._serving)
        near = await hub.open_link(f"{ADDRESS}/socket")
        (serving,) = hub._serving - before
        await near.send(messages.bundle([messages.encode(Hello(1, "demo", "Bob", role="guest"))]))
        await ada.until(lambda: len(ada.participants) == 2)
        (bob,) = [p for p in ada.participants.values() if p.id != ada.me.id]
        for number in range(100):  # more than the link holds
            ada.state["title"] = number
            await ada.state.saved()
        await ada.hosting.remove(bob.person)
        async with asyncio.timeout(STALLED / 10):
            await serving


# --- commands


async def test_a_command_is_carried_out_once(clock: Clock) -> None:
    """[J21] It is answered when it is on disk, and over a later link too."""
    storage = MemoryStorage()
    async with keyed(storage=storage) as hub:  # noqa: SIM117
        async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
            guest = Guest(hub, link(clock, "guest", "bob"))
            (waiting,) = await seen(ada, lambda found: len(found) == 1)
            sent: list[Command] = []
            put = ada.hosting._send

            def lose(command: messages.Message) -> None:
                """Send it, and lose the link before the answer comes."""
                assert isinstance(command, Command)
                sent.append(command)
                put(command)

            ada.hosting._send = lose
            asked = asyncio.create_task(ada.hosting.admit(waiting.person))
            await guest.inside()
            asked_before = asked.done()
            await hub.links[0].cut()
            await asked
            assert asked_before or len(sent) == 2
            assert len({command.id for command in sent}) == 1
            kept = storage.load(CallId("demo"))
            assert kept is not None
            assert any(r.entry.key == f"person/{waiting.person}" for r in kept.records)
            await guest.go()
            clock.now += SECOND
            again = sent[0]
            hosted = live(hub).hosted
            member = hosted.people.members[ada.me.id]
            assert hosted.commands.hear(again, member, clock.now)[1].reason == ""
            fresh = Command("other", again.action, again.person)
            assert hosted.commands.hear(fresh, member, clock.now)[1].reason == "nobody"


async def test_a_command_is_remembered_whoever_else_commands_and_over_a_restart(
    clock: Clock,
) -> None:
    """[J21] A host's word that comes again, late, does not undo what was decided since."""
    storage = MemoryStorage()
    ada = link(clock, "host", "ada")
    async with keyed(storage=storage) as hub, hub.join("Ada", url=ada) as host:
        guest = Guest(hub, link(clock, "guest", "bob", wait=False))
        bob = (await guest.inside()).me.person
        commands = live(hub).hosted.commands
        members = live(hub).hosted.people.members
        late = Command("c1", "role", bob, "observer")
        assert commands.hear(late, members[host.me.id], clock.now)[1].reason == ""
        await host.hosting.set_role(bob, "host")
        eve = next(m for m in members.values() if m.participant.person == bob)
        for number in range(300):
            commands.hear(Command(f"e{number}", "admit", "unobody"), eve, clock.now)
        assert commands.hear(late, members[host.me.id], clock.now)[1].reason == ""
        assert eve.participant.role == "host"
        id, resume = host.me.id, host._resume
        hub.live.changed(live(hub))
        await hub.live._saving.commit()
        await hub.links[0].cut()
        await guest.go()
    async with keyed(storage=storage) as hub:
        near = await hub.open_link(f"{ADDRESS}/socket")
        await near.send(messages.bundle([messages.encode(Hello(1, "demo", "Ada", resume=resume))]))
        assert isinstance(messages.unbundle(await near.receive())[0], messages.Welcome)
        people = live(hub).hosted.people
        before = people.door.grants.all[bob].role
        commands = live(hub).hosted.commands
        assert commands.hear(late, people.members[id], clock.now)[1].reason == ""
        assert people.door.grants.all[bob].role is before


ALL = (
    "admit", "hold", "decline", "remove", "ban", "allow", "role", "hand_over", "mute", "end",
    "reopen",
)  # fmt: skip


@pytest.mark.parametrize("action", [*ALL, "nothing"])
async def test_only_hosts_command(clock: Clock, action: str) -> None:
    """[J21] And what is no command is refused with words."""
    from callmesh.commands import ACTIONS

    assert set(ALL) == set(ACTIONS)
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        guest = Guest(hub, link(clock, "guest", "bob", wait=False))
        bob = await guest.inside()
        for who, person in ((bob, ada.me.person), (bob, bob.me.person), (bob, "")):
            with pytest.raises(Denied) as caught:
                await who.hosting._ask(action, PersonId(person) if person else None, "host", 5)
            assert caught.value.reason == "no_right"
        if action not in ("admit", "hold", "decline", "end"):  # which are about everybody
            with pytest.raises(Denied) as caught:
                await ada.hosting._ask(action, PersonId("unobody"), "host", 5)
            assert caught.value.reason in ("nobody", "bad_value")
        await guest.go()


# --- microphones


async def test_a_host_mutes_a_person_and_everybody_else(clock: Clock) -> None:
    """[J30, V10] Each of their presences is told by whom, once; nobody else is."""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        bob_link = link(clock, "guest", "bob", wait=False)
        guests = [Guest(hub, bob_link) for _ in range(2)]
        guests.append(Guest(hub, link(clock, "observer", "cy", wait=False)))
        bob, tab, cy = [await guest.inside() for guest in guests]
        me = ada.me.person
        told: list[tuple[str, str]] = []

        def listen(call: Call, name: str) -> Callable[[], None]:
            return call.media.on_muted(lambda by: told.append((name, by)))

        stops = [listen(ada, "ada"), listen(bob, "bob"), listen(tab, "tab"), listen(cy, "cy")]
        await ada.hosting.mute(bob.me.person)
        await cy.until(lambda: len(told) == 2)
        assert sorted(told) == [("bob", me), ("tab", me)]
        await ada.hosting.set_role(bob.me.person, "observer")  # the roster says it once more
        await bob.until(lambda: bob.me.role == "observer")
        with pytest.raises(Denied, match="turn your own microphone off"):
            await ada.hosting.mute(me)
        assert len(told) == 2
        clock.now += SECOND
        told.clear()
        stops[2]()
        await ada.hosting.mute()
        await cy.until(lambda: len(told) == 2)
        assert sorted(told) == [("bob", me), ("cy", me)]
        for guest in guests:
            await guest.go()


async def test_who_has_lost_the_link_is_muted_on_coming_back(clock: Clock) -> None:
    """[J30] Once: over the next link they are not told again."""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        guest = Guest(hub, link(clock, "guest", "bob", wait=False))
        bob = await guest.inside()
        told: list[str] = []
        bob.media.on_muted(told.append)
        for _ in range(2):
            cut = hub.links[-1]
            await cut.cut()
            await ada.until(lambda: not ada.participants[bob.me.id].here)
            if not told:
                await ada.hosting.mute(bob.me.person)
            await ada.until(lambda: ada.participants[bob.me.id].here)
            await bob.until(lambda: told != [])
        assert told == [ada.me.person]
        await guest.go()


# --- roles, and the last host


async def test_a_given_role_goes_before_a_token_signed_by_a_clock_ahead(clock: Clock) -> None:
    """[J13] At once, and when they come anew with it; not before one that is later still."""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        clock.now += 50 * SECOND
        ahead = link(clock, "guest", "bob", wait=False)
        clock.now += SECOND
        later = link(clock, "guest", "bob", wait=False)
        clock.now -= 51 * SECOND
        async with hub.join("Bob", url=ahead) as bob:
            await ada.hosting.set_role(bob.me.person, "observer")
            await bob.until(lambda: bob.me.role == "observer")
        async with hub.join("Bob", url=ahead) as bob:
            assert bob.me.role == "observer"
        async with hub.join("Bob", url=later) as bob:
            assert bob.me.role == "guest"


async def test_a_host_hands_over_and_the_last_one_stays(clock: Clock) -> None:
    """[J22, J13]"""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        guest = Guest(hub, link(clock, "guest", "bob", wait=False))
        bob = await guest.inside()
        me = ada.me.person
        for act in (ada.hosting.set_role(me, "guest"), ada.hosting.hand_over(PersonId("ugone"))):
            with pytest.raises(Denied):
                await act
        with pytest.raises(Denied, match="leave the call instead"):
            await ada.hosting.remove(me)
        await ada.hosting.hand_over(bob.me.person)
        await ada.until(lambda: ada.me.role == "guest" and bob.me.role == "host")
        with pytest.raises(Denied) as caught:
            await bob.hosting.set_role(bob.me.person, None)
        assert caught.value.reason == "last_host"
        clock.now += SECOND
        async with hub.join("Ada", url=link(clock, "host", "ada")) as again:
            assert again.me.role == "host", "a later token says so"
            await again.hosting.set_role(bob.me.person, None)
            await bob.until(lambda: bob.me.role == "guest")
        await guest.go()


async def test_handing_over_is_answered_as_done_to_who_is_no_host_any_more(clock: Clock) -> None:
    """[J21, J22]"""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        guest = Guest(hub, link(clock, "guest", "bob", wait=False))
        bob = await guest.inside()
        hosted = live(hub).hosted
        command = Command("h1", "hand_over", bob.me.person)
        for _ in range(2):
            member = hosted.people.members[ada.me.id]
            assert hosted.commands.hear(command, member, clock.now)[1].reason == ""
        assert member.participant.role == "guest"
        await guest.go()


async def test_who_is_let_back_in_is_not_more_than_before(clock: Clock) -> None:
    """[J13, J20] A host whom another made a guest does not become one again by being removed."""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        mal = link(clock, "host", "mal")
        guest = Guest(hub, mal)
        person = (await guest.inside()).me.person
        clock.now += SECOND
        await ada.hosting.set_role(person, "guest")
        await ada.hosting.remove(person)
        await guest.go()
        await ada.hosting.allow(person)
        again = Guest(hub, mal)
        (waiting,) = await seen(ada, lambda found: len(found) == 1)
        await ada.hosting.admit(waiting.person)
        assert (await again.inside()).me.role == "guest"
        await again.go()


async def test_a_host_who_has_lost_their_link_is_no_host_who_is_here(clock: Clock) -> None:
    """[J22]"""
    async with keyed() as hub, hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        other = Guest(hub, link(clock, "host", "bob"))
        bob = await other.inside()

        async def refuse(url: str) -> Any:
            raise callmesh.Broken("no way to the hub")

        bob._connection._open_link = refuse
        await hub.links[-1].cut()
        await ada.until(lambda: not ada.participants[bob.me.id].here)
        with pytest.raises(Denied) as caught:
            await ada.hosting.set_role(ada.me.person, "guest")
        assert caught.value.reason == "last_host"
        with pytest.raises(Denied) as caught:
            await ada.hosting.hand_over(bob.me.person)
        assert caught.value.reason == "nobody"
        bob._connection._open_link = hub.open_link
        await ada.until(lambda: ada.participants[bob.me.id].here)
        await ada.hosting.hand_over(bob.me.person)
        await other.go()


async def test_when_the_last_host_goes_the_call_goes_on(clock: Clock) -> None:
    """[J22]"""
    async with keyed() as hub:
        async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
            guest = Guest(hub, link(clock, "guest", "bob"))
            await seen(ada, lambda found: len(found) == 1)
            await ada.hosting.admit()
            bob = await guest.inside()
        await bob.until(lambda: len(bob.participants) == 1)
        poll = await bob.resources.add("poll")
        await poll.state.saved()
        assert bob.me.role == "guest"
        cy = Guest(hub, link(clock, "guest", "cy"))
        await cy.waits()
        async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
            await seen(ada, lambda found: len(found) == 1)
            await ada.hosting.admit()
            await cy.inside()
        await cy.go()
        await guest.go()


async def test_a_call_ends_for_everybody_and_opens_again(clock: Clock) -> None:
    """[J23]"""
    async with keyed() as hub:
        ada = Guest(hub, link(clock, "host", "ada"))
        host = await ada.inside()
        poll = await host.resources.add("poll")
        await poll.state.saved()
        inside = Guest(hub, link(clock, "guest", "bob", wait=False))
        bob = await inside.inside()
        waits = Guest(hub, link(clock, "guest", "cy"))
        await seen(host, lambda found: len(found) == 1)
        with contextlib.suppress(CallOver):
            await host.hosting.end()
        assert [type(await ends(call)) for call in (host, bob)] == [CallOver, CallOver]
        with pytest.raises(CallOver, match="opens again when a host comes in"):
            await waits.inside()
        with pytest.raises(CallOver):
            await Guest(hub, link(clock, "guest", "bob", wait=False)).inside()
        async with hub.join("Ada", url=link(clock, "host", "ada")) as again:
            assert poll.id in again.resources
            bob_again = Guest(hub, link(clock, "guest", "bob", wait=False))
            await bob_again.inside()
            commands = live(hub).hosted.commands
            assert commands.carry_out(Command("x", "end"), None, clock.now) is None
            await bob_again.go()
        with pytest.raises(CallOver):
            await Guest(hub, link(clock, "host", "ada")).inside()
        for guest in (ada, inside):
            await guest.go()
