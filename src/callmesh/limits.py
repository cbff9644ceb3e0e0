"""What an operator may bound: how much of everything a call holds.

A limit is one field: its name is that of the setting, its default what holds without one, its
bounds what a setting may say, and its description the line that `callmesh config` prints.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from callmesh.values import MAX_VALUE


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    participants: Annotated[
        int, Meta(ge=1, le=1_000, description="Participants in one call, the lost among them.")
    ] = 50
    waiting: Annotated[
        int, Meta(ge=1, le=1_000, description="People who wait to be let into one call.")
    ] = 50
    resources: Annotated[int, Meta(ge=1, le=1_000, description="Resources in one call.")] = 64
    keys: Annotated[
        int, Meta(ge=16, le=1_000_000, description="Keys of one State, without deleted ones.")
    ] = 10_000
    state_bytes: Annotated[
        int, Meta(ge=65_536, le=2**30, description="Bytes of all values of one State.")
    ] = 16 * 1024 * 1024
    value_bytes: Annotated[
        int, Meta(ge=1_024, le=MAX_VALUE, description="Bytes of one value of a State.")
    ] = MAX_VALUE
    presence_keys: Annotated[
        int, Meta(ge=1, le=1_000, description="Things that one participant's presence shows.")
    ] = 64
    presence_bytes: Annotated[
        int, Meta(ge=256, le=MAX_VALUE, description="Bytes of one of them.")
    ] = 4 * 1024
