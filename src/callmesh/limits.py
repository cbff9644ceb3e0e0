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
    tabs: Annotated[
        int, Meta(ge=1, le=1_000, description="Times that one person is in one call, or waits.")
    ] = 8
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
    writes_per_second: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Writes of one participant, for long; what is beyond waits. 32 entries or "
            "16 KiB count as one more.",
        ),
    ] = 60
    write_burst: Annotated[
        int, Meta(ge=1, le=10_000_000, description="Writes at once before any waits.")
    ] = 240
    relay_bytes_per_second: Annotated[
        int,
        Meta(
            ge=1_024,
            le=2**30,
            description="Bytes of streams that go by the hub, of one participant; what is beyond "
            "waits.",
        ),
    ] = 1024 * 1024
    streams: Annotated[
        int, Meta(ge=1, le=10_000, description="Streams that one participant has open.")
    ] = 32
    direct_participants: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000,
            description="Participants up to whom streams go direct from each to each; in larger "
            "calls the hub fans them out.",
        ),
    ] = 8
    connections: Annotated[
        int,
        Meta(
            ge=16,
            le=1_000_000,
            description="Connections at a time, where the system lets the hub have as many.",
        ),
    ] = 20_000
    half_open: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Links that have said nothing yet; one more, and the oldest is closed.",
        ),
    ] = 200
    joins_per_minute: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="How often one person comes in, their tabs together.",
        ),
    ] = 60
    calls: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Calls that somebody is in at a time.")
    ] = 10_000
    halves: Annotated[
        int,
        Meta(ge=0, le=1_000, description="Python halves of apps that run for one call at a time."),
    ] = 8
    hub_halves: Annotated[
        int, Meta(ge=0, le=10_000, description="Python halves that run for all calls together.")
    ] = 32
    kept_files: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000,
            description="Files of one call that are kept for those who are away; 0 keeps none.",
        ),
    ] = 100
    kept_file_bytes: Annotated[int, Meta(ge=1, le=2**40, description="Bytes of one of them.")] = (
        100 * 1024 * 1024
    )
    kept_bytes: Annotated[
        int, Meta(ge=1, le=2**50, description="Bytes of all of them in one call.")
    ] = 1024 * 1024 * 1024
    kept_bytes_of_hub: Annotated[
        int, Meta(ge=1, le=2**50, description="Bytes of all of them in all calls together.")
    ] = 64 * 1024 * 1024 * 1024
    kept_days: Annotated[
        int, Meta(ge=1, le=3_650, description="Days that one is kept at most.")
    ] = 7
    uploads: Annotated[
        int,
        Meta(ge=1, le=1_000, description="Files to be kept that come at once, in one call."),
    ] = 8
    fetches_per_minute: Annotated[
        int,
        Meta(ge=0, le=100_000, description="Times that apps fetch for one person; 0: never."),
    ] = 60
    call_fetches_per_minute: Annotated[
        int, Meta(ge=0, le=1_000_000, description="Times that apps fetch in one call; 0: never.")
    ] = 300
    fetch_bytes: Annotated[
        int, Meta(ge=1_024, le=2**26, description="Bytes of an answer that an app fetches.")
    ] = 1024 * 1024
    fetch_seconds: Annotated[
        int, Meta(ge=1, le=25, description="Seconds that one may take, redirects included.")
    ] = 15
