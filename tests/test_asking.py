"""What a manifest asks for, and what becomes of it in a call."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

import callmesh
from callmesh import messages
from callmesh.app import Capability
from callmesh.errors import Denied
from callmesh.files import STREAM
from callmesh.testing import MemoryHub
from tests.simulated import NOTES, RESOURCE, World

pytestmark = pytest.mark.anyio


def app(parent: Path, **manifest: Any) -> Path:
    folder = parent / "notes"
    folder.mkdir(exist_ok=True)
    described = {"id": "notes", "name": "Notes", "version": "1.0", **manifest}
    (folder / "manifest.json").write_text(json.dumps(described))
    (folder / "index.html").write_text("<!doctype html><title>Notes</title>")
    return folder


async def test_only_the_roles_that_a_manifest_names_add_an_app(tmp_path: Path) -> None:
    """[A7]"""
    hub = MemoryHub(apps=[app(tmp_path, add=["host"])])
    async with hub, hub.join("Ada") as ada, hub.join("Bob", role="guest") as bob:
        with pytest.raises(Denied, match="only hosts add Notes") as denied:
            await bob.resources.add("notes")
        assert denied.value.reason == "no_right"
        assert (await ada.resources.add("notes")).id in ada.resources
        app(tmp_path, add=["guest"])
        hub.refresh_apps()
        assert (await bob.resources.add("notes")).id in bob.resources
        with pytest.raises(Denied, match="only guests add Notes"):
            await ada.resources.add("notes")


async def test_a_new_resource_has_the_access_that_its_manifest_says(tmp_path: Path) -> None:
    """[A7] Until a host says otherwise; and where whoever adds it does not."""
    hub = MemoryHub(apps=[app(tmp_path, access={"guest": "view", "observer": "hidden"})])
    async with (
        hub,
        hub.join("Ada") as ada,
        hub.join("Bob", role="guest") as bob,
        hub.join("Cleo", role="observer") as cleo,
    ):
        notes = await ada.resources.add("notes", state={"a": 1})
        seen = await bob.resources.get(notes.id)
        assert (seen.access, notes.settings) == (
            "view", {"guest": "view", "observer": "hidden"}
        )  # fmt: skip
        seen.state["a"] = 2
        with pytest.raises(Denied, match="you may look at Notes"):
            await seen.state.saved()
        assert notes.id not in cleo.resources
        notes.set_access("observer", "view")
        await cleo.resources.get(notes.id)
        other = await ada.resources.add("notes", access={"guest": "edit"})
        assert (await bob.resources.get(other.id)).access == "edit"


async def test_who_added_it_edits_it(tmp_path: Path) -> None:
    """[A7] Whatever the role may do, and nobody else of it."""
    hub = MemoryHub(apps=[app(tmp_path, access={"guest": "view"})])
    async with (
        hub,
        hub.join("Bob", role="guest") as bob,
        hub.join("Cleo", role="guest") as cleo,
    ):
        notes = await bob.resources.add("notes", state={"a": 1})
        notes.state["a"] = 2
        await notes.state.saved()
        assert notes.access == "edit"
        assert (await cleo.resources.get(notes.id)).access == "view"


@pytest.mark.parametrize(
    ("asked", "arrives"),
    [
        ([], []),
        ([Capability.STREAMS], ["pen"]),
        ([Capability.FILES], [STREAM]),
        ([Capability.STREAMS, Capability.FILES], ["pen", STREAM]),
    ],
)
def test_the_relay_hands_on_what_an_app_has_asked_for(
    asked: list[Capability], arrives: list[str]
) -> None:
    """[A8] Also from who does not go by the SDK; and what is not handed on is counted."""
    world = World(msgspec.structs.replace(NOTES, capabilities=tuple(asked)))
    for name in ("ada", "bob", "cleo"):
        world.client(name)
    world.clients[0].add_resource()
    world.settle()
    sender, *others = world.clients
    for name in ("pen", STREAM):
        piece = messages.Stream([], RESOURCE, name, "reliable", 1, False, name.encode())
        sender.up.append(messages.bundle([messages.encode(piece)]))
        world.deliver()
    for client in others:
        assert client.streamed == [name.encode() for name in arrives]
    assert world.call.counts.denied["no_capability"] == 2 - len(arrives)


async def test_a_program_is_told_what_is_missing(tmp_path: Path) -> None:
    """[A8] As the manifest is now."""
    hub = MemoryHub(apps=[app(tmp_path)])
    async with hub, hub.join("Ada") as ada:
        notes = await ada.resources.add("notes")
        with pytest.raises(Denied, match="has not asked for streams"):
            notes.stream("pen")
        app(tmp_path, capabilities=["streams"])
        hub.refresh_apps()
        await ada.until(lambda: streams(notes))


def streams(resource: callmesh.Resource) -> bool:
    try:
        return resource.stream("pen") is not None
    except Denied:
        return False


async def test_a_frame_has_the_hosts_of_its_manifest_and_no_other(tmp_path: Path) -> None:
    """[A1]"""
    hosts = ["https://*.example.org", "wss://example.org:8443"]
    for named in ([], hosts):
        folder = app(tmp_path, hosts=named)
        hub = callmesh.asgi(data=tmp_path / "data", dev=True, apps=[folder])
        transport = httpx.ASGITransport(hub, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            told = {one["id"]: one for one in (await client.get("/api/apps")).json()}["notes"]
            policy = policies((await client.get(told["base"] + "index.html")).headers)
        assert told["hosts"] == named
        own = f"http://127.0.0.1{told['base']}"
        assert policy["connect-src"] == [own, *named]
        assert policy["img-src"] == policy["media-src"] == [own, "data:", "blob:", *named]
        for what in ("script-src", "style-src", "font-src", "form-action", "default-src"):
            assert not set(hosts) & set(policy[what])


def policies(headers: Mapping[str, str]) -> dict[str, list[str]]:
    words = (line.split() for line in headers["content-security-policy"].split(";"))
    return {name: values for name, *values in words}
