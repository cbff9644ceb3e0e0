"""How a hub ends: nobody comes in any more, and every session ends with its last batch (L10)."""

import asyncio
from collections.abc import Callable

from callmesh.errors import Broken, Restarting
from callmesh.ports import HubLink
from callmesh.session import Session

STALLED = 90.0
"""Seconds that a link may take no bytes."""
LAST_WORDS = 1.0
"""Seconds that it may when the hub ends."""
GOODBYE = 0.8
"""Seconds that the last words to a peer may take."""


class Ending:
    def __init__(self) -> None:
        self.begun = False
        """Nobody comes in, and nothing is taken any more."""
        self.saved = False
        """All that was taken is saved: a session ends when its peer has been told."""
        self._talking: set[asyncio.Task[None]] = set()
        self._sending: set[asyncio.Timeout] = set()

    def check(self) -> None:
        """Raises `Restarting` when the hub takes nobody in any more."""
        if self.begun:
            raise Restarting("the hub is restarting; you come back by yourself")

    def end(self, session: Session) -> None:
        """It has been told all that it is going to be told."""
        try:
            self.check()
        except Restarting as error:
            session.end(error)

    def join(self) -> None:
        """The task that runs has a session now: the end waits for it, a while."""
        self._talking.add(_me())

    def part(self) -> None:
        self._talking.discard(_me())

    async def send(self, link: HubLink, bundle: bytes) -> None:
        """Raises `Broken`, or `Restarting`, when the peer reads nothing for too long."""
        try:
            async with asyncio.timeout(LAST_WORDS if self.saved else STALLED) as limit:
                self._sending.add(limit)
                await link.send(bundle)
        except TimeoutError:
            self.check()
            raise Broken("nothing was read from this link for too long") from None
        finally:
            self._sending.discard(limit)

    async def say_last_words(self, wake: Callable[[], None]) -> None:
        """All is saved: wait until every session is over, or its link is stuck."""
        self.saved = True
        patience = asyncio.get_running_loop().time() + LAST_WORDS
        for limit in self._sending:
            if not limit.expired():
                limit.reschedule(patience)
        wake()
        if self._talking:
            await asyncio.wait(self._talking, timeout=LAST_WORDS + 0.2)


def _me() -> "asyncio.Task[None]":
    task = asyncio.current_task()
    assert task is not None
    return task
