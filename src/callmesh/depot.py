"""Where files that are kept are brought and fetched: HTTP beside the sockets, on the same port.

    POST   /call/<id>/files/<file>            what it is (`kept.Announced`); how much of it is there
    PUT    /call/<id>/files/<file>            bytes from `Upload-Offset` on; how much is there then
    GET    /call/<id>/files/<file>            bytes, of a `Range` if one is asked for
    POST   /call/<id>/files/<file>/<answer>   one has it, or does not want it
    DELETE /call/<id>/files/<file>            take it back

Whoever asks is a participant who is in the call now, and shows it by the ticket that the session
gave (`Authorization: Bearer`): so no page of another origin can ask, and who is taken out of the
call gets not a byte more. What is not theirs is not there for them. Nothing is held in memory but
a block.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import BinaryIO
from weakref import WeakValueDictionary

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from callmesh.asking import HEADERS, STALL, Asker, asker_of, body_of, problem
from callmesh.auth import Authority
from callmesh.errors import (
    BadValue,
    CallmeshError,
    Denied,
    Refused,
    StorageFailed,
    TimedOut,
    TooFast,
    WireError,
)  # fmt: skip
from callmesh.hosted import HostedCall
from callmesh.ids import RECORD, CallId, PersonId
from callmesh.kept import PREFIX, Announced, KeptFiles, Line, Upload
from callmesh.ledger import Kept
from callmesh.live import LiveHub
from callmesh.rates import Each
from callmesh.values import decode

BLOCK = 256 * 1024
"""Bytes that are written or read at once."""
MAX_BODY = 32 * 1024
"""Bytes of what is said of a file."""
FETCHES = 8
"""Requests at once by which one person fetches."""
CHANGES = (2.0, 100.0)
"""How often a second one person announces, answers or takes back, and how often at once."""
EVERY = 1.0
"""Seconds between two looks for bytes of files that are over."""
ALL = 3600
"""Looks from one at all calls to the next: also those that nobody opens."""
NOTHING = "there is no such file here for you"

log = logging.getLogger("callmesh.hub")


class _Bytes(StreamingResponse):
    """Of a file, which is let go of however this ends."""

    def __init__(
        self,
        parts: AsyncIterator[bytes],
        status: int,
        headers: dict[str, str],
        ended: Callable[[], None],
    ) -> None:
        super().__init__(parts, status, headers, "application/octet-stream")
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()


class Depot:
    def __init__(self, live: LiveHub, authority: Authority) -> None:
        self._live = live
        self._authority = authority
        self._scopes: dict[Upload, asyncio.Timeout] = {}
        """By whom some of an upload is being brought; whoever goes on with it ends them."""
        self._fetching: Counter[tuple[CallId, PersonId]] = Counter()
        """How many requests are answered with bytes to each person now."""
        self._changes = Each(*CHANGES, "so many files at once; go on in a moment")
        self._locks: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()
        """Of an upload, and of a call whose folder is tidied, or takes a whole file."""

    def routes(self) -> list[Route]:
        here = "/call/{call}/files/{file}"
        return [
            Route(here, self._answered(self.fetch), methods=["GET"]),
            Route(here, self._answered(self.announce), methods=["POST"]),
            Route(here, self._answered(self.bring), methods=["PUT"]),
            Route(here, self._answered(self.take_back), methods=["DELETE"]),
            Route(f"{here}/{{answer}}", self._answered(self.answer), methods=["POST"]),
        ]

    def _answered(
        self, act: Callable[[Request, Asker, str], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Whatever goes wrong, in one shape."""

        async def answer(request: Request) -> Response:
            try:
                asker = asker_of(request, self._live, self._authority)
                if request.method in ("POST", "DELETE"):
                    self._changes.check(asker.me.person, self._live.now())
                return await act(request, asker, request.path_params["file"])
            except CallmeshError as error:
                return problem(error)
            except ClientDisconnect:
                return Response(status_code=400)

        return answer

    def _alone(self, with_what: object) -> asyncio.Lock:
        return self._locks.setdefault(with_what, asyncio.Lock())

    # --- bringing

    async def announce(self, request: Request, asker: Asker, id: str) -> Response:
        try:
            said = msgspec.json.decode(await body_of(request, MAX_BODY), type=Announced)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadValue(f"not what is said of a file: {error}") from error
        call, files, blobs = asker.hosted.id, asker.hosted.files, self._live.blobs
        # Not while the folder is swept, and who brings something learns that the disk refuses.
        async with self._alone(call), self._live.changing(call):
            line = files.all.get(id)
            if line is None or line.person != asker.me.person:
                line, upload = None, files.announce(asker.me, id, said, self._live.now())
        if line is not None:
            return _there(line.size, line)  # the answer was lost; it is on disk all the same
        self._put_off(upload)
        await asyncio.to_thread(blobs.count)
        async with self._alone((call, upload.part)):
            at = await asyncio.to_thread(blobs.begun, call, upload.part)
            if at > upload.said.size:  # of another content
                await asyncio.to_thread(blobs.drop_part, call, upload.part)
                at = 0
            upload.there = at
            self._check_hub(files, upload)
            return _there(at)

    def _check_hub(self, files: KeptFiles, upload: Upload) -> None:
        """Raises `Denied` where the whole hub has no room for what is announced in its calls."""
        coming = sum(call.hosted.files.lacking for call in self._live.calls)
        most = self._live.limits.kept_bytes_of_hub
        if upload.there < upload.said.size and self._live.blobs.used + coming > most:
            files.give_up(upload)
            raise Denied(
                "full",
                f"the hub keeps at most {most} bytes of all its calls: send it while they are "
                "here, or try again when others have taken theirs back",
            )

    def _put_off(self, upload: Upload) -> None:
        """Whoever brings some of it over another connection does not go on."""
        scope = self._scopes.pop(upload, None)
        if scope is not None and not scope.expired():
            scope.reschedule(asyncio.get_running_loop().time())

    async def bring(self, request: Request, asker: Asker, id: str) -> Response:
        files = asker.hosted.files
        upload = files.upload_of(asker.me, id)
        offset = request.headers.get("upload-offset", "")
        if not (offset.isascii() and offset.isdigit() and len(offset) < 17):
            raise BadValue("Upload-Offset says where what is brought begins")
        self._put_off(upload)
        async with self._alone((asker.hosted.id, upload.part)):
            if files.upload_of(asker.me, id) is not upload:
                raise Refused("this file was announced anew")
            at = await asyncio.to_thread(self._live.blobs.begun, asker.hosted.id, upload.part)
            if int(offset) != at:
                return _there(at, status=409)
            files.check_turn(asker.me, upload, self._live.now())
            upload.busy = True
            try:
                at = await self._take_in(request, asker, upload, at)
            except (WireError, StorageFailed):
                self._live.blobs.drop_part(asker.hosted.id, upload.part)
                files.give_up(upload)
                raise
            finally:
                upload.busy, upload.moved = False, self._live.now()
            if at < upload.said.size:
                return _there(at)
            return _there(at, await self._finish(asker, upload))

    async def _take_in(self, request: Request, asker: Asker, upload: Upload, at: int) -> int:
        """All that comes over one connection; how much is there then."""
        loop, waiting = asyncio.get_running_loop(), bytearray()
        try:
            async with asyncio.timeout(STALL) as scope:
                self._scopes[upload] = scope
                async for some in request.stream():
                    asker.hosted.files.upload_of(asker.me, upload.id)
                    if at + len(waiting) + len(some) > upload.said.size:
                        raise WireError("more came than was announced")
                    waiting += some
                    if len(waiting) >= BLOCK:
                        at = await self._write(asker, upload, at, waiting)
                    if self._scopes.get(upload) is not scope:
                        break  # somebody goes on with it elsewhere
                    scope.reschedule(loop.time() + STALL)
        except TimeoutError:
            raise TimedOut("nothing more of the file came; go on with it") from None
        finally:
            if self._scopes.get(upload) is scope:
                del self._scopes[upload]
            if waiting and asker.hosted.files.uploads.get(upload.id) is upload:
                at = await self._write(asker, upload, at, waiting)
        return at

    async def _write(self, asker: Asker, upload: Upload, at: int, waiting: bytearray) -> int:
        data = bytes(waiting)
        waiting.clear()
        call = asker.hosted.id
        await _to_its_end(self._live.blobs.append, call, upload.part, at, data)
        upload.there = at + len(data)
        return upload.there

    async def _finish(self, asker: Asker, upload: Upload) -> Line:
        """All of it is there: it is kept when its hash is right, and on disk when this returns."""
        call, said, files = asker.hosted.id, upload.said, asker.hosted.files
        blobs = self._live.blobs
        try:
            async with self._alone(call):
                if not said.size:
                    await asyncio.to_thread(blobs.append, call, upload.part, 0, b"")
                await _to_its_end(blobs.finish, call, upload.part, said.size, said.sha256)
                async with self._live.changing(call) as hosted:
                    line = files.keep(asker.me, upload, self._live.now())
                    hosted.journal.add(
                        "file.kept", self._live.now(), by=line.person, id=upload.id,
                        resource=line.resource, size=str(line.size), to=str(len(line.to) or "all"),
                    )  # fmt: skip
                    hosted.show_files()
        except CallmeshError:
            files.give_up(upload)
            raise
        return line

    # --- having

    async def fetch(self, request: Request, asker: Asker, id: str) -> Response:
        line = self._may_fetch(asker, id)
        headers = {**HEADERS, "Accept-Ranges": "bytes"}
        first, beyond = _range(request.headers.get("range", ""), line.size)
        if first >= beyond and line.size:
            headers["Content-Range"] = f"bytes */{line.size}"
            return Response(status_code=416, headers=headers)
        if beyond - first < line.size:
            headers["Content-Range"] = f"bytes {first}-{beyond - 1}/{line.size}"
        status = 206 if "Content-Range" in headers else 200
        if request.method == "HEAD":
            headers["Content-Length"] = str(beyond - first)
            return Response(None, status, headers, "application/octet-stream")
        who = asker.hosted.id, asker.me.person
        if self._fetching[who] >= FETCHES:
            raise TooFast(f"you fetch {FETCHES} files already; go on when one is there")
        self._fetching[who] += 1
        file: BinaryIO | None = None

        def ended() -> None:
            self._fetching[who] -= 1
            self._fetching += Counter()  # who fetches nothing is forgotten
            if file is not None:
                file.close()

        try:
            file = await asyncio.to_thread(self._live.blobs.open, asker.hosted.id, line.sha256)
            if file is None:
                raise Refused(NOTHING)
        except BaseException:
            ended()
            raise
        parts = self._parts(file, asker, id, first, beyond)
        return _Bytes(parts, status, headers, ended)

    def _may_fetch(self, asker: Asker, id: str) -> Line:
        line = asker.hosted.files.may_fetch(asker.me, id, self._live.now())
        if line is None:
            raise Refused(NOTHING)
        return line

    async def _parts(
        self, file: BinaryIO, asker: Asker, id: str, first: int, beyond: int
    ) -> AsyncIterator[bytes]:
        """As long as they may have it. Its length was not promised: what is short is asked for

        again, and then refused.
        """
        try:
            while first < beyond:
                data = await asyncio.to_thread(_read, file, first, min(BLOCK, beyond - first))
                self._may_fetch(asker, id)
                if not data:
                    break
                first += len(data)
                yield data
        except (CallmeshError, OSError) as error:
            log.info("a file was not given out to its end", extra={"reason": type(error).__name__})

    async def answer(self, request: Request, asker: Asker, id: str) -> Response:
        answer = request.path_params["answer"]
        if answer not in ("taken", "refused"):
            raise BadValue("an answer to a file is taken or refused")
        self._may_fetch(asker, id)
        async with self._live.changing(asker.hosted.id) as hosted:
            me = asker.me
            if hosted.files.answer(me, id, answer, self._live.now()) and answer == "taken":
                hosted.journal.add("file.fetched", self._live.now(), by=me.person, id=id)
            hosted.show_files()
        return JSONResponse({}, headers=HEADERS)

    async def take_back(self, request: Request, asker: Asker, id: str) -> Response:
        files, me = asker.hosted.files, asker.me
        upload = files.uploads.get(id)
        if upload is not None and upload.said.person == me.person:
            self._put_off(upload)
            files.give_up(upload)
            async with self._alone((asker.hosted.id, upload.part)):
                self._live.blobs.drop_part(asker.hosted.id, upload.part)
            return JSONResponse({}, headers=HEADERS)
        async with self._live.changing(asker.hosted.id) as hosted:
            if files.take_back(asker.me, id, self._live.now()) is None:
                raise Refused(NOTHING)
            hosted.journal.add("file.taken_back", self._live.now(), by=me.person, id=id)
            hosted.show_files()
        return JSONResponse({}, headers=HEADERS)

    # --- letting go

    async def follow(self) -> None:
        """Sweep away what no file has any more, for as long as the hub runs."""
        looks = 0
        while True:
            await self._look(every=looks % ALL == 0)
            looks += 1
            await asyncio.sleep(EVERY)

    async def _look(self, *, every: bool) -> None:
        try:
            for call in list(self._live.calls):
                if call.hosted.files.loose or every:
                    call.hosted.files.loose = False
                    await self._sweep(call.hosted)
            if every:
                await asyncio.to_thread(partial(self._live.blobs.count, anew=True))
                for id in await asyncio.to_thread(self._live.blobs.calls):
                    await self._live.at_rest(id, partial(self._sweep_at_rest, id))
        except CallmeshError as error:
            log.error("kept files are there for longer than they should be",
                      extra={"reason": str(error)})  # fmt: skip

    async def _sweep(self, hosted: HostedCall) -> None:
        async with self._alone(hosted.id):
            if self._live.here(hosted.id) is hosted:
                files, blobs = hosted.files, self._live.blobs
                while files.dropped:
                    await asyncio.to_thread(blobs.drop_part, hosted.id, files.dropped.pop())
                await asyncio.to_thread(
                    blobs.sweep, hosted.id, files.hashes, files.parts, files.spare
                )

    async def _sweep_at_rest(self, id: CallId, kept: Kept | None) -> None:
        """Of a call that nobody is in, and that may have been deleted."""
        if kept is None:
            await asyncio.to_thread(self._live.blobs.forget, id)
        else:
            hashes = _hashes(kept, self._live.now())
            spare = self._live.limits.kept_bytes
            await asyncio.to_thread(self._live.blobs.sweep, id, hashes, (), spare)


def _hashes(kept: Kept, now: int) -> set[str]:
    """Of the files of a call that are not over."""
    found = set()
    for record in kept.records:
        entry = record.entry
        if record.state != RECORD or entry.deleted or not entry.key.startswith(PREFIX):
            continue
        with contextlib.suppress(msgspec.ValidationError):  # of another version
            line = msgspec.convert(decode(entry.value), Line)
            if now < line.expires:
                found.add(line.sha256)
    return found


async def _to_its_end(act: Callable[..., object], *args: object) -> None:
    """In a thread, which cannot be stopped: until it is done nobody else touches the same file."""
    doing = asyncio.ensure_future(asyncio.to_thread(act, *args))
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _range(asked: str, size: int) -> tuple[int, int]:
    """First byte, and the one behind the last: none where there is no such range.

    What is no range of bytes is as nothing, which HTTP asks for.
    """
    unit, _, what = asked.partition("=")
    first, dash, last = (some.strip() for some in what.partition("-"))
    numbers = all(_is_number(some) for some in (first, last) if some)
    if unit.strip().lower() != "bytes" or not dash or not (first or last) or not numbers:
        return 0, size
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return 0, size
    return int(first), min(int(last) + 1, size) if last else size


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 17


def _there(at: int, line: Line | None = None, *, status: int = 200) -> Response:
    """How much is there, and until when it is kept, once it is."""
    said = {"at": at, "expires": line.expires if line else 0}
    return JSONResponse(said, status, headers=HEADERS)
