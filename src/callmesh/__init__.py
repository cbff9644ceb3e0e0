"""callmesh: apps that live inside a call.

    async with callmesh.join("http://127.0.0.1:8484/call/demo", name="Ada") as call:
        poll = await call.resources.add("poll", title="Lunch?")

Everything that waits is a coroutine; every error is a `CallmeshError`, drawn in `callmesh.errors`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_MODULES = {
    "ResourceCache": "cache",
    "StateChange": "changes",
    "Call": "client",
    "join": "client",
    "DataStream": "datastream",
    "BadInput": "errors",
    "Broken": "errors",
    "CallmeshError": "errors",
    "Closed": "errors",
    "Denied": "errors",
    "Ended": "errors",
    "Refused": "errors",
    "TimedOut": "errors",
    "App": "half",
    "asgi": "hub",
    "Resource": "instance",
    "Participant": "participant",
    "Role": "participant",
    "SharedPresence": "presence",
    "Resources": "resources",
    "SharedState": "shared",
    "StreamMessage": "stream",
}
"""Where each is: a hub does without what participants need, and the other way round."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
