"""What a program holds in its hands: `resource.state`, over the mesh."""

import contextlib
import secrets
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator, MutableMapping
from typing import Any, TypeVar

from msgspec import Raw

from callmesh.changes import Gathered, StateChange, Wanted, check_listener, teller, wanted
from callmesh.errors import CallmeshError, Denied
from callmesh.ids import StateId, issue
from callmesh.lists import OrderedList
from callmesh.mesh import Status
from callmesh.outbox import Fate
from callmesh.replica import Replica
from callmesh.state import DELETED
from callmesh.typed import TypedRecord, TypedState
from callmesh.undo import UndoHistory
from callmesh.values import check_key, decode, encode

T = TypeVar("T")


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

    def update(self, *values: Any, **more: Any) -> None:
        """Write several keys, as one transaction."""
        with self._root.transaction():
            super().update(*values, **more)

    def clear(self) -> None:
        """Delete every key there is, as one transaction."""
        with self._root.transaction():
            for key in list(self):
                del self[key]

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

    def on_status(self, tell: Callable[[Status], object]) -> Callable[[], None]:
        """Call `tell` with `status` now, and whenever that or `status_of` an own key is another.

        It comes soon after, once for all that happened meanwhile. Returns what ends it.
        """
        check_listener(tell)
        return self._replica.moved.watch(
            lambda: (self.status, self._fates()), lambda: tell(self.status)
        )

    def _fates(self) -> dict[str, Fate]:
        fates = self._replica.mesh.fates(self._root.id)
        return {key: fate for key, fate in fates.items() if key.startswith(self._path)}

    @property
    def unreadable(self) -> dict[str, str]:
        """Key → why, of values of the hub's that cannot be read here and count as not there."""
        own = len(self._path)
        return {
            key[own:]: why
            for (state, key), why in self._replica.mesh.set_aside.items()
            if state == self._root.id and key.startswith(self._path)
        }

    async def accepted(self, *, timeout: float | None = 30) -> None:
        """Wait until the hub has taken everything written here so far: others see it.

        That is what was written to the whole State and is not saved yet; what was saved or denied
        before is not looked at again. Raises `Denied` if some of it is refused, `TimedOut` after
        `timeout` seconds.
        """
        receipt = self._replica.mesh.receipt(self._root.id)
        await self._replica.answered(receipt, lambda: receipt.accepted, timeout, "being accepted")

    async def saved(self, *, timeout: float | None = 30) -> None:
        """Wait until everything written here so far is on the hub's disk. Raises as `accepted`."""
        receipt = self._replica.mesh.receipt(self._root.id)
        await self._replica.answered(receipt, lambda: receipt.done, timeout, "saving")

    # --- changes

    def listen(
        self, listener: Callable[[StateChange], object], *, key: str | None = None, prefix: str = ""
    ) -> Callable[[], None]:
        """Call `listener` for every change, of one `key` or below a `prefix` if one is given.

        One transaction, batch or denial is one call. Returns what ends it. What it raises is
        logged, and keeps nobody else from being told. Raises `BadValue` for what is no function,
        or a coroutine function: nobody would await it.
        """
        check_listener(listener, "; use `async for change in state.changes()`")
        return self._replica.listen(teller(self._wanted(key, prefix), listener))

    def changes(
        self, *, key: str | None = None, prefix: str = ""
    ) -> AsyncGenerator[StateChange, None]:
        """Every change from now on, before the first is asked for too, until the resource is gone.

        A slow reader gets several changes as one, and never more than there are keys.
        """
        gathered = Gathered(self._wanted(key, prefix))
        stop = self._replica.listen(gathered.add)
        reader = self._read(gathered, stop)
        weakref.finalize(reader, stop).atexit = False  # one that is never started is let go of too
        return reader

    async def _read(
        self, gathered: Gathered, stop: Callable[[], None]
    ) -> AsyncGenerator[StateChange, None]:
        try:
            while True:
                change = gathered.take()
                if change is not None:
                    yield change
                elif self._root.gone is not None:
                    return
                else:
                    await self._replica.moved.wait()
        finally:
            stop()

    def _wanted(self, key: str | None, prefix: str) -> Wanted:
        return wanted(self._root.id, self._path, key, prefix)
