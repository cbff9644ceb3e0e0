"""What a hub does for an update, from the frame that comes to the frames that go: counted.

Calls of functions and instructions of Python, and the bytes that are allocated, are the same on
every machine; time is for `benchmarks/`. Where a bound is exceeded, the hub does more than it did
for each update, newcomer or link: see whether it has to, run `python -m benchmarks.fanout` (or
`joins`) before and after, and raise the bound in the commit that says why. Where much less is done,
lower it.

The bounds are what Python 3.11 takes, and a sixth more. 3.12 and 3.13 take a little less.
"""

import asyncio

import pytest

from callmesh import messages
from callmesh.livecall import LiveCall
from tests.busy import BusyHub, Frame, Work, counted, room

pytestmark = pytest.mark.anyio
FEW, MANY = 4, 16
TIMES = 100
WHAT_NOW = "see the head of this file for what to do"


def within(what: str, found: Work, calls: int, steps: int) -> None:
    assert found.calls <= calls, f"{what} takes {found.calls} calls of functions; {WHAT_NOW}"
    assert found.steps <= steps, f"{what} takes {found.steps} instructions; {WHAT_NOW}"


def fits(what: str, found: float, most: int) -> None:
    assert found <= most, f"{what} takes {found:,.0f} bytes; {WHAT_NOW}"


def each(many: Work, few: Work) -> Work:
    """What each further link adds."""
    links = MANY - FEW
    return Work((many.calls - few.calls) // links, (many.steps - few.steps) // links)


async def test_an_update_from_frame_to_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """[W13] Taken, merged, numbered, encoded once, and sent to everybody within the same call."""
    cost = []
    for people in (FEW, MANY):
        async with BusyHub(monkeypatch) as hub:
            seats = await hub.busy(people)
            frames = [hub.write(seats[0]) for _ in range(TIMES)]
            before = [seat.bundles for seat in seats]
            cost.append(hub.cost(seats[0], frames))
            sent = [seat.bundles - was for seat, was in zip(seats, before, strict=True)]
            assert sent == [TIMES] * people, "each of them has left at once, to each of them"
    few, many = cost
    within(f"an update in a call of {FEW}", few, 67, 2_770)
    within("each further link that gets it", each(many, few), 5, 270)


async def test_what_an_update_allocates(monkeypatch: pytest.MonkeyPatch) -> None:
    """[W13, S2] Nothing stays of a key that is written again, and links share what they get."""
    most = []
    for people in (FEW, MANY):
        async with BusyHub(monkeypatch) as hub:
            seats = await hub.busy(people)
            frames = [hub.write(seats[0], "x" * 800) for _ in range(TIMES)]
            with room() as found:
                for frame in frames:
                    hub.hear(seats[0], frame)
            fits("what stays of a hundred updates", found.kept, 8_200)
            most.append(found.most)
    few, many = most
    fits("an update, for as long as it takes,", few, 11_200)
    fits("each further link that gets it", (many - few) / (MANY - FEW), 400)


async def test_a_newcomer(monkeypatch: pytest.MonkeyPatch) -> None:
    """[J1] From hello to all that is there, and telling those who are in."""
    async with BusyHub(monkeypatch) as hub:
        await hub.busy(FEW)
        await hub.seat(1)
        with counted() as work:
            await hub.seat(1)
        within("a newcomer", work, 658, 18_300)


async def test_a_newcomer_to_a_megabyte(monkeypatch: pytest.MonkeyPatch) -> None:
    """[J1, L2] What is there was encoded for the one before, and is copied for nobody."""
    async with BusyHub(monkeypatch) as hub:
        seats = await hub.busy(FEW)
        await hub.fill(seats[0], 100, 10_000)
        await hub.seat(1)
        with room() as found:
            (seat,) = await hub.seat(1)
        assert seat.bytes > 1_000_000
        fits("a newcomer, for as long as it takes,", found.most, 16_000)
        with counted() as work:
            await hub.seat(1)
        within("a newcomer to a hundred keys", work, 684, 19_060)


async def test_who_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """[W13, W10] A link is looked at every 5 s, pings, and takes room: its sockets aside."""
    ticks = []
    for people in (FEW, MANY):
        async with BusyHub(monkeypatch) as hub:
            seats = await hub.busy(people)
            hub.live._tidy()
            hub.wait()
            with counted() as tick:
                hub.live._tidy()
            ticks.append(tick)
            pings = [Frame(messages.Ping(number)) for number in range(TIMES)]
            within("a ping", hub.cost(seats[0], pings), 55, 1_570)
    within("a look at a call of four, every 5 s,", ticks[0], 148, 3_160)
    within("a look at each further link", each(ticks[1], ticks[0]), 26, 575)


async def test_looks_at_many_calls_leave_turns_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """[W13] Each is looked at every 5 s, and nobody waits for longer than 5 ms meanwhile."""
    looked: list[int] = []
    turns = 0
    async with BusyHub(monkeypatch) as hub:
        for number in range(FEW * 3):
            await hub.seat(1, f"call{number}")

        def look(call: LiveCall, now: int) -> None:
            hub.now += 2_000
            looked.append(turns)

        monkeypatch.setattr("callmesh.hosted.HostedCall.tick", look)
        hub.now += 2_000_000
        await hub.live._tidy_in_turns()
        assert not looked, "all of them have begun less than 5 s ago"
        hub.now += 3_000_000
        task = asyncio.create_task(hub.live._tidy_in_turns())
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        assert [looked.count(turn) for turn in range(turns)] == [3] * FEW, "6 ms in each turn"
        await hub.live._tidy_in_turns()
        assert len(looked) == FEW * 3, "none is due again"


async def test_the_room_of_links_and_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """[W10] Python's objects alone; what lies under them is picows's and the kernel's."""
    async with BusyHub(monkeypatch) as hub:
        await hub.busy(FEW)
        with room() as found:
            await hub.seat(MANY)
        fits("a link", found.kept / MANY, 8_600)
        await hub.seat(4, "first")
        with room() as found:
            for number in range(8):
                await hub.seat(4, f"call{number}")
        fits("a call of four", found.kept / 8, 48_200)
