"""The Python half of an app: handlers that follow its resources through their life."""

import inspect
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from callmesh.errors import BadValue
from callmesh.handling import Half, Handler
from callmesh.ids import AppId, app_id
from callmesh.resource import Event
from callmesh.shared import SharedState

H = TypeVar("H", bound=Handler)
Migration: TypeAlias = Callable[[SharedState], None]


class App:
    """Handlers for the resources of one app. Pass it to `join(…, apps=[app])`.

    `add` runs once, on the adder; `setup` on every participant, again after a re-sync, so it must
    be safe to repeat; `enable` and `disable` alternate; `remove` comes last. Each is a function,
    plain or async, and one comes after the other.

    `version` is the state version that these handlers are written for, as in the app's manifest.
    A resource whose state is older is brought up to it before `setup`, by `migrate`, once however
    many are here; one that is newer is read, and not written. Without it they know the version
    that the state has when they meet the resource.
    """

    def __init__(self, id: str, *, version: int = 0) -> None:
        self.id: AppId = app_id(id)
        self.half = Half(version)

    def add(self, handler: H | None = None) -> H:
        return self._on(Event.ADD, handler)

    def setup(self, handler: H | None = None) -> H:
        return self._on(Event.SETUP, handler)

    def enable(self, handler: H | None = None) -> H:
        return self._on(Event.ENABLE, handler)

    def disable(self, handler: H | None = None) -> H:
        return self._on(Event.DISABLE, handler)

    def remove(self, handler: H | None = None) -> H:
        return self._on(Event.REMOVE, handler)

    def migrate(self, to: int | None = None) -> Callable[[Migration], Migration]:
        """A step from the version before `to`: changes the state it is given, in one transaction.

        It sees what the steps before it did, and is a plain function. Raises `BadValue` for a
        version beyond the app's.
        """
        if type(to) is not int:
            raise BadValue("say which version the step leads to: @app.migrate(2)")
        if not 2 <= to <= self.half.version:
            raise BadValue(f"{self.id} has state version {self.half.version}: no step to {to}")

        def register(migration: Migration) -> Migration:
            if inspect.iscoroutinefunction(migration):
                raise BadValue("a migration is a plain function, without async")
            self.half.migrations[to] = migration
            return migration

        return register

    def _on(self, event: Event, handler: H | None) -> H:
        if not callable(handler):
            raise BadValue(f"@app.{event} stands before a function, and takes no brackets")
        self.half.handlers[event] = handler
        return handler
