"""Which Python halves run, and when one that failed is started again.

Q1 A half runs for each wish there is room for: as many of a call, and of a hub, as may. So many as
   `STARTS` says start at a time; the next is of the call that has the fewest, of equal ones the
   one that wished first.
Q2 One that ends by itself, or is not in its call for `ABSENT`, has failed. It is started again
   after a pause that doubles from `FIRST` to `LONGEST`; one that has run for `SOUND` has recovered.
Q3 Where nobody wishes for it any more, or for another version of its app, it is told to stop, and
   killed after `PATIENCE`. Nothing is started in its place before it is gone.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from callmesh.clock import MICROSECONDS
from callmesh.ids import CallId, ResourceId

FIRST = 1 * MICROSECONDS
LONGEST = 300 * MICROSECONDS
SOUND = 60 * MICROSECONDS
ABSENT = 30 * MICROSECONDS
"""How long it may take to come in, and be away, before it counts as one that hangs."""
PATIENCE = 5 * MICROSECONDS
"""How long one that was told to stop may take."""
STARTS = (2, 4)
"""Halves of one call, and of all, that start at a time."""
STARTING = 5 * MICROSECONDS
"""How long one counts as starting, if it is not in its call before."""
MAX_WORDS = 300
"""Characters of the line that is shown of an error."""

Key: TypeAlias = tuple[CallId, ResourceId]


class Order(msgspec.Struct, frozen=True):
    """What a process is told that is to be a half."""

    call: str
    """The call's address."""
    token: str
    app: str
    folder: str
    file: str
    """The manifest's `python`."""


@dataclass(frozen=True, slots=True)
class Wish:
    """That a half runs; why it may not, where it may not."""

    app: str
    version: str
    """The hash of all that is in the app: of another one another half runs."""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a half does not run."""

    failures: int
    again: int
    """When it is started again, by the clock that `decide` is told; 0 where nothing is planned."""
    error: str


@dataclass(frozen=True, slots=True)
class Start:
    key: Key
    wish: Wish


@dataclass(frozen=True, slots=True)
class Stop:
    """Tell it to stop, or, where it `hangs` or was told long ago, kill it."""

    key: Key
    kill: bool


@dataclass(slots=True)
class Idle:
    until: int
    """When it may be started."""


@dataclass(slots=True)
class Running:
    since: int
    seen: int
    """When it was in its call last, or was started."""


@dataclass(slots=True)
class Stopping:
    since: int
    failed: str = ""
    """What was wrong with it; empty where it is only not wanted any more."""


@dataclass(slots=True)
class _Half:
    version: str
    state: Idle | Running | Stopping
    failures: int = 0
    error: str = ""


@dataclass(slots=True)
class Halves:
    """Pure: no process, no clock. `now` is microseconds that only run forward."""

    per_call: int
    per_hub: int
    _all: dict[Key, _Half] = field(default_factory=dict)
    _refused: dict[Key, str] = field(default_factory=dict)

    def decide(
        self, wishes: Mapping[Key, Wish], here: Collection[Key], now: int
    ) -> list[Start | Stop]:
        """What is to be done. `here` are the halves that are in their call."""
        stops = [stop for key in [*self._all] if (stop := self._look(key, wishes, here, now))]
        return [*stops, *self._starts(wishes, here, now)]

    def ended(self, key: Key, error: str, now: int) -> bool:
        """The process is gone; `error` is the last that it said. Whether it has failed."""
        half = self._all[key]
        before = half.failures
        match half.state:
            case Running():
                self._failed(half, error, now)
            case Stopping(failed=failed) if failed:
                self._failed(half, failed, now)
            case _:
                half.state = Idle(now)
        return half.failures > before

    @property
    def troubles(self) -> dict[Key, Trouble]:
        """What hosts are told: of those that failed and have not recovered, or may not run."""
        found = {key: Trouble(0, 0, why) for key, why in self._refused.items()}
        for key, half in self._all.items():
            if half.failures:
                again = half.state.until if isinstance(half.state, Idle) else 0
                found[key] = Trouble(half.failures, again, half.error)
        return found

    @property
    def running(self) -> int:
        """Processes that there are."""
        return sum(not isinstance(half.state, Idle) for half in self._all.values())

    def _failed(self, half: _Half, error: str, now: int) -> None:
        half.failures += 1
        half.error = error[:MAX_WORDS]
        half.state = Idle(now + min(FIRST << min(half.failures - 1, 20), LONGEST))

    def _look(
        self, key: Key, wishes: Mapping[Key, Wish], here: Collection[Key], now: int
    ) -> Stop | None:
        half, wish = self._all[key], wishes.get(key)
        wanted = wish is not None and not wish.refused and wish.version == half.version
        match half.state:
            case Running() as running:
                if key in here:
                    running.seen = now
                if not wanted:
                    half.state = Stopping(now)
                    return Stop(key, kill=False)
                if now - running.seen > ABSENT:
                    half.state = Stopping(now, "it was not in the call for 30 s, and was killed")
                    return Stop(key, kill=True)
                if now - running.since > SOUND:
                    half.failures = 0
            case Stopping(since) if now - since > PATIENCE:
                return Stop(key, kill=True)
            case Idle() if not wanted:  # of another version nothing is known
                del self._all[key]
        return None

    def _starts(
        self, wishes: Mapping[Key, Wish], here: Collection[Key], now: int
    ) -> Iterator[Start]:
        busy = [key for key, half in self._all.items() if not isinstance(half.state, Idle)]
        calls, hub = Counter(call for call, _ in busy), len(busy)
        starting = Counter(key[0] for key in busy if self._is_starting(key, here, now))
        for key in self._in_turn(wishes, calls, now):
            call, wish = key[0], wishes[key]
            if why := self._no_room(calls[call], hub):
                self._refused[key] = why
            elif starting[call] < STARTS[0] and starting.total() < STARTS[1]:
                calls[call] += 1
                starting[call] += 1
                hub += 1
                half = self._all.setdefault(key, _Half(wish.version, Idle(now)))
                half.state = Running(now, now)
                yield Start(key, wish)

    def _is_starting(self, key: Key, here: Collection[Key], now: int) -> bool:
        state = self._all[key].state
        if not isinstance(state, Running) or state.seen != state.since or key in here:
            return False
        return now - state.since < STARTING

    def _in_turn(self, wishes: Mapping[Key, Wish], calls: Counter[CallId], now: int) -> list[Key]:
        """Those that may be started, of the calls in turn."""
        self._refused = {}
        turns: list[tuple[int, Key]] = []
        then = calls.copy()
        for key, wish in wishes.items():
            half = self._all.get(key)
            if half is not None and not (isinstance(half.state, Idle) and half.state.until <= now):
                continue
            if wish.refused:
                self._refused[key] = wish.refused
                continue
            turns.append((then[key[0]], key))
            then[key[0]] += 1
        return [key for _, key in sorted(turns, key=lambda turn: turn[0])]

    def _no_room(self, in_call: int, in_hub: int) -> str:
        if in_call >= self.per_call:
            return f"{self.per_call} halves run in this call, and more may not (limits.halves)"
        if in_hub >= self.per_hub:
            return f"{self.per_hub} halves run on this hub, and more may not (limits.hub_halves)"
        return ""
