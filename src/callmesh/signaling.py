"""How two participants find a path to each other, without I/O.

Direct is one `RTCPeerConnection` per pair, which carries everything between the two. Signals are
JSON text: `{"description": {"type", "sdp"}}` or `{"candidate": {…}}`, as W3C names them.
"""

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from callmesh.clock import MICROSECONDS
from callmesh.errors import WireError
from callmesh.ids import ParticipantId

PATIENCE = 5 * MICROSECONDS
"""How long a pair tries for a direct path before it takes the relay."""
CONTROL_LABEL = "callmesh"
CONTROL_ID = 0
"""Both sides open this negotiated channel; when it opens, the path is there."""


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


class Pair:
    """The path from one participant to another.

    G1 The participant with the smaller id makes the first offer; the other one is polite and, in
       perfect negotiation, gives way when offers cross.
    G2 Where one side has no WebRTC, the path is the relay from the start.
    G3 A path that is not direct within `PATIENCE`, or breaks, is the relay; when it opens after
       all, it is direct.
    """

    def __init__(self, me: ParticipantId, peer: ParticipantId, *, rtc: bool, now: int) -> None:
        self.peer = peer
        self.offers = me < peer
        self.path: Path = Connecting(now) if rtc else Relay("one side has no WebRTC")

    @property
    def polite(self) -> bool:
        return not self.offers

    def opened(self) -> None:
        self.path = Direct()

    def failed(self, why: str) -> None:
        self.path = Relay(why)

    def tick(self, now: int) -> bool:
        """Let time pass; tells whether the pair has given up on a direct path just now."""
        match self.path:
            case Connecting(since) if now - since >= PATIENCE:
                self.path = Relay("no direct path was found in time")
                return True
            case _:
                return False


def read_signal(text: str) -> dict[str, Any]:
    """A peer's signal. Raises `WireError`."""
    try:
        signal = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise WireError(f"not a signal: {error}") from error
    if not signal.keys() & {"description", "candidate"}:
        raise WireError("a signal holds a description or a candidate")
    return signal


def fingerprint(sdp: str) -> str:
    """Of the certificate in a description: another one is another connection."""
    found = re.search(r"^a=fingerprint:(.*)$", sdp, re.MULTILINE)
    return found[1].strip().lower() if found else ""
