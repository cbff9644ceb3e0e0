"""The resources of a call as a Python participant holds them, and handlers that follow them."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Literal

import msgspec
from msgspec import Raw, to_builtins

from callmesh.away import Away
from callmesh.cache import ResourceCache
from callmesh.errors import BadInput, Denied
from callmesh.handling import Half, Handling
from callmesh.ids import (
    CALL,
    ResourceId,
    StateId,
    app_id,
    display_name,
    issue,
    state_of,
    writes_for,
)  # fmt: skip
from callmesh.instance import Resource, access_entry
from callmesh.participant import Participant
from callmesh.replica import Replica
from callmesh.resource import (
    ACTIVE,
    Event,
    ResourceRecord,
    key_of,
    read_record,
    resource_in,
)  # fmt: skip
from callmesh.standing import Standings
from callmesh.state import DELETED
from callmesh.streams import Streams
from callmesh.values import check_key, decode, encode


class Resources:
    """A live mapping, resource id → `Resource`, of what is in the call now."""

    def __init__(
        self,
        replica: Replica,
        streams: Streams,
        standings: Standings,
        apps: Mapping[str, Half],
        cache_for: Callable[[ResourceId], ResourceCache],
        me: Callable[[], Participant],
        away: Away,
        roster: Callable[[], Iterable[Participant]],
    ) -> None:
        self._away = away
        self._replica = replica
        self._streams = streams
        self._standings = standings
        self._apps = apps
        self._cache_for = cache_for
        self._me = me
        self._roster = roster
        self._found: dict[ResourceId, Resource] = {}
        self._removed: dict[ResourceId, ResourceRecord] = {}
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
        access: Mapping[str, Literal["edit", "view", "hidden"]] | None = None,
        timeout: float | None = 10,
    ) -> Resource:
        """Add an instance of `app`, with its first state, in one step.

        Hosts may set at once what roles and persons may do with it: `access={"guest": "hidden"}`.

        Raises `Denied` if the hub does not have the app or does not let you, `BadName`, `TimedOut`.
        """
        id = ResourceId(issue("r", secrets.token_bytes(8)))
        record = ResourceRecord(
            app=app_id(app),
            title=display_name(title or app.capitalize(), what="a title"),
            owner=self._me().person,
            added=self._replica.now() + self._replica.mesh.clock.offset,
        )
        groups: dict[StateId, dict[str, Raw]] = {CALL: {key_of(id): encode(to_builtins(record))}}
        for who, level in (access or {}).items():
            key, value = access_entry(id, who, level)
            groups[CALL][key] = value
        if state:
            groups[state_of(id)] = {check_key(k): encode(v) for k, v in state.items()}
        self._adding.add(id)
        try:
            await self._replica.commit(groups, CALL, key_of(id), timeout, f"adding {app}")
        finally:
            self._adding.discard(id)
        self.refresh()
        if id not in self._found:
            raise Denied("no_resource", f"{record.title} was removed or hidden from you at once")
        return self._found[id]

    def show(self, resource: Resource) -> None:
        """Put a resource in view for everybody."""
        self._replica.write({CALL: {ACTIVE: encode(resource.id)}})

    @property
    def active(self) -> Resource | None:
        """The one in view for everybody."""
        value = self._replica.mesh.value(CALL, ACTIVE)
        return self._found.get(decode(value)) if value is not None else None

    async def remove(
        self, resource: Resource, *, restorable: bool = False, timeout: float | None = 10
    ) -> None:
        """Remove it, its state and its presence, for everybody. Raises `Denied`, `TimedOut`.

        `restorable`: the hub keeps it for 30 s, in which `restore` brings it back.
        """
        what = f"removing {resource.title}"
        record = msgspec.structs.replace(resource.record, removed=True) if restorable else None
        await self._put(resource.id, record, timeout, what)

    @property
    def removed(self) -> Mapping[ResourceId, ResourceRecord]:
        """What was removed, and can be restored by hosts and, while they may edit it, its owner."""
        return dict(self._removed)

    async def restore(self, id: ResourceId, *, timeout: float | None = 10) -> Resource:
        """Bring back one of `removed`, with its state. Raises `Denied`, `TimedOut`."""
        if (record := self._removed.get(id)) is None:
            raise Denied("no_resource", "it is in the call, or cannot be restored any more")
        what = f"restoring {record.title}"
        await self._put(id, msgspec.structs.replace(record, removed=False), timeout, what)
        return await self.get(id, timeout=timeout)

    async def _put(
        self, id: ResourceId, record: ResourceRecord | None, timeout: float | None, what: str
    ) -> None:
        key, value = key_of(id), DELETED if record is None else encode(to_builtins(record))
        await self._replica.commit({CALL: {key: value}}, CALL, key, timeout, what)

    # --- following the call

    def refresh(self, *, resynced: bool = False) -> None:
        """Bring the mapping in step with the call's own State, and tell the handlers."""
        records = self._records()
        before = self._removed
        self._removed = {id: record for id, record in records.items() if record.removed}
        records = {id: record for id, record in records.items() if not record.removed}
        for id in [id for id in self._found if id not in records]:
            self._drop(id)
        for id in before.keys() - self._removed.keys() - records.keys():
            self._replica.mesh.drop(id)
        for id, record in records.items():
            if id in self._found:
                self._found[id].record = record
                if resynced:
                    self._tell(id, self._found[id].life.synced())
            elif id not in self._adding:
                self._appear(id, record, adder=id not in before and self._is_mine(id))
        active = self.active
        for id, resource in self._found.items():
            self._tell(id, resource.life.view(resource is active))

    def _records(self) -> dict[ResourceId, ResourceRecord]:
        """What the call's own State says, in the order of adding."""
        found: dict[ResourceId, ResourceRecord] = {}
        mesh = self._replica.mesh
        mine = ((key, mesh.value(CALL, key)) for key in mesh.keys(CALL))
        # What is removed here stays until the hub has agreed.
        for key, value in (*mine, *mesh.confirmed(CALL).items()):
            with contextlib.suppress(BadInput):
                id = resource_in(key)
                if id is None or value is None:
                    continue
                record = read_record(decode(value))
                if id not in found or found[id].removed:
                    found[id] = record
        return dict(sorted(found.items(), key=lambda item: (item[1].added, item[0])))

    def _appear(self, id: ResourceId, record: ResourceRecord, *, adder: bool) -> None:
        resource = self._found[id] = Resource(
            id,
            record,
            adder=adder,
            replica=self._replica,
            standings=self._standings,
            streams=self._streams,
            cache=self._cache_for(id),
            away=self._away,
            me=self._me,
            roster=self._roster,
        )
        half = self._apps.get(record.app)
        # Who does not say a version knows the one that is there now, and none that comes later.
        speaks = half.version if half is not None else 0
        self._replica.mesh.versions[state_of(id)] = speaks or self._standings.version(id)
        if half is not None:
            self._handlers[id] = Handling(half, resource, self._replica)
        self._tell(id, resource.life.synced())

    def _is_mine(self, id: ResourceId) -> bool:
        """Whether this very presence added it: it wrote the record."""
        entry = self._replica.mesh.entry(CALL, key_of(id))
        return entry is not None and writes_for(entry.writer, self._me().id)

    def _drop(self, id: ResourceId) -> None:
        resource = self._found.pop(id)
        gone = (
            f"{resource.title} was removed, or is hidden from you; it is in call.resources anew "
            "when it is back"
        )
        resource.state.end(Denied("no_resource", gone))
        self._tell(id, resource.life.removed())
        handling = self._handlers.pop(id, None)
        if handling:
            handling.finish()
        if id not in self._removed:
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
