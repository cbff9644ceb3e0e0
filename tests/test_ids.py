"""Ids and names: what they look like."""

import pytest

from callmesh.errors import BadName
from callmesh.ids import MAX_NAME, display_name
from tests.vectors import load

NAMES = load("names")


def test_a_name_is_one_line_of_what_shows() -> None:
    """[J10] In every script, also of a later Unicode; one that shows nothing is none."""
    for text, shown in NAMES["shown"]:
        assert display_name(text) == shown
    assert len(display_name("😀" * MAX_NAME)) == MAX_NAME
    for text in [*NAMES["refused"], "x" * (MAX_NAME + 1)]:
        with pytest.raises(BadName, match="visible"):
            display_name(text)
