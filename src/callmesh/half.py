"""The Python half of an app: handlers that follow its resources through their life."""

from callmesh.ids import AppId, app_id
from callmesh.resource import Event
from callmesh.resources import Handler


class App:
    """Handlers for the resources of one app. Pass it to `join(…, apps=[app])`.

    `add` runs once, on the adder; `setup` on every participant, again after a re-sync, so it must
    be safe to repeat; `enable` and `disable` alternate; `remove` comes last.
    """

    def __init__(self, id: str) -> None:
        self.id: AppId = app_id(id)
        self.handlers: dict[Event, Handler] = {}

    def add(self, handler: Handler) -> Handler:
        return self._on(Event.ADD, handler)

    def setup(self, handler: Handler) -> Handler:
        return self._on(Event.SETUP, handler)

    def enable(self, handler: Handler) -> Handler:
        return self._on(Event.ENABLE, handler)

    def disable(self, handler: Handler) -> Handler:
        return self._on(Event.DISABLE, handler)

    def remove(self, handler: Handler) -> Handler:
        return self._on(Event.REMOVE, handler)

    def _on(self, event: Event, handler: Handler) -> Handler:
        self.handlers[event] = handler
        return handler
