"""What a replica knows of rights, where a later hub tells more than it understands."""

from typing import Any

import pytest

from callmesh.ids import APPS, CALL, Writer
from callmesh.mesh import Mesh
from callmesh.messages import Batch, Group
from callmesh.participant import Participant, Role
from callmesh.standing import Standings
from callmesh.state import Entry
from callmesh.values import encode
from tests.simulated import RESOURCE

RECORD = {"app": "notes", "title": "Notes", "owner": "uhost"}
RULE = {"key": "a", "write": ["guest"], "change": [], "read": ["everyone"]}


def standings(told: Any) -> Standings:
    mesh = Mesh()
    record = Entry(f"resource/{RESOURCE}", 1, Writer("hub"), encode(RECORD))
    app = Entry("notes", 1, Writer("hub"), encode(told))
    mesh.batch(Batch(1, 1, True, [Group(CALL, [record]), Group(APPS, [app])]), 0)
    found = Standings(mesh)
    found.follow()
    return found


def can_write(told: Any, key: str) -> bool:
    guest = Participant(id="p1", person="u1", name="", role=Role.GUEST)  # type: ignore[arg-type]
    return standings(told).can_write(RESOURCE, key, guest)


def test_what_a_later_hub_adds_is_passed_over() -> None:
    """[K6]"""
    told = {"version": 1, "keys": [RULE | {"later": 1, "change": ["nobody we know"]}], "later": 1}
    assert can_write(told, "a")
    assert can_write(told, "b")


@pytest.mark.parametrize("told", [None, 1, [], {}, {"keys": 1}, {"keys": [{"key": 1}]}])
def test_of_an_app_that_rubbish_is_told_of_nobody_writes_anything(told: Any) -> None:
    """[K6]"""
    assert not can_write(told, "a")


@pytest.mark.parametrize("owned", [True, False])
def test_what_belongs_to_nobody_hosts_alone_change_and_remove(owned: bool) -> None:
    """[K6, J7]"""
    found = standings({"version": 1, "keys": [], "owned": owned})
    for role, may in ((Role.GUEST, owned), (Role.HOST, True)):
        someone = Participant(id="p1", person="uhost", name="", role=role)  # type: ignore[arg-type]
        assert found.can_write_call(f"resource/{RESOURCE}", someone) is may
