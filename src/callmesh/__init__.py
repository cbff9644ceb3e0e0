"""callmesh: apps that live inside a call.

    async with callmesh.join("http://127.0.0.1:8484/call/demo", name="Ada") as call:
        poll = await call.resources.add("poll", title="Lunch?")

Everything that waits is a coroutine; every error is a `CallmeshError`, drawn in `callmesh.errors`.
"""

from callmesh.cache import ResourceCache
from callmesh.changes import StateChange
from callmesh.client import Call, join
from callmesh.datastream import DataStream
from callmesh.errors import (
    BadInput,
    Broken,
    CallmeshError,
    Closed,
    Denied,
    Ended,
    Refused,
    TimedOut,
)  # fmt: skip
from callmesh.half import App
from callmesh.hub import asgi
from callmesh.instance import Resource
from callmesh.participant import Participant, Role
from callmesh.presence import SharedPresence
from callmesh.resources import Resources
from callmesh.shared import SharedState
from callmesh.stream import StreamMessage

__version__ = "0.1.0"
__all__ = [
    "App",
    "asgi",
    "BadInput",
    "Broken",
    "Call",
    "CallmeshError",
    "Closed",
    "DataStream",
    "Denied",
    "Ended",
    "join",
    "Participant",
    "Refused",
    "Resource",
    "ResourceCache",
    "Resources",
    "Role",
    "SharedPresence",
    "SharedState",
    "StateChange",
    "StreamMessage",
    "TimedOut",
]
