"""A resource as a Python participant holds it: an instance of an app in a call."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Literal

from msgspec import Raw

from callmesh.app import Capability
from callmesh.away import Away
from callmesh.cache import ResourceCache
from callmesh.callstate import setting_in
from callmesh.changes import check_listener
from callmesh.datastream import Codec, DataStream
from callmesh.errors import BadInput, BadName, BadValue, Denied
from callmesh.ids import (
    CALL,
    ParticipantId,
    PersonId,
    ResourceId,
    app_stream,
    presence_of,
    state_of,
)
from callmesh.leading import Leading, ServiceParts
from callmesh.messages import Fetch, Mode
from callmesh.outside import Reply, check_wish, reply_of
from callmesh.participant import Access, Participant, Role
from callmesh.pointer import Pointer
from callmesh.presence import SharedPresence
from callmesh.replica import Replica
from callmesh.resource import Lifecycle, ResourceRecord, access_key
from callmesh.shared import Root, SharedState
from callmesh.standing import Standings
from callmesh.state import DELETED
from callmesh.streams import Streams
from callmesh.transfers import Files
from callmesh.values import encode


def access_entry(
    resource: ResourceId, who: str, access: Literal["edit", "view", "hidden"] | None
) -> tuple[str, Raw]:
    """What the call's own State says of it. Raises `BadName` or `BadValue`."""
    if who == Role.HOST:
        raise BadValue("hosts always edit; say what guest, observer or a person may do")
    try:
        setting_in(access_key(resource, who))
    except BadInput:
        raise BadName(
            f"{who!r} is neither a role (guest, observer) nor a person: pass participant.person"
        ) from None
    if access is not None and access not in list(Access):
        raise BadValue(f"{access!r} is no access; use edit, view or hidden, or None for the usual")
    return access_key(resource, who), DELETED if access is None else encode(str(access))


class Resource:
    """An instance of an app in a call: its own state, presence, cache and streams."""

    def __init__(
        self,
        id: ResourceId,
        record: ResourceRecord,
        *,
        adder: bool,
        replica: Replica,
        standings: Standings,
        streams: Streams,
        cache: ResourceCache,
        away: Away,
        me: Callable[[], Participant],
        roster: Callable[[], Iterable[Participant]],
    ) -> None:
        self.id = id
        self.record = record
        self.root = Root(
            replica, state_of(id), can_write=self._can_write, refusal=self._why_outdated
        )
        self.state = SharedState(self.root)
        shown = SharedState(Root(replica, presence_of(id)))
        self.presence = SharedPresence(shown, lambda: me().id)
        self.cache = cache
        self.life = Lifecycle(adder=adder)
        self.standings = standings
        self._replica = replica
        self._streams = streams
        self._me = me
        self._roster = roster
        self._away = away
        self._files: Files | None = None
        services = ServiceParts(self.presence, cache, replica, me, roster)
        self.leading = Leading(services)
        """Follow the leader: who leads, what they look at, and whether one follows them."""
        self.pointer = Pointer(services)
        """Where participants point."""

    @property
    def app(self) -> str:
        return self.record.app

    @property
    def title(self) -> str:
        return self.record.title

    @property
    def me(self) -> Participant:
        """Oneself, as the roster shows it."""
        return self._me()

    @property
    def participants(self) -> Mapping[ParticipantId, Participant]:
        """Everybody in the call, oneself included. Raises `Denied` where the app has not asked."""
        self.standings.check_capability(self.id, Capability.PARTICIPANTS)
        return {someone.id: someone for someone in self._roster()}

    def on_participants(
        self, tell: Callable[[Mapping[ParticipantId, Participant]], object]
    ) -> Callable[[], None]:
        """Call `tell` with `participants` now, and whenever somebody comes, goes or is another.

        Returns what ends it. Raises as `participants`.
        """
        check_listener(tell)
        seen = self.participants

        def look() -> Mapping[ParticipantId, Participant]:
            nonlocal seen
            if not self._replica.moved.has_failed:  # then nobody is seen any more
                seen = {someone.id: someone for someone in self._roster()}
            return seen

        return self._replica.moved.watch(look, lambda: tell(seen))

    @property
    def owner(self) -> PersonId:
        """The person who added it."""
        return PersonId(self.record.owner)

    @property
    def owner_here(self) -> bool:
        """Whether the owner is in the call, in any tab or program whose link holds."""
        owner = self.owner
        return any(other.person == owner and other.here for other in self._roster())

    def on_owner(self, tell: Callable[[bool], object]) -> Callable[[], None]:
        """Call `tell` with `owner_here` now, and whenever the owner leaves or comes back.

        So a program takes over what the owner made, and hands it back. Returns what ends it.
        """
        check_listener(tell)
        here = self.owner_here

        def look() -> bool:
            nonlocal here
            if not self._replica.moved.has_failed:  # then nobody is seen any more
                here = self.owner_here
            return here

        return self._replica.moved.watch(look, lambda: tell(here))

    def stream(
        self,
        name: str,
        *,
        mode: Mode = "reliable",
        ordered: bool | None = None,
        max_retransmits: int | None = None,
        keep: int = 0,
        codec: Codec | None = None,
    ) -> DataStream:
        """The stream of that name: fast data to the others, peer to peer, no history.

        `ordered`, `max_retransmits`: of the channels in mode `latest`, False and 0 unless said.
        `keep`: who opens it later gets so many of the last messages that were sent to everybody.
        `codec`: an object whose `encode` and `decode` make bytes of messages, and the reverse.

        Raises `BadName`, `BadValue`, `TooFast` where as many are open as a participant may have, or
        `Denied` where the app has not asked for streams.
        """
        self.standings.check_capability(self.id, Capability.STREAMS)
        return self._streams.stream(
            self.id, app_stream(name), mode, ordered=ordered, max_retransmits=max_retransmits,
            keep=keep, codec=codec,
        )  # fmt: skip

    @property
    def files(self) -> Files:
        """Files between participants, peer to peer, and for those who are away by the hub.

        Others can offer some once it was asked for.

        Raises `Denied` where the app has not asked for files.
        """
        if self._files is None:
            self.standings.check_capability(self.id, Capability.FILES)
            self._files = Files(self._streams, self.id, self._away)
        return self._files

    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        """What a host of the app's manifest answers, by way of the hub, which notes it (A20).

        Raises `Denied` where the app, the role or the host forbids it; `BadValue`, `TooLarge`,
        `TooFast`; `Unreachable` where nothing was sent, `EndpointFailed` where it was, and no
        answer came that can be handed on; `Broken` where the hub did not answer.
        """
        self.standings.check_capability(self.id, Capability.FETCH)
        wish = Fetch(0, self.id, method.upper(), url, list((headers or {}).items()), body)
        check_wish(wish)
        return reply_of(await self._away.fetch(wish))

    # --- who may do what

    @property
    def access(self) -> Access:
        """What one may do here oneself. Key rules narrow it: `can_write`.

        `hidden` where it was removed, or is hidden from oneself by now.
        """
        if self.root.gone is not None:
            return Access.HIDDEN
        return self.standings.access(self.id, self._me())

    def on_access(self, tell: Callable[[Access], object]) -> Callable[[], None]:
        """Call `tell` with `access` now, and whenever access, one's role or the rules are others.

        Then `can_write` may answer otherwise. Returns what ends it.
        """
        check_listener(tell)
        return self._replica.moved.watch(lambda: self.stand, lambda: tell(self.access))

    @property
    def settings(self) -> dict[str, Access]:
        """What hosts have set, by role and by person."""
        return self.standings.settings(self.id)

    def set_access(self, who: str, access: Literal["edit", "view", "hidden"] | None) -> None:
        """Hosts: what a role (`guest`, `observer`) or a person may do here; None for the usual.

        `who` is a role, or `participant.person`. It counts at once; `call.state.accepted()` waits
        for the hub, which denies it to anybody else. Raises `BadName` or `BadValue`.
        """
        key, value = access_entry(self.id, who, access)
        self._replica.write({CALL: {key: value}})

    @property
    def outdated(self) -> bool:
        """Whether the state is of a later version than the code here: it is read, not written."""
        return 0 < self.speaks < self.standings.version(self.id)

    @property
    def speaks(self) -> int:
        """The state version that one's own writes are made for."""
        return self._replica.mesh.versions.get(state_of(self.id), 0)

    @property
    def stand(self) -> Hashable:
        """All that decides about one's own writes; while it is the same, so is what may be."""
        return self.access, self.standings.stand(self.id, self._me())

    def _why_outdated(self) -> Denied | None:
        if not self.outdated:
            return None
        return Denied(
            "outdated",
            f"{self.title} is at version {self.standings.version(self.id)} of its state, and this "
            f"program knows version {self.speaks}: upgrade the program",
        )

    @property
    def may_migrate(self) -> bool:
        """Whether one may bring the state to a later version: edit it, and read all of it."""
        return self.standings.may_migrate(self.id, self._me())

    def _can_write(self, key: str) -> bool:
        return self.standings.can_write(self.id, key, self._me())

    def __repr__(self) -> str:
        return f"<Resource {self.id} {self.app} {self.title!r}>"
