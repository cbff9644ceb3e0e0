"""Calls that run: in memory, on disk, and as time passes. Their links are in `links`."""

import asyncio
import contextlib
import logging
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
)
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

from callmesh import messages
from callmesh.audit import OPERATOR, Event, Refusals
from callmesh.auth import Authority, Resume
from callmesh.catalog import Catalog
from callmesh.clock import MICROSECONDS
from callmesh.counts import Counts
from callmesh.ending import Ending
from callmesh.errors import (
    CallmeshError,
    NoSuchCall,
    Refused,
    StorageFailed,
    TooFast,
)  # fmt: skip
from callmesh.hosted import HostedCall
from callmesh.ice import LASTS, IceServers
from callmesh.ids import CallId, ResourceId, Writer
from callmesh.ledger import Delta, Kept, Ledger
from callmesh.limits import Limits
from callmesh.livecall import CROWDED, Line, LiveCall, steady
from callmesh.participant import Participant
from callmesh.people import Member
from callmesh.ports import Storage
from callmesh.rates import Often
from callmesh.saving import Besides, Saving
from callmesh.storage.blobs import Blobs

SLICE = 5_000
"""Microseconds that one thing may take before others have their turn."""
TICK = 1.0
"""Seconds from one look at the clock, and for calls where one is due, to the next."""
LOOK = 5.0
"""Seconds from one look at what time has done in a call to the next."""
SET = 1_000_000
"""Microseconds by which a clock does not stray within a tick, unless somebody sets it."""

log = logging.getLogger("callmesh.hub")
T = TypeVar("T")


def clock() -> int:
    """Microseconds since the epoch: what stamps go by."""
    return time.time_ns() // 1000


def ahead() -> int:
    """By how much that is ahead of what only runs: another number once somebody has set it."""
    return clock() - steady()


class LiveHub:
    """Every call that somebody is in. Use inside `async with hub.running():`."""

    def __init__(
        self,
        storage: Storage,
        catalog: Catalog,
        authority: Authority,
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        waiting_area: bool | None = None,
        ice: IceServers | None = None,
        blobs: Blobs | None = None,
    ) -> None:
        """`waiting_area`: whether hosts are asked who comes in, where they have not said.

        Unset, they are, unless the hub lets in whoever asks.
        """
        self.counts = Counts()
        self._limits = limits
        self._catalog = catalog
        self._authority = authority
        self._ice = ice
        self.blobs = blobs or Blobs()
        """Where the bytes of kept files lie."""
        self._waiting_area = not authority.is_open if waiting_area is None else waiting_area
        self._calls: dict[CallId, LiveCall] = {}
        self._loading: set[CallId] = set()
        self._locks: WeakValueDictionary[CallId, asyncio.Lock] = WeakValueDictionary()
        """Of each call: it is loaded, made or forgotten by one at a time."""
        self.ending = Ending()
        """Says whether anybody comes in yet, and how the last words are said."""
        self._refusals = Refusals()
        self._sending = Often(CROWDED)
        self._storage = storage
        self._saving = Saving(
            storage, self._ledgers, self._saved, self._disk_turned, self.counts.commits
        )
        self._ahead = ahead()
        self._tasks: list[asyncio.Task[None]] = []
        """What saves and what lets time pass, while it runs."""
        self.runs = False
        """Whether this is inside `running()`."""

    @property
    def calls(self) -> Collection[LiveCall]:
        """Those that are in memory."""
        return self._calls.values()

    @property
    def read_only(self) -> bool:
        """Whether nothing can be saved, so that calls only show what they have."""
        return self._saving.refuses is not None

    async def check(self) -> None:
        """Raises `StorageFailed` when calls cannot be loaded and saved now."""
        if not self.runs or self.ending.begun:
            raise StorageFailed("the hub is starting, or going down")
        if any(task.done() for task in self._tasks):
            raise StorageFailed("a part of the hub has come to an end; start it again")
        await self._saving.check()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Save and tick while inside; on leaving, commit what is left."""
        tasks = [asyncio.create_task(self._saving.run()), asyncio.create_task(self._tick())]
        self._tasks = tasks
        self._saving.note([Event(clock(), "hub.started")])
        self.runs = True
        try:
            yield
        finally:
            self.runs = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._saving.note([Event(clock(), "hub.stopped")])
            await self._saving.close()
            self.blobs.close()

    async def drain(self) -> None:
        """End every session after its last batch, with all that was taken saved (L10).

        Takes seconds at most, whether or not they read: whose link is stuck is left behind.
        """
        self.ending.begun = True
        with contextlib.suppress(StorageFailed):
            await self._saving.commit_last()
        await self.ending.say_last_words(self._say_last_words)

    def _say_last_words(self) -> None:
        for call in self._calls.values():
            call.say_last_words()

    # --- calls

    async def open(self, id: CallId, *, make: bool = True) -> LiveCall:
        """The call, loaded if need be, with one link more; a new one where none is, if so wanted.

        Raises `StorageFailed`, `NoSuchCall`, or `TooFast` when there is no room for it; there is
        always some for an operator who asks about one.
        """
        while (call := self._calls.get(id)) is None:
            if make:
                self._check_room_for(id)
            async with self._alone(id):
                if id not in self._calls:
                    self._loading.add(id)
                    try:
                        kept = await self._saving.read(id)
                        if kept is None and not make:
                            raise NoSuchCall(f"there is no call {id} here")
                        await self._load(id, kept)
                    finally:
                        self._loading.discard(id)
        call.links += 1
        return call

    def _check_room_for(self, id: CallId) -> None:
        full = len(self._calls) + len(self._loading) >= self._limits.calls
        if full and id not in self._loading:
            raise TooFast(f"this hub has {self._limits.calls} calls open; try again later")

    def check_room(self) -> None:
        """Raises `StorageFailed` where nobody is let in, as it could not be written down."""
        self._saving.check_room()

    def refused(self, id: str, error: CallmeshError, who: Participant | None) -> None:
        """Write down that somebody did not get in."""
        self._saving.note(self._refusals.add(id, error.code, who, clock()))

    def _alone(self, id: CallId) -> asyncio.Lock:
        lock = self._locks.get(id)
        if lock is None:
            lock = self._locks[id] = asyncio.Lock()
        return lock

    async def _load(self, id: CallId, kept: Kept | None, by: str = "") -> LiveCall:
        ledger = await self._saving.begin(id, kept)
        hosted = HostedCall(
            id, ledger, self._catalog.manifest, limits=self._limits, counts=self.counts,
            waiting_area=self._waiting_area, ticket=partial(self._authority.ticket, id),
        )  # fmt: skip
        hosted.disk(self._saving.refuses, clock())
        if kept is None:
            hosted.begin(clock(), by)
        for state, _ in hosted.set_aside:  # a key may be content
            log.error("set aside: an entry cannot be read", extra={"call": id, "state": state})
        call = self._calls[id] = LiveCall(
            hosted, self._limits, self.counts, self.ending, self._sending
        )
        return call

    def apps_changed(self) -> None:
        """The catalog was read anew: calls go by its manifests from now on."""
        for call in self._calls.values():
            call.hosted.apps_changed(clock())
            self.changed(call)

    @property
    def ends(self) -> bool:
        """Whether it is going down."""
        return self.ending.begun

    def show_half(
        self, id: CallId, resource: ResourceId, trouble: dict[str, object] | None
    ) -> None:
        """Tell the hosts of a call why the Python half of a resource does not run."""
        call = self._calls.get(id)
        if call is not None and call.hosted.show_half(resource, trouble, clock()):
            self.changed(call)

    def welcome(self, call: LiveCall, member: Member, generation: int, now: int) -> None:
        """Tell somebody that they are in; with a `generation`, that they have come back."""
        people, me = call.hosted.people, member.participant
        assert member.session is not None
        what = "resumed" if generation else "joined"
        generation = people.may_come_back(member, generation, now)
        member.session.welcome(
            messages.encode(
                messages.Welcome(
                    version=messages.VERSION,
                    call=call.hosted.id,
                    participant=me.id,
                    writer=Writer(me.id),
                    person=me.person,
                    name=me.name,
                    role=me.role.value,
                    time=now,
                    resume=self._authority.resume_proof(
                        call.hosted.id, Resume(me.id, generation, now)
                    ),
                    person_proof=self._authority.person_proof(me.person),
                )
            )
        )
        self._give_ice(call.lines[me.id], now)
        call.lines[me.id].link.expect(messages.MAX_BUNDLE)
        people.introduce(member, now)
        if what == "resumed":  # nobody knows what it has heard: it hears even that there is none
            member.feed.kept_waits = True
        call.hosted.show_files_to(member)
        self.counts.joined[me.role.value] += 1
        about = {"call": call.hosted.id, "participant": me.id, "role": me.role.value}
        log.info(what, extra=about)

    def _give_ice(self, line: Line, now: int) -> None:
        """With welcome, and again when half of the time has passed for which a login is good."""
        if self._ice is not None and not 0 <= now - line.ice < LASTS // 2:
            line.ice = now
            line.session.put_latest("ice", messages.encode(self._ice.given(line.id, now)))

    def changed(self, call: LiveCall, *, came: bool = False) -> None:
        """Something is to be sent; to somebody who `came` also what was there before."""
        hosted = call.hosted
        if hosted.people.entered:
            for member in hosted.people.let_in_now():
                self.welcome(call, member, 0, clock())
        if hosted.journal.events:
            self._saving.note(hosted.journal.take())
        if came:
            call.came()
        else:
            call.changed()
        if hosted.ledger.dirty:
            self._saving.want()

    async def _tick(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK)
            self.counts.lag.observe(max(0.0, time.monotonic() - before - TICK))
            try:
                await self._tidy_in_turns()
            except Exception:
                log.exception("something went wrong while time passed, which goes on")

    async def _tidy_in_turns(self) -> None:
        """Let time pass in the calls where a look is due, and others have their turn between."""
        self._look_at_the_clock()
        due = steady() - LOOK * MICROSECONDS
        until = steady() + SLICE
        for call in [call for call in self._calls.values() if call.looked <= due]:
            if steady() > until:
                await asyncio.sleep(0)
                until = steady() + SLICE
            self._look_at(call)

    def _tidy(self) -> None:
        """Let time pass in every call."""
        self._look_at_the_clock()
        for call in list(self._calls.values()):
            self._look_at(call)

    def _look_at_the_clock(self) -> None:
        self._saving.note(self._refusals.tick(clock()))
        before, self._ahead = self._ahead, ahead()
        by = self._ahead - before
        if abs(by) > SET:
            log.warning("the clock was set, by %.0f s", by / MICROSECONDS)
            for id, call in self._calls.items():
                with _apart(id):
                    call.hosted.people.clock_was_set(by, clock())

    def _look_at(self, call: LiveCall) -> None:
        """Let time pass in a call, and let go of it where nobody needs it."""
        id = call.hosted.id
        if self._calls.get(id) is not call:  # it has gone while others had their turn
            return
        call.looked = steady()
        with _apart(id):
            call.hosted.tick(clock())
            call.tick()
            for member in call.hosted.people.members.values():
                if line := call.lines.get(member.participant.id):
                    self._give_ice(line, clock())
            self.changed(call)
            if call.idle and id not in self._loading:  # somebody may just be coming in
                del self._calls[id]

    # --- for the operator

    def _check_runs(self) -> None:
        self.ending.check()
        if not self.runs:
            raise StorageFailed("the hub is not running")

    def now(self) -> int:
        """Microseconds since the epoch, as everything here counts them."""
        return clock()

    @contextlib.asynccontextmanager
    async def holding(self, id: CallId) -> AsyncIterator[HostedCall]:
        """A call that there is; it stays in memory meanwhile. Raises `NoSuchCall`."""
        async with self._held(id) as call:
            yield call.hosted

    @contextlib.asynccontextmanager
    async def changing(self, id: CallId) -> AsyncIterator[HostedCall]:
        """The same, to be changed: what was is on disk on leaving. Raises `StorageFailed` too."""
        async with self._held(id) as call:
            self._saving.check_takes()
            try:
                yield call.hosted
            finally:
                self.changed(call)
            await self._saving.commit()

    def check_takes(self) -> None:
        """Raises `StorageFailed` while the disk refuses."""
        self._saving.check_takes()

    @contextlib.asynccontextmanager
    async def _held(self, id: CallId) -> AsyncIterator[LiveCall]:
        self._check_runs()
        call = await self.open(id, make=False)
        try:
            yield call
        finally:
            call.links -= 1

    @property
    def limits(self) -> Limits:
        """What a call may hold here."""
        return self._limits

    def here(self, id: CallId) -> HostedCall | None:
        """A call if it is in memory: for who only looks."""
        call = self._calls.get(id)
        return call.hosted if call else None

    async def at_rest(self, id: CallId, act: Callable[[Kept | None], Awaitable[None]]) -> None:
        """Do something about a call as it is on disk, unless it is in memory."""
        async with self._alone(id):
            if id not in self._calls:
                await act(await self._saving.read(id))

    async def make(self, id: CallId) -> None:
        """A new call, made by the operator. Raises `Refused` where there is one."""
        self._check_runs()
        self._saving.check_takes()
        async with self._alone(id):
            await self._check_free(id)
            call = await self._load(id, None, OPERATOR)
            self.changed(call)
        await self._saving.commit()

    async def take_in(self, id: CallId, delta: Delta, event: Event) -> None:
        """A call with all that it holds, in one commit. Raises `Refused` where there is one."""
        self._check_runs()
        self._saving.check_takes()
        async with self._alone(id):
            await self._check_free(id)
            await self._saving.commit(Besides([event], {id: delta}))

    async def _check_free(self, id: CallId) -> None:
        if id in self._calls or await self._saving.read(id) is not None:
            raise Refused(f"there is a call {id} already")

    async def forget(
        self, id: CallId, event: Event, only: Callable[[Ledger], bool] = lambda _: True
    ) -> bool:
        """Delete a call, if it is one that is meant; whether it was. Raises `NoSuchCall`.

        Everybody in it is told that it is over; who comes meanwhile waits, and makes a new one.
        Where the disk refuses, the call has ended, and all else of it is there.
        """
        self._check_runs()
        self._saving.check_takes()
        return await asyncio.shield(asyncio.ensure_future(self._forget(id, event, only)))

    async def _forget(self, id: CallId, event: Event, only: Callable[[Ledger], bool]) -> bool:
        async with self._alone(id):
            call = self._calls.get(id)
            if call is None:
                kept = await self._saving.read(id)
                if kept is None:
                    raise NoSuchCall(f"there is no call {id} here")
                meant = only(Ledger(kept))
            else:
                call.hosted.use(clock())
                meant = only(call.hosted.ledger)
            if meant:
                await self._take_out(id, call, event)
            return meant

    async def _take_out(self, id: CallId, call: LiveCall | None, event: Event) -> None:
        if call is not None:
            if not call.hosted.people.door.about.ended:
                call.hosted.journal.add("call.ended", clock(), by=event.by, final="true")
            call.hosted.people.end(clock(), final=True)
            self.changed(call)
            del self._calls[id]
        try:
            await self._saving.commit(Besides([event], gone=[id]))
        except StorageFailed:
            if call is not None:
                self._calls[id] = call
                self._tell_of_disk(call)  # it was not there when the others were told
            raise
        try:
            await asyncio.to_thread(self.blobs.forget, id)
        except StorageFailed as error:  # they are swept later
            log.error("files of a deleted call are there", extra={"call": id, "reason": str(error)})

    async def on_disk(self, act: Callable[[Storage], T]) -> T:
        """Ask the storage something, on its own thread. Raises `StorageFailed`."""
        return await self._saving.on_disk(lambda: act(self._storage))

    @property
    def written(self) -> asyncio.Event:
        """Is set when the next line has come into the audit log."""
        return self._saving.written

    # --- the disk

    def _ledgers(self) -> Mapping[CallId, Ledger]:
        return {id: call.hosted.ledger for id, call in self._calls.items()}

    def _saved(self, calls: Iterable[CallId]) -> None:
        for id in calls:
            if id in self._calls:
                self._calls[id].saved()

    def _disk_turned(self) -> None:
        for id, call in self._calls.items():
            with _apart(id):
                self._tell_of_disk(call)

    def _tell_of_disk(self, call: LiveCall) -> None:
        call.hosted.disk(self._saving.refuses, clock())
        self.changed(call)


@contextlib.contextmanager
def _apart(id: CallId) -> Iterator[None]:
    """Whatever goes wrong in one call is logged, and the others go on."""
    try:
        yield
    except StorageFailed as error:  # the disk has taken nothing for so long that numbers ran out
        log.error("time does not pass in a call", extra={"call": id, "reason": str(error)})
    except Exception:
        log.exception("something went wrong in a call", extra={"call": id})
