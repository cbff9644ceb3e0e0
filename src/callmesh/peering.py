"""A program's part in what participants tell each other: the exchange, its key and its time."""

import asyncio
from collections.abc import Callable, Sequence

from callmesh.connection import FRAME, clock, steady
from callmesh.exchange import Exchange
from callmesh.ids import CallId, ParticipantId
from callmesh.keys import SessionKey, verify
from callmesh.letters import signed_bytes
from callmesh.mesh import Change
from callmesh.messages import Denial, Message
from callmesh.replica import Replica
from callmesh.standing import Standings


class Peering:
    """`tell` sends over the direct path to a participant, where that is `ready`; `flush` what the
    hub is to get.
    """

    def __init__(
        self,
        call: CallId,
        replica: Replica,
        standings: Standings,
        tell: Callable[[ParticipantId, bytes], None],
        ready: Callable[[ParticipantId], bool],
        flush: Callable[[], None],
    ) -> None:
        self.exchange = Exchange(call, replica.mesh, standings)
        self.key: SessionKey | None = None
        """Without one nothing of one's own is signed, and waits for the hub."""
        self._replica = replica
        self._tell = tell
        self._ready = ready
        self._flush = flush
        self._due = False

    def sign(self) -> None:
        """Have a key from now on."""
        self.key, self.exchange.signs = SessionKey(), True

    @property
    def unsent(self) -> bool:
        """Whether the hub may have to get something."""
        return self._replica.mesh.unsent > 0 or self.exchange.carries

    def outgoing(self) -> Sequence[Message]:
        """What the hub has to get now: own writes, and those of others that are carried."""
        first = self.exchange.carried(steady(), first=True)
        own = self._replica.mesh.outgoing()
        return [*first, *own, *self.exchange.carried(steady(), first=False)]

    # --- paths

    def path_changed(self, peer: ParticipantId, lost: str | None) -> None:
        """The direct path to a participant is there, or was lost."""
        if lost is None:
            self.exchange.opened(peer, steady())
        else:
            self.exchange.closed(peer, steady())
        self._replica.moved.notify()
        self.soon()

    def heard(self, peer: ParticipantId, data: bytes) -> None:
        """Something came over one."""
        changes: list[Change] = []
        exchange = self.exchange
        for held in exchange.hear(peer, data, steady(), clock()):
            signed = signed_bytes(exchange.call, held.letter)
            if verify(exchange.key_of(held.author), held.letter.signature, signed):
                changes += exchange.admit(held)
        self._took([*changes, *exchange.voided()])
        self._replica.moved.notify()  # who is in reach may be another
        self.soon()

    # --- the hub

    def linked(self) -> None:
        """The first batch over a link has come."""
        self.exchange.linked(steady())
        self.soon()

    def link_lost(self) -> None:
        self.exchange.link_lost(steady())
        self.soon()

    def denied(self, denial: Denial) -> bool:
        """The hub has denied something; whether it was somebody else's."""
        changes = self.exchange.denied(denial)
        self.soon()
        if changes is None:
            return False
        self._took(changes)
        return True

    # --- time

    def soon(self) -> None:
        """Something may have to go out: within a frame."""
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(FRAME, self._send)

    def tick(self) -> None:
        letters = bool(self._replica.mesh.letters)
        self._took(self.exchange.tick(steady()))
        if letters:
            self._replica.moved.notify()
        self._send()

    def _took(self, changes: Sequence[Change]) -> None:
        if changes:
            self._replica.peers(changes)

    def _send(self) -> None:
        self._due = False
        exchange = self.exchange
        for draft in exchange.unsigned():
            if self.key is not None:
                exchange.signed(draft, self.key.sign(signed_bytes(exchange.call, draft.letter)))
        for peer, data in exchange.outgoing(steady(), self._ready):
            self._tell(peer, data)
        if exchange.carries:
            self._flush()
