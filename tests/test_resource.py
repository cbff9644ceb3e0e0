from typing import Any

import pytest

from callmesh.errors import BadName, BadValue
from callmesh.ids import ResourceId
from callmesh.resource import Event, Lifecycle, key_of, read_record, resource_in
from tests import vectors


@pytest.mark.parametrize("case", vectors.load("lifecycle")["cases"], ids=lambda case: case["name"])
def test_the_life_of_a_resource(case: dict[str, Any]) -> None:
    """[R2, R3, R4]"""
    life = Lifecycle(adder=case["adder"])
    acts = {
        "synced": life.synced,
        "view true": lambda: life.view(True),
        "view false": lambda: life.view(False),
        "removed": life.removed,
    }
    for act, events in case["steps"]:
        assert acts[act]() == [Event(event) for event in events]


def test_a_resource_stands_under_its_key() -> None:
    assert resource_in(key_of(ResourceId("r1"))) == "r1"
    assert resource_in("active") is None
    with pytest.raises(BadName):
        resource_in("resource/R1")


def test_a_record_is_read_or_refused() -> None:
    assert read_record({"app": "poll", "title": "Lunch?", "owner": "u1"}).added == 0
    wrong: object
    for wrong in ({}, [], None, {"app": "poll", "title": "x" * 81, "owner": "u1"}):
        with pytest.raises(BadValue):
            read_record(wrong)
