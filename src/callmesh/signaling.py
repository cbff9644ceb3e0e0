"""How two participants find a path to each other, without I/O.

Direct is one `RTCPeerConnection` per pair, which carries everything between the two. Signals are
JSON text: `{"description": {"type", "sdp"}}` or `{"candidate": {…}}`, as W3C names them,
`{"again": true}`, which asks who makes the offers for another path, or `{"negotiate": true}`, which
asks them for another offer over this one.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, TypeAlias

import msgspec

from callmesh.clock import MICROSECONDS
from callmesh.errors import WireError
from callmesh.ids import ParticipantId

PATIENCE = 5 * MICROSECONDS
"""How long a pair tries for a direct path before it takes the relay."""
MEND = (10 * MICROSECONDS, 60 * MICROSECONDS)
"""How long a path that broke is tried for before it is tried once more, at first and at most."""
ASKED = 5 * MICROSECONDS
"""How long it is tried for at least, though the other side asks."""
RESTARTS = 2
"""How often ICE is restarted before another connection takes the place of the old one."""
REPEAT = 3 * MICROSECONDS
"""How long an offer waits for its answer before it is sent once more: either may be lost with a
link to the hub."""
MOST_SIGNALS = 64
"""Signals, or candidates, of one participant that may wait here: what comes beyond is dropped."""
MOST_EARLY = 64
"""Participants that the roster does not show yet, of whom signals are kept."""
MOST_CHANNELS = 256
"""Channels that one participant may have open to here: one more is closed."""
ANEW = 2 * MICROSECONDS
"""How long a connection stands before another one of theirs may take its place."""
BEGAN_ANEW = "the peer began anew"
ASKS = "the peer asks for another path"
CONTROL_LABEL = "callmesh"
CONTROL_ID = 0
"""Both sides open this negotiated channel; when it opens, the path is there."""
Kind: TypeAlias = Literal["audio", "video"]
KINDS: tuple[Kind, ...] = ("audio", "video")
"""Of tracks; in this order on every connection that takes them."""


@dataclass(frozen=True, slots=True)
class Connecting:
    since: int


@dataclass(frozen=True, slots=True)
class Direct:
    pass


@dataclass(frozen=True, slots=True)
class Relay:
    why: str


Path: TypeAlias = Connecting | Direct | Relay


class Mend(Enum):
    """What to do for a direct path."""

    NOTHING = "nothing"
    RESTART = "restart"
    """Restart ICE: the connection and all that is on it live on."""
    RENEW = "renew"
    """Make another connection."""
    ASK = "ask"
    """Ask the other side to."""


class Pair:
    """The path from one participant to another.

    G1 The participant with the smaller id makes the offers. The other one asks for them, so none
       cross.
    G2 Where one side has no WebRTC, the path is the relay from the start.
    G3 A path that is not direct within `PATIENCE`, or breaks, is the relay; when it opens after
       all, it is direct.
    G4 A path that broke, or was not found, is sought again: at once, and then with growing pauses.
       Who makes the offers restarts ICE where both sides can, and makes another connection
       otherwise; the other one asks for it.
    """

    def __init__(self, me: ParticipantId, peer: ParticipantId, *, rtc: bool, now: int) -> None:
        self.peer = peer
        self.offers = me < peer
        self.path: Path = Connecting(now) if rtc else Relay("one side has no WebRTC")
        self._rtc = rtc
        self._tries = 0
        """Since it was direct."""
        self._tried = self._again = 0
        """When it was sought last, and when it is next."""

    def opened(self) -> None:
        self.path = Direct()
        self._tries = self._again = 0

    def failed(self, why: str) -> None:
        self.path = Relay(why)

    def renewed(self, now: int) -> None:
        """The other side has begun anew: the path is to come."""
        self.path = Relay(BEGAN_ANEW)
        self._try(now)

    def asked(self, now: int) -> bool:
        """The other side has lost the path, and cannot make one; whether it was direct here."""
        self._again = min(self._again, max(now, self._tried + ASKED))
        if not self.offers or not isinstance(self.path, Direct):
            return False
        self.failed(ASKS)
        return True

    def hurry(self) -> None:
        """The network is another one, or the hub is back: what is not direct is sought at once."""
        self._tries = self._again = 0

    def mend(self, now: int, *, restarts: bool = False) -> Mend:
        """What is due now; `restarts`: both sides can restart ICE, and the connection lives."""
        if not self._rtc or not isinstance(self.path, Relay) or now < self._again:
            return Mend.NOTHING
        tries = self._tries
        self._try(now)
        if not self.offers:
            return Mend.ASK
        return Mend.RESTART if restarts and tries < RESTARTS else Mend.RENEW

    def _try(self, now: int) -> None:
        self._tried, self._again = now, now + min(MEND[0] * 2**self._tries, MEND[1])
        self._tries = min(self._tries + 1, 16)

    def tick(self, now: int) -> bool:
        """Let time pass; tells whether the pair has given up on a direct path just now."""
        match self.path:
            case Connecting(since) if now - since >= PATIENCE:
                self.path = Relay("no direct path was found in time")
                self._try(now)  # and goes on being sought
                return True
            case _:
                return False


def read_signal(text: str) -> dict[str, Any]:
    """A peer's signal. Raises `WireError`."""
    try:
        signal = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise WireError(f"not a signal: {error}") from error
    if not signal.keys() & {"description", "candidate", "again", "negotiate"}:
        raise WireError("a signal holds a description or a candidate")
    return signal


def fingerprints(sdp: str) -> frozenset[str]:
    """Of the certificate in a description: one that shares none is another connection.

    There is one for each kind of hash, and browsers remember a single one of them.
    """
    found = re.findall(r"^a=fingerprint:(.*)$", sdp, re.MULTILINE)
    return frozenset(one.strip().lower() for one in found)
