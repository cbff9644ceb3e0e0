"""Waiting until something moved."""

import asyncio
import logging
from collections.abc import Callable

from callmesh.errors import CallmeshError, TimedOut

log = logging.getLogger("callmesh")


class Watch:
    """Tells when what it looks at is another: once per turn of the loop, however often it moves."""

    def __init__(self, look: Callable[[], object], tell: Callable[[], object]) -> None:
        self._look = look
        self._tell = tell
        self._seen = look()
        self._due = False
        self.stopped = False

    def moved(self) -> None:
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._look_again)

    def _look_again(self) -> None:
        self._due = False
        seen = self._look()
        if self.stopped or seen == self._seen:
            return
        self._seen = seen
        try:
            self._tell()
        except Exception:
            log.exception("somebody who was told of a change failed")


class Notifier:
    """`notify` wakes everybody who waits now; after `fail` every wait raises."""

    def __init__(self) -> None:
        self._event: asyncio.Event | None = None
        self._failure: CallmeshError | None = None
        self._watches: list[Watch] = []

    def notify(self) -> None:
        for watch in self._watches:
            watch.moved()
        if self._event is not None:
            self._event.set()
            self._event = None

    @property
    def has_failed(self) -> bool:
        return self._failure is not None

    def fail(self, failure: CallmeshError) -> None:
        self._failure = self._failure or failure
        self.notify()

    def watch(self, look: Callable[[], object], tell: Callable[[], object]) -> Callable[[], None]:
        """Call `tell` now, and whenever what `look` gives is another; returns what ends it."""
        watch = Watch(look, tell)
        self._watches.append(watch)
        tell()
        return lambda: self._unwatch(watch)

    def _unwatch(self, watch: "Watch") -> None:
        watch.stopped = True
        if watch in self._watches:
            self._watches.remove(watch)

    def check(self) -> None:
        """Raise why it has failed, if it has."""
        if self._failure is not None:
            raise self._failure

    async def wait(self) -> None:
        if self._failure is None:
            await self._moved()
        self.check()

    async def failed(self) -> CallmeshError:
        """Wait until it has failed; why it has."""
        while self._failure is None:
            await self._moved()
        return self._failure

    async def _moved(self) -> None:
        self._event = self._event or asyncio.Event()
        await self._event.wait()

    async def until(self, true: Callable[[], bool], *, timeout: float | None, what: str) -> None:
        """Wait until `true()`. Raises `TimedOut`, saying what was waited for, after `timeout` s."""
        try:
            async with asyncio.timeout(timeout):
                while not true():
                    await self.wait()
        except TimeoutError:
            raise TimedOut(f"{what} did not happen within {timeout} s") from None
