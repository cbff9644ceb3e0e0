"""Streams by way of the hub: what goes on to whom, and how much may wait for those who are slow.

The hub keeps nothing for a sender, who keeps what its readers have not acknowledged (D10). What
there is no room for is passed over, and asked for again by who lacks it.
"""

from collections.abc import Callable

import msgspec

from callmesh import messages
from callmesh.app import Capability
from callmesh.counts import Counts
from callmesh.files import STREAM
from callmesh.ids import ParticipantId, ResourceId, stream_name
from callmesh.limits import Limits
from callmesh.people import Member, People
from callmesh.session import Session

MAX_WAITING = 64 * 1024 * 1024
"""Bytes that wait for all links of a call before a stream message is queued for none of them."""
SMALL = 64 * 1024
"""Bytes that may wait for a link even then."""


class Relay:
    """Of one call."""

    def __init__(
        self,
        people: People,
        limits: Limits,
        counts: Counts,
        asked_for: Callable[[ResourceId, Capability], bool],
    ) -> None:
        """`asked_for` says whether the app of a resource may use something."""
        self._people = people
        self._limits = limits
        self._counts = counts
        self._asked_for = asked_for

    def hand_on(self, member: Member, stream: messages.Stream) -> None:
        """Hand a stream message on to those who have room for it; its sender keeps it (D10).

        Of more streams than one may have nothing is handed on.
        """
        me, sender = member.participant.id, member.session
        assert sender is not None
        stream_name(stream.name)
        size = len(stream.payload)
        sender.relayed(size)
        named = (stream.resource, stream.name)
        if len(member.streams) >= self._limits.streams and named not in member.streams:
            self._counts.denied["full"] += 1  # the SDKs open no more, and say so
            return
        member.streams.add(named)
        reached = self._reached(member, stream.resource, stream.name, stream.peers)
        encoded = messages.encode(msgspec.structs.replace(stream, peers=[me]))
        self._counts.relayed += size
        if stream.mode == "latest":
            part = stream.part if stream.step > 0 else -1  # a question takes no message's place
            slot = (me, stream.resource, stream.name, part)
            for session in reached:
                session.put_latest(slot, encoded)
            return
        for session in reached:
            if session.waiting < SMALL or self._waiting < MAX_WAITING:
                session.put_stream(me, encoded)

    def tell(self, member: Member, taken: messages.Taken) -> None:
        """What a reader says of a stream: the newest word of each stream replaces older ones."""
        me = member.participant.id
        stream_name(taken.name)
        if taken.word == "off":
            member.streams.discard((taken.resource, taken.name))
        encoded = messages.encode(msgspec.structs.replace(taken, peers=[me]))
        slot = ("taken", me, taken.resource, taken.name, taken.mode)
        for session in self._reached(member, taken.resource, taken.name, taken.peers):
            session.put_latest(slot, encoded)

    def _reached(self, member: Member, resource: str, name: str, peers: list[str]) -> list[Session]:
        """The links of those named, or of everybody else, for whom the resource is there.

        Nobody's, where its app has not asked for what this is (A8): who sends it anyhow does not go
        by our SDK, which says so.
        """
        id = ResourceId(resource)
        if not member.feed.sight.sees(id):
            return []
        if not self._asked_for(id, Capability.FILES if name == STREAM else Capability.STREAMS):
            self._counts.denied["no_capability"] += 1
            return []
        named = set(peers or self._people.members) - {member.participant.id}
        found = (self._people.members.get(ParticipantId(peer)) for peer in named)
        return [
            other.session
            for other in found
            if other and other.session and other.feed.sight.sees(id)
        ]

    @property
    def _waiting(self) -> int:
        """Bytes that wait for all links of the call."""
        sessions = (member.session for member in self._people.members.values())
        return sum(session.waiting for session in sessions if session)
