"""What a resource has in programs as in a frame: who is in the call, leading, and pointing."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

import callmesh
from callmesh.conflated import Conflated
from callmesh.errors import BadInput, BadValue, Closed, Denied
from callmesh.leading import Leader
from callmesh.pointer import Pointed
from callmesh.testing import MemoryHub
from tests import vectors
from tests.processes import ROOT, SHELF

pytestmark = pytest.mark.anyio

CRASHER = ROOT / "tests/apps/crasher"
LEAD, POINT = "callmesh/lead", "callmesh/point"


class Two:
    """Ada and Bob, at one resource."""

    def __init__(
        self,
        hub: MemoryHub,
        ada: callmesh.Call,
        bob: callmesh.Call,
        adas: callmesh.Resource,
        bobs: callmesh.Resource,
    ) -> None:
        self.hub, self.ada, self.bob, self.adas, self.bobs = hub, ada, bob, adas, bobs

    async def show(self, key: str, value: Any) -> None:
        """Ada shows it, and Bob sees it."""
        self.adas.presence[key] = value
        await self.bob.until(lambda: self.bobs.presence.of(self.ada.me.id).get(key, ...) == value)


@asynccontextmanager
async def two() -> AsyncIterator[Two]:
    async with MemoryHub() as hub, hub.join("Ada") as ada, hub.join("Bob") as bob:
        adas = await ada.resources.add("vitals")
        yield Two(hub, ada, bob, adas, await bob.resources.get(adas.id))


async def test_who_began_last_leads_and_who_led_before_stops() -> None:
    """[A21]"""
    async with two() as they:
        mine, theirs = they.adas.leading, they.bobs.leading
        told: list[Any] = []
        theirs.subscribe(lambda leader: told.append(leader and leader.view))
        mine.lead({"page": 1})
        assert (mine.leads, mine.follows) == (True, False)
        assert mine.leader == Leader(they.ada.me.id, "Ada", True, {"page": 1})
        await they.bob.until(lambda: theirs.leader is not None)
        assert theirs.leader == Leader(they.ada.me.id, "Ada", False, {"page": 1})
        assert (theirs.leads, theirs.follows) == (False, True)
        theirs.lead({"page": 2})
        await they.ada.until(lambda: mine.follows)
        assert not mine.leads
        await they.bob.until(lambda: LEAD not in they.bobs.presence.of(they.ada.me.id))
        theirs.stop()
        await they.ada.until(lambda: mine.leader is None)
        await they.hub.settled()
        assert told == [None, {"page": 1}, {"page": 2}, None]


async def test_who_looks_elsewhere_does_so_until_somebody_leads_anew() -> None:
    """[A21]"""
    async with two() as they:
        theirs = they.bobs.leading
        they.adas.leading.lead(1)
        await they.bob.until(lambda: theirs.follows)
        followed = [theirs.follows]
        for on in (False, True, False):
            theirs.follow(on)
            followed.append(theirs.follows)
        assert followed == [True, False, True, False]
        assert dict(they.bobs.cache) != {}, "kept, as in a frame"
        they.adas.presence[LEAD] = [they.adas.presence[LEAD][0] + 1, 2]
        await they.bob.until(lambda: theirs.follows)


async def test_rubbish_and_a_lead_from_the_future_lead_nobody() -> None:
    """[A21]"""
    async with two() as they:
        theirs, pointer = they.bobs.leading, they.bobs.pointer
        later = time.time_ns() // 1_000 + 60_000_000
        for value in (1, [], ["x", 1], [5], [True, 1], [-1, 1], [later, 1], None):
            await they.show(LEAD, value)
            await they.show(POINT, value)
            assert (theirs.leader, pointer.others) == (None, []), value
        for view in (..., float("nan")):
            with pytest.raises(BadValue, match="JSON"):
                theirs.lead(view)
        for wrong in (("x", 1), (True, 1), (1, False), (1, 1, "v" * 201), (1, 1, 5)):
            with pytest.raises(BadValue, match="two numbers"):
                pointer.at(*wrong)
        for far in (float("nan"), float("-inf"), 10**400):
            with pytest.raises(BadValue):
                pointer.at(1, far)


async def test_what_may_be_shown_and_what_that_says_is_the_same_in_both_languages() -> None:
    """[A21] `vectors/leading.json`, of which the hub takes what may be shown."""
    cases = vectors.load("leading")
    async with two() as they:
        mine, theirs = they.adas.leading, they.bobs.leading
        for case in cases["views"]:
            view = case["text"][0] * case["text"][1]
            if "code" in case:
                with pytest.raises(BadInput) as refused:
                    mine.lead(view)
                assert (refused.value.code, mine.leads) == (case["code"], False), case
                continue
            mine.lead(view)
            await they.bob.until(lambda: theirs.leader is not None)
            assert theirs.leader
            assert theirs.leader.view == view
            mine.stop()
            await they.bob.until(lambda: theirs.leader is None)
        for value, since in cases["leads"]:
            await they.show(LEAD, value)
            assert (theirs.leader and theirs.leader.view, theirs.follows) == (value[1], True), value
            theirs.follow(False)
            assert they.bobs.cache[LEAD] == f"{they.ada.me.id} {since}"
            theirs.follow()
        for value in cases["nobody"]:
            await they.show(LEAD, value)
            assert theirs.leader is None, value
        for view, x, y in cases["places"]["taken"]:
            await they.show(POINT, [view, x, y])
            assert [(one.view, one.x, one.y) for one in they.bobs.pointer.others] == [(view, x, y)]
            they.bobs.pointer.at(x, y, view)
        for view, x, y in cases["places"]["refused"]:
            with pytest.raises(BadValue):
                they.bobs.pointer.at(x, y, view)
        for place in cases["places"]["nowhere"]:
            await they.show(POINT, place)
            assert they.bobs.pointer.others == [], place


async def test_where_others_point_comes_with_name_and_colour() -> None:
    """[A21] The colour is that of a frame's `pointer.colour`."""
    async with two() as they:
        theirs = they.bobs.pointer
        told: list[int] = []
        theirs.subscribe(lambda others: told.append(len(others)))
        they.adas.pointer.at(1, 2.5, "page")
        await they.bob.until(lambda: theirs.others != [])
        ada = they.ada.me.id
        assert theirs.others == [Pointed(ada, "Ada", theirs.colour(ada), "page", 1, 2.5)]
        assert theirs.colour(ada) == they.adas.pointer.colour() != theirs.colour()
        they.adas.pointer.hide()
        await they.bob.until(lambda: theirs.others == [])
        await they.hub.settled()
        assert told == [0, 1, 0]
        assert theirs.colour("p9") == "hsl(352.9 75% 45%)"  # type: ignore[arg-type]


async def test_who_is_in_the_call_is_told_to_apps_that_ask() -> None:
    """[A8]"""
    async with MemoryHub(apps=[SHELF, CRASHER]) as hub, hub.join("Ada") as ada:
        shelf, crasher = [await ada.resources.add(app) for app in ("shelf", "crasher")]
        told: list[list[str]] = []
        shelf.on_participants(lambda all: told.append([one.name for one in all.values()]))
        async with hub.join("Bob") as bob:
            await ada.until(lambda: len(shelf.participants) == 2)
            assert shelf.participants[bob.me.id].name == "Bob"
        await ada.until(lambda: len(shelf.participants) == 1)
        assert shelf.me == ada.me
        assert (told[0], ["Ada", "Bob"] in told, told[-1]) == (["Ada"], True, ["Ada"])
        with pytest.raises(Denied, match="participants"):
            _ = crasher.participants
        with pytest.raises(Denied, match="participants"):
            crasher.on_participants(print)
    assert told[-1] == ["Ada"], "a call that is over tells nothing of the kind"


def test_the_newest_is_shown_at_a_bounded_rate() -> None:
    """[A21] The first at once, of those that come meanwhile the last."""
    shown: dict[str, Any] = {}
    due: list[Callable[[], None]] = []
    one = Conflated(shown, "k", 0.1, lambda seconds, act: due.append(act))  # type: ignore[arg-type]
    for value in range(1, 4):
        one.show(value)
    assert shown == {"k": 1}
    due.pop()()
    assert (shown, len(due)) == ({"k": 3}, 1)
    one.show(None)
    due.pop()()
    assert shown == {}
    due.pop()()
    assert due == [], "nothing waits any more"


def test_what_is_shown_late_of_a_call_that_is_over_is_nothing() -> None:
    """[A21]"""

    class Over(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            raise Closed("it is over")

    due: list[Callable[[], None]] = []
    shown: dict[str, Any] = {}
    one = Conflated(shown, "k", 0.1, lambda seconds, act: due.append(act))  # type: ignore[arg-type]
    one.show(1)
    one.show(2)
    one._presence = Over()  # type: ignore[assignment]
    due.pop()()
    assert due == []
