"""Where apps fetch by way of the hub: HTTP beside the sockets, on the same port.

    POST /call/<id>/fetch   a bundle of one `Fetch`; the answer is one of one `Fetched`

Whoever asks shows the ticket that the session gave (`asking`). That something is fetched stands in
the audit log before it is sent, and what came of it before the app hears of it: without bodies and
queries.
"""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urljoin

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from callmesh import messages
from callmesh.asking import HEADERS, Asker, asker_of, body_of, problem
from callmesh.auth import Authority
from callmesh.errors import (
    BadValue,
    CallmeshError,
    Denied,
    EndpointFailed,
    TooFast,
    Unreachable,
    WireError,
)  # fmt: skip
from callmesh.ids import CallId, ResourceId
from callmesh.live import LiveHub
from callmesh.messages import Fetch, Fetched
from callmesh.outbound import Outbound
from callmesh.outside import MAX_BODY, READING, Reply, Target, check_host, check_wish, target_of
from callmesh.participant import Participant
from callmesh.rates import Each

AT_ONCE = (4, 16)
"""What is fetched at a time for one person, and in one call."""
REDIRECTS = 5
"""Within one host."""
MAX_WISH = MAX_BODY + 64 * 1024
"""Bytes of all that is asked."""
BUSY = "apps fetch too often here; go on in a moment"


class Fetching:
    def __init__(self, live: LiveHub, authority: Authority, outbound: Outbound) -> None:
        self._live = live
        self._authority = authority
        self._outbound = outbound
        limits = live.limits
        person, call = limits.fetches_per_minute, limits.call_fetches_per_minute
        self._people, self._calls = Each(person / 60, person, BUSY), Each(call / 60, call, BUSY)
        self._now: Counter[tuple[CallId, str]] = Counter()
        """What is under way, of each person, and under "" of each call."""

    def routes(self) -> list[Route]:
        return [Route("/call/{call}/fetch", self.answer, methods=["POST"])]

    async def answer(self, request: Request) -> Response:
        try:
            with self._refused():
                asker = asker_of(request, self._live, self._authority)
                wish = _wish(await body_of(request, MAX_WISH))
            reply = await self._fetch(asker, wish)
        except CallmeshError as error:
            return problem(error)
        except ClientDisconnect:
            return Response(status_code=400)
        said = Fetched(wish.number, reply.status, list(reply.headers), reply.body)
        data = messages.bundle([messages.encode(said)])
        return Response(data, headers=HEADERS, media_type="application/octet-stream")

    async def _fetch(self, asker: Asker, wish: Fetch) -> Reply:
        with contextlib.ExitStack() as turn:
            with self._refused():
                app, target = self._check(asker, wish)
                turn.enter_context(self._turn(asker))
            reply = await self._noted(asker, app, target, wish)
        _ = asker.me  # who was taken out meanwhile gets nothing
        return reply

    def _check(self, asker: Asker, wish: Fetch) -> tuple[str, Target]:
        """By which app, and where. Raises why it may not be."""
        check_wish(wish)
        reads = wish.method in READING
        app, hosts = asker.hosted.fetches(asker.me, ResourceId(wish.resource), reads=reads)
        target = target_of(wish.url)
        check_host(app, hosts, target, dev=self._outbound.dev)
        self._live.check_takes()  # what could not be written down does not count as a fetch
        return app, target

    @contextlib.contextmanager
    def _refused(self) -> Iterator[None]:
        """Count what is: nothing of it was tried."""
        try:
            yield
        except CallmeshError:
            self._live.counts.fetches["refused"] += 1
            raise

    @contextlib.contextmanager
    def _turn(self, asker: Asker) -> Iterator[None]:
        """Raises `TooFast`."""
        call, person = asker.hosted.id, asker.me.person
        places = ((call, str(person)), (call, ""))
        if any(self._now[place] >= most for place, most in zip(places, AT_ONCE, strict=True)):
            raise TooFast("so much is being fetched here; go on when some of it has come")
        now = self._live.now()
        self._people.check(f"{call} {person}", now)
        self._calls.check(call, now)
        self._now.update(places)
        try:
            yield
        finally:
            self._now.subtract(places)
            for place in places:
                if not self._now[place]:
                    del self._now[place]

    async def _noted(self, asker: Asker, app: str, target: Target, wish: Fetch) -> Reply:
        """What came of it, once that stands in the audit log, as what was to be sent did before."""
        where = {
            "resource": wish.resource, "app": app, "method": wish.method, "url": target.shown,
            "fetch": secrets.token_hex(8),
        }  # fmt: skip
        me = asker.me
        with self._refused():
            await self._note(asker, me, "fetch.begun", where)
        try:
            reply = await self._follow(app, target, wish)
        except EndpointFailed as error:
            with contextlib.suppress(CallmeshError):  # it was reached, whether or not that stands
                await self._note(asker, me, "fetch.failed", {**where, "why": _short(error)})
            raise
        except (Unreachable, Denied) as error:
            await self._note(asker, me, "fetch.unreachable", {**where, "why": _short(error)})
            raise
        try:
            await self._note(asker, me, "fetch.sent", {**where, "status": str(reply.status)})
        except CallmeshError as error:  # the disk refuses, the hub stops, the call was deleted
            raise EndpointFailed(
                f"{target.host} has answered, and the hub could not write that down; what was "
                "asked may have been done"
            ) from error
        return reply

    async def _follow(self, app: str, target: Target, wish: Fetch) -> Reply:
        """Redirects too, of what only reads, as far as they stay with the host."""
        limits = self._live.limits
        until = asyncio.get_running_loop().time() + limits.fetch_seconds
        reply = await self._outbound.fetch(app, target, wish, limits.fetch_bytes, until)
        for _ in range(REDIRECTS):
            place = reply.header("location")
            if wish.method not in READING or reply.status not in (301, 302, 303, 307, 308):
                break
            following = _next(target, place)
            if following is None:
                break
            target = following
            try:
                reply = await self._outbound.fetch(app, target, wish, limits.fetch_bytes, until)
            except (Unreachable, Denied) as error:  # but it was, before
                raise EndpointFailed(f"{target.host} sent on to what fails: {error}") from error
        return reply

    async def _note(self, asker: Asker, me: Participant, what: str, detail: dict[str, str]) -> None:
        """On disk when it returns. Raises `StorageFailed`."""
        if what != "fetch.begun":
            self._live.counts.fetches[what.removeprefix("fetch.")] += 1
        async with self._live.changing(asker.hosted.id) as hosted:
            hosted.journal.add(what, self._live.now(), me, by=me.person, **detail)


def _wish(data: bytes) -> Fetch:
    """Raises `WireError`."""
    asked = messages.unbundle(data, limit=None)
    if len(asked) != 1 or not isinstance(asked[0], Fetch):
        raise WireError("one fetch is expected")
    return asked[0]


def _next(target: Target, place: str | None) -> Target | None:
    """Where a redirect leads, if it stays with the host."""
    try:
        following = target_of(urljoin(target.origin + target.path, place or "").partition("#")[0])
    except (BadValue, ValueError):
        return None
    return following if place and following.origin == target.origin else None


def _short(error: CallmeshError) -> str:
    return str(error)[:200]
