"""Servers by which peers find a path through networks, and logins for them that last an hour.

STUN tells a peer how others see it, TURN hands on what cannot go directly. Logins are coturn's:
`use-auth-secret` with the secret that it shares with the hub ("A REST API For Access To TURN
Services", draft-uberti-behave-turn-rest). Who has one uses the server until it runs out, whatever
becomes of the call meanwhile.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from callmesh.clock import MICROSECONDS
from callmesh.ids import ParticipantId
from callmesh.messages import Ice, IceServer

LASTS = 3_600 * MICROSECONDS
"""How long a login is good for. Whoever is here then has got another one."""

Policy = Literal["all", "relay"]


@dataclass(frozen=True, slots=True)
class IceServers:
    """`urls` as in WebRTC (`stun:host`, `turn:host:3478?transport=udp`); those of TURN need the

    secret. With the policy `relay` nobody tells another one their address: all goes by TURN.
    """

    urls: Sequence[str]
    secret: bytes = b""
    policy: Policy = "all"

    def given(self, to: ParticipantId, now: int) -> Ice:
        """What a participant is told."""
        stun = [url for url in self.urls if not is_turn(url)]
        turn = [url for url in self.urls if is_turn(url)]
        servers = [IceServer(stun)] if stun else []
        if turn:
            username = f"{(now + LASTS) // MICROSECONDS}:{to}"
            servers.append(IceServer(turn, username, credential(self.secret, username)))
        return Ice(servers, self.policy, now + LASTS)


def is_turn(url: str) -> bool:
    return url.startswith("turn")


def credential(secret: bytes, username: str) -> str:
    """The password that goes with a username, for a server that shares the secret."""
    return base64.b64encode(hmac.digest(secret, username.encode(), hashlib.sha1)).decode()
