"""What no server in Python can be faster than: who comes gets what is ready. PORT KEYS SIZE."""

import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

port, keys, size = map(int, sys.argv[1:])
READY = b"".join(b"@@@%05dT%016d" % (99_000, number) + b"x" * size for number in range(keys))


class Newcomer(WSListener):
    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.send(WSMsgType.BINARY, READY)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()


async def main() -> None:
    server = await ws_create_server(Newcomer, "127.0.0.1", port)
    await server.serve_forever()


uvloop.run(main())
