"""Runs the handlers of an app for one of its resources, one event after the other."""

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeAlias

from msgspec import Raw

from callmesh.errors import Denied
from callmesh.ids import CALL, StateId, state_of
from callmesh.instance import Resource
from callmesh.replica import Replica
from callmesh.resource import Event, version_key
from callmesh.shared import SharedState
from callmesh.values import encode

Handler: TypeAlias = Callable[[Resource], Awaitable[None] | None]

log = logging.getLogger("callmesh")


@dataclass(slots=True)
class Half:
    """What somebody has written for the resources of one app."""

    version: int = 0
    """The state version it is written for; 0 for the one that a state has when it is met."""
    handlers: dict[Event, Handler] = field(default_factory=dict)
    migrations: dict[int, Callable[[SharedState], None]] = field(default_factory=dict)
    """By the version they lead to."""


class Handling:
    def __init__(self, half: Half, resource: Resource, replica: Replica) -> None:
        self._half = half
        self._resource = resource
        self._replica = replica
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self.task = asyncio.create_task(self._run())

    def put(self, event: Event) -> None:
        self._events.put_nowait(event)

    def finish(self) -> None:
        """Nothing comes after what is waiting."""
        self._events.put_nowait(None)

    def cancel(self) -> None:
        self.task.cancel()

    async def _run(self) -> None:
        while (event := await self._events.get()) is not None:
            try:
                if event is Event.SETUP:
                    await self._bring_up_to_date()
                handler = self._half.handlers.get(event)
                done = handler(self._resource) if handler is not None else None
                if inspect.isawaitable(done):
                    await done
            except Exception:
                log.exception("app %s: its %s handler failed", self._resource.app, event)

    # --- state versions

    @property
    def _version(self) -> int:
        return self._resource.standings.version(self._resource.id)

    async def _bring_up_to_date(self) -> None:
        """Wait until the state is of the version that the handlers know; migrate it if one may.

        However many do so at once, the hub takes one, and the others get what it made (R9).
        """
        resource, wanted = self._resource, self._half.version
        while self._version < wanted and resource.root.gone is None:
            seen = resource.stand
            if resource.may_migrate:
                with contextlib.suppress(Denied):
                    await self._migrate()
            if self._version < wanted:
                log.info("%s waits for a migration to state version %s", resource.title, wanted)
                await self._until_other(seen)
        if resource.outdated:
            log.warning(
                "%s is at state version %s, and this program is written for %s: upgrade it",
                resource.title, self._version, resource.speaks,
            )  # fmt: skip

    async def _migrate(self) -> None:
        """One transaction: every step there is, and the version it leads to."""
        resource, wanted = self._resource, self._half.version
        steps = range(self._version + 1, wanted + 1)

        def run() -> None:
            for step in steps:
                if step in self._half.migrations:
                    self._half.migrations[step](resource.state)

        groups: dict[StateId, dict[str, Raw]] = {
            CALL: {version_key(resource.id): encode(wanted)},
            state_of(resource.id): resource.root.collect(run),
        }
        await self._replica.commit(groups, CALL, version_key(resource.id), None, "migrating")

    async def _until_other(self, seen: Hashable) -> None:
        """Until somebody else has migrated it, or one may do so oneself by now."""
        resource = self._resource
        await self._replica.moved.until(
            lambda: resource.stand != seen or resource.root.gone is not None,
            timeout=None,
            what="a migration",
        )
