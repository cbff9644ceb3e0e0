"""A call that runs: its links, and when what is ready for them leaves.

N1 The first change leaves at once; what becomes ready after it in the same turn of the loop leaves
   at its end, as one bundle per link.
N2 Where a call has sent more bundles than `EASY` allows, the next leave a `WINDOW` after the last.
   Where all calls together send more often than `CROWDED`, each does so a `CROWDED_WINDOW` later.
   Where messages of streams make a whole bundle of their own it leaves at once.
N3 That something is saved goes along with the next change. Where none comes it goes alone: at once,
   or after a while when that has been told more often than `TOLD` allows.
N4 A ping is answered alone: where nothing else has happened, no other link is looked at.
N5 Where many come in, those who come within `TOGETHER` get what is there at once with each other.
N6 A link without room is not waited for: a task of its own sends what there is when it has some.
"""

import asyncio
import contextlib
import time

from callmesh.counts import Counts
from callmesh.ending import Ending
from callmesh.errors import CallmeshError
from callmesh.hosted import HostedCall
from callmesh.ids import ParticipantId
from callmesh.limits import Limits
from callmesh.people import Knock, Member
from callmesh.ports import HubLink
from callmesh.rates import Often, Pace, Rate
from callmesh.session import AT_ONCE, Open, Over, Session

EASY = (400, 400)
"""Bundles that a call sends a second, for long and at once, before it gathers changes."""
WINDOW = 0.007
"""Seconds from one time that it sends to the next then."""
CROWDED = 2_000
"""Times that a hub sends something in one of its calls, a second, before all gather for longer."""
CROWDED_WINDOW = 0.02
"""Seconds from one time to the next then."""
TOGETHER = 0.02
"""Seconds from one time that it sends to the next, for those who come in when it does so often."""
TOLD = (2, 20)
"""How often a call tells a link alone that something is saved, before it waits with that."""
PAY = 0.03
"""Seconds between two looks at how much of the window is due to one who goes too fast."""
LATER = 0.1
"""Seconds that it waits then."""


def steady() -> int:
    """Microseconds that only run forward, whoever sets the clock: what timeouts go by."""
    return time.monotonic_ns() // 1000


class Line:
    """A link, its session, and the task that serves them until `ends` cuts it short."""

    __slots__ = (
        "busy", "ends", "ice", "id", "link", "paying", "served", "session", "wake", "writer",
    )  # fmt: skip

    def __init__(self, link: HubLink, session: Session, id: ParticipantId) -> None:
        self.link = link
        self.session = session
        self.id = id
        self.ends = asyncio.timeout(None)
        self.served = False
        """Whether there is such a task by now."""
        self.wake: asyncio.Event | None = None
        self.writer: asyncio.Task[None] | None = None
        """What sends when the link has no room."""
        self.busy = False
        """Whether there is something to send for it."""
        self.ice = 0
        """When it was told of ICE servers last; 0 where it was not."""
        self.paying: asyncio.TimerHandle | None = None
        """When more of the window is given back to one who goes too fast."""

    def tick(self, now: int) -> None:
        """Let time pass; the session may be over then."""
        with contextlib.suppress(CallmeshError):
            self.session.tick(now)

    def end_if_over(self) -> None:
        """Whatever the task that serves it waits for."""
        if self.served and type(self.session.state) is Over and self.ends.when() is None:
            self.ends.reschedule(asyncio.get_running_loop().time())

    async def stop(self) -> None:
        if self.paying is not None:
            self.paying.cancel()
        if self.writer is not None:
            self.writer.cancel()
            await asyncio.wait([self.writer])
            self.writer = None  # it remembers what it was sending


class LiveCall:
    """A hosted call and its lines."""

    def __init__(
        self,
        hosted: HostedCall,
        limits: Limits,
        counts: Counts,
        ending: Ending,
        sending: Often,
    ) -> None:
        """`sending` is one for all calls of a hub (N2)."""
        self.hosted = hosted
        self.links = 0
        """Links that are open or opening: the call stays in memory for them."""
        self.lines: dict[ParticipantId, Line] = {}
        """The lines of those who are in it or wait; a replaced one is in it no more."""
        self.looked = steady()
        """When somebody looked last at what time has done."""
        self._limits = limits
        self._counts = counts
        self._ending = ending
        self._paces: dict[ParticipantId, Pace] = {}
        self._parting: set[Line] = set()
        self._sending = sending
        self._sends = Rate(*EASY, steady())
        self._told = Rate(*TOLD, steady())
        self._loop = asyncio.get_running_loop()
        self._flushing: asyncio.Handle | None = None
        self._at = 0.0
        """When it is going to send, by the loop's clock."""
        self._quiet_until = 0.0
        """Until then it counts as one that has just sent."""
        self._not_before = 0.0
        self._streamed = 0
        """Bytes that have come for streams since it sent last."""
        self._sent_to = -1
        """The number of the last entry then."""

    def attach(self, line: Line) -> None:
        if old := self.lines.get(line.id):
            self._parting.add(old)
        self.lines[line.id] = line

    def detach(self, line: Line) -> None:
        self._parting.discard(line)
        if self.lines.get(line.id) is line:
            del self.lines[line.id]

    def pace(self, id: ParticipantId) -> Pace:
        """How fast a participant has gone, over however many links."""
        if id not in self._paces:
            self._paces[id] = Pace(self._limits, steady())
        return self._paces[id]

    def tick(self) -> None:
        """Let time pass on the links."""
        now = steady()
        for line in self.lines.values():
            line.tick(now)
        for id in self._paces.keys() - self.hosted.people.members.keys() - self.lines.keys():
            del self._paces[id]

    def changed(self) -> None:
        """What is ready leaves now, or soon (N1, N2)."""
        if self._streamed >= AT_ONCE or self._loop.time() >= self._quiet_until:
            self.flush()
        else:
            self._flush_at(self._not_before)

    @property
    def lags(self) -> bool:
        """Whether something has been accepted since it sent last."""
        return self.hosted.ledger.number != self._sent_to

    def answer(self, line: Line) -> None:
        """What is ready for one link leaves: it concerns nobody else (N4)."""
        if who := self.hosted.people.at(line.id, line.session):
            self._send_ready(who)

    def streamed(self, size: int) -> None:
        """So many bytes have come for streams."""
        self._streamed += size

    def pay(self, line: Line, pace: Pace) -> None:
        """Give back the window of one who sends streams, no faster than they may go (W9)."""
        line.session.held = held = min(pace.owes(steady()), line.session.untold)
        if held and line.paying is None:
            line.paying = self._loop.call_later(PAY, self._pay, line, pace)

    def _pay(self, line: Line, pace: Pace) -> None:
        line.paying = None
        if type(line.session.state) is Open:
            self.pay(line, pace)
            self.answer(line)

    def came(self) -> None:
        """Somebody came in, or waits (N5)."""
        often = self._sends.left < 0
        if often and self._loop.time() < self._quiet_until:
            self._flush_at(self._quiet_until - WINDOW + TOGETHER)
        else:
            self.changed()

    def saved(self) -> None:
        """What was ready is saved: those who wrote are told (N3)."""
        now = steady()
        told = sum(member.feed.waits for member in self.hosted.people.members.values())
        late = self._told.take(told, now) > 0 and not self.hosted.answers
        self._flush_at(self._loop.time() + LATER if late else self._not_before)

    def _flush_at(self, at: float) -> None:
        if self._flushing is not None:
            if self._at <= at:
                return
            self._flushing.cancel()
        self._at = at
        soon = at <= self._loop.time()
        self._flushing = (
            self._loop.call_soon(self.flush) if soon else self._loop.call_at(at, self.flush)
        )

    def flush(self) -> None:
        """What is ready leaves now, and the links end whose sessions are over."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        self._streamed = 0
        self._sent_to = self.hosted.ledger.number
        people, before = self.hosted.people, self._counts.bundles
        for member in people.members.values():
            self._send_ready(member)
        for knock in people.knocks.values():
            self._send_ready(knock)
        if sent := self._counts.bundles - before:
            now = steady()
            crowded = self._sending.note(now)
            self._quiet_until = self._loop.time() + (CROWDED_WINDOW if crowded else WINDOW)
            if self._sends.take(sent, now) > 0 or crowded:
                self._not_before = self._quiet_until
        for line in self.lines.values():
            if type(line.session.state) is Over:
                line.end_if_over()
        for line in self._parting:
            line.end_if_over()

    def _send_ready(self, who: Member | Knock) -> None:
        """Where there is no room, the rest is for another task (N6)."""
        line = self.lines.get(who.participant.id)
        if line is None or line.session is not who.session or line.busy:
            return
        link, session, hosted, counts = line.link, line.session, self.hosted, self._counts
        if (
            type(who) is Member
            and type(session.state) is Open
            and link.ready
            and not session.has_output
            and (bundle := hosted.shared(who.feed)) is not None
        ):
            counts.bundles += 1
            counts.sent += link.write(*bundle)
            return
        while link.ready:
            bundle = hosted.take(who)
            if bundle is None:
                return
            counts.bundles += 1
            counts.sent += link.write(*bundle)
            if not hosted.has_more(who):
                return
        if hosted.has_output(who):
            self._begin_writing(line)

    def _begin_writing(self, line: Line) -> None:
        line.busy = True
        if line.wake is None:
            line.wake = asyncio.Event()
            line.writer = asyncio.create_task(self._write(line, line.wake))
        line.wake.set()

    async def _write(self, line: Line, wake: asyncio.Event) -> None:
        people = self.hosted.people
        try:
            while True:
                await wake.wait()
                wake.clear()
                while (who := people.at(line.id, line.session)) and (
                    bundle := self.hosted.take(who)
                ):
                    whole = b"".join(bundle)
                    await self._ending.send(line.link, whole)
                    self._counts.bundles += 1
                    self._counts.sent += len(whole)
                line.busy = False
                if self._ending.saved:
                    self._ending.check()
        except CallmeshError as error:
            line.session.end(error)
            line.end_if_over()

    def say_last_words(self) -> None:
        """All is saved: every session ends when its peer has been told."""
        self.flush()
        for line in self.lines.values():
            if not line.busy:
                self._ending.end(line.session)
            line.end_if_over()

    @property
    def idle(self) -> bool:
        """Whether nobody is in it, nobody may come back, and all is saved."""
        return not (self.links or self.hosted.people.members or self.hosted.ledger.dirty)
