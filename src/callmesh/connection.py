"""The link of a Python participant to its hub: joins, keeps going, comes back as the same one."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Sequence

from callmesh import messages
from callmesh.address import Address
from callmesh.errors import CallmeshError, Closed, Restarting, TimedOut
from callmesh.messages import Message
from callmesh.ports import Link
from callmesh.session import Open, Session, Side

FRAME = 0.016
"""Seconds between two messages of writes: pending ones are conflated meanwhile."""
PAUSES = (0.25, 8.0)
"""Seconds before the first try to come back, and at most."""
SPREAD = (0.5, 5.0)
"""Seconds before the first try after a hub that restarts: all its participants come at once."""
GOODBYE = 2.0

Opener = Callable[[str], Awaitable[Link]]


def clock() -> int:
    """Microseconds since the epoch: what stamps go by."""
    return time.time_ns() // 1000


def steady() -> int:
    """Microseconds that only run forward, whoever sets the clock: what timeouts go by."""
    return time.monotonic_ns() // 1000


class Connection:
    """One session after the other. What comes is passed on; what goes is asked for.

    `writes` gives the state writes that should go now, `unsent` tells whether there are any.
    """

    def __init__(
        self,
        open_link: Opener,
        address: Address,
        hello: Callable[[], messages.Hello],
        heard: Callable[[Message], None],
        lost: Callable[[], None],
        writes: Callable[[], Sequence[Message]],
        unsent: Callable[[], bool],
    ) -> None:
        self._open_link = open_link
        self._address = address
        self._hello = hello
        self._heard = heard
        self._lost = lost
        self._writes = writes
        self._unsent = unsent
        self.session: Session | None = None
        self._link: Link | None = None
        self._output = asyncio.Event()
        self._next_frame = 0.0
        self._joined: Callable[[], None] | None = None

    def flush(self) -> None:
        """There is something to send."""
        self._output.set()

    async def run(self, joined: Callable[[], None]) -> None:
        """Join, call `joined` once one is in, and stay.

        Raises what ended it for good, or the first try.
        """
        self._joined = joined
        await self._connect()
        pause = PAUSES[0]
        while True:
            spread = False
            try:
                if self._link is None:
                    await self._connect()
                pause = PAUSES[0]
                await self._converse()
            except CallmeshError as error:
                self._drop(error)
                if not error.reconnect:
                    raise
                spread = isinstance(error, Restarting)
            if spread:
                await asyncio.sleep(random.uniform(*SPREAD))
                continue
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, PAUSES[1])

    async def leave(self) -> None:
        """Say goodbye, so that everybody sees it at once."""
        if self._link is not None and self.session is not None:
            with contextlib.suppress(CallmeshError, TimeoutError):
                async with asyncio.timeout(GOODBYE):
                    leave = messages.encode(messages.Leave())
                    await self._link.send(messages.bundle([*self.session.take(), leave]))
                    await self._link.close()
        self._drop(Closed("you left the call"))

    def _drop(self, reason: CallmeshError) -> None:
        if self.session is not None:
            self.session.end(reason)
        self.session, self._link = None, None
        self._lost()

    async def _connect(self) -> None:
        """A new link, hello said and answered."""
        link = await self._open_link(self._address.socket)
        session = Session(Side.CLIENT, steady())
        try:
            async with asyncio.timeout(10):
                await link.send(messages.bundle([messages.encode(self._hello())]))
                answer = session.receive(await link.receive(), steady())
        except TimeoutError:
            await link.close()
            raise TimedOut("the hub did not answer") from None
        except CallmeshError:
            await link.close()
            raise
        self.session, self._link = session, link
        try:
            self._hear(answer, session)
        except CallmeshError:
            await link.close()
            raise

    def awake(self) -> None:
        """One has slept: a link that holds no more is known soon."""
        if self.session is not None:
            self.session.awake(steady())

    def _hear(self, received: Sequence[Message], session: Session) -> None:
        for message in received:
            self._heard(message)
        if self._joined and session.state == Open():
            self._joined()
            self._joined = None
        self.flush()

    async def _converse(self) -> None:
        """Until the session ends. Raises what ended it."""
        link, session = self._link, self.session
        assert link is not None
        assert session is not None
        tasks = [
            asyncio.create_task(work)
            for work in (self._read(link, session), self._write(link, session), self._tick(session))
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await link.close()

    async def _read(self, link: Link, session: Session) -> None:
        while True:
            self._hear(session.receive(await link.receive(), steady()), session)

    async def _write(self, link: Link, session: Session) -> None:
        while True:
            await self._output.wait()
            self._output.clear()
            for write in self._due_writes():
                await link.send(messages.bundle([messages.encode(write)]))
            parts = session.take()
            if parts:
                await link.send(messages.bundle(parts))
            if session.has_output:
                self._output.set()

    def _due_writes(self) -> Sequence[Message]:
        """The pending writes, if a frame has passed since the last ones; or later."""
        if not self._unsent() or self.session is None or self.session.state != Open():
            return []
        loop = asyncio.get_running_loop()
        wait = self._next_frame - loop.time()
        if wait > 0:
            loop.call_later(wait, self.flush)
            return []
        self._next_frame = loop.time() + FRAME
        return self._writes()

    async def _tick(self, session: Session) -> None:
        while True:
            await asyncio.sleep(1)
            session.tick(steady())
            self.flush()
