"""Direct paths within one process: the port without WebRTC, a network that a test may cut."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from callmesh.errors import WireError
from callmesh.ids import ParticipantId
from callmesh.messages import Ice, Mode
from callmesh.signaling import ASKS, BEGAN_ANEW, read_signal
from callmesh.stream import Delivery, mode_of

_numbers = count(1)
_connections: dict[str, "_Connection"] = {}
"""By what stands in their descriptions."""


@dataclass(eq=False)
class _Connection:
    of: "MemoryPeers"
    peer: ParticipantId
    name: str = field(default_factory=lambda: f"memory {next(_numbers)}")
    far: "_Connection | None" = None
    channels: dict[str, Mode] = field(default_factory=dict)


class MemoryPeers:
    def __init__(
        self,
        *,
        on_signal: Callable[[ParticipantId, str], None],
        on_path: Callable[[ParticipantId, str | None], None],
        on_message: Callable[[ParticipantId, str, Mode, bytes], None],
        on_room: Callable[[ParticipantId], None],
        on_word: Callable[[ParticipantId, bytes], None],
        media: None = None,
    ) -> None:
        self._on_signal = on_signal
        self._on_path = on_path
        self._on_message = on_message
        self._on_room = on_room
        self._on_word = on_word
        self._connections: dict[ParticipantId, _Connection] = {}

    def configure(self, ice: Ice) -> None: ...

    def connect(self, peer: ParticipantId, *, offers: bool) -> None:
        connection = self._open(peer)
        if offers:
            self._describe(peer, "offer", connection)

    def signal(self, peer: ParticipantId, text: str) -> None:
        try:
            signal = read_signal(text)
        except WireError:
            return
        if "again" in signal:
            self._on_path(peer, ASKS)
            return
        description = signal.get("description")
        if not isinstance(description, dict):
            return
        far = _connections.get(str(description.get("sdp")))
        if far is None:
            return
        connection = self._connections.get(peer)
        if description["type"] == "offer" and connection is not None and connection.far:
            self.disconnect(peer)
            self._on_path(peer, BEGAN_ANEW)
            connection = None
        connection = connection or self._open(peer)
        connection.far = far
        if description["type"] == "offer":
            self._describe(peer, "answer", connection)
        else:
            far.far = connection
            for end in (connection, far):
                self._soon(end, end.of._on_path, end.peer, None)

    def repeat(self) -> None: ...

    def ask(self, peer: ParticipantId) -> None:
        self._on_signal(peer, json.dumps({"again": True}))

    def room(self, peer: ParticipantId, label: str, how: Delivery) -> bool:
        connection = self._connections.get(peer)
        if connection is None or not self.ready(peer):
            return False
        if label not in connection.channels:
            connection.channels[label] = mode_of(how.ordered, how.max_retransmits)
            self._soon(connection, self._on_room, peer)
            return False
        return True

    def send(self, peer: ParticipantId, label: str, mode: Mode, data: bytes) -> None:
        far = self._far(peer)
        if far is not None:
            mode = self._connections[peer].channels[label]
            self._soon(far, far.of._on_message, far.peer, label, mode, data)

    def ready(self, peer: ParticipantId) -> bool:
        far = self._far(peer)
        return far is not None and far.far is not None

    def tell(self, peer: ParticipantId, data: bytes) -> None:
        far = self._far(peer)
        if far is not None:
            self._soon(far, far.of._on_word, far.peer, data)

    def disconnect(self, peer: ParticipantId) -> None:
        connection = self._connections.pop(peer, None)
        if connection is None:
            return
        far, connection.far = connection.far, None
        _connections.pop(connection.name, None)
        if far is not None and far.far is connection:
            far.far = None
            self._soon(far, far.of._lose, far)

    def break_path(self, peer: ParticipantId) -> None:
        """The network fails: both ends notice."""
        self.disconnect(peer)
        self._on_path(peer, "the direct path broke")

    async def close(self) -> None:
        for peer in list(self._connections):
            self.disconnect(peer)

    def _lose(self, connection: _Connection) -> None:
        self.disconnect(connection.peer)
        self._on_path(connection.peer, "the peer closed the direct path")

    def _open(self, peer: ParticipantId) -> _Connection:
        connection = self._connections[peer] = _Connection(self, peer)
        _connections[connection.name] = connection
        return connection

    def _far(self, peer: ParticipantId) -> _Connection | None:
        connection = self._connections.get(peer)
        return connection.far if connection is not None else None

    def _describe(self, peer: ParticipantId, kind: str, connection: _Connection) -> None:
        described = {"description": {"type": kind, "sdp": connection.name}}
        self._on_signal(peer, json.dumps(described))

    def _soon(self, end: _Connection, act: Callable[..., None], *given: Any) -> None:
        """Unless that end is gone by then."""

        def arrive() -> None:
            if end.of._connections.get(end.peer) is end:
                act(*given)

        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().call_soon(arrive)
