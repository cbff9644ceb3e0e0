"""pycrdt-websocket with its SQLite store, on uvicorn: PORT FOLDER."""

import asyncio
import contextlib
import sys
from collections import defaultdict

import uvicorn
from pycrdt.store import SQLiteYStore, YDocNotFound
from pycrdt.websocket import ASGIServer, WebsocketServer, YRoom

port, folder = int(sys.argv[1]), sys.argv[2]


class Store(SQLiteYStore):
    db_path = f"{folder}/pycrdt.sqlite"


class Rooms(WebsocketServer):
    """A room is there when what its store has of it is in its document."""

    async def get_room(self, name: str) -> YRoom:
        async with locks[name]:
            if name not in self.rooms:
                store = Store(name)
                room = YRoom(ready=False, ystore=store)
                await self.start_room(room)
                await store.started.wait()
                with contextlib.suppress(YDocNotFound):
                    await store.apply_updates(room.ydoc)
                room.ready = True
                self.rooms[name] = room
        return self.rooms[name]


locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)


async def main() -> None:
    rooms = Rooms()
    config = uvicorn.Config(
        ASGIServer(rooms), host="127.0.0.1", port=port, log_level="warning", ws_ping_interval=None,
        ws_per_message_deflate=False,
    )  # fmt: skip
    async with rooms:
        await uvicorn.Server(config).serve()


asyncio.run(main())
