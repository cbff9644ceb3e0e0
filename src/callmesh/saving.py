"""The hub's disk: its one thread, its one commit over all calls, and what is done while it refuses.

D1 What was in a commit that succeeded is saved; one that fails promises nothing and is tried again.
D2 From a commit that failed until one succeeds, every call is read-only. The pauses grow, and the
   disk is tried though nothing waits for it.
   Calls that begin while another commit of that kind is under way are begun in one.
D3 A call that cannot be loaded is not opened. One that can, and for which no numbers can be set
   aside, is opened read-only, with numbers far from those of any other life.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, ParamSpec, TypeVar

from callmesh.audit import REFUSED, Event
from callmesh.counts import Commits
from callmesh.errors import StorageFailed
from callmesh.ids import CallId
from callmesh.ledger import Delta, Kept, Ledger
from callmesh.ports import Storage
from callmesh.rates import Rate

COMMIT_EVERY = 0.02
"""Seconds that a commit gathers changes of all calls."""
COMMITS = (10, 50)
"""Commits a second, for long and at once: beyond that one gathers for longer."""
RETRY = (0.5, 10.0)
"""Seconds until a commit that failed is tried again, and at most: the pauses double."""
APART = (2**32, 2**40)
"""How far beyond those on disk the numbers begin of a call for which none could be set aside."""
LAST = (3.0, 0.5)
"""Seconds that a hub which ends waits for its disk, and once it has waited in vain."""
MAX_UNWRITTEN = 10_000
"""Events that may wait for a disk that refuses; as many refusals may besides."""
CANNOT_SAVE = "the hub cannot save at the moment; what was saved is safe"

log = logging.getLogger("callmesh.hub")
T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Besides:
    """What goes into one commit with everything else, and is not tried again."""

    events: Sequence[Event] = ()
    deltas: Mapping[CallId, Delta] = field(default_factory=dict)
    gone: Collection[CallId] = ()


NOTHING = Besides()


class DiskThread(Executor):
    """One thread. The process does not wait for it at its end, as it does for those of pools:

    what a disk is asked that hangs is never answered.
    """

    def __init__(self) -> None:
        self._asked: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: Thread | None = None

    def submit(self, act: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> "Future[T]":
        answer: Future[T] = Future()
        self._asked.put(partial(_answer, answer, partial(act, *args, **named)))
        if self._thread is None:
            self._thread = Thread(target=self._run, name="callmesh-disk", daemon=True)
            self._thread.start()
        return answer

    def _run(self) -> None:
        while act := self._asked.get():
            act()

    def end(self) -> None:
        """After what it was asked before."""
        self._asked.put(None)


def _answer(answer: "Future[T]", act: Callable[[], T]) -> None:
    if answer.set_running_or_notify_cancel():
        try:
            answer.set_result(act())
        except BaseException as error:
            answer.set_exception(error)


class Saving:
    """Saves what `ledgers` gives. `saved` is told which calls were, `turned` that they are

    read-only, or not any more.
    """

    def __init__(
        self,
        storage: Storage,
        ledgers: Callable[[], Mapping[CallId, Ledger]],
        saved: Callable[[Iterable[CallId]], None],
        turned: Callable[[], None],
        commits: Commits | None = None,
    ) -> None:
        self.commits = commits or Commits()
        self.refuses: str | None = None
        """Why nothing is saved at the moment, for participants; None while it is."""
        self._why = ""
        """The same for operators."""
        self._storage = storage
        self._ledgers = ledgers
        self._saved = saved
        self._turned = turned
        self._thread = DiskThread()
        self._hangs = False
        """Whether the hub ends, and has waited for its disk in vain."""
        self._wanted = asyncio.Event()
        self._committing: asyncio.Task[StorageFailed | None] | None = None
        self._begun: dict[CallId, Delta] = {}
        """What is to be set aside for calls that begin, by the commit that comes next."""
        self._next: asyncio.Task[StorageFailed | None] | None = None
        self._beginning: asyncio.Task[StorageFailed | None] | None = None
        """That one, and the one under way."""
        self._events: dict[int, Event] = {}
        """What is to go into the audit log, with the next commit that succeeds, in order."""
        self._refusals: dict[int, None] = {}
        """Which of them are of people who were not let in, the oldest first."""
        self._noted = 0
        self.written = asyncio.Event()
        """Set, and another put in its place, when something has come into the audit log."""

    def note(self, events: Sequence[Event]) -> None:
        """Write down what happened.

        Strangers cause refusals: when too many of them wait, the oldest are dropped.
        """
        for event in events:
            self._noted += 1
            self._events[self._noted] = event
            if event.what == REFUSED:
                self._refusals[self._noted] = None
        while len(self._refusals) > MAX_UNWRITTEN:
            self._written_down([next(iter(self._refusals))])
        if events:
            self.want()

    def _written_down(self, numbers: Iterable[int]) -> None:
        """These events wait no longer."""
        for number in numbers:
            self._events.pop(number, None)
            self._refusals.pop(number, None)

    def check_room(self) -> None:
        """Raises `StorageFailed` when too much has happened that could not be written down."""
        if len(self._events) - len(self._refusals) > MAX_UNWRITTEN:
            raise StorageFailed("the hub cannot write down who comes in; nobody does until it can")

    def check_takes(self) -> None:
        """Raises `StorageFailed` while the disk refuses, as far as is known."""
        if self.refuses is not None:
            raise StorageFailed(self.refuses)

    def want(self) -> None:
        """Something is to be saved, soon."""
        self.commits.wanted(time.monotonic())
        self._wanted.set()

    async def run(self) -> None:
        """Commit whenever something is wanted (D2)."""
        pause = RETRY[0]
        often = Rate(*COMMITS, time.monotonic_ns() // 1000)
        while True:
            if self.refuses is None:
                pause = RETRY[0]
                await self._wanted.wait()
                await asyncio.sleep(max(COMMIT_EVERY, often.take(1, time.monotonic_ns() // 1000)))
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY[1])
            self._wanted.clear()
            try:
                await self.commit()
            except StorageFailed:
                pass
            except Exception:
                log.exception("something went wrong in saving, which goes on")
                await asyncio.sleep(RETRY[0])
                self._wanted.set()

    async def commit(self, besides: Besides = NOTHING) -> None:
        """One commit over all calls, after the one under way. Raises `StorageFailed`.

        What is to be done `besides` is done in it, or not at all.
        """
        while self._committing is not None:
            await asyncio.wait([self._committing])
        self._committing = asyncio.create_task(self._commit(besides))
        failure = await asyncio.shield(self._committing)  # it goes on, whoever gives up waiting
        if failure is not None:
            raise failure

    async def commit_last(self) -> None:
        """The same for a hub that ends: it waits for seconds at most. Raises `StorageFailed`."""
        try:
            async with asyncio.timeout(LAST[self._hangs]):
                await self.commit()
        except TimeoutError:
            if not self._hangs:
                log.error("the disk does not answer: the hub ends, and what waits is not saved")
            self._hangs = True
            raise StorageFailed("the disk does not answer") from None

    async def _commit(self, besides: Besides) -> StorageFailed | None:
        """What went wrong; None if nothing did."""
        try:
            await self._save_dirty(besides)
            return None
        except StorageFailed as error:
            return error
        finally:
            self._committing = None

    async def _save_dirty(self, besides: Besides) -> None:
        dirty = {id: ledger for id, ledger in self._ledgers().items() if ledger.dirty}
        events = dict(self._events)
        if not dirty and not events and besides == NOTHING:
            self.commits.nothing()
            if self.refuses is None:
                return
        self.commits.begins(time.monotonic())
        deltas: dict[CallId, Delta] = {}
        said = [*events.values(), *besides.events]
        try:
            for id, ledger in dirty.items():
                deltas[id] = _flush(id, ledger)
            await self.on_disk(
                lambda: self._storage.commit({**deltas, **besides.deltas}, said, besides.gone)
            )
        except StorageFailed as error:
            self.commits.failed()
            for id in deltas:
                dirty[id].flush_failed()
            self._refused(error)
            raise
        for ledger in dirty.values():
            ledger.flushed()
        self._written_down(events)
        self.commits.done(time.monotonic())
        if said:
            self.written.set()
            self.written = asyncio.Event()
        self._took()
        self._saved(dirty)

    async def check(self) -> None:
        """Raises `StorageFailed` when nothing can be saved now."""
        if self.refuses is not None:
            raise StorageFailed(self._why)
        await self.on_disk(lambda: self._storage.commit({}))

    async def close(self) -> None:
        """Save what is left, if the disk takes it, and let go of it; within seconds."""
        try:
            await self.commit_last()
        except StorageFailed as error:
            for id in (id for id, ledger in self._ledgers().items() if ledger.dirty):
                about = {"call": id, "reason": str(error)}
                log.error("the hub ends, and something of a call is not saved", extra=about)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST[self._hangs]):
                await self.on_disk(self._storage.close)
        self._thread.end()

    async def read(self, id: CallId) -> Kept | None:
        """What is kept of a call, if anything is. Raises `StorageFailed`."""
        return await self.on_disk(lambda: self._storage.load(id))

    async def begin(self, id: CallId, kept: Kept | None) -> Ledger:
        """A call of which that is kept, with numbers for what is to come.

        Raises `StorageFailed`.
        """
        ledger = Ledger(kept)
        if (error := await self._set_aside(id, ledger.flush())) is not None:
            ledger.flush_failed()
            self._refused(error)
            if kept is None:
                raise error
            ledger.set_apart(APART[0] + secrets.randbelow(APART[1] - APART[0]))  # (D3)
            return ledger
        ledger.flushed()
        self._took()
        return ledger

    async def _set_aside(self, id: CallId, delta: Delta) -> StorageFailed | None:
        """In one commit with those of all calls that begin while the one before is under way."""
        if self._next is None:
            self._next = asyncio.create_task(self._begin_next(self._beginning))
        self._begun[id] = delta
        return await asyncio.shield(self._next)

    async def _begin_next(self, before: "asyncio.Task[Any] | None") -> StorageFailed | None:
        if before is not None:
            await asyncio.wait([before])
        self._beginning, self._next = self._next, None
        begun, self._begun = self._begun, {}
        try:
            await self.on_disk(lambda: self._storage.commit(begun))
        except StorageFailed as error:
            return error
        return None

    async def on_disk(self, act: Callable[[], T]) -> T:
        """Do it on the disk's thread. Whatever goes wrong there is that the disk said no."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, act)
        except StorageFailed:
            raise
        except Exception as error:
            log.exception("the storage failed in a way that it should not")
            raise StorageFailed(f"the storage failed: {error!r}") from error

    # --- whether it takes anything

    def _refused(self, error: StorageFailed) -> None:
        self._why = str(error)
        if self.refuses is not None:
            log.info("still not saved", extra={"reason": str(error)})
            return
        about = {"reason": str(error)}
        log.error("not saved, and every call is read-only until it is", extra=about)
        self.refuses = CANNOT_SAVE
        self._wanted.set()
        self._turned()

    def _took(self) -> None:
        if self.refuses is not None:
            log.warning("the disk takes what is to be saved again")
            self.refuses = None
            self._turned()


def _flush(id: CallId, ledger: Ledger) -> Delta:
    """Raises `StorageFailed` whatever goes wrong: then nothing of any call is saved."""
    try:
        return ledger.flush()
    except Exception as error:
        log.exception("what is to be saved of a call cannot be had", extra={"call": id})
        raise StorageFailed(f"call {id} cannot be saved: {error!r}") from error
