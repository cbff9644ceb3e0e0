"""The mesh of a live call, with what wakes those who wait for it and tells those who listen."""

import contextlib
from collections.abc import Callable, Iterator, Mapping

from msgspec import Raw

from callmesh.ids import StateId
from callmesh.mesh import Change, Mesh
from callmesh.messages import Batch, Denial
from callmesh.notify import Notifier
from callmesh.receipt import Receipt


class Replica:
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
        self._foreign: list[Callable[[StateId, list[str]], None]] = []

    def write(self, groups: Mapping[StateId, Mapping[str, Raw]]) -> list[Change]:
        """One transaction. Raises `TooLarge`, or why the call is over."""
        self.moved.check()
        changes = self.mesh.write(groups, self.now())
        self.tell(changes)
        self._wrote()
        return changes

    async def commit(
        self,
        groups: Mapping[StateId, Mapping[str, Raw]],
        state: StateId,
        key: str,
        timeout: float | None,
        what: str,
    ) -> None:
        """Write one transaction, and wait until the hub has taken it: `key` of `state` tells.

        What else is under way has its own fate. Raises as `write`, `Denied`, `TimedOut`.
        """
        self.write(groups)
        receipt = self.mesh.receipt(state, key)
        await self.answered(receipt, lambda: receipt.accepted, timeout, what)

    async def answered(
        self, receipt: Receipt, true: Callable[[], bool], timeout: float | None, what: str
    ) -> None:
        """Wait for what a receipt tells. Raises `Denied` if some of it was, `TimedOut`."""
        await self.moved.until(true, timeout=timeout, what=what)
        if receipt.denied:
            raise receipt.denied[0]

    def batch(self, batch: Batch) -> None:
        """Take in what the hub has sent."""
        for group in batch.groups:
            foreign = [entry.key for entry in group.entries if entry.writer != self.mesh.writer]
            if foreign:
                for listener in list(self._foreign):
                    listener(StateId(group.state), foreign)
        self.tell(self.mesh.batch(batch, self.now()))

    def deny(self, denial: Denial) -> None:
        """Take in that the hub has refused a transaction."""
        changes = self.mesh.deny(denial, self.now())
        for state, key in denial.places:
            if self.mesh.status_of(StateId(state), key) != "pending":  # it is not tried again
                for listener in list(self._foreign):
                    listener(StateId(state), [key])
        self.tell(changes)

    def tell(self, changes: list[Change]) -> None:
        """Bring what is derived from the mesh in step with it, then tell those who listen."""
        self._follow(changes)
        for change in changes:
            for listener in list(self._listeners):
                listener(change)
        self.moved.notify()

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Have `listener` called for every change; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @contextlib.contextmanager
    def listening(self, listener: Callable[[Change], None]) -> Iterator[None]:
        stop = self.listen(listener)
        try:
            yield
        finally:
            stop()

    def on_foreign(self, listener: Callable[[StateId, list[str]], None]) -> Callable[[], None]:
        """Have `listener` told the keys that are no longer one's own.

        Somebody else has written them, also if that changed nothing, or one's own was denied.
        """
        self._foreign.append(listener)
        return lambda: self._foreign.remove(listener)
