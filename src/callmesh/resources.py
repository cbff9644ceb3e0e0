"""The resources of a call as a Python participant holds them, and handlers that follow them."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, TypeAlias

from msgspec import Raw, to_builtins

from callmesh.cache import ResourceCache
from callmesh.errors import BadInput, Denied
from callmesh.ids import (
    CALL,
    ParticipantId,
    PersonId,
    ResourceId,
    StateId,
    app_id,
    display_name,
    issue,
    presence_of,
    state_of,
    writes_for,
)  # fmt: skip
from callmesh.messages import Mode
from callmesh.resource import (
    ACTIVE,
    Event,
    Lifecycle,
    ResourceRecord,
    key_of,
    read_record,
    resource_in,
)  # fmt: skip
from callmesh.shared import Replica, SharedPresence, SharedState
from callmesh.state import DELETED
from callmesh.streams import DataStream, Streams
from callmesh.values import check_key, decode, encode

log = logging.getLogger("callmesh")


class Resource:
    """An instance of an app in a call: its own state, presence, cache and streams."""

    def __init__(
        self,
        id: ResourceId,
        record: ResourceRecord,
        *,
        adder: bool,
        replica: Replica,
        streams: Streams,
        cache: ResourceCache,
        me: Callable[[], ParticipantId],
    ) -> None:
        self.id = id
        self.record = record
        self.state = SharedState(replica, state_of(id))
        self.presence = SharedPresence(SharedState(replica, presence_of(id)), me)
        self.cache = cache
        self.life = Lifecycle(adder=adder)
        self._streams = streams

    @property
    def app(self) -> str:
        return self.record.app

    @property
    def title(self) -> str:
        return self.record.title

    @property
    def owner(self) -> PersonId:
        """The person who added it."""
        return PersonId(self.record.owner)

    def stream(self, name: str, *, mode: Mode = "reliable") -> DataStream:
        """The stream of that name: fast data to the others, peer to peer, no history."""
        return self._streams.stream(self.id, name, mode)

    def __repr__(self) -> str:
        return f"<Resource {self.id} {self.app} {self.title!r}>"


Handler: TypeAlias = Callable[[Resource], Awaitable[None]]
Handlers: TypeAlias = Mapping[Event, Handler]


class Resources:
    """A live mapping, resource id → `Resource`, of what is in the call now."""

    def __init__(
        self,
        replica: Replica,
        streams: Streams,
        apps: Mapping[str, Handlers],
        cache_for: Callable[[ResourceId], ResourceCache],
        me: Callable[[], tuple[ParticipantId, PersonId]],
    ) -> None:
        self._replica = replica
        self._streams = streams
        self._apps = apps
        self._cache_for = cache_for
        self._me = me
        self._found: dict[ResourceId, Resource] = {}
        self._adding: set[ResourceId] = set()
        self._handlers: dict[ResourceId, Handling] = {}

    # --- the mapping

    def __getitem__(self, id: ResourceId) -> Resource:
        return self._found[id]

    def __iter__(self) -> Iterator[ResourceId]:
        return iter(list(self._found))

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, id: object) -> bool:
        return id in self._found

    def keys(self) -> KeysView[ResourceId]:
        return self._found.keys()

    def values(self) -> ValuesView[Resource]:
        return self._found.values()

    def items(self) -> ItemsView[ResourceId, Resource]:
        return self._found.items()

    async def get(self, id: ResourceId, *, timeout: float | None = 10) -> Resource:
        """The resource, waited for if it is not there yet. Raises `TimedOut`."""
        await self._replica.moved.until(
            lambda: id in self._found, timeout=timeout, what=f"resource {id} appearing"
        )
        return self._found[id]

    # --- changing it

    async def add(
        self,
        app: str,
        *,
        title: str | None = None,
        state: Mapping[str, Any] | None = None,
        timeout: float | None = 10,
    ) -> Resource:
        """Add an instance of `app`, with its first state, in one step.

        Raises `Denied` if the hub does not have the app or does not let you, `BadName`, `TimedOut`.
        """
        id = ResourceId(issue("r", secrets.token_bytes(8)))
        _, person = self._me()
        record = ResourceRecord(
            app=app_id(app),
            title=display_name(title or app.capitalize(), what="a title"),
            owner=person,
            added=self._replica.now() + self._replica.mesh.clock.offset,
        )
        groups: dict[StateId, dict[str, Raw]] = {CALL: {key_of(id): encode(to_builtins(record))}}
        if state:
            groups[state_of(id)] = {check_key(k): encode(v) for k, v in state.items()}
        self._adding.add(id)
        try:
            self._replica.write(groups)
            receipt = self._replica.mesh.receipt(CALL)
            await self._replica.moved.until(
                lambda: receipt.accepted, timeout=timeout, what=f"adding {app}"
            )
        finally:
            self._adding.discard(id)
        if receipt.denied:
            raise receipt.denied[0]
        self.refresh()
        return self._found[id]

    def show(self, resource: Resource) -> None:
        """Put a resource in view for everybody."""
        self._replica.write({CALL: {ACTIVE: encode(resource.id)}})

    @property
    def active(self) -> Resource | None:
        """The one in view for everybody."""
        value = self._replica.mesh.value(CALL, ACTIVE)
        return self._found.get(decode(value)) if value is not None else None

    async def remove(self, resource: Resource, *, timeout: float | None = 10) -> None:
        """Remove it, its state and its presence, for everybody. Raises `Denied`, `TimedOut`."""
        self._replica.write({CALL: {key_of(resource.id): DELETED}})
        receipt = self._replica.mesh.receipt(CALL)
        await self._replica.moved.until(
            lambda: receipt.accepted, timeout=timeout, what=f"removing {resource.id}"
        )
        if receipt.denied:
            raise receipt.denied[0]

    # --- following the call

    def refresh(self, *, resynced: bool = False) -> None:
        """Bring the mapping in step with the call's own State, and tell the handlers."""
        records = self._records()
        for id in [id for id in self._found if id not in records]:
            self._drop(id)
        for id, record in records.items():
            if id in self._found:
                self._found[id].record = record
                if resynced:
                    self._tell(id, self._found[id].life.synced())
            elif id not in self._adding:
                self._appear(id, record)
        active = self.active
        for id, resource in self._found.items():
            self._tell(id, resource.life.view(resource is active))

    def _records(self) -> dict[ResourceId, ResourceRecord]:
        """What the call's own State says, in the order of adding."""
        found: dict[ResourceId, ResourceRecord] = {}
        mesh = self._replica.mesh
        values = mesh.confirmed(CALL)  # what is removed here stays until the hub has agreed
        for key in mesh.keys(CALL):
            values[key] = mesh.value(CALL, key) or values[key]
        for key, value in values.items():
            with contextlib.suppress(BadInput):
                id = resource_in(key)
                if id is not None:
                    found[id] = read_record(decode(value))
        return dict(sorted(found.items(), key=lambda item: (item[1].added, item[0])))

    def _appear(self, id: ResourceId, record: ResourceRecord) -> None:
        resource = self._found[id] = Resource(
            id,
            record,
            adder=self._is_mine(id),
            replica=self._replica,
            streams=self._streams,
            cache=self._cache_for(id),
            me=lambda: self._me()[0],
        )
        handlers = self._apps.get(record.app)
        if handlers is not None:
            self._handlers[id] = Handling(handlers, resource)
        self._tell(id, resource.life.synced())

    def _is_mine(self, id: ResourceId) -> bool:
        """Whether this very presence added it: it wrote the record."""
        entry = self._replica.mesh.entry(CALL, key_of(id))
        return entry is not None and writes_for(entry.writer, self._me()[0])

    def _drop(self, id: ResourceId) -> None:
        resource = self._found.pop(id)
        resource.state.end(Denied("no_resource", f"{resource.title} was removed"))
        self._tell(id, resource.life.removed())
        handling = self._handlers.pop(id, None)
        if handling:
            handling.finish()
        self._replica.mesh.drop(id)
        self._streams.drop(id, f"{resource.title} was removed")

    def _tell(self, id: ResourceId, events: list[Event]) -> None:
        if id in self._handlers:
            for event in events:
                self._handlers[id].put(event)

    async def close(self) -> None:
        """Stop the handlers."""
        for handling in self._handlers.values():
            handling.cancel()
        await asyncio.gather(*(h.task for h in self._handlers.values()), return_exceptions=True)


class Handling:
    """Runs the handlers of one resource, one event after the other."""

    def __init__(self, handlers: Handlers, resource: Resource) -> None:
        self._by_event = handlers
        self._resource = resource
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
            handler = self._by_event.get(event)
            if handler is None:
                continue
            try:
                await handler(self._resource)
            except Exception:
                log.exception("app %s: its %s handler failed", self._resource.app, event)
