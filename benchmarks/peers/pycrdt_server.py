"""pycrdt-websocket with its SQLite store, on uvicorn: PORT FOLDER."""

import asyncio
import sys

import uvicorn
from pycrdt.store import SQLiteYStore
from pycrdt.websocket import ASGIServer, WebsocketServer, YRoom

port, folder = int(sys.argv[1]), sys.argv[2]


class Store(SQLiteYStore):
    db_path = f"{folder}/pycrdt.sqlite"


class Rooms(WebsocketServer):
    async def get_room(self, name: str) -> YRoom:
        if name not in self.rooms:
            self.rooms[name] = YRoom(ready=True, ystore=Store(name))
        room = self.rooms[name]
        await self.start_room(room)
        return room


async def main() -> None:
    rooms = Rooms()
    config = uvicorn.Config(
        ASGIServer(rooms), host="127.0.0.1", port=port, log_level="warning", ws_ping_interval=None,
        ws_per_message_deflate=False,
    )  # fmt: skip
    async with rooms:
        await uvicorn.Server(config).serve()


asyncio.run(main())
