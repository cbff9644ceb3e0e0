"""Files that travel: `resource.files`."""

import asyncio
import contextlib
import mimetypes
import secrets
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import msgspec

from callmesh import messages
from callmesh.away import Away, Keeping, Shelf
from callmesh.clock import MICROSECONDS
from callmesh.errors import (
    BadValue,
    Broken,
    CallmeshError,
    Closed,
    Declined,
    EndedByPeer,
    WireError,
)  # fmt: skip
from callmesh.fileio import Buffer, Disk, Memory, PartFile, Sink, Source, Taker, as_told
from callmesh.files import (
    PATIENCE,
    STREAM,
    Accept,
    Cancel,
    Incoming,
    Offer,
    Outgoing,
    Part,
    Receiving,
    Stage,
    Word,
    cancel,
    decode,
    encode_part,
    encode_word,
    file_name,
)  # fmt: skip
from callmesh.ids import ParticipantId, PersonId, ResourceId
from callmesh.notify import Notifier
from callmesh.streams import Streams

MAX_SENDS = 1_000
"""Receivers, all transfers counted, that one participant sends to at once."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a file has come with one receiver."""

    receiver: ParticipantId
    """Whom it was meant for."""
    sent: int
    """Bytes that have left for them, or were there already."""
    size: int
    over: bool
    error: CallmeshError | None
    """Why it did not come, once it is over; None where it came and its hash is right."""


class Transfer:
    """A file on its way. Made by `resource.files.send`.

    Iterate to see how far it is; `await transfer.done()` to know that it has come.
    """

    def __init__(self, files: "Files", offer: Offer, source: Source) -> None:
        self._files = files
        self.offer = offer
        self.source = source
        self.ways: dict[ParticipantId, Outgoing] = {}
        """By whom it was meant for at first."""
        self.moved = Notifier()

    @property
    def name(self) -> str:
        return self.offer.name

    @property
    def size(self) -> int:
        return self.offer.size

    @property
    def over(self) -> bool:
        return all(way.over for way in self.ways.values())

    @property
    def progress(self) -> dict[ParticipantId, Progress]:
        """How far it has come with each receiver."""
        return {id: _progress(id, way) for id, way in self.ways.items()}

    @property
    def outcomes(self) -> dict[ParticipantId, CallmeshError | None]:
        """Of those with whom it is over: why it did not come, or None where it did."""
        return {id: way.why for id, way in self.ways.items() if way.over}

    async def __aiter__(self) -> AsyncIterator[Progress]:
        """The newest of each receiver, whenever it is another; ends when it is over for all."""
        seen: dict[ParticipantId, Progress] = {}
        while True:
            for id, now in self.progress.items():
                if seen.get(id) != now:
                    seen[id] = now
                    yield now
            if seen == self.progress:
                if self.over:
                    return
                await self.moved.wait()

    async def done(self, *, timeout: float | None = None) -> None:
        """Wait until every receiver has it, whole and with the right hash.

        Raises why one does not get it, once it is over for all: `Declined` or another refusal,
        `TooLarge`, `Broken`, `EndedByPeer`, `TimedOut`, `Closed`. See `outcomes` for each.
        """
        what = f"{self.name} coming to everybody"
        await self.moved.until(lambda: self.over, timeout=timeout, what=what)
        for why in self.outcomes.values():
            if why is not None:
                raise why

    def cancel(self, why: str = "the sender does not go on") -> None:
        """Send nothing more of it: receivers get `EndedByPeer`."""
        for way in self.ways.values():
            if not way.over:
                self._files.say(way.peer, cancel(self.offer.id, why))
                way.end(Closed("this transfer was cancelled"))
        self._files.swept()


def _progress(id: ParticipantId, way: Outgoing) -> Progress:
    return Progress(receiver=id, sent=way.at, size=way.offer.size, over=way.over, error=way.why)


class FileOffer:
    """A file that somebody offers. `save`, `read` or `refuse` it."""

    def __init__(self, taker: Taker, incoming: Incoming, kept_until: int = 0) -> None:
        self._taker = taker
        self.incoming = incoming
        self.kept_until = kept_until
        """Until when the hub keeps it, microseconds since the epoch; 0 where its sender has it."""

    @property
    def name(self) -> str:
        """A plain name, safe in any folder."""
        return self.incoming.offer.name

    @property
    def size(self) -> int:
        """Bytes."""
        return self.incoming.offer.size

    @property
    def type(self) -> str:
        """A media type as the sender says it; it may be anything."""
        return self.incoming.offer.type

    @property
    def sender(self) -> ParticipantId:
        """The participant; of a file that the hub keeps, they may be gone."""
        return self.incoming.peer

    @property
    def person(self) -> PersonId:
        """Who that is."""
        return self.incoming.person

    @property
    def received(self) -> int:
        """Bytes that have come."""
        return self.incoming.at

    @property
    def over(self) -> bool:
        """Whether it has come, or will not any more."""
        return self.incoming.over

    async def save(self, where: str | Path, *, timeout: float | None = None) -> Path:
        """Take it: into a folder, beside what is there, or as the file named. Returns its path.

        What was cut short stays beside it as `….part`; a later `save` of the same content, from
        whomever, goes on from there. Raises `Broken` where the hash is wrong, `EndedByPeer`,
        `StorageFailed`, `TimedOut` after `timeout` seconds.
        """
        sink = PartFile(Path(where), self.name, self.incoming.offer.sha256)
        await self._take(sink, timeout)
        return sink.path

    async def read(self, *, timeout: float | None = None) -> bytes:
        """Take it, into memory. Raises as `save` does."""
        sink = Buffer()
        await self._take(sink, timeout)
        return sink.data

    async def _take(self, sink: Sink, timeout: float | None) -> None:
        if self.incoming.why is not None:
            raise self.incoming.why
        if self.incoming.stage is not Stage.OFFERED:
            raise BadValue(f"{self.name} was answered already")
        try:
            await self._taker.take(self.incoming, sink, timeout)
        finally:
            sink.close()

    def refuse(self, why: str = "not wanted") -> None:
        """Do not take it; its sender gets `Declined` with these words."""
        if not self.over:
            self._taker.close(self.incoming, Declined(why))

    def __repr__(self) -> str:
        return f"<FileOffer {self.name!r} of {self.size} bytes from {self.sender}>"


class KeptFile(FileOffer):
    """A file that the hub keeps: an offer that can be taken as often as one likes."""

    def __init__(self, shelf: Shelf, about: messages.KeptFile) -> None:
        super().__init__(shelf, shelf.incoming(about), about.expires)
        self._shelf = shelf
        self._about = about

    @property
    def id(self) -> str:
        return self._about.id

    @property
    def to(self) -> list[PersonId]:
        """The persons whom it is for; nobody named means everybody."""
        return [PersonId(person) for person in self._about.to]

    @property
    def answers(self) -> dict[PersonId, messages.FileAnswer]:
        """Which persons have `taken` or `refused` it: all for who brought it and hosts."""
        return {PersonId(person): answer for person, answer in self._about.answers}

    async def take_back(self) -> None:
        """Keep it no longer. Raises `Refused` for anybody but who brought it, and hosts."""
        await self._shelf.take_back(self.id)


class Files:
    """Files between the participants of one resource, by way of its streams. `resource.files`."""

    def __init__(self, streams: Streams, resource: ResourceId, away: Away | None = None) -> None:
        """`away` has what the hub keeps for those who are away; None where that is nothing."""
        self._streams = streams
        self._stream = streams.stream(resource, STREAM, "reliable")
        self._receiving = Receiving()
        self._sinks: dict[Incoming, Sink] = {}
        self._transfers: list[Transfer] = []
        self._pumps: dict[ParticipantId, asyncio.Task[None]] = {}
        self._moved = Notifier()
        self._shelf = Shelf(away, resource, self._moved.notify) if away else None
        self._ended: CallmeshError | None = None
        self._now = streams.now
        self._stop = streams.on_tick(self.tick)
        self._reading = asyncio.create_task(self._read())

    @property
    def limit(self) -> int:
        """Bytes of the largest file that is taken; larger ones are refused. 1 GiB at first."""
        return self._receiving.limit

    @limit.setter
    def limit(self, size: int) -> None:
        self._receiving.limit = size

    # --- sending

    async def send(
        self,
        what: bytes | str | Path,
        *,
        to: Collection[ParticipantId] | None = None,
        name: str | None = None,
        type: str | None = None,
        patience: float = PATIENCE / MICROSECONDS,
    ) -> Transfer:
        """Offer a file, given as its path or its bytes, to those named, or to all who are here.

        Returns once it is offered; it goes as each of them takes it. Who has not answered within
        `patience` seconds, also because nothing there takes files, does not get it (`TimedOut`).
        Raises `StorageFailed` where it cannot be read, `BadValue` for nobody or a strange name.
        """
        source: Source = Memory(what) if isinstance(what, bytes) else Disk(Path(what))
        try:
            named = name or ("file" if isinstance(what, bytes) else Path(what).name)
            return await self._offer(source, named, type, to, int(patience * MICROSECONDS))
        except BaseException:
            source.close()
            raise

    async def _offer(
        self,
        source: Source,
        name: str,
        type: str | None,
        to: Collection[ParticipantId] | None,
        patience: int,
    ) -> Transfer:
        kind = mimetypes.guess_type(name)[0] or "" if type is None else type
        sha256 = await source.sha256()
        self._check()
        here = self._streams.here()
        chosen = list(here) if to is None else list(dict.fromkeys(to))
        strangers = [id for id in chosen if id not in here]
        if strangers or not chosen:
            raise BadValue(f"not in the call now: {', '.join(strangers) or 'nobody to send to'}")
        if len(chosen) + sum(len(transfer.ways) for transfer in self._transfers) > MAX_SENDS:
            raise BadValue(f"at most {MAX_SENDS} are sent to at once; wait until some are done")
        offer = Offer(secrets.token_hex(8), file_name(name), source.size, sha256, kind[:128])
        transfer = Transfer(self, offer, source)
        for id in chosen:
            way = Outgoing(id, here[id].person, offer, self._now(), patience)
            transfer.ways[id] = way
            self.say(id, offer)
        self._transfers.append(transfer)
        return transfer

    def say(self, peer: ParticipantId, word: Word) -> None:
        """Without waiting for room."""
        if self._ended is None:
            self._stream.put(encode_word(word), to=[peer])

    def _pump_for(self, peer: ParticipantId) -> None:
        running = self._pumps.get(peer)
        if running is None or running.done():
            self._pumps[peer] = asyncio.create_task(self._pump(peer))

    async def _pump(self, peer: ParticipantId) -> None:
        """All that goes to one receiver takes turns, part by part."""
        while ready := [
            (transfer, way)
            for transfer in self._transfers
            for way in transfer.ways.values()
            if way.peer == peer and way.stage is Stage.RUNNING
        ]:
            for transfer, way in ready:
                if peer not in self._stream.reaches:
                    way.again(self._now())
                elif part := way.next():
                    try:
                        await self._send_part(transfer, way, *part)
                    except Exception as error:  # whoever waits for it has to know
                        self._fail(transfer, way, as_told(error, f"{transfer.name} was not sent"))
        self.swept()

    def _fail(self, transfer: Transfer, way: Outgoing, why: CallmeshError) -> None:
        """It is over with one receiver, who is told."""
        with contextlib.suppress(Closed):
            self.say(way.peer, cancel(transfer.offer.id, str(why)))
        way.end(why)
        transfer.moved.notify()

    async def _send_part(self, transfer: Transfer, way: Outgoing, at: int, size: int) -> None:
        data = await transfer.source.read(at, size)
        if way.next() != (at, size):
            return  # it was cancelled, or another part was asked for
        try:
            self._stream.put(encode_part(transfer.offer.id, at, data), to=[way.peer])
        except Closed:
            way.end(self._ended or Closed("this resource was closed"))
            return
        way.left(at, size, self._now())
        transfer.moved.notify()
        lane = self._stream.lanes.get(way.peer)
        if lane is not None and lane.full:
            await self._streams.until(
                lambda: not lane.full or self._stream.lanes.get(way.peer) is not lane,
                None, "room for more of a file",
            )  # fmt: skip

    def swept(self) -> None:
        """Tell of what is over, and let go of it."""
        for transfer in list(self._transfers):
            if transfer.over:
                self._transfers.remove(transfer)
                transfer.source.close()
            transfer.moved.notify()

    # --- for those who are away

    async def keep(
        self,
        what: bytes | str | Path,
        *,
        to: Collection[PersonId] | None = None,
        name: str | None = None,
        type: str | None = None,
        lasts: float | None = None,
    ) -> Keeping:
        """Leave a file with the hub, for persons (`participant.person`), or for all who ever come.

        They are offered it whenever they are here, whether or not the sender is, for `lasts`
        seconds, or as long as the hub keeps any. Returns at once: `await keeping.done()` to know
        that it is kept. Raises `StorageFailed` where it cannot be read, `BadValue` for nobody.
        """
        if self._shelf is None:
            raise Closed("nothing is kept here")
        if to is not None and not to:
            raise BadValue("nobody to keep it for; leave out `to` for everybody")
        self._check()
        source: Source = Memory(what) if isinstance(what, bytes) else Disk(Path(what))
        named = name or ("file" if isinstance(what, bytes) else Path(what).name)
        kind = type if type is not None else mimetypes.guess_type(named)[0] or ""
        said = (file_name(named), kind[:128], [*(to or ())], int(lasts or 0))
        return Keeping(self._shelf, source, *said)

    @property
    def kept(self) -> list["KeptFile"]:
        """What the hub keeps here: one's own, what is for oneself, and for hosts all of it.

        Each has `save`, `read` and `refuse` as an offer has, as often as one likes, and
        `take_back`.
        """
        return [KeptFile(self._shelf, about) for about in self._shelf.files] if self._shelf else []

    # --- receiving

    async def offers(self) -> AsyncIterator[FileOffer]:
        """What others offer, or left with the hub for who comes later, each once.

        Ends with the call or the resource.
        """
        while True:
            while self._receiving.news:
                incoming = self._receiving.news.popleft()
                if not incoming.over:
                    yield FileOffer(self, incoming)
            while self._shelf and (found := self._shelf.next()):
                yield FileOffer(self._shelf, *found)
            if self._ended is not None:
                return
            await self._moved.wait()

    async def take(self, incoming: Incoming, sink: Sink, timeout: float | None) -> None:
        """Let it come into `sink`, to its end."""
        incoming.stage = Stage.OPENING
        try:
            at = await sink.begin(incoming.offer.size)
            self._sinks[incoming] = sink
            if not incoming.over:
                self.say(incoming.peer, incoming.accept(at, self._now()))
                if at == incoming.offer.size:
                    await self._finish(incoming, sink)
            await self._moved.until(
                lambda: incoming.over, timeout=timeout, what=f"{incoming.offer.name} coming"
            )
        except BaseException as error:
            if not incoming.over:
                why = error if isinstance(error, CallmeshError) else Closed("it was given up")
                self.close(incoming, why)
            raise
        finally:
            self._sinks.pop(incoming, None)
        if incoming.why is not None:
            raise incoming.why

    def close(self, incoming: Incoming, why: CallmeshError | None) -> None:
        """It is over: its sender is told."""
        self.say(incoming.peer, self._receiving.close(incoming, why))
        self._moved.notify()

    async def _finish(self, incoming: Incoming, sink: Sink) -> None:
        try:
            await sink.finish(incoming.offer.sha256)
        except Exception as error:
            self.close(incoming, as_told(error, f"{incoming.offer.name} was not taken"))
        else:
            self.close(incoming, None)

    async def _read(self) -> None:
        while self._ended is None:
            try:
                async for message in self._stream:
                    with contextlib.suppress(WireError):  # what a peer should not have said
                        await self._heard(message.sender, decode(message.data))
                self._stream.arrived.check()
                self._end(Closed("this resource was closed"))
            except CallmeshError as error:
                if not isinstance(error, Broken) or self._stream.arrived.has_failed:
                    self._end(error)
                    return
                for incoming, word in self._receiving.lost(
                    ParticipantId(error.sender), self._now()
                ):
                    self.say(incoming.peer, word)

    async def _heard(self, sender: ParticipantId, word: Word | Part) -> None:
        match word:
            case Part():
                await self._came(sender, word)
            case Offer() | Cancel():
                person = self._streams.here().get(sender)
                if person is None:
                    return  # it is offered again, should they come back
                answer = self._receiving.hear(sender, person.person, word, self._now())
                lane = self._stream.lanes.get(sender)
                if answer is not None and lane is not None and not lane.full:
                    self.say(sender, answer)  # who does not take it will ask again
                self._moved.notify()
            case _:
                ways = [
                    way
                    for transfer in self._transfers
                    for way in transfer.ways.values()
                    if way.peer == sender and transfer.offer.id == word.id
                ]
                if isinstance(word, Accept) and all(way.over for way in ways):
                    self.say(sender, cancel(word.id, "it is not sent any more"))
                for way in ways:
                    way.hear(word, self._now())
                self._pump_for(sender)

    async def _came(self, sender: ParticipantId, part: Part) -> None:
        before = self._receiving.open.get((sender, part.id))
        incoming = self._receiving.part(sender, part, self._now())
        if incoming is None:
            if before is not None and isinstance(before.why, WireError):
                self.close(before, before.why)
            return
        sink = self._sinks.get(incoming)
        if sink is None:
            return
        try:
            await sink.write(part.data)
        except Exception as error:  # whoever waits for it has to know
            self.close(incoming, as_told(error, f"{incoming.offer.name} was not taken"))
            return
        if incoming.at == incoming.offer.size and not incoming.over:
            await self._finish(incoming, sink)
        self._moved.notify()

    # --- time and end

    def tick(self) -> None:
        """Let time pass: ask again for what was not answered; give up on who is gone for long."""
        now = self._now()
        for incoming, word in self._receiving.tick(self._stream.lanes, now):
            self.say(incoming.peer, word)
        for transfer in self._transfers:
            for way in transfer.ways.values():
                if not way.over:
                    self._remind(transfer, way)
        self.swept()
        self._moved.notify()

    def _remind(self, transfer: Transfer, way: Outgoing) -> None:
        present = way.peer in self._stream.lanes
        if not way.present(present, self._now()):
            way.end(EndedByPeer("the receiver left the call"))
        elif present:
            word = way.due(self._now())
            if word is not None:
                self.say(way.peer, word)
        else:
            taken = {other.peer for other in transfer.ways.values()}
            for id, other in self._streams.here().items():
                if other.person == way.person and id not in taken:
                    self.say(id, way.move(id, self._now()))
                    return

    def _check(self) -> None:
        if self._ended is not None:
            raise self._ended

    def _end(self, reason: CallmeshError) -> None:
        self._ended = reason
        self._stop()
        if self._shelf:
            self._shelf.end(reason)
        for transfer in self._transfers:
            for way in transfer.ways.values():
                way.end(reason)
        for incoming in list(self._receiving.open.values()):
            incoming.end(reason)
        for pump in self._pumps.values():
            pump.cancel()
        self.swept()
        self._moved.notify()
