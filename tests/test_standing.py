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


def can_write(told: Any, key: str) -> bool:
    mesh = Mesh()
    record = Entry(f"resource/{RESOURCE}", 1, Writer("hub"), encode(RECORD))
    app = Entry("notes", 1, Writer("hub"), encode(told))
    mesh.batch(Batch(1, 1, True, [Group(CALL, [record]), Group(APPS, [app])]), 0)
    standings = Standings(mesh)
    standings.follow()
    guest = Participant(id="p1", person="u1", name="", role=Role.GUEST)  # type: ignore[arg-type]
    return standings.can_write(RESOURCE, key, guest)


def test_what_a_later_hub_adds_is_passed_over() -> None:
    """[K6]"""
    told = {"version": 1, "keys": [RULE | {"later": 1, "change": ["nobody we know"]}], "later": 1}
    assert can_write(told, "a")
    assert can_write(told, "b")


@pytest.mark.parametrize("told", [None, 1, [], {}, {"keys": 1}, {"keys": [{"key": 1}]}])
def test_of_an_app_that_rubbish_is_told_of_nobody_writes_anything(told: Any) -> None:
    """[K6]"""
    assert not can_write(told, "a")
