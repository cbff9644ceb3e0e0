"""What a program holds in its hands: `resource.state`, over the mesh."""

import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, MutableMapping
from typing import Any, TypeVar

from msgspec import Raw

from callmesh.errors import CallmeshError, Denied
from callmesh.ids import ParticipantId, StateId, issue
from callmesh.lists import OrderedList
from callmesh.mesh import Change, Changed, Status
from callmesh.outbox import Fate
from callmesh.replica import Replica
from callmesh.state import DELETED
from callmesh.typed import TypedRecord, TypedState
from callmesh.undo import UndoHistory
from callmesh.values import check_key, decode, encode

T = TypeVar("T")

log = logging.getLogger("callmesh")


class StateChange(Mapping[str, tuple[Any, Any]]):
    """What changed: key → (old value, new value).

    A key that is not there reads as None; `deleted` tells it from a value that is None.
    """

    def __init__(self, keys: Mapping[str, Changed], denied: Denied | None = None) -> None:
        self._keys = keys
        self.denied = denied
        """Why, where own writes were refused and are undone by this."""

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


class Root:
    """The State that every part of it is a view of.

    `can_write` tells of a key whether the hub would take it; `refusal` why nothing at all is
    written, if so.
    """

    def __init__(
        self,
        replica: Replica,
        id: StateId,
        *,
        can_write: Callable[[str], bool] = lambda key: True,
        refusal: Callable[[], Denied | None] = lambda: None,
    ) -> None:
        self.replica = replica
        self.id = id
        self.can_write = can_write
        self._refusal = refusal
        self.open: dict[str, Raw] | None = None
        """What the transaction under way has written."""
        self.gone: CallmeshError | None = None

    def value(self, key: str) -> Raw | None:
        if self.open is not None and key in self.open:
            return None if self.open[key] == DELETED else self.open[key]
        return self.replica.mesh.value(self.id, key)

    def live(self) -> Iterator[str]:
        yield from (k for k in self.replica.mesh.keys(self.id) if k not in (self.open or {}))
        yield from (key for key, value in (self.open or {}).items() if value != DELETED)

    def write(self, keys: dict[str, Raw]) -> None:
        refusal = self.gone or self._refusal()
        if refusal is not None:
            raise refusal
        if self.open is not None:
            self.open |= keys
        elif keys:
            self.replica.write({self.id: keys})

    def collect(self, write: Callable[[], None]) -> dict[str, Raw]:
        """What `write` writes, which is not sent: it is to be part of a larger transaction."""
        self.open = {}
        try:
            write()
            return self.open
        finally:
            self.open = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        if self.open is not None:
            yield  # part of the transaction around it
            return
        self.open = {}
        try:
            yield
            written, self.open = self.open, None
            self.write(written)
        finally:
            self.open = None


class SharedState(MutableMapping[str, Any]):
    """A State as a mutable mapping of JSON values. A write is seen here at once, and sent.

    `at` gives a part of it, with the same face.
    """

    def __init__(self, root: Root, path: str = "") -> None:
        self._root = root
        self._replica = root.replica
        self._path = path

    def __repr__(self) -> str:
        return f"<SharedState {dict(self)!r}>"

    def end(self, reason: Denied) -> None:
        """Its resource is gone: nothing more is written or changes."""
        self._root.gone = reason
        self._replica.moved.notify()

    # --- the mapping

    def __getitem__(self, key: str) -> Any:
        data = self._root.value(self._path + key)
        if data is None:
            raise KeyError(key)
        return decode(data)

    def __setitem__(self, key: str, value: object) -> None:
        self._root.write({self._full(key): encode(value)})

    def __delitem__(self, key: str) -> None:
        if self._root.value(self._path + key) is None:
            raise KeyError(key)
        self._root.write({self._full(key): DELETED})

    def __iter__(self) -> Iterator[str]:
        own = len(self._path)
        return iter([key[own:] for key in self._root.live() if key.startswith(self._path)])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _full(self, key: str) -> str:
        return self._path + check_key(key) if not self._path else check_key(self._path + key)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written inside is one message and one change; on an error, nothing.

        The hub takes all of it or, with `Denied`, none.
        """
        with self._root.transaction():
            yield

    # --- parts and views of it

    def at(self, path: str) -> "SharedState":
        """The State as seen from `path`: `state.at("shape/42")["x"]` is `state["shape/42/x"]`."""
        return SharedState(self._root, f"{self._full(path)}/")

    def list(self, path: str) -> OrderedList:
        """An ordered list under `path`, which everybody may insert into and reorder."""
        return OrderedList(self.at(path), lambda: issue("i", secrets.token_bytes(8)))

    def of(self, type: type[T]) -> TypedState[T]:
        """The values as instances of a msgspec struct or a dataclass, by key."""
        return TypedState(self, type)

    def one(self, type: type[T]) -> TypedRecord[T]:
        """The whole as one struct or dataclass, with a key for each field."""
        return TypedRecord(self, type)

    def history(self, *, limit: int = 100, merge: float = 0.5) -> UndoHistory:
        """Undo and redo of what this participant writes here from now on, as long as it is used.

        `limit` steps; writes to the same keys within `merge` seconds are one step.
        """
        return UndoHistory(self._root, self._path, limit=limit, merge=merge)

    # --- delivery

    def can_write(self, key: str) -> bool:
        """Whether role, access and key rules let this participant write `key` as it stands."""
        return self._root.can_write(self._full(key))

    @property
    def status(self) -> Status:
        """`synced`, `saving`, `read_only` or `offline`: of the whole State, whatever the path."""
        return self._replica.mesh.status(self._root.id)

    def status_of(self, key: str) -> Fate | None:
        """What became of one's own last write of a key; None where there was none lately."""
        return self._replica.mesh.status_of(self._root.id, self._path + key)

    async def accepted(self, *, timeout: float | None = 30) -> None:
        """Wait until the hub has taken everything written here so far: others see it.

        Raises `Denied` if some of it was refused, `TimedOut` after `timeout` seconds.
        """
        receipt = self._replica.mesh.receipt(self._root.id)
        await self._replica.answered(receipt, lambda: receipt.accepted, timeout, "being accepted")

    async def saved(self, *, timeout: float | None = 30) -> None:
        """Wait until everything written here so far is on the hub's disk. Raises as `accepted`."""
        receipt = self._replica.mesh.receipt(self._root.id)
        await self._replica.answered(receipt, lambda: receipt.done, timeout, "saving")

    # --- changes

    def listen(
        self, listener: Callable[[StateChange], None], *, key: str | None = None, prefix: str = ""
    ) -> Callable[[], None]:
        """Call `listener` for every change, of one `key` or below a `prefix` if one is given.

        One transaction, batch or denial is one call. Returns what ends it. What it raises is
        logged, and keeps nobody else from being told.
        """

        def tell(change: Change) -> None:
            found = self._cut(change, key, prefix)
            if found:
                try:
                    listener(StateChange(found, change.denied))
                except Exception:
                    log.exception("a listener of %s failed", self._root.id)

        return self._replica.listen(tell)

    async def changes(
        self, *, key: str | None = None, prefix: str = ""
    ) -> AsyncIterator[StateChange]:
        """Every change from now on, until the resource is removed.

        A slow reader gets several changes as one, and never more than there are keys.
        """
        waiting: dict[str, Changed] = {}
        denied: Denied | None = None

        def listen(change: Change) -> None:
            nonlocal denied
            for name, changed in self._cut(change, key, prefix).items():
                before = waiting.get(name, changed)
                waiting[name] = Changed(before.old, changed.new, changed.writer)
                denied = change.denied or denied

        with self._replica.listening(listen):
            while True:
                if waiting:
                    ready, waiting = StateChange(waiting, denied), {}
                    denied = None
                    yield ready
                elif self._root.gone is not None:
                    return
                else:
                    await self._replica.moved.wait()

    def _cut(self, change: Change, key: str | None, prefix: str) -> dict[str, Changed]:
        """Of a change, what is asked for, as seen from here."""
        if change.state != self._root.id:
            return {}
        own, wanted = len(self._path), self._path + (prefix if key is None else key)
        return {
            name[own:]: changed
            for name, changed in change.keys.items()
            if (name.startswith(wanted) if key is None else name == wanted)
        }


def _read(data: Raw | None) -> Any:
    return None if data is None else decode(data)
