"""Calls that run: links, tasks, the clock, and the one commit that saves all of them."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from callmesh import messages
from callmesh.auth import Authority
from callmesh.catalog import Catalog
from callmesh.errors import (
    Broken,
    CallmeshError,
    Closed,
    Ended,
    NoSuchCall,
    StorageFailed,
    TimedOut,
    WireError,
)  # fmt: skip
from callmesh.hosted import HostedCall, Member
from callmesh.ids import CallId, Writer, call_id
from callmesh.ledger import Ledger
from callmesh.participant import Participant
from callmesh.ports import Link, Storage
from callmesh.session import OPENING_TIMEOUT, Over, Session, Side

COMMIT_EVERY = 0.02
"""Seconds that a commit gathers changes of all calls."""
COMMIT_RETRY = 1.0
STALLED = 90.0
"""Seconds that a link may take no bytes."""
GOODBYE = 2.0
"""Seconds that the last words to a peer may take."""

log = logging.getLogger("callmesh.hub")
T = TypeVar("T")


def clock() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


class LiveCall:
    """A hosted call, and how the tasks that write to its links are woken."""

    def __init__(self, hosted: HostedCall) -> None:
        self.hosted = hosted
        self.links = 0
        """Links that are open or opening: the call stays in memory for them."""
        self._wakes: dict[Session, asyncio.Event] = {}
        self._scheduled = False

    def attach(self, session: Session) -> asyncio.Event:
        """The event that is set when `session` has something to send, or is over."""
        return self._wakes.setdefault(session, asyncio.Event())

    def detach(self, session: Session) -> None:
        self._wakes.pop(session, None)

    def changed(self) -> None:
        """Whatever became ready in this turn of the loop leaves at its end, together."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        self._scheduled = False
        for member in self.hosted.members.values():
            if member.session in self._wakes and self.hosted.has_output(member):
                self._wakes[member.session].set()
        for session, wake in self._wakes.items():
            if isinstance(session.state, Over):
                wake.set()

    @property
    def idle(self) -> bool:
        """Whether nobody is in it, nobody may come back, and all is saved."""
        return not (self.links or self.hosted.members or self.hosted.ledger.dirty)


class LiveHub:
    """Every call that somebody is in. Use inside `async with hub.running():`."""

    def __init__(self, storage: Storage, catalog: Catalog, authority: Authority) -> None:
        self._storage = storage
        self._catalog = catalog
        self._authority = authority
        self._calls: dict[CallId, LiveCall] = {}
        self._loading: dict[CallId, asyncio.Task[LiveCall]] = {}
        self._disk = ThreadPoolExecutor(1, "callmesh-disk")
        self._dirty = asyncio.Event()
        self._committing: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Save and tick while inside; on leaving, commit what is left."""
        tasks = [asyncio.create_task(self._save()), asyncio.create_task(self._tick())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(StorageFailed):
                if self._committing:
                    await self._committing
                await self._commit()
            await self._on_disk(self._storage.close)
            self._disk.shutdown()

    async def _on_disk(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, act)

    # --- links

    async def serve(self, id: str, link: Link) -> None:
        """One participant's link, from hello to the end. Raises nothing."""
        session = Session(Side.HUB, clock())
        call: LiveCall | None = None
        try:
            hello = await self._hear_hello(id, link, session)
            call = await self._open(CallId(id))
            await self._converse(call, hello, session, link)
        except CallmeshError as error:
            await _say_goodbye(link, error)
        finally:
            if call:
                call.links -= 1

    async def _hear_hello(self, id: str, link: Link, session: Session) -> messages.Hello:
        try:
            async with asyncio.timeout(OPENING_TIMEOUT / 1e6):
                data = await link.receive()
        except TimeoutError:
            raise TimedOut("nobody said hello") from None
        heard = session.receive(data, clock())
        if len(heard) != 1 or not isinstance(heard[0], messages.Hello):
            raise WireError("the first bundle is one hello")
        hello = heard[0]
        if call_id(id) != hello.call:
            raise NoSuchCall(f"this is call {id}, and hello names another one")
        return hello

    async def _converse(
        self, call: LiveCall, hello: messages.Hello, session: Session, link: Link
    ) -> None:
        """Until the link or the session ends. Raises what ended it."""
        member = self._join(call, hello, session)
        tasks = [
            asyncio.create_task(self._read(call, member, session, link)),
            asyncio.create_task(self._write(call, member, session, link)),
            asyncio.create_task(_watch(session)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except CallmeshError as error:
            session.end(error)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._part(call, member, session)

    def _join(self, call: LiveCall, hello: messages.Hello, session: Session) -> Member:
        now = clock()
        participant, generation = self._who(call.hosted, hello, now)
        member = call.hosted.join(participant, session, hello.cursor)
        generation = call.hosted.may_come_back(member, generation, now)
        call.attach(session)
        session.welcome(
            messages.encode(
                messages.Welcome(
                    version=messages.VERSION,
                    call=call.hosted.id,
                    participant=participant.id,
                    writer=Writer(participant.id),
                    person=participant.person,
                    name=participant.name,
                    role=member.participant.role.value,
                    time=now,
                    resume=self._authority.resume_proof(call.hosted.id, participant.id, generation),
                    person_proof=self._authority.person_proof(participant),
                )
            )
        )
        call.hosted.introduce(member, now)
        self._changed(call)
        log.info("joined call=%s participant=%s", call.hosted.id, participant.id)
        return member

    def _who(self, hosted: HostedCall, hello: messages.Hello, now: int) -> tuple[Participant, int]:
        """Who says hello, and the generation of the proof it came back with; 0 if it did not."""
        if hello.resume:
            id, generation = self._authority.read_resume(hosted.id, hello.resume)
            if participant := hosted.back(id, generation, hello.offers, now):
                return participant, generation
        return self._authority.admit(hosted.id, hello, now), 0

    def _part(self, call: LiveCall, member: Member, session: Session) -> None:
        """A broken link may come back; every other end is the end of the participant."""
        call.detach(session)
        reason = session.state.reason if isinstance(session.state, Over) else Broken("cancelled")
        if isinstance(reason, Broken):
            call.hosted.lose(member, session, clock())
        else:
            call.hosted.leave(member, session, clock())
        self._changed(call)
        log.info(
            "parted call=%s participant=%s reason=%s",
            call.hosted.id, member.participant.id, reason.code,
        )  # fmt: skip

    async def _read(self, call: LiveCall, member: Member, session: Session, link: Link) -> None:
        while member.session is session:
            data = await link.receive()
            now = clock()
            for message in session.receive(data, now):
                if member.session is session:  # nothing comes after leave
                    call.hosted.receive(member, message, now)
            self._changed(call)
        raise session.state.reason if isinstance(session.state, Over) else Closed("you left")

    async def _write(self, call: LiveCall, member: Member, session: Session, link: Link) -> None:
        wake = call.attach(session)
        while True:
            await wake.wait()
            wake.clear()
            if isinstance(session.state, Over):
                raise session.state.reason
            while member.session is session and (bundle := call.hosted.take(member)):
                try:
                    async with asyncio.timeout(STALLED):
                        await link.send(bundle)
                except TimeoutError:
                    raise Broken("nothing was read from this link for too long") from None
                self._changed(call)  # credits may have been given

    # --- calls

    async def _open(self, id: CallId) -> LiveCall:
        """The call, loaded if need be, with one link more. Raises `StorageFailed`."""
        call = self._calls.get(id)
        if call is None:
            loading = self._loading.get(id) or asyncio.create_task(self._load(id))
            self._loading[id] = loading
            try:
                call = await asyncio.shield(loading)
            finally:
                self._loading.pop(id, None)
        call.links += 1
        return call

    async def _load(self, id: CallId) -> LiveCall:
        ledger = await self._on_disk(lambda: self._load_ledger(id))
        hosted = HostedCall(id, ledger, self._catalog.manifest)
        for state, key in hosted.set_aside:
            log.error("set aside call=%s state=%s key=%r: it cannot be read", id, state, key)
        call = self._calls[id] = LiveCall(hosted)
        return call

    def apps_changed(self) -> None:
        """The catalog was read anew: calls go by its manifests from now on."""
        for call in self._calls.values():
            call.hosted.apps_changed(clock())
            self._changed(call)

    def _load_ledger(self, id: CallId) -> Ledger:
        """On the disk's thread: what is kept, and numbers set aside for what is to come."""
        ledger = Ledger(self._storage.load(id))
        self._storage.commit({id: ledger.flush()})
        ledger.flushed()
        return ledger

    def _changed(self, call: LiveCall) -> None:
        call.changed()
        if call.hosted.ledger.dirty:
            self._dirty.set()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._tidy()

    def _tidy(self) -> None:
        """Let time pass in every call, and let go of those that nobody needs."""
        for id, call in list(self._calls.items()):
            call.hosted.tick(clock())
            self._changed(call)
            if call.idle and id not in self._loading:  # somebody may just be coming in
                del self._calls[id]

    # --- the disk

    async def _save(self) -> None:
        while True:
            await self._dirty.wait()
            await asyncio.sleep(COMMIT_EVERY)
            self._dirty.clear()
            self._committing = asyncio.create_task(self._commit())
            try:
                await asyncio.shield(self._committing)
            except StorageFailed as error:
                log.error("not saved, trying again: %s", error)
                await asyncio.sleep(COMMIT_RETRY)
                self._dirty.set()

    async def _commit(self) -> None:
        """One commit over all calls; what was in it is `saved` when this returns."""
        dirty = [call for call in self._calls.values() if call.hosted.ledger.dirty]
        deltas = {call.hosted.id: call.hosted.ledger.flush() for call in dirty}
        if not deltas:
            return
        try:
            await self._on_disk(lambda: self._storage.commit(deltas))
        except BaseException:
            for call in dirty:
                call.hosted.ledger.flush_failed()
            raise
        for call in dirty:
            call.hosted.ledger.flushed()
            call.changed()


async def _watch(session: Session) -> None:
    """Raises `Broken` when the peer has been silent for too long."""
    while True:
        await asyncio.sleep(5)
        session.tick(clock())


async def _say_goodbye(link: Link, reason: CallmeshError) -> None:
    """Tell a peer who may still be there why, and close."""
    with contextlib.suppress(CallmeshError, TimeoutError):
        async with asyncio.timeout(GOODBYE):
            if not isinstance(reason, Ended) or reason.close >= 4000:
                error = messages.encode(messages.Error(reason.code, str(reason)))
                await link.send(messages.bundle([error]))
            await link.close(reason.close if reason.close != 1006 else 1011, reason.code)
