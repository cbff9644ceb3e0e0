"""What a program holds in its hands: `resource.state` and `resource.presence`, over the mesh."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, MutableMapping
from typing import Any, Literal

from msgspec import Raw

from callmesh.errors import Denied
from callmesh.ids import ParticipantId, StateId
from callmesh.mesh import Change, Changed, Mesh
from callmesh.notify import Notifier
from callmesh.state import DELETED
from callmesh.values import check_key, decode, encode


class Replica:
    """The mesh of a live call, with what wakes those who wait for it."""

    def __init__(
        self,
        now: Callable[[], int],
        wrote: Callable[[], None],
        follow: Callable[[list[Change]], None],
    ) -> None:
        self.mesh = Mesh()
        self.now = now
        self.moved = Notifier()
        self._wrote = wrote
        self._follow = follow
        self._listeners: list[Callable[[Change], None]] = []

    def write(self, groups: Mapping[StateId, Mapping[str, Raw]]) -> None:
        """One transaction. Raises `TooLarge`, or why the call is over."""
        self.moved.check()
        self.tell(self.mesh.write(groups, self.now()))
        self._wrote()

    def tell(self, changes: list[Change]) -> None:
        """Bring what is derived from the mesh in step with it, then tell those who listen."""
        self._follow(changes)
        for change in changes:
            for listener in list(self._listeners):
                listener(change)
        self.moved.notify()

    @contextlib.contextmanager
    def listening(self, listener: Callable[[Change], None]) -> Iterator[None]:
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)


class StateChange(Mapping[str, tuple[Any, Any]]):
    """What changed since the last one that was read: key → (old value, new value).

    A key that is not there reads as None; `deleted` tells it from a value that is None.
    """

    def __init__(self, keys: Mapping[str, Changed]) -> None:
        self._keys = keys

    def __getitem__(self, key: str) -> tuple[Any, Any]:
        changed = self._keys[key]
        return _read(changed.old), _read(changed.new)

    def __repr__(self) -> str:
        return f"<StateChange {dict(self)!r}>"

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def deleted(self, key: str) -> bool:
        return self._keys[key].new is None

    def writer(self, key: str) -> ParticipantId:
        """Who wrote the new value."""
        return ParticipantId(self._keys[key].writer.partition(".")[0])


class SharedState(MutableMapping[str, Any]):
    """A State as a mutable mapping of JSON values. A write is seen here at once, and sent."""

    def __init__(self, replica: Replica, id: StateId) -> None:
        self._replica = replica
        self.id = id
        self._open: dict[str, Raw] | None = None
        self._gone: Denied | None = None

    def __repr__(self) -> str:
        return f"<SharedState {dict(self)!r}>"

    def end(self, reason: Denied) -> None:
        """Its resource was removed: nothing more is written or changes."""
        self._gone = reason
        self._replica.moved.notify()

    def __getitem__(self, key: str) -> Any:
        if self._open is not None and key in self._open:
            data: Raw | None = self._open[key]
            data = None if data == DELETED else data
        else:
            data = self._replica.mesh.value(self.id, key)
        if data is None:
            raise KeyError(key)
        return decode(data)

    def __setitem__(self, key: str, value: object) -> None:
        self._write(check_key(key), encode(value))

    def __delitem__(self, key: str) -> None:
        self[key]  # a key that is not there raises KeyError
        self._write(key, DELETED)

    def __iter__(self) -> Iterator[str]:
        keys = dict.fromkeys(self._replica.mesh.keys(self.id))
        for key, value in (self._open or {}).items():
            if value == DELETED:
                keys.pop(key, None)
            else:
                keys[key] = None
        return iter(keys)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _write(self, key: str, value: Raw) -> None:
        if self._gone is not None:
            raise self._gone
        if self._open is not None:
            self._open[key] = value
        else:
            self._replica.write({self.id: {key: value}})

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written inside is one message and one change; on an error, nothing."""
        if self._open is not None:
            yield  # part of the transaction around it
            return
        self._open = {}
        try:
            yield
            written, self._open = self._open, None
            if written:
                self._replica.write({self.id: written})
        finally:
            self._open = None

    @property
    def status(self) -> Literal["synced", "saving", "offline"]:
        return self._replica.mesh.status(self.id)

    async def saved(self, *, timeout: float | None = 30) -> None:
        """Wait until everything written here so far is on the hub's disk.

        Raises `Denied` if some of it was refused, `TimedOut` after `timeout` seconds.
        """
        receipt = self._replica.mesh.receipt(self.id)
        await self._replica.moved.until(lambda: receipt.done, timeout=timeout, what="saving")
        if receipt.denied:
            raise receipt.denied[0]

    async def changes(self) -> AsyncIterator[StateChange]:
        """Every change from now on, until the resource is removed.

        A slow reader gets several changes as one, and never more than there are keys.
        """
        waiting: dict[str, Changed] = {}

        def listen(change: Change) -> None:
            if change.state == self.id:
                for key, changed in change.keys.items():
                    before = waiting.get(key, changed)
                    waiting[key] = Changed(before.old, changed.new, changed.writer)

        with self._replica.listening(listen):
            while True:
                if waiting:
                    ready, waiting = waiting, {}
                    yield StateChange(ready)
                elif self._gone is not None:
                    return
                else:
                    await self._replica.moved.wait()


class SharedPresence(MutableMapping[str, Any]):
    """What this participant is doing now, as a mapping; and what the others are, with `of`."""

    def __init__(self, state: SharedState, me: Callable[[], ParticipantId]) -> None:
        self._state = state
        self._me = me

    def __repr__(self) -> str:
        return f"<SharedPresence {self.all()!r}>"

    def __getitem__(self, key: str) -> Any:
        return self._state[f"{self._me()}/{key}"]

    def __setitem__(self, key: str, value: object) -> None:
        self._state[f"{self._me()}/{key}"] = value

    def __delitem__(self, key: str) -> None:
        del self._state[f"{self._me()}/{key}"]

    def __iter__(self) -> Iterator[str]:
        return iter(self.of(self._me()))

    def __len__(self) -> int:
        return len(self.of(self._me()))

    def of(self, participant: ParticipantId) -> dict[str, Any]:
        """What one participant shows."""
        return self.all().get(participant, {})

    def all(self) -> dict[ParticipantId, dict[str, Any]]:
        """What everybody shows."""
        found: dict[ParticipantId, dict[str, Any]] = {}
        for path, value in self._state.items():
            participant, _, key = path.partition("/")
            found.setdefault(ParticipantId(participant), {})[key] = value
        return found

    async def changes(self) -> AsyncIterator[None]:
        """Now and then: something about somebody's presence is new. Read `all()`."""
        async for _ in self._state.changes():
            yield


def _read(data: Raw | None) -> Any:
    return None if data is None else decode(data)
