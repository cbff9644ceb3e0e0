"""What a Python program holds in its hands: parts, listeners, delivery, undo, types, rights."""

import asyncio
import functools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

import callmesh
from callmesh import messages
from callmesh.changes import StateChange
from callmesh.errors import BadInput, BadName, BadValue, Denied, TimedOut
from callmesh.ids import HUB
from callmesh.state import Entry
from callmesh.testing import MemoryHub

pytestmark = pytest.mark.anyio


def app(parent: Path, **manifest: Any) -> Path:
    folder = parent / "notes"
    folder.mkdir(exist_ok=True)
    described = {"id": "notes", "name": "Notes", "version": "1.0", **manifest}
    (folder / "manifest.json").write_text(json.dumps(described))
    (folder / "index.html").write_text("<!doctype html>")
    return folder


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[MemoryHub]:
    keys = [
        {"key": "votes/{person}"},
        {"key": "key/*", "read": ["host"]},
        {"key": "signed/{person}", "change": []},
        {"key": "closed", "write": []},
    ]
    async with MemoryHub(apps=[app(tmp_path, keys=keys, capabilities=["streams"])]) as hub:
        yield hub


# --- parts


async def test_a_part_of_a_state_has_the_same_face(hub: MemoryHub) -> None:
    """[S19]"""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes")
        shape = notes.state.at("shape/42")
        shape["x"] = 1
        shape.at("style")["color"] = "red"
        notes.state["shape/421"] = "another"
        assert dict(shape) == {"x": 1, "style/color": "red"}
        assert dict(shape.at("style")) == {"color": "red"}
        assert notes.state["shape/42/x"] == shape["x"] == 1
        assert len(shape) == 2
        assert "y" not in shape
        with shape.transaction(), notes.state.transaction():
            shape["y"] = 2
            del shape["x"]
            assert dict(shape) == {"y": 2, "style/color": "red"}
        assert shape.status_of("y") == notes.state.status_of("shape/42/y") == "pending"
        for path in ("", "a//b", "/a", "a/"):
            with pytest.raises(BadValue):
                notes.state.at(path)["x"] = 1


async def test_listeners_ask_for_one_key_or_for_a_prefix(hub: MemoryHub) -> None:
    """[S18, S5] One call per transaction, with old, new and writer."""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        notes = await ada.resources.add("notes")
        seen = await bob.resources.get(notes.id)
        heard: dict[str, list[StateChange]] = {"all": [], "key": [], "prefix": [], "part": []}
        stops = [
            seen.state.listen(heard["all"].append),
            seen.state.listen(heard["key"].append, key="a"),
            seen.state.listen(heard["prefix"].append, prefix="shape/1"),
            seen.state.at("shape/1").listen(heard["part"].append),
        ]
        with notes.state.transaction():
            notes.state["a"] = 1
            notes.state["shape/1/x"] = 2
            notes.state["shape/12"] = 3
        await bob.until(lambda: bool(heard["all"]))
        assert {name: [dict(change) for change in changes] for name, changes in heard.items()} == {
            "all": [{"a": (None, 1), "shape/1/x": (None, 2), "shape/12": (None, 3)}],
            "key": [{"a": (None, 1)}],
            "prefix": [{"shape/1/x": (None, 2), "shape/12": (None, 3)}],
            "part": [{"x": (None, 2)}],
        }
        assert heard["all"][0].writer("a") == ada.me.id
        for stop in stops:
            stop()
        seen.state["a"] = 2
        assert len(heard["all"]) == 1


async def test_a_listener_that_fails_keeps_nobody_from_being_told(
    hub: MemoryHub, caplog: pytest.LogCaptureFixture
) -> None:
    """[S18]"""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes")
        heard: list[StateChange] = []

        def fails(change: StateChange) -> None:
            raise ValueError("a mistake")

        notes.state.listen(fails)
        notes.state.listen(heard.append)
        notes.state["a"] = 1
        assert len(heard) == 1
        assert "a mistake" in caplog.text


async def test_changes_may_be_asked_for_by_prefix(hub: MemoryHub) -> None:
    """[S18]"""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes")
        changes = notes.state.at("shape").changes(prefix="4")
        task = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        notes.state["else"] = 1
        notes.state["shape/42"] = 1
        assert dict(await task) == {"42": (None, 1)}


async def test_changes_are_gathered_from_the_call_on(hub: MemoryHub) -> None:
    """[S18, S5] Not from the first `anext`; and one that is never asked costs nothing."""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes", state={"b": 1})
        changes, shown = notes.state.changes(), notes.presence.changes()
        never = notes.state.changes()
        listeners = len(ada._replica._listeners)
        notes.state["a"] = 1
        notes.presence["cursor"] = 1
        assert dict(await anext(changes)) == {"a": (None, 1)}
        await anext(shown)
        del never
        await changes.aclose()
        assert len(ada._replica._listeners) == listeners - 2


async def test_changes_that_cancel_each_other_out_are_none(hub: MemoryHub) -> None:
    """[S5]"""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes", state={"b": 1})
        changes = notes.state.changes()
        notes.state["b"] = 2
        notes.state["a"] = 1
        notes.state["b"] = 1
        assert dict(await anext(changes)) == {"a": (None, 1)}
        notes.state["closed"] = True  # undone before it is read
        await asyncio.gather(notes.state.accepted(), return_exceptions=True)
        change = await anext(changes)
        assert not change
        assert change.denied is not None


async def test_update_and_clear_are_transactions(hub: MemoryHub) -> None:
    """[S5]"""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes")
        heard: list[StateChange] = []
        notes.state.listen(heard.append)
        notes.state.at("x").update({"a": 1, "b": 2}, c=3)
        notes.state.update([("y", 1)])
        with pytest.raises(BadValue):
            notes.state.update({"z": 1, "w": {1}})
        notes.state.at("x").clear()
        notes.state.clear()
        notes.state.clear()
        assert [dict(change) for change in heard] == [
            {"x/a": (None, 1), "x/b": (None, 2), "x/c": (None, 3)},
            {"y": (None, 1)},
            {"x/a": (1, None), "x/b": (2, None), "x/c": (3, None)},
            {"y": (1, None)},
        ]


async def test_what_would_never_be_told_is_refused(hub: MemoryHub) -> None:
    """[S18]"""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes")

        async def later(change: object) -> None:
            await asyncio.sleep(0)

        class Later:
            async def __call__(self, change: object) -> None:
                await asyncio.sleep(0)

        wrong: list[Any] = [None, later, Later(), functools.partial(later)]
        for listener in wrong:
            for listen in (notes.state.listen, notes.state.on_status, notes.on_access):
                with pytest.raises(BadValue, match="function"):
                    listen(listener)
        with pytest.raises(BadValue, match="async for"):
            notes.state.listen(later)
        with pytest.raises(BadValue, match="both"):
            notes.state.listen(print, key="a", prefix="b")
        with pytest.raises(BadValue, match="both"):
            notes.state.changes(key="a", prefix="b")


# --- delivery


async def test_programs_are_told_of_status_and_fates(hub: MemoryHub) -> None:
    """[S16]"""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes")
        await notes.state.saved()
        told: list[tuple[str, object]] = []
        stop = notes.state.on_status(lambda s: told.append((s, notes.state.status_of("a"))))
        part: list[str] = []
        notes.state.at("x").on_status(part.append)
        assert told == [("synced", None)]
        notes.state["a"] = 1
        notes.state["a"] = 2
        await ada.until(lambda: told[-1] == ("synced", "saved"))
        assert told[1] == ("saving", "pending")
        assert len(told) == len(set(told))
        await hub.links[0].cut()
        await ada.until(lambda: told[-1][0] == "offline")
        assert part[-1] == "offline"
        stop()
        stop()
        before = len(told)
        await ada.until(lambda: part[-1] == "synced")
        assert len(told) == before


async def test_programs_are_told_what_they_may(hub: MemoryHub) -> None:
    """[K6, J12]"""
    async with hub.join("Ada") as ada, hub.join("Bob", role="guest") as bob:
        mine = await ada.resources.add("notes")
        theirs = await bob.resources.get(mine.id)
        told: list[tuple[str, bool]] = []
        theirs.on_access(lambda access: told.append((access, theirs.state.can_write("key/1"))))
        mine.set_access("guest", "view")
        await bob.until(lambda: told[-1] == ("view", False))
        await ada.hosting.set_role(bob.me.person, "host")
        await bob.until(lambda: told[-1] == ("edit", True))
        await ada.hosting.set_role(bob.me.person, None)
        await bob.until(lambda: told[-1] == ("view", False))
        mine.set_access("guest", "hidden")
        await bob.until(lambda: told[-1] == ("hidden", False))
        assert told[0] == ("edit", False)
        assert len(told) == 5


async def test_a_denial_that_nobody_looks_at_is_logged(
    hub: MemoryHub, caplog: pytest.LogCaptureFixture
) -> None:
    """[S10] Once, with what was denied and why."""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes")
        notes.state.listen(lambda change: None)
        notes.state["closed"] = 1
        await ada.until(lambda: notes.state.status_of("closed") == "denied")
        (record,) = [record for record in caplog.records if "denied" in record.message]
        for part in (f"state/{notes.id}, closed", "(no_right)", "nobody may write"):
            assert part in record.message
        caplog.clear()
        notes.state["closed"] = 2
        with pytest.raises(Denied):
            await notes.state.saved()
        stop = notes.state.listen(lambda change: print(change.denied))
        notes.state["closed"] = 3
        await ada.until(lambda: notes.state.status_of("closed") == "denied")
        stop()
        assert not caplog.records


async def test_what_cannot_be_read_is_told(
    hub: MemoryHub, caplog: pytest.LogCaptureFixture
) -> None:
    """[S24]"""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes", state={"x/a": 1})
        mesh, state = ada._replica.mesh, f"state/{notes.id}"
        for _ in range(2):
            entry = Entry("x/b", mesh.clock.given + 1, HUB, msgspec.Raw(b"\xc1"))
            group = messages.Group(state, [entry])
            ada._connection._heard(messages.Batch(mesh.cursor, mesh.saved, False, [group]))
        assert list(notes.state.unreadable) == ["x/b"]
        assert list(notes.state.at("x").unreadable) == ["b"]
        assert not notes.state.at("y").unreadable
        assert dict(notes.state) == {"x/a": 1}
        assert caplog.text.count("set aside") == 1


async def test_each_write_is_followed_to_the_disk_or_to_its_denial(hub: MemoryHub) -> None:
    """[S16, S10]"""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes")
        denied: list[StateChange] = []
        notes.state.listen(lambda change: denied.append(change) if change.denied else None)
        notes.state["a"] = 1
        assert notes.state.status_of("a") == "pending"
        await notes.state.accepted()
        assert notes.state.status_of("a") in ("accepted", "saved")
        await notes.state.saved()
        assert notes.state.status_of("a") == "saved"
        assert notes.state.status == "synced"
        with notes.state.transaction():
            notes.state["a"] = 2
            notes.state["closed"] = True
        with pytest.raises(Denied, match="nobody may write closed in Notes"):
            await notes.state.accepted()
        assert [notes.state.status_of(key) for key in ("a", "closed", "b")] == [
            "denied", "denied", None,
        ]  # fmt: skip
        assert dict(notes.state) == {"a": 1}
        (change,) = denied
        assert dict(change) == {"a": (2, 1), "closed": (True, None)}
        assert change.denied is not None
        assert change.denied.reason == "no_right"


async def test_what_is_written_while_away_waits(hub: MemoryHub) -> None:
    """[S16, S11]"""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes")
        await notes.state.saved()
        await hub.links[0].cut()
        await ada.until(lambda: ada.status == "offline")
        notes.state["a"] = 1
        assert notes.state.status_of("a") == "pending"
        with pytest.raises(TimedOut):
            await notes.state.accepted(timeout=0)
        await notes.state.saved()
        assert notes.state.status_of("a") == "saved"


async def test_who_waits_no_longer_leaves_nothing_behind(hub: MemoryHub) -> None:
    """[S8] Neither does one whose time is up, nor one who was cancelled."""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes")
        await notes.state.saved()
        mesh = ada._replica.mesh
        await hub.links[0].cut()
        await ada.until(lambda: ada.status == "offline")
        for number in range(10):
            notes.state["a"] = number
            with pytest.raises(TimedOut):
                await notes.state.saved(timeout=0)
            with pytest.raises(TimedOut):
                await notes.state.accepted(timeout=0)
            waiting = asyncio.create_task(notes.state.saved())
            await asyncio.sleep(0)
            waiting.cancel()
        assert mesh.receipts <= 1
        await notes.state.saved()
        assert mesh.receipts == 0


# --- rights


async def test_a_program_knows_what_it_may_write(hub: MemoryHub) -> None:
    """[K6, J12, K5]"""
    async with hub.join("Ada") as ada, hub.join("Bob", role="guest") as bob:
        mine = await ada.resources.add("notes")
        theirs = await bob.resources.get(mine.id)
        vote = f"votes/{bob.me.person}"

        def may() -> list[str]:
            keys = ["x", vote, f"votes/{ada.me.person}", "key/1", "closed"]
            return [key for key in keys if theirs.state.can_write(key)]

        assert may() == ["x", vote]
        assert mine.state.can_write("key/1")
        assert theirs.access == "edit"
        mine.set_access("guest", "view")
        await bob.until(lambda: theirs.access == "view")
        assert may() == []
        mine.set_access(bob.me.person, "edit")
        await bob.until(lambda: theirs.access == "edit")
        assert may() == ["x", vote]
        assert mine.settings == {"guest": "view", bob.me.person: "edit"}
        signed = f"signed/{bob.me.person}"
        assert theirs.state.can_write(signed)
        theirs.state[signed] = True
        assert not theirs.state.can_write(signed)
        await theirs.state.accepted()
        theirs.set_access("guest", "edit")
        with pytest.raises(Denied):
            await bob.state.accepted()


async def test_a_program_knows_what_it_may_write_into_the_calls_own_state(hub: MemoryHub) -> None:
    """[K6, J6, J7, J12]"""
    async with (
        hub.join("Ada") as ada,
        hub.join("Bob", role="guest") as bob,
        hub.join("Eve", role="observer") as eve,
    ):
        mine, theirs = await ada.resources.add("notes"), await bob.resources.add("notes")
        await eve.resources.get(theirs.id)
        keys = {
            "active": "hg", "theme": "h", f"resource/{mine.id}": "h", f"resource/{theirs.id}": "hg",
            "resource/rnew": "hg", f"access/{mine.id}/guest": "h", "access/rnone/guest": "",
            f"version/{theirs.id}": "h", "version/rnone": "", "resource/new": "",
        }  # fmt: skip

        def may(key: str) -> str:
            return "".join(
                letter
                for letter, call in (("h", ada), ("g", bob), ("o", eve))
                if call.state.can_write(key)
            )

        assert {key: may(key) for key in keys} == keys
        theirs.state["a"] = 1
        ada.resources[theirs.id].set_access("guest", "view")
        await bob.until(lambda: not bob.state.can_write(f"resource/{theirs.id}"))
        for key in ("theme", f"resource/{mine.id}", f"resource/{theirs.id}"):
            assert not bob.state.can_write(key)
            bob.state[key] = bob.state.get(key, "dark")
            with pytest.raises(Denied):
                await bob.state.accepted()


async def test_settings_that_mean_nothing_are_refused_in_a_sentence(hub: MemoryHub) -> None:
    """[J12]"""
    wrong: list[tuple[Any, Any, str]] = [
        ("guests", "edit", "'guests' is neither a role .guest, observer. nor a person: pass"),
        ("Bob", None, "participant.person"),
        (None, "edit", "participant.person"),
        ("a/b", "edit", "participant.person"),
        ("guest", "none", "'none' is no access; use edit, view or hidden, or None"),
        ("host", "view", "hosts always edit"),
    ]
    async with hub.join("Ada") as ada:
        mine = await ada.resources.add("notes")
        for who, access, says in wrong:
            with pytest.raises((BadName, BadValue), match=says):
                mine.set_access(who, access)
            with pytest.raises((BadName, BadValue), match=says):
                await ada.resources.add("notes", access={who: access})
        assert mine.settings == {}
        assert len(ada.resources) == 1


async def test_a_hidden_resource_goes_and_comes_back(hub: MemoryHub) -> None:
    """[J12, J14]"""
    async with hub.join("Ada") as ada, hub.join("Bob", role="guest") as bob:
        mine = await ada.resources.add("notes", access={"guest": "hidden"}, state={"a": 1})
        await mine.state.saved()
        assert mine.id not in bob.resources
        mine.set_access("guest", None)
        theirs = await bob.resources.get(mine.id)
        assert dict(theirs.state) == {"a": 1}
        mine.set_access(bob.me.person, "hidden")
        await bob.until(lambda: mine.id not in bob.resources)
        with pytest.raises(Denied, match="hidden from you"):
            theirs.state["a"] = 2
        assert theirs.access == "hidden"
        mine.set_access(bob.me.person, "view")
        theirs = await bob.resources.get(mine.id)
        assert dict(theirs.state) == {"a": 1}


async def test_streams_of_a_hidden_resource_pass_by_those_it_is_hidden_from(hub: MemoryHub) -> None:
    """[J12] Also on a direct path, which no hub watches over."""
    async with (
        hub.join("Ada") as ada,
        hub.join("Bob", role="guest") as bob,
        hub.join("Eve", role="guest") as eve,
    ):
        mine = await ada.resources.add("notes")
        theirs = [await call.resources.get(mine.id) for call in (bob, eve)]
        pens = [resource.stream("pen") for resource in theirs]
        mine.set_access(eve.me.person, "hidden")
        await ada.state.accepted()
        await eve.until(lambda: mine.id not in eve.resources)
        await mine.stream("pen").send("for Bob")
        assert (await anext(aiter(pens[0]))).data == "for Bob"
        assert ada._hidden(mine.id, ada.participants[eve.me.id])
        assert not ada._hidden(mine.id, ada.participants[bob.me.id])
        assert [message async for message in pens[1]] == []


async def test_a_host_gives_and_takes_roles(hub: MemoryHub) -> None:
    """[J13, J14, K4]"""
    async with hub.join("Ada") as ada, hub.join("Bob", role="guest") as bob:
        mine = await ada.resources.add("notes", state={"key/1": "secret"})
        theirs = await bob.resources.get(mine.id)
        assert dict(theirs.state) == {}
        await ada.hosting.set_role(bob.me.person, "host")
        await bob.until(lambda: bob.me.role == "host")
        await bob.until(lambda: "key/1" in theirs.state)
        assert theirs.state.can_write("key/2")
        await ada.hosting.set_role(bob.me.person, None)
        await bob.until(lambda: "key/1" not in theirs.state)
        assert bob.me.role == "guest"
        with pytest.raises(BadName):
            await ada.hosting.set_role(bob.me.person, "king")  # type: ignore[arg-type]


# --- undo


async def test_undo_takes_back_what_is_still_ones_own(hub: MemoryHub) -> None:
    """[S20]"""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        mine = await ada.resources.add("notes")
        theirs = await bob.resources.get(mine.id)
        history = mine.state.history(merge=0)
        assert not history.undo()
        with mine.state.transaction():
            mine.state["a"] = 1
            mine.state["b"] = 1
        mine.state["a"] = 2
        del mine.state["b"]
        await bob.until(lambda: dict(theirs.state) == {"a": 2})
        theirs.state["b"] = "Bob's"
        await ada.until(lambda: mine.state.get("b") == "Bob's")
        assert history.can_undo
        assert history.undo()  # the delete of b is not one's own any more: the change of a is
        assert dict(mine.state) == {"a": 1, "b": "Bob's"}
        assert history.undo()
        assert dict(mine.state) == {"b": "Bob's"}
        assert not history.undo()
        assert history.redo()
        assert history.redo()
        assert dict(mine.state) == {"a": 2, "b": "Bob's"}
        await bob.until(lambda: dict(theirs.state) == {"a": 2, "b": "Bob's"})
        history.close()
        history.close()
        mine.state["a"] = 3
        assert not history.can_undo


async def test_undo_is_no_part_of_another_transaction(hub: MemoryHub) -> None:
    """[S20] It would be recorded as a step once more."""
    async with hub.join("Ada") as ada:
        state = (await ada.resources.add("notes")).state
        history = state.history(merge=0)
        state["a"] = 1
        state["a"] = 2
        for act in (history.undo, history.redo):
            with state.transaction(), pytest.raises(BadInput, match="outside"):
                act()
        assert dict(state) == {"a": 2}
        assert history.undo()
        assert dict(state) == {"a": 1}
        assert history.redo()
        assert dict(state) == {"a": 2}


async def test_others_writing_the_same_value_is_their_work_too(hub: MemoryHub) -> None:
    """[S20]"""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        mine = await ada.resources.add("notes", state={"a": 0})
        theirs = await bob.resources.get(mine.id)
        history = mine.state.history()
        mine.state["a"] = 1
        await bob.until(lambda: theirs.state["a"] == 1)
        theirs.state["a"] = 1
        await theirs.state.accepted()
        await ada.until(lambda: not history.can_undo)
        assert not history.undo()
        assert mine.state["a"] == 1


async def test_what_was_denied_is_not_undone(hub: MemoryHub) -> None:
    """[S20]"""
    async with hub.join("Ada") as ada:
        mine = await ada.resources.add("notes", state={"a": 1})
        history = mine.state.at("x").history(), mine.state.history()
        mine.state["closed"] = True
        with pytest.raises(Denied):
            await mine.state.accepted()
        assert [h.can_undo for h in history] == [False, False]


async def test_removing_a_resource_is_not_undone(hub: MemoryHub) -> None:
    """[R11, S20] Neither is adding one; that it has another title is."""
    async with hub.join("Ada") as ada:
        history = ada.state.history(merge=0)
        notes = await ada.resources.add("notes")
        assert not history.can_undo
        record = ada.state[f"resource/{notes.id}"]
        ada.state[f"resource/{notes.id}"] = record | {"title": "Ours"}
        assert history.undo()
        assert notes.title == record["title"]
        await ada.resources.remove(notes)
        assert not history.can_undo
        ada.state[f"resource/{notes.id}"] = record
        with pytest.raises(Denied, match="does not come back"):
            await ada.state.accepted()


# --- lists and types


async def test_two_who_insert_at_one_place_both_find_their_item(hub: MemoryHub) -> None:
    """[S21]"""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        notes = await ada.resources.add("notes")
        mine = notes.state.list("todo")
        theirs = (await bob.resources.get(notes.id)).state.list("todo")
        first, last = mine.append("first"), mine.append("last")
        await bob.until(lambda: len(theirs) == 2)
        mine.insert(1, "Ada's")
        theirs.insert(1, "Bob's")
        theirs.set(first, "first, edited")
        mine.move(first, 3)
        await ada.until(lambda: len(mine) == 4 and mine.get(first) == "first, edited")
        await bob.until(lambda: theirs.items() == mine.items())
        values = [value for _, value in mine.items()]
        assert sorted(values[:2]) == ["Ada's", "Bob's"]
        assert set(values[2:]) == {"last", "first, edited"}
        assert theirs.remove(last)


class Point(msgspec.Struct):
    x: float
    y: float = 0.0


@dataclass
class Settings:
    color: str = "black"
    width: int = 1


async def test_values_as_structs_and_dataclasses(
    hub: MemoryHub, caplog: pytest.LogCaptureFixture
) -> None:
    """[S22, S24]"""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes")
        points = notes.state.at("point").of(Point)
        points["1"] = Point(1.5)
        assert notes.state["point/1"] == {"x": 1.5, "y": 0.0}
        notes.state["point/2"] = "no point"
        notes.state["point/3"] = {"x": 2.0}
        assert dict(points) == {"1": Point(1.5), "3": Point(2.0)}
        assert list(points.unreadable) == ["2"]
        assert caplog.text.count("set aside") == 1
        points["2"] = Point(0.0)
        assert len(points) == 3
        assert not points.unreadable
        notes.state["point/2"] = "no point"
        assert set(points) == {"1", "3"}
        assert list(points.unreadable) == ["2"]
        del points["2"]
        assert points.unreadable == {}
        settings = notes.state.at("settings").one(Settings)
        assert settings.get() == Settings()
        settings.update(width=3)
        assert notes.state["settings/width"] == 3
        assert "settings/color" not in notes.state
        settings.set(Settings("red", 3))
        assert settings.get() == Settings("red", 3)
        with pytest.raises(BadValue, match="height"):
            settings.update(height=1)
        notes.state["settings/width"] = "wide"
        with pytest.raises(BadValue, match="Settings"):
            settings.get()


async def test_what_does_not_fit_its_type_is_not_written(hub: MemoryHub) -> None:
    """[S22]"""
    async with hub.join("Ada") as ada:
        notes = await ada.resources.add("notes")
        points = notes.state.at("point").of(Point)
        wrong: list[Any] = [Point("1"), {"y": 1.0}, None, Settings(), {1.5}]  # type: ignore[arg-type]
        for value in wrong:
            with pytest.raises(BadValue, match="1 is no Point"):
                points["1"] = value
        with pytest.raises(BadValue, match="2 is no Point"):
            points.update({"1": Point(1.0), "2": wrong[0]})
        settings = notes.state.at("settings").one(Settings)
        with pytest.raises(BadValue, match="width of Settings does not fit"):
            settings.update(color="red", width="wide")
        with pytest.raises(BadValue, match="width"):
            settings.set(Settings(width=1.5))  # type: ignore[arg-type]
        with pytest.raises(BadValue, match="there are color, width"):
            settings.update(height=1)
        assert dict(notes.state) == {}
        points["1"] = Point(1)
        assert points["1"] == Point(1.0)


# --- defaults, versions and migrations


async def test_a_new_resource_has_its_defaults(tmp_path: Path) -> None:
    """[R8]"""
    folder = app(tmp_path, state={"defaults": {"title": "Untitled", "size": 1}})
    async with MemoryHub(apps=[folder]) as hub, hub.join("Ada") as ada:
        one, two = await asyncio.gather(
            ada.resources.add("notes", state={"title": "Mine"}), ada.resources.add("notes")
        )
        assert dict(one.state) == {"title": "Mine", "size": 1}
        assert dict(two.state) == {"title": "Untitled", "size": 1}


def versioned(version: int, runs: list[str]) -> callmesh.App:
    half = callmesh.App("notes", version=version)

    @half.setup
    async def setup(resource: callmesh.Resource) -> None:
        runs.append(f"setup {dict(resource.state)}")

    for step in range(2, version + 1):

        @half.migrate(step)
        def migrate(state: callmesh.SharedState, step: int = step) -> None:
            runs.append(f"to {step}")
            state["count"] = state.get("count", 0) + 10 ** (step - 1)

    return half


async def test_migrations_run_once_before_setup(tmp_path: Path) -> None:
    """[R9, S23] However many programs bring the new code at the same moment."""
    folder = app(tmp_path)
    async with MemoryHub(apps=[folder]) as hub, hub.join("Ada") as ada:
        notes = await ada.resources.add("notes", state={"count": 1})
        await notes.state.saved()
        app(tmp_path, state={"version": 3})
        hub.refresh_apps()
        runs: list[list[str]] = [[], [], []]
        joins = [
            hub.join(name, role=role, apps=[versioned(3, told)])
            for name, role, told in zip("XYZ", ("host", "guest", "observer"), runs, strict=True)
        ]
        async with joins[0] as x, joins[1] as y, joins[2] as z:
            for call in (x, y, z):
                await call.until(lambda: all("setup" in str(told) for told in runs))
            assert [told[-1] for told in runs] == ["setup {'count': 111}"] * 3
            assert notes.state["count"] == 111
            assert runs[2] == ["setup {'count': 111}"]


async def test_one_who_becomes_host_migrates(tmp_path: Path) -> None:
    """[R9, J13] A guest whom the rules keep from it waits, and is let in by another role."""
    keys = [{"key": "count", "write": ["host"]}]
    folder = app(tmp_path, keys=keys)
    async with MemoryHub(apps=[folder]) as hub, hub.join("Ada") as ada:
        notes = await ada.resources.add("notes", state={"count": 1})
        await notes.state.saved()
        app(tmp_path, keys=keys, state={"version": 2})
        hub.refresh_apps()
        runs: list[str] = []
        async with hub.join("Gus", role="guest", apps=[versioned(2, runs)]) as gus:
            await gus.until(lambda: gus.status == "synced" and runs == ["to 2"])
            await ada.hosting.set_role(gus.me.person, "host")
            await gus.until(lambda: len(runs) == 3)
            assert runs == ["to 2", "to 2", "setup {'count': 11}"]


async def test_one_who_cannot_read_everything_waits_for_one_who_can(tmp_path: Path) -> None:
    """[R9] Nothing is written and denied meanwhile."""
    keys = [{"key": "count", "read": ["host"]}]
    async with MemoryHub(apps=[app(tmp_path, keys=keys)]) as hub, hub.join("Ada") as ada:
        notes = await ada.resources.add("notes", state={"count": 1})
        await notes.state.saved()
        app(tmp_path, keys=keys, state={"version": 2})
        hub.refresh_apps()
        runs: list[str] = []
        async with hub.join("Bob", role="guest", apps=[versioned(2, runs)]) as bob:
            await bob.resources.get(notes.id)
            await bob.state.saved()
            assert not bob.state.can_write(f"version/{notes.id}")
            assert runs == []
            async with hub.join("Eve", apps=[versioned(2, [])]):
                await bob.until(lambda: runs == ["setup {}"])
                assert notes.state["count"] == 11


async def test_rules_that_change_let_a_migration_in(tmp_path: Path) -> None:
    """[R9, K6]"""
    folder = app(tmp_path, keys=[{"key": "count", "write": ["host"]}])
    async with MemoryHub(apps=[folder]) as hub, hub.join("Ada") as ada:
        notes = await ada.resources.add("notes", state={"count": 1})
        await notes.state.saved()
        app(tmp_path, keys=[{"key": "count", "write": ["host"]}], state={"version": 2})
        hub.refresh_apps()
        runs: list[str] = []
        async with hub.join("Gus", role="guest", apps=[versioned(2, runs)]) as gus:
            await gus.until(lambda: gus.status == "synced" and runs == ["to 2"])
            app(tmp_path, state={"version": 2})
            hub.refresh_apps()
            await gus.until(lambda: runs[-1] == "setup {'count': 11}")


@pytest.mark.parametrize("apps", [[], [callmesh.App("notes")]])
async def test_a_program_without_a_version_knows_the_one_it_meets(
    tmp_path: Path, apps: list[callmesh.App]
) -> None:
    """[R10, S23] It does not write its old form into a state that was migrated since."""
    folder = app(tmp_path)
    async with MemoryHub(apps=[folder]) as hub, hub.join("Ada", apps=apps) as ada:
        notes = await ada.resources.add("notes", state={"count": 1})
        notes.state["more"] = 1
        await notes.state.saved()
        app(tmp_path, state={"version": 2})
        hub.refresh_apps()
        async with hub.join("New", apps=[versioned(2, [])]):
            await ada.until(lambda: notes.outdated)
            assert not notes.state.can_write("count")
            with pytest.raises(Denied, match="version 2 of its state") as denied:
                notes.state["count"] = 2
            assert denied.value.reason == "outdated"
        async with hub.join("Later", apps=apps) as later:
            again = await later.resources.get(notes.id)
            again.state["count"] = 3
            await again.state.accepted()


async def test_an_older_program_reads_and_does_not_write(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """[R10, S23]"""
    folder = app(tmp_path, state={"version": 2})
    async with MemoryHub(apps=[folder]) as hub, hub.join("Ada") as ada:
        notes = await ada.resources.add("notes", state={"count": 1})
        runs: list[str] = []
        async with hub.join("Old", apps=[versioned(1, runs)]) as old:
            seen = await old.resources.get(notes.id)
            await old.until(lambda: bool(runs))
            assert runs == ["setup {'count': 1}"]
            assert seen.outdated
            assert not seen.state.can_write("count")
            with pytest.raises(Denied, match="upgrade"):
                seen.state["count"] = 2
            assert "upgrade" in caplog.text
        with pytest.raises(BadValue):
            callmesh.App("notes", version=1).migrate(2)
