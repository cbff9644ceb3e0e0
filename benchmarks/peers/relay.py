"""What no server in Python can be faster than: every message to all others in the room. PORT."""

import sys
from collections import defaultdict

import uvloop
from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    ws_create_server,
)

rooms: dict[bytes, set[WSTransport]] = defaultdict(set)


class Member(WSListener):
    def __init__(self, request: WSUpgradeRequest) -> None:
        self.room = rooms[request.path]

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.room.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.room.discard(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
            return
        data = frame.get_payload_as_bytes()
        for other in self.room:
            if other is not transport:
                other.send(WSMsgType.BINARY, data)


async def main() -> None:
    server = await ws_create_server(Member, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


uvloop.run(main())
