"""Files that the hub keeps for those who are away, from the side of who brings and fetches them.

They go over HTTP, some MiB at a time, with a ticket that the session gives; what was cut short goes
on from where it is.
"""

import asyncio
import contextlib
import http.client
import json
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from callmesh import messages
from callmesh.address import Address
from callmesh.errors import (
    Broken,
    CallmeshError,
    Closed,
    Declined,
    Denied,
    EndedByPeer,
    Refused,
    Restarting,
    TimedOut,
    TooFast,
    Unauthorized,
    from_wire,
)  # fmt: skip
from callmesh.fileio import Sink, Source, as_told
from callmesh.files import Incoming, Offer, Stage, kept_after
from callmesh.ids import ParticipantId, PersonId, ResourceId
from callmesh.notify import Notifier
from callmesh.participant import Participant

SLICE = 1024 * 1024
"""Bytes of a file that one request brings or fetches; proxies often let no more through."""
PATIENCE = 300.0
"""Seconds without a byte after which one gives up."""
PAUSES = (0.25, 8.0)
"""Seconds until what was cut short is gone on with, and at most."""
ANSWER = 30.0
"""Seconds that the hub may say nothing."""
ASK = 10.0
"""Seconds that it may take for a ticket, before it is asked for once more."""
AGAIN = (Broken, TimedOut, Restarting, Unauthorized, Closed, TooFast)
"""What may be another time: the link may be about to come back."""


class Away:
    """What the hub keeps in one call. `ask` asks the hub for a ticket, where there is a link."""

    def __init__(
        self, address: Address, me: Callable[[], Participant], ask: Callable[[], None]
    ) -> None:
        self._address = address
        self.me = me
        self._ask = ask
        self.files: list[messages.KeptFile] = []
        self.shelves: list[Shelf] = []
        self._ticket = ""
        self._until = 0.0
        """When the ticket is good no longer, by the clock that only runs forward."""
        self._wanted = False
        self._moved = Notifier()

    def heard(self, message: messages.Ticket | messages.Kept) -> None:
        match message:
            case messages.Kept():
                self.files = kept_after(self.files, message)
                for shelf in self.shelves:
                    shelf.look()
            case messages.Ticket(ticket):
                self._ticket, self._wanted = ticket, False
                self._until = time.monotonic() + 300  # it is good for longer
                self._moved.notify()

    def ask_again(self) -> None:
        """Over a new link."""
        if self._wanted:
            self._ask()

    def end(self, reason: CallmeshError) -> None:
        self._moved.fail(reason)

    def check(self) -> None:
        """Raises why the call is over, if it is."""
        self._moved.check()

    async def _show(self) -> str:
        """A ticket. Raises `TimedOut`, or why the call is over."""
        self.check()
        if time.monotonic() >= self._until:
            self._wanted = True
            self._ask()
            await self._moved.until(lambda: not self._wanted, timeout=ASK, what="a ticket coming")
        return self._ticket

    async def request(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, bytes]:
        """Ask the hub about a file. Raises what it says, or `Broken` where it does not answer."""
        return await self.ask(method, f"files/{path}", body, **headers)

    async def fetch(self, wish: messages.Fetch) -> messages.Fetched:
        """What an app fetches by way of the hub. Raises as `request` does."""
        asked = messages.bundle([messages.encode(wish)])
        try:
            _, data = await self.ask("POST", "fetch", asked)
        except Unauthorized:  # of a hub that has begun anew: the next ticket is another
            _, data = await self.ask("POST", "fetch", asked)
        (fetched,) = messages.unbundle(data, limit=None)
        assert isinstance(fetched, messages.Fetched)
        return fetched

    async def ask(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, bytes]:
        """Ask the hub something about the call."""
        headers["Authorization"] = f"Bearer {await self._show()}"
        status, data = await asyncio.to_thread(self._request, method, path, body, headers)
        if status >= 400:
            error = _error(status, data)
            if isinstance(error, Unauthorized):
                self._until = 0.0
            if error is not None:
                raise error
        return status, data

    def _request(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        hub = urlsplit(self._address.hub)
        kind = http.client.HTTPSConnection if hub.scheme == "https" else http.client.HTTPConnection
        connection = kind(hub.hostname or "", hub.port, timeout=ANSWER)
        try:
            where = f"{hub.path}/call/{self._address.call}/{path}"
            connection.request(method, where, body, {**headers, "Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Broken(f"the hub was not reached: {error}") from error
        finally:
            connection.close()


def _error(status: int, data: bytes) -> CallmeshError | None:
    """What went wrong; None for an answer that says how to go on."""
    try:
        said: Any = json.loads(data)
        if isinstance(said, dict) and "at" in said:
            return None
        code, reason, why = str(said["code"]), str(said["reason"]), str(said["message"])
    except (ValueError, KeyError, TypeError):
        return Broken(f"something between here and the hub answered {status}")
    return Denied(reason, why) if code == Denied.code else from_wire(code, why)


class Patience:
    """Pauses that grow, until nothing has moved for too long or the call is over."""

    def __init__(self, away: Away) -> None:
        self._away = away
        self.moved()

    def moved(self) -> None:
        self._since = time.monotonic()
        self._pause = PAUSES[0]

    async def wait(self, error: CallmeshError) -> None:
        """Raises `error` where it is none that passes."""
        self._away.check()
        if not isinstance(error, AGAIN) or time.monotonic() - self._since > PATIENCE:
            raise error
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, PAUSES[1])


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """How far a file has come on its way to the hub."""

    sent: int
    """Bytes that are there."""
    size: int
    over: bool
    error: CallmeshError | None
    """Why it is not kept, once it is over."""


class _Come(msgspec.Struct):
    """What the hub says of what it was brought."""

    at: Annotated[int, Meta(ge=0)]
    """The first byte that it lacks."""
    expires: Annotated[int, Meta(ge=0)]


class Keeping:
    """A file that is brought to the hub, and then kept. Made by `resource.files.keep`.

    Iterate to see how far it is; `await keeping.done()` to know that it is kept.
    """

    def __init__(
        self, shelf: "Shelf", source: Source, name: str, type: str, to: list[PersonId], lasts: int
    ) -> None:
        self.id = secrets.token_hex(8)
        self.name = name
        self._shelf = shelf
        self._source = source
        self._said = {
            "resource": shelf.resource, "name": name, "size": source.size, "type": type, "to": to,
            "lasts": lasts,
        }  # fmt: skip
        self._at = 0
        self._error: CallmeshError | None = None
        self.kept_until = 0
        """Until when the hub keeps it, microseconds since the epoch; 0 before it does."""
        self._moved = Notifier()
        self._task = asyncio.create_task(self._bring())
        shelf.bringing.add(self)

    @property
    def size(self) -> int:
        return self._source.size

    @property
    def progress(self) -> Brought:
        over = self._error is not None or self.kept_until > 0
        return Brought(sent=self._at, size=self.size, over=over, error=self._error)

    async def __aiter__(self) -> AsyncIterator[Brought]:
        """The newest, whenever it is another; ends when it is over."""
        seen: Brought | None = None
        while seen is None or not seen.over:
            if seen == self.progress:
                await self._moved.wait()
            seen = self.progress
            yield seen

    async def done(self, *, timeout: float | None = None) -> None:
        """Wait until the hub keeps it, on disk.

        Raises why it does not: `TooLarge`, `Denied` (`full`, `no_right`), `StorageFailed`,
        `TimedOut`, `Closed` …
        """
        await self._moved.until(
            lambda: self.progress.over, timeout=timeout, what=f"{self.name} being kept"
        )
        if self._error is not None:
            raise self._error

    @property
    def answers(self) -> dict[PersonId, messages.FileAnswer]:
        """Which persons have `taken` or `refused` it."""
        for about in self._shelf.files:
            if about.id == self.id:
                return {PersonId(person): answer for person, answer in about.answers}
        return {}

    async def take_back(self) -> None:
        """Keep it no longer, or do not bring it to its end: nobody is offered it any more."""
        if not self.progress.over:
            self.end(Closed("this file was taken back"))
        await self._shelf.take_back(self.id)

    def end(self, why: CallmeshError) -> None:
        """Bring no more of it."""
        if not self.progress.over:
            self._error = why
            self._task.cancel()
            self._moved.notify()

    async def _bring(self) -> None:
        patience = Patience(self._shelf.away)
        try:
            self._said["sha256"] = await self._source.sha256()
            while not self.kept_until:
                try:
                    await self._go_on(patience)
                except CallmeshError as error:
                    await patience.wait(error)
        except CallmeshError as error:
            self._error = error
        except Exception as error:  # whoever waits for it has to know
            self._error = as_told(error, f"{self.name} was not brought")
        finally:
            self._source.close()
            self._shelf.bringing.discard(self)
            self._moved.notify()

    async def _go_on(self, patience: Patience) -> None:
        body = json.dumps(self._said).encode()
        self._note(await self._shelf.away.request("POST", self.id, body), patience)
        while not self.kept_until:
            data = await self._source.read(self._at, min(SLICE, self.size - self._at))
            headers = {"Upload-Offset": str(self._at)}
            try:
                came = await self._shelf.away.request("PUT", self.id, data, **headers)
            except Refused as error:
                if isinstance(error, (Denied, Unauthorized, TooFast)):
                    raise
                raise Broken("the hub does not know of it any more") from error  # announce it anew
            self._note(came, patience)

    def _note(self, came: tuple[int, bytes], patience: Patience) -> None:
        try:
            said = msgspec.json.decode(came[1], type=_Come)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Broken("something between here and the hub answered in its place") from error
        if said.at > self._at or said.expires:
            patience.moved()
        self._at, self.kept_until = min(said.at, self.size), said.expires
        self._moved.notify()

    def __repr__(self) -> str:
        return f"<Keeping {self.name!r}, {self._at} of {self.size} bytes>"


class Shelf:
    """What the hub keeps in one resource. `moved` is called where there is news."""

    def __init__(self, away: Away, resource: ResourceId, moved: Callable[[], None]) -> None:
        self.away = away
        self.resource = resource
        self.bringing: set[Keeping] = set()
        self._moved = moved
        self._news: deque[tuple[Incoming, int]] = deque()
        self._offered: dict[str, Incoming] = {}
        self._answering: set[asyncio.Task[None]] = set()
        away.shelves.append(self)
        self.look()

    @property
    def files(self) -> list[messages.KeptFile]:
        return [file for file in self.away.files if file.resource == self.resource]

    def look(self) -> None:
        """What is kept may be something else by now."""
        there = {file.id: file for file in self.files}
        for id in self._offered.keys() - there.keys():
            self._offered.pop(id).end(EndedByPeer("it is not kept any more"))
        if not there:
            return
        me = self.away.me()
        for id, file in there.items():
            mine = file.person == me.person or (file.to and me.person not in file.to)
            answered = any(person == me.person for person, _ in file.answers)
            if not (mine or answered or id in self._offered):
                incoming = self._offered[id] = self.incoming(file)
                self._news.append((incoming, file.expires))
        self._moved()

    def incoming(self, file: messages.KeptFile) -> Incoming:
        offer = Offer(file.id, file.name, file.size, file.sha256, file.type)
        return Incoming(ParticipantId(file.sender), PersonId(file.person), offer, 0)

    def next(self) -> tuple[Incoming, int] | None:
        """The next that is offered, and until when it is kept."""
        while self._news:
            found = self._news.popleft()
            if not found[0].over:
                return found
        return None

    async def take(self, incoming: Incoming, sink: Sink, timeout: float | None) -> None:
        """Let it come into `sink`, to its end."""
        incoming.stage = Stage.OPENING
        try:
            async with asyncio.timeout(timeout):
                incoming.accept(await sink.begin(incoming.offer.size), 0)
                await self._fetch(incoming, sink)
                await sink.finish(incoming.offer.sha256)
        except TimeoutError as error:
            late = error if isinstance(error, CallmeshError) else None
            why = late or TimedOut(f"{incoming.offer.name} did not come within {timeout} s")
            incoming.end(why)
            raise why from None
        except CallmeshError as error:
            incoming.end(error)
            raise
        except BaseException:
            incoming.end(Closed("it was given up"))
            raise
        incoming.end(None)
        await asyncio.wait([self._answer(incoming.offer.id, "taken")], timeout=ASK)

    async def _fetch(self, incoming: Incoming, sink: Sink) -> None:
        patience, size = Patience(self.away), incoming.offer.size
        while incoming.at < size:
            try:
                wanted = f"bytes={incoming.at}-{min(incoming.at + SLICE, size) - 1}"
                _, data = await self.away.request("GET", incoming.offer.id, Range=wanted)
            except CallmeshError as error:
                await patience.wait(error)
                continue
            if incoming.why is not None:
                raise incoming.why
            if incoming.at + len(data) > size:
                raise Broken("more came than was offered")
            await sink.write(data)
            incoming.at += len(data)
            if not data:
                await patience.wait(Broken("it came to an end too early"))
                continue
            patience.moved()
            self._moved()

    def close(self, incoming: Incoming, why: CallmeshError | None) -> None:
        """It is not wanted."""
        incoming.end(why)
        if isinstance(why, Declined):
            self._answer(incoming.offer.id, "refused")

    def _answer(self, id: str, answer: messages.FileAnswer) -> asyncio.Task[None]:
        """Tell the hub; who cannot is offered it again at the next visit."""
        task = asyncio.create_task(self._say(id, answer))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        return task

    async def _say(self, id: str, answer: messages.FileAnswer) -> None:
        patience = Patience(self.away)
        with contextlib.suppress(CallmeshError):
            while True:
                try:
                    await self.away.request("POST", f"{id}/{answer}")
                    return
                except CallmeshError as error:
                    await patience.wait(error)

    async def take_back(self, id: str) -> None:
        await self.away.request("DELETE", id)

    def end(self, reason: CallmeshError) -> None:
        """The resource is gone, or the call over."""
        if self in self.away.shelves:
            self.away.shelves.remove(self)
        for keeping in list(self.bringing):
            keeping.end(reason)
        for incoming in self._offered.values():
            incoming.end(reason)
