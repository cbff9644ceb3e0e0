"""Waiting until something moved."""

import asyncio
from collections.abc import Callable

from callmesh.errors import CallmeshError, TimedOut


class Notifier:
    """`notify` wakes everybody who waits now; after `fail` every wait raises."""

    def __init__(self) -> None:
        self._event: asyncio.Event | None = None
        self._failure: CallmeshError | None = None

    def notify(self) -> None:
        if self._event is not None:
            self._event.set()
            self._event = None

    def fail(self, failure: CallmeshError) -> None:
        self._failure = self._failure or failure
        self.notify()

    def check(self) -> None:
        """Raise why it has failed, if it has."""
        if self._failure is not None:
            raise self._failure

    async def wait(self) -> None:
        if self._failure is None:
            self._event = self._event or asyncio.Event()
            await self._event.wait()
        self.check()

    async def until(self, true: Callable[[], bool], *, timeout: float | None, what: str) -> None:
        """Wait until `true()`. Raises `TimedOut`, saying what was waited for, after `timeout` s."""
        try:
            async with asyncio.timeout(timeout):
                while not true():
                    await self.wait()
        except TimeoutError:
            raise TimedOut(f"{what} did not happen within {timeout} s") from None
