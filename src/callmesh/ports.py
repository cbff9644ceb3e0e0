"""Every seam on one screen. `callmesh.testing` has contract suites for storage and links."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from callmesh.audit import Event, Line
from callmesh.ids import CallId, ParticipantId
from callmesh.ledger import Delta, Kept
from callmesh.messages import Ice, Mode
from callmesh.stream import Delivery

MANY = 2**53


class Storage(Protocol):
    """Keeps calls. Called from one thread at a time; raises `StorageFailed` and nothing else."""

    def load(self, call: CallId) -> Kept | None:
        """What is kept of a call; None if it was never saved."""

    def commit(
        self,
        deltas: Mapping[CallId, Delta],
        events: Sequence[Event] = (),
        gone: Collection[CallId] = (),
    ) -> None:
        """Take all of it or nothing; when this returns it survives a power cut.

        `events` go to the end of the audit log; the calls in `gone` are forgotten. Of nothing, it
        proves that the disk would take something.
        """

    def calls(self, after: str = "", most: int = MANY) -> dict[CallId, Kept]:
        """The calls that are kept, by id: those behind `after`, `most` at most.

        Of their records it gives the one that is `ABOUT` the call itself, if there is one.
        """

    def unused(self, now: int, keep: int) -> list[CallId]:
        """The calls that nobody was in for as long as each is kept, at the time `now`.

        `keep` microseconds count for those that say nothing of their own; 0 is for ever.
        """

    def audit(self, after: int, most: int) -> list[Line]:
        """The lines of the audit log behind number `after`, `most` at most.

        A negative `after` counts from the end: -1 is the last line.
        """

    def close(self) -> None:
        """Twice is fine."""


class Link(Protocol):
    """Carries bundles both ways, whole and in order. Raises `Ended` errors and nothing else."""

    async def receive(self) -> bytes:
        """The next bundle. Raises `EndedByPeer`, `Broken` or what the close code says."""

    async def send(self, bundle: bytes) -> None:
        """Returns when there is room for more: a slow reader makes its sender wait."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Twice is fine."""


class HubLink(Link, Protocol):
    """The hub's end of one."""

    @property
    def ready(self) -> bool:
        """Whether `write` may be called: there is room, and nothing waits in `send`."""

    def write(self, *bundle: bytes) -> int:
        """Send a bundle, which may be in pieces, without waiting; its size in bytes."""

    def listen(self, hear: Callable[[bytes], bool]) -> None:
        """Give `hear` what comes alone, at once, while somebody waits in `receive`.

        What it does not take is received as ever. Where that is no cheaper nothing comes of it.
        """

    def expect(self, size: int) -> None:
        """Bundles of up to so many bytes come from now on; before that, a hello."""


class Peers(Protocol):
    """Direct paths to other participants: one per peer, a channel per stream and direction.

    Told in the constructor what to do with signals, paths and messages; calls back on the loop.
    """

    def configure(self, ice: Ice) -> None:
        """With what servers to look for paths from now on."""

    def connect(self, peer: ParticipantId, *, offers: bool) -> None:
        """Begin to find a path."""

    def signal(self, peer: ParticipantId, text: str) -> None:
        """Take a signal from the peer. Rubbish is passed over."""

    def repeat(self) -> None:
        """Signal again what is not answered: it may have been lost with a link to the hub."""

    def ask(self, peer: ParticipantId) -> None:
        """Ask the peer, who makes offers, for another path."""

    def room(self, peer: ParticipantId, label: str, how: Delivery) -> bool:
        """Whether `send` would take a message now; if not, `on_room` is called when it would."""

    def send(self, peer: ParticipantId, label: str, mode: Mode, data: bytes) -> None: ...

    def ready(self, peer: ParticipantId) -> bool:
        """Whether the control channel, which every path has, takes more."""

    def tell(self, peer: ParticipantId, data: bytes) -> None:
        """Say something through it."""

    def disconnect(self, peer: ParticipantId) -> None: ...

    async def close(self) -> None: ...
