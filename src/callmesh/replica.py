"""The mesh of a live call, with what wakes those who wait for it and tells those who listen."""

import logging
from collections.abc import Callable, Mapping, Sequence

from msgspec import Raw

from callmesh.ids import StateId
from callmesh.mesh import Change, Mesh
from callmesh.messages import Batch, Denial
from callmesh.notify import Notifier
from callmesh.receipt import Place, Receipt

log = logging.getLogger("callmesh")


class Replica:
    def __init__(
        self,
        now: Callable[[], int],
        wrote: Callable[[], None],
        follow: Callable[[Sequence[Change]], None],
    ) -> None:
        self.mesh = Mesh()
        self.now = now
        self.moved = Notifier()
        self._wrote = wrote
        self._follow = follow
        self._listeners: list[Callable[[Change], bool | None]] = []
        self._awaited: dict[int, Receipt] = {}
        """Those that somebody waits for, by identity."""
        self._reported: dict[Place, str] = {}
        """What cannot be read, as it was told last."""
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
        self._awaited[id(receipt)] = receipt
        try:
            await self.moved.until(true, timeout=timeout, what=what)
        finally:
            del self._awaited[id(receipt)]
            self.mesh.let_go(receipt)
        if receipt.denied:
            raise receipt.denied[0]

    def batch(self, batch: Batch) -> None:
        """Take in what the hub has sent."""
        for group in batch.groups:
            foreign = [entry.key for entry in group.entries if entry.writer != self.mesh.writer]
            if foreign:
                for listener in list(self._foreign):
                    listener(StateId(group.state), foreign)
        changes = self.mesh.batch(batch, self.now())
        self._report()
        self._note_letters(changes)
        self.tell(changes)

    def peers(self, changes: Sequence[Change]) -> None:
        """Tell of what came from other participants, or was let go of again."""
        self._note_letters(changes)
        self.tell(changes)

    def _note_letters(self, changes: Sequence[Change]) -> None:
        """Where a letter stands now, one's own does not any more."""
        for change in changes:
            if change.cause == "peers":
                foreign = [k for k, c in change.keys.items() if c.writer != self.mesh.writer]
                for listener in list(self._foreign) if foreign else ():
                    listener(change.state, foreign)

    def deny(self, denial: Denial) -> None:
        """Take in that the hub has refused a transaction."""
        awaited = [(receipt, len(receipt.denied)) for receipt in self._awaited.values()]
        changes = self.mesh.deny(denial, self.now())
        self._note_letters(changes)
        pending = {
            place: self.mesh.status_of(StateId(place[0]), place[1]) == "pending"
            for place in denial.places
        }
        for (state, key), waits in pending.items():
            if waits and denial.reason == "clock_ahead":
                continue  # it may be tried again
            for listener in list(self._foreign):
                listener(StateId(state), [key])
        heard = self.tell(changes) or any(len(r.denied) > before for r, before in awaited)
        tried_again = denial.reason == "clock_ahead" and all(pending.values())
        if not heard and not tried_again:
            state, key = denial.places[0] if denial.places else ("", "")
            log.warning(
                "denied, and nobody here looks: %s, %s: %s (%s)",
                state, key, denial.why, denial.reason,
            )  # fmt: skip

    def _report(self) -> None:
        """Of what cannot be read, tell what is new."""
        for place, why in self.mesh.set_aside.items():
            if self._reported.get(place) != why:
                log.warning("set aside: %s, %s: %s", *place, why)
        self._reported = dict(self.mesh.set_aside)

    def tell(self, changes: Sequence[Change]) -> bool:
        """Bring what is derived from the mesh in step with it, then tell those who listen.

        Whether any of them has heard what was denied, if something was.
        """
        self._follow(changes)
        heard = [listener(change) for change in changes for listener in list(self._listeners)]
        self.moved.notify()
        return any(heard)

    def listen(self, listener: Callable[[Change], bool | None]) -> Callable[[], None]:
        """Have `listener` called for every change; returns what ends that. Twice is fine.

        It tells whether a denial is heard of by it.
        """
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def on_foreign(self, listener: Callable[[StateId, list[str]], None]) -> Callable[[], None]:
        """Have `listener` told the keys that are no longer one's own.

        Somebody else has written them, also if that changed nothing, or one's own was denied.
        """
        self._foreign.append(listener)
        return lambda: self._foreign.remove(listener)
