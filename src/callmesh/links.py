"""One participant's link, from hello to the end."""

import asyncio
import contextlib
import logging
from functools import partial

from callmesh import messages
from callmesh.auth import Authority
from callmesh.door import Visitor
from callmesh.ending import GOODBYE
from callmesh.errors import (
    Broken,
    CallmeshError,
    Closed,
    Ended,
    EndedByPeer,
    NoSuchCall,
    TimedOut,
    WireError,
)
from callmesh.hosted import HostedCall
from callmesh.ids import CallId, call_id, is_call_id
from callmesh.keys import is_key
from callmesh.live import SLICE, LiveHub, clock
from callmesh.livecall import Line, LiveCall, steady
from callmesh.participant import Participant
from callmesh.people import Knock
from callmesh.ports import HubLink
from callmesh.rates import Pace, joins
from callmesh.session import OPENING_TIMEOUT, Over, Session, Side

SMALL = 1_024
"""Bytes of a bundle that is acted on as it comes, for it cannot take long."""

log = logging.getLogger("callmesh.hub")


class Links:
    """All who want into a call of this hub, or are in one."""

    def __init__(self, live: LiveHub, authority: Authority) -> None:
        self._live = live
        self._authority = authority
        self._ending = live.ending
        self._counts = live.counts
        self._joins = joins(live.limits)
        self._silent: dict[asyncio.Timeout, None] = {}
        """The links that have said nothing yet, the oldest first."""

    async def serve(self, id: str, link: HubLink) -> None:
        """One participant's link, from hello to the end. Raises nothing."""
        session = Session(Side.HUB, steady())
        call: LiveCall | None = None
        line: Line | None = None
        try:
            self._ending.check()
            hello = await self._hear_hello(id, link, session)
            call = await self._let_through(CallId(id), hello)
            self._ending.check()
            self._ending.join()
            line = self._arrive(call, hello, session, link)
            await self._converse(call, line)
        except CallmeshError as error:
            if line is None:
                self._turned_away(id, error)
            await _say_goodbye(link, error)
        finally:
            self._ending.part()
            if call:
                call.links -= 1

    async def _hear_hello(self, id: str, link: HubLink, session: Session) -> messages.Hello:
        try:
            async with asyncio.timeout(OPENING_TIMEOUT / 1e6) as limit:
                self._make_way(limit)
                data = await link.receive()
        except TimeoutError:
            raise TimedOut("nobody said hello") from None
        finally:
            self._silent.pop(limit, None)
        heard = session.receive(data, steady())
        if len(heard) != 1 or not isinstance(heard[0], messages.Hello):
            raise WireError("the first bundle is one hello")
        hello = heard[0]
        if call_id(id) != hello.call:
            raise NoSuchCall(f"this is call {id}, and hello names another one")
        return hello

    def _make_way(self, limit: asyncio.Timeout) -> None:
        """One link more that has said nothing yet: the oldest goes if there are too many."""
        self._silent[limit] = None
        if len(self._silent) > self._live.limits.half_open:
            oldest = next(iter(self._silent))
            del self._silent[oldest]
            oldest.reschedule(asyncio.get_running_loop().time())

    async def _let_through(self, id: CallId, hello: messages.Hello) -> LiveCall:
        """The call, for one who brings something that may let them in.

        Who brings nothing of the kind makes no difference in the log by the call they name.
        """
        who: Participant | None = None
        here = self._live.here(id) is not None
        named = id if here else ""
        try:
            self._live.check_room()
            who = self._authority.check(id, hello, clock(), here=here)
            named = id
            return await self._live.open(id)
        except CallmeshError as error:
            self._live.refused(named, error, who)
            raise

    async def _converse(self, call: LiveCall, line: Line) -> None:
        """Until the link or the session ends. Raises what ended it."""
        try:
            async with line.ends:
                line.served = True
                await self._read(call, line)
        except TimeoutError:
            assert isinstance(line.session.state, Over)
            raise line.session.state.reason from None
        except CallmeshError as error:
            line.session.end(error)
            raise
        finally:
            self._part(call, line)
            await line.stop()

    def _arrive(
        self, call: LiveCall, hello: messages.Hello, session: Session, link: HubLink
    ) -> Line:
        """Let somebody in, have them wait, or raise why they do not come in."""
        now, people = clock(), call.hosted.people
        visitor: Visitor | None = None
        try:
            visitor, generation = self._visitor(call.hosted, hello, now)
            self._joins.check(f"{call.hosted.id} {visitor.participant.person}", now)
            cursor = hello.cursor if generation else 0  # it is of that participant alone
            who = people.arrive(visitor, session, cursor, now)
        except CallmeshError as error:
            self._live.refused(call.hosted.id, error, visitor.participant if visitor else None)
            raise
        line = Line(link, session, who.participant.id)
        call.hosted.ledger.used = now
        call.attach(line)
        if isinstance(who, Knock):
            people.tell_to_wait(who, self._authority.person_proof(who.participant.person), now)
            log.info("waiting", extra={"call": call.hosted.id, "participant": line.id})
        else:
            self._live.welcome(call, who, generation, now)
        self._live.changed(call, came=True)
        return line

    def _turned_away(self, id: str, error: CallmeshError) -> None:
        """Somebody did not get in. What was asked for need not be the id of a call."""
        self._counts.refused[error.code] += 1
        call = id if is_call_id(id) else ""
        log.info("refused", extra={"call": call, "code": error.code})

    def _visitor(self, hosted: HostedCall, hello: messages.Hello, now: int) -> tuple[Visitor, int]:
        """Who says hello, and the generation of the proof it came back with; 0 if it did not."""
        if hello.resume:
            resume = self._authority.read_resume(hosted.id, hello.resume)
            id, generation = resume.participant, resume.generation
            key = hello.key if is_key(hello.key) else ""
            if visitor := hosted.people.back(id, generation, hello.offers, key, now):
                return visitor, generation
        return self._authority.visitor(hosted.id, hello, now), 0

    def _part(self, call: LiveCall, line: Line) -> None:
        """Who may come back after what ended the link stays a while; who may not has left."""
        call.detach(line)
        state = line.session.state
        reason = state.reason if isinstance(state, Over) else Broken("cancelled")
        if who := call.hosted.people.at(line.id, line.session):
            if reason.reconnect and not isinstance(reason, EndedByPeer):
                call.hosted.people.lose(who, line.session, clock())
            else:
                why = "left" if isinstance(reason, EndedByPeer) else reason.code
                call.hosted.people.leave(who, line.session, clock(), why)
        self._live.changed(call)
        self._counts.ended[reason.code] += 1
        about = {"call": call.hosted.id, "participant": line.id}
        log.info("parted", extra={**about, "code": reason.code})

    async def _read(self, call: LiveCall, line: Line) -> None:
        hosted, session = call.hosted, line.session
        pace = call.pace(line.id)
        line.link.listen(partial(self._hear, call, line, pace))
        while hosted.people.at(line.id, session):
            data = await line.link.receive()
            if wait := pace.due(steady()):
                self._counts.slowed += wait
                await pause(wait)
            if self._ending.begun:
                continue  # unanswered, so it is sent again
            if isinstance(session.state, Over):
                break  # what crosses with the end is no mistake
            heard = session.receive(data, steady())
            await self._act(call, line, heard, clock())
            self._acted(call, line, pace, heard, len(data), steady())
        raise session.state.reason if isinstance(session.state, Over) else Closed("you left")

    def _hear(self, call: LiveCall, line: Line, pace: Pace, data: bytes) -> bool:
        """Act on a small bundle at once; False for another, which `_read` takes."""
        hosted, session, now = call.hosted, line.session, steady()
        if len(data) > SMALL or self._ending.begun or type(session.state) is Over or pace.due(now):
            return False
        try:
            heard = session.receive(data, now)
            who = hosted.people.at(line.id, session)
            for message in heard:
                if who is not None:
                    hosted.receive(who, message, clock())
                    if type(message) is not messages.Write:
                        who = hosted.people.at(line.id, session)
            if who is None:
                session.end(Closed("you left"))
        except CallmeshError as error:
            session.end(error)
        else:
            self._acted(call, line, pace, heard, len(data), now)
        if type(session.state) is Over:
            line.end_if_over()
        return True

    def _acted(
        self,
        call: LiveCall,
        line: Line,
        pace: Pace,
        heard: list[messages.Message],
        size: int,
        now: int,
    ) -> None:
        pace.took(heard, size, len(call.hosted.people.members) - 1, now)
        if line.session.untold:
            call.streamed(size)
            call.pay(line, pace)
        if len(heard) == 1 and type(heard[0]) is messages.Ping and not call.lags:
            call.answer(line)
        else:
            self._live.changed(call)

    async def _act(
        self, call: LiveCall, line: Line, received: list[messages.Message], now: int
    ) -> None:
        """Act on what came, and let others have their turn when that takes long."""
        people, since = call.hosted.people, steady()
        for message in received:
            who = people.at(line.id, line.session)
            if who is None:
                return  # nothing comes after leave
            for _ in call.hosted.steps(who, message, now):
                if steady() - since > SLICE:
                    self._live.changed(call)
                    await asyncio.sleep(0)
                    since = steady()
                    if self._ending.begun or people.at(line.id, line.session) is not who:
                        return  # unanswered, so it is sent again


async def pause(seconds: float) -> None:
    """Read nothing more from somebody who goes too fast: the network holds what they send."""
    await asyncio.sleep(seconds)


async def _say_goodbye(link: HubLink, reason: CallmeshError) -> None:
    """Tell a peer who may still be there why, and close."""
    with contextlib.suppress(CallmeshError, TimeoutError):
        async with asyncio.timeout(GOODBYE):
            if not isinstance(reason, Ended) or reason.close >= 4000:
                error = messages.encode(messages.Error(reason.code, str(reason)))
                await link.send(messages.bundle([error]))
            await link.close(reason.close if reason.close != 1006 else 1011, reason.code)
