"""A Python program as a participant: `async with callmesh.join(url, name=…) as call`."""

import asyncio
import contextlib
import importlib.util
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import msgspec

from callmesh import messages
from callmesh.address import Address, read_address, read_role
from callmesh.away import Away
from callmesh.cache import ResourceCache
from callmesh.cachefile import CacheFile
from callmesh.connection import Connection, Opener, clock, steady
from callmesh.errors import BadInput, BadName, CallmeshError, Closed, TimedOut, Unauthorized
from callmesh.exchange import LAST_PIECE
from callmesh.half import App
from callmesh.hosting import Hosting
from callmesh.ids import (
    APPS,
    CALL,
    DIRECT,
    HUB_STATE,
    ROSTER,
    STREAMS,
    ParticipantId,
    PersonId,
    ResourceId,
    Writer,
)
from callmesh.joining import Joining
from callmesh.media import Media, read_kinds
from callmesh.mesh import Change, Status
from callmesh.participant import Access, Participant
from callmesh.peering import Peering
from callmesh.replica import Replica
from callmesh.resources import Resources
from callmesh.session import Open
from callmesh.shared import Root, SharedState
from callmesh.signaling import KINDS, MOST_EARLY, MOST_SIGNALS, Kind
from callmesh.standing import Standings
from callmesh.state import DELETED
from callmesh.streams import MESH, MOST_STREAMS, Streams
from callmesh.transport.websocket import WebSocketLink
from callmesh.values import decode
from callmesh.wake import Wake

if TYPE_CHECKING:
    from callmesh.transport.rtcmedia import RtcMedia

SAVE_BEFORE_LEAVING = 5.0
"""Seconds that leaving waits for what is not saved yet."""


log = logging.getLogger("callmesh")


def join(
    url: str,
    *,
    name: str | None = None,
    role: Literal["host", "guest", "observer"] | None = None,
    apps: Sequence[App] = (),
    keep: Path | str | None = None,
    rtc: bool = True,
    media: bool = False,
    receives: Collection[Kind] = KINDS,
    on_waiting: Callable[[messages.Waiting], None] | None = None,
    open_link: Opener = WebSocketLink.open,
) -> Joining["Call"]:
    """Join the call at `url` (`http://host/call/<id>`) for the length of an `async with`.

    With a token in the address (`#token=…`) you are who it says; `name` is for one that names
    nobody. A hub started with `--dev` takes
    your word for `role`; without one you are a host there, who may do everything.

    Where hosts are asked first, this waits until one lets it in: `on_waiting` is told that it
    waits, and whenever a host says something. To give up, cancel it (`asyncio.timeout`).

    `apps` brings handlers for resources. `keep` is a folder for resource caches and for who you
    are, so that the next run is the same person; without it both end with the program. `rtc=False`
    leaves streams to the hub's relay even where aiortc is installed.

    `media=True` is for audio and video, by `call.media`; it needs the extra `callmesh[rtc]`. Others
    send theirs then, of the kinds in `receives`: `()` for who only shows something.

    Raises the hub's named refusal (`Declined`, `Removed`, `Unauthorized` …), `BadName` for an
    address, name or role that cannot be one, `BadInput` for media without WebRTC, or `Broken` when
    no hub answers (all in `callmesh.errors`). A program that is removed, or whose call is ended,
    goes on with its block: `await call.over()` tells it, and so does whatever it waits for. Leaving
    waits up to 5 s for what is not saved yet.
    """

    @contextlib.asynccontextmanager
    async def block() -> AsyncIterator["Call"]:
        address = read_address(url)
        if name is None and address.token is None:
            raise BadName("say who comes: callmesh.join(url, name=…)")
        kinds = read_kinds(receives) if media else None
        if media and not (rtc and _has_webrtc()):
            raise BadInput("audio and video go by WebRTC: rtc=True, and pip install callmesh[rtc]")
        file = CacheFile(Path(keep)) if keep is not None else None
        call = Call(
            address,
            name or "",
            role or address.role,
            apps,
            file,
            rtc=rtc,
            receives=kinds,
            on_waiting=on_waiting,
            open_link=open_link,
        )
        try:
            async with call.running():
                yield call
        finally:
            if file:
                file.close()

    return Joining(block())


class Call:
    """Where participants meet. Made by `join`."""

    def __init__(
        self,
        address: Address,
        name: str,
        role: str | None,
        apps: Sequence[App],
        file: CacheFile | None,
        *,
        rtc: bool,
        receives: Collection[Kind] | None,
        on_waiting: Callable[[messages.Waiting], None] | None,
        open_link: Opener,
    ) -> None:
        self.id = address.call
        self._address = address
        self._name = name
        self._role = read_role(role) if role else None
        self._file = file
        self._rtc = rtc and _has_webrtc()
        self._receives = receives
        """Kinds of tracks; None without audio and video."""
        self._on_waiting = on_waiting
        self._me: Participant | None = None
        self._person: str | None = None
        """The hub's proof of who this is."""
        self._resume: str | None = None
        self._roster: dict[ParticipantId, Participant] = {}
        self._muted: object = None
        """When a host turned the microphone off here last, as the roster says."""
        self._early: dict[ParticipantId, list[str]] = {}
        self._replica = Replica(clock, self._wrote, self._follow)
        self._standings = Standings(self._replica.mesh)
        self._wake = Wake()
        self._streams = Streams(
            steady, lambda: self._connection.session, self._flush, self._hidden, soon=_soon
        )
        self._peering = Peering(
            self.id, self._replica, self._standings, self._tell, self._ready, self._flush
        )
        if self._rtc:
            self._peering.sign()
        self._whole = False
        """Whether the batch that is taken in is one."""
        self._lost_ones: set[ParticipantId] = set()
        """Who is not here, as far as can be told without the hub."""
        self.state = SharedState(
            Root(
                self._replica,
                CALL,
                can_write=lambda key: self._standings.can_write_call(key, self.me),
            )
        )
        """The call's own State."""
        self.media = Media()
        """Audio and video, for who has joined with `media=True`."""
        self.hosting = Hosting(self._replica, self._put)
        """What hosts do: let people in, take them out, give roles."""
        self._away = Away(address, lambda: self.me, lambda: self._put(messages.Ticket()))
        self.resources = Resources(
            self._replica,
            self._streams,
            self._standings,
            {app.id: app.half for app in apps},
            self._cache_for,
            lambda: self.me,
            self._away,
            self._roster.values,
        )
        self._connection = Connection(
            open_link,
            address,
            self._hello,
            self._heard,
            self._lost,
            self._peering.outgoing,
            lambda: self._peering.unsent,
        )

    def __repr__(self) -> str:
        return f"<Call {self.id} with {len(self._roster)} participants, {self.status}>"

    # --- the face

    @property
    def me(self) -> Participant:
        """This participant, as the hub knows it."""
        if self._me is None:
            raise Closed("not in the call yet")
        return self._roster.get(self._me.id, self._me)

    @property
    def participants(self) -> Mapping[ParticipantId, Participant]:
        """Everybody in the call, oneself included: a live mapping."""
        return MappingProxyType(self._roster)

    @property
    def status(self) -> Status | Literal["over"]:
        """Whether everything written here is safe on the hub's disk.

        `read_only` while the hub cannot save: what is written then is denied. `offline` while the
        link is lost and comes back by itself; `over` once it does not, see `over()`.
        """
        if self._replica.moved.has_failed:
            return "over"
        mesh = self._replica.mesh
        if not mesh.linked:
            return "offline"
        if mesh.read_only is not None:
            return "read_only"
        return "saving" if mesh.unsaved else "synced"

    def path(self, participant: ParticipantId) -> str:
        """How streams reach a participant: `direct`, `relay`, `connecting`, or `none`."""
        path = self._streams.path(participant)
        return type(path).__name__.lower() if path else "none"

    @property
    def reached(self) -> int:
        """How many others see what is written here while the hub is away, and one's own, theirs."""
        return self._peering.exchange.reached

    async def over(self) -> CallmeshError:
        """Wait until the call is over for this program; why it is.

        `Removed`, `CallOver`, `Replaced` …, or `Closed` when you left it yourself. From then on
        nobody is in `participants`, and every wait and write raises the same.
        """
        return await self._replica.moved.failed()

    async def until(
        self, true: Callable[[], bool], *, timeout: float | None = 10, what: str = "this"
    ) -> None:
        """Wait until something about the call is `true()`. Raises `TimedOut`."""
        await self._replica.moved.until(true, timeout=timeout, what=what)

    # --- running

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self._start_peers()
        joined = asyncio.get_running_loop().create_future()
        run = asyncio.create_task(self._connection.run(lambda: joined.set_result(None)))
        ticker = asyncio.create_task(self._tick())
        try:
            await asyncio.wait([run, joined], return_when=asyncio.FIRST_COMPLETED)
            if run.done():
                run.result()
            run.add_done_callback(self._over)
            yield
            await self._save_what_is_left()
        finally:
            ticker.cancel()
            await self.resources.close()
            await self._connection.leave()
            self._end(Closed("you left the call"))
            run.cancel()
            await asyncio.gather(run, ticker, return_exceptions=True)
            if self._streams.peers:
                await self._streams.peers.close()

    async def _start_peers(self) -> None:
        if self._rtc:
            from callmesh.transport.webrtc import RtcPeers  # the extra callmesh[rtc]

            self._streams.peers = RtcPeers(
                on_signal=self._signal,
                on_path=self._path_changed,
                on_message=self._streams.came_direct,
                on_room=self._streams.drained,
                on_word=self._word,
                media=self._start_media() if self._receives is not None else None,
            )

    def _start_media(self) -> "RtcMedia":
        from callmesh.transport.rtcmedia import RtcMedia  # the extra callmesh[rtc]

        rtc = RtcMedia(
            self._receives or (),
            takes=lambda peer: peer in self._roster and "media" in self._roster[peer].offers,
            on_frame=self.media.came,
            on_shown=self.media.shown,
        )
        self.media.attach(rtc)
        return rtc

    def _path_changed(self, peer: ParticipantId, lost: str | None) -> None:
        if self._streams.path_changed(peer, lost):
            self._peering.path_changed(peer, lost)
        self.media.here(self._streams.known)

    def _word(self, peer: ParticipantId, data: bytes) -> None:
        """Something came through a control channel: a piece of a letter's bundle, or a bundle."""
        if data and data[0] > LAST_PIECE:
            self._streams.told(peer, data)
        else:
            self._peering.heard(peer, data)

    def _ready(self, peer: ParticipantId) -> bool:
        return self._streams.peers is not None and self._streams.peers.ready(peer)

    def _tell(self, peer: ParticipantId, data: bytes) -> None:
        if self._streams.peers is not None:
            self._streams.peers.tell(peer, data)

    def _over(self, run: "asyncio.Task[None]") -> None:
        """The hub ended it for good: whoever waits is told why."""
        if not run.cancelled() and (error := run.exception()):
            log.warning("the call is over: %s", error)
            reason = error if isinstance(error, CallmeshError) else Closed(str(error))
            self._end(reason)

    def _end(self, reason: CallmeshError) -> None:
        self._roster.clear()
        self._replica.moved.fail(reason)
        self.hosting.end_all(reason)
        self._away.end(reason)
        self._streams.fail(reason)
        self.media.fail(reason)

    async def _save_what_is_left(self) -> None:
        try:
            await self._replica.moved.until(
                lambda: not self._replica.mesh.unsaved,
                timeout=SAVE_BEFORE_LEAVING,
                what="saving before leaving",
            )
        except CallmeshError as error:
            if not isinstance(error, TimedOut):
                return
            log.error("left with %d unsaved writes", self._replica.mesh.unsaved)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            if self._wake.tick(steady(), clock()):
                self._connection.awake()
                for peer in self._streams.direct:  # nobody waits there for who has slept
                    self._path_changed(peer, "this side slept")
            self._streams.tick(steady())
            self._peering.tick()
            lost = self._peering.exchange.lost(steady())
            if lost != self._lost_ones:
                self._lost_ones = lost
                self._read_roster()
                self._replica.moved.notify()

    def _wrote(self) -> None:
        self._flush()
        self._peering.soon()

    def _flush(self) -> None:
        self._connection.flush()

    # --- the conversation

    @property
    def _offers(self) -> list[str]:
        if not self._rtc:
            return []
        return ["rtc"] if self._receives is None else ["rtc", "media"]

    def _hello(self) -> messages.Hello:
        if self._person is None and self._file:
            self._person = self._file.person(self._address.hub)
        return messages.Hello(
            version=messages.VERSION,
            call=self.id,
            name=self._name,
            role=self._role.value if self._role else None,
            token=self._address.token,
            person=self._person,
            resume=self._resume,
            cursor=self._replica.mesh.cursor,
            offers=self._offers,
            key=self._peering.key.public if self._peering.key else "",
        )

    def _signal(self, peer: ParticipantId, text: str) -> None:
        self._put(messages.Signal(peer, text))

    def _put(self, message: messages.Message) -> None:
        """Send it if there is a link; what must arrive is sent again over the next one."""
        session = self._connection.session
        if session is not None and session.state == Open():
            session.put(messages.encode(message))
            self._flush()

    def _hear_signal(self, peer: ParticipantId, text: str) -> None:
        """Pass a signal on; a newcomer's first ones may overtake their place in the roster."""
        if self._streams.peers is None:
            return
        if peer in self._roster:
            self._streams.peers.signal(peer, text)
            return
        early = self._early.setdefault(peer, [])
        if len(early) < MOST_SIGNALS:
            early.append(text)
        if len(self._early) > MOST_EARLY:
            del self._early[next(iter(self._early))]

    def _lost(self) -> None:
        self._replica.mesh.link_lost()
        self._peering.link_lost()
        self._replica.moved.notify()

    def _heard(self, message: messages.Message) -> None:
        mesh = self._replica.mesh
        match message:
            case messages.Welcome():
                self._welcome(message)
                self.hosting.ask_again()
                self._away.ask_again()
            case messages.Waiting():
                self._wait(message)
            case messages.Answer():
                self.hosting.heard(message)
            case messages.Batch():
                resynced = message.whole and mesh.cursor > 0
                relinked = not mesh.linked and mesh.cursor > 0
                self._whole = message.whole
                self._replica.batch(message)
                self._whole = False
                self._peering.linked()
                if resynced or any(group.state == CALL for group in message.groups):
                    self.resources.refresh(resynced=resynced)
                if relinked:
                    self._streams.retry()
            case messages.Saved(cursor):
                mesh.disk(cursor)
                self._replica.moved.notify()
            case messages.Denial():
                if not self._peering.denied(message):
                    self._replica.deny(message)
            case messages.Pong(_, time):
                mesh.clock.set_by(time, clock())
            case messages.Signal(peer, data):
                self._hear_signal(ParticipantId(peer), data)
            case messages.Stream():
                self._streams.came_relayed(message)
            case messages.Taken():
                self._streams.came_word(message)
            case messages.Relayed():
                self._streams.drain()
            case messages.Ticket() | messages.Kept():
                self._away.heard(message)
                self._replica.moved.notify()
            case messages.Ice() if self._streams.peers:
                self._streams.peers.configure(message)
            case _:
                pass

    def _wait(self, waiting: messages.Waiting) -> None:
        if self._me is not None:
            raise Unauthorized("the hub asks a host anew; join the call again")
        self._replica.mesh.clock.set_by(waiting.time, clock())
        self._keep_person(waiting.person_proof)
        if self._on_waiting is not None:
            self._on_waiting(waiting)

    def _keep_person(self, proof: str) -> None:
        """Be the same person over the next link, and at the next visit."""
        if not proof:
            return
        self._person = proof
        if self._file:
            self._file.keep_person(self._address.hub, proof)

    def _welcome(self, welcome: messages.Welcome) -> None:
        if self._me is not None and welcome.participant != self._me.id:
            raise Unauthorized("the hub took you for somebody new; join the call again")
        self._me = msgspec.convert(
            {"id": welcome.participant, "person": welcome.person, "name": welcome.name,
             "role": welcome.role}, Participant,
        )  # fmt: skip
        self._resume = welcome.resume
        self._peering.exchange.welcome(self._me.id, welcome.time, steady())
        self._replica.mesh.writer = Writer(welcome.writer)
        self._replica.mesh.clock.set_by(welcome.time, clock())
        self._keep_person(welcome.person_proof)

    def _told(self, key: str, default: int) -> int:
        """What the hub tells of itself."""
        value = self._replica.mesh.value(HUB_STATE, key)
        return default if value is None else int(decode(value))

    def _follow(self, changes: Sequence[Change]) -> None:
        states = {change.state for change in changes}
        if ROSTER in states:
            self._read_roster()
            self._read_mute()
        if HUB_STATE in states:
            self._streams.limit(self._told(DIRECT, MESH), self._told(STREAMS, MOST_STREAMS))
        if CALL in states or APPS in states:
            self._standings.follow()
            self._peering.exchange.followed()
            self.resources.refresh()

    def _hidden(self, resource: ResourceId, other: Participant) -> bool:
        """Whether a resource is not there for somebody: then no stream of it reaches them."""
        return self._standings.access(resource, other) is Access.HIDDEN

    def _read_roster(self) -> None:
        self._roster.clear()
        for key in self._replica.mesh.keys(ROSTER):
            value = self._replica.mesh.value(ROSTER, key)
            with contextlib.suppress(BadInput, msgspec.ValidationError):
                shown = msgspec.convert(decode(value or b""), Participant)
                if shown.id in self._lost_ones:
                    shown = msgspec.structs.replace(shown, here=False)
                self._roster[shown.id] = shown
        self._peering.exchange.roster([*self._roster.values()], whole=self._whole)
        others = [p for p in self._roster.values() if p.id != self.me.id]
        self._streams.roster(self.me, others, anew=self._whole)
        self.media.here(self._streams.known)
        early, self._early = self._early, {}
        for peer, texts in early.items():
            for text in texts:
                self._hear_signal(peer, text)

    def _read_mute(self) -> None:
        """A host may have turned the microphone off here."""
        shown = decode(self._replica.mesh.value(ROSTER, self.me.id) or b"\xc0")
        muted = shown.get("muted") if isinstance(shown, dict) else None
        if muted != self._muted and isinstance(muted, dict):
            self.media.mute(PersonId(str(muted.get("by", ""))))
        self._muted = muted

    def _cache_for(self, resource: ResourceId) -> ResourceCache:
        if self._file is None:
            return ResourceCache()
        file, place = self._file, f"{self._address.hub} {self.id} {self.me.person} {resource}"
        return ResourceCache(
            {key: msgspec.Raw(value) for key, value in file.load(place).items()},
            keep=lambda key, value: file.keep(
                place, key, None if value == DELETED else bytes(value)
            ),
        )


def _has_webrtc() -> bool:
    return importlib.util.find_spec("aiortc") is not None


def _soon(act: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(act)
