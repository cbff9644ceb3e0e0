"""The least that a hub in Python does for what it says is saved: PORT FOLDER.

It reads and merges what comes, encodes it once for everybody in the room, and saves it ten times a
second with everything of all rooms. It has no sessions and no rights, no limits and no care for
slow readers, forgets nobody and lets nobody come back: what it uses is what no hub in Python that
speaks callmesh's protocol goes below.
"""

import asyncio
import sqlite3
import sys
import time
from collections import defaultdict
from pathlib import Path

import uvloop
from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    ws_create_server,
)

from callmesh import messages
from callmesh.ids import StateId, Writer, state_id
from callmesh.messages import Batch, Group
from callmesh.state import Entry, State
from callmesh.values import check_key, decode, encode

AHEAD = 5_000_000
COMMIT_EVERY = 0.1


class Room:
    def __init__(self) -> None:
        self.links: list[WSTransport] = []
        self.states: dict[StateId, State] = defaultdict(State)
        self.number = self.saved = 0
        self.unsaved: dict[tuple[StateId, str], Entry] = {}
        self.whole = b""
        """What a newcomer gets, as long as nothing changes."""

    def write(self, groups: list[Group]) -> None:
        for group in groups:
            state = state_id(group.state)
            for entry in group.entries:
                check_key(entry.key)
                value = encode(decode(entry.value))
                kept = Entry(entry.key, entry.time, entry.writer, value)
                if entry.time <= time.time_ns() // 1000 + 5_000_000 and self.states[state].merge(
                    kept
                ):
                    self.number += 1
                    self.unsaved[state, entry.key] = kept
        self.whole = b""
        self.tell(Batch(self.number, self.saved, False, groups))

    def all(self) -> bytes:
        if not self.whole:
            groups = [Group(state, list(kept.live())) for state, kept in self.states.items()]
            self.whole = messages.encode(Batch(self.number, self.saved, True, groups))
        return self.whole

    def tell(self, batch: Batch) -> None:
        bundle = messages.bundle([messages.encode(batch)])
        for link in self.links:
            link.send(WSMsgType.BINARY, bundle)


rooms: dict[str, Room] = defaultdict(Room)


class Member(WSListener):
    def __init__(self, request: WSUpgradeRequest) -> None:
        self.room = rooms[request.path.decode()]

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.room.links.remove(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
            return
        for message in messages.unbundle(frame.get_payload_as_bytes()):
            if isinstance(message, messages.Write):
                self.room.write(message.groups)
            elif isinstance(message, messages.Hello):
                self.room.links.append(transport)
                id = f"p{len(self.room.links)}"
                welcome = messages.Welcome(
                    1, message.call, id, Writer(id), "u1", message.name, "host",
                    time.time_ns() // 1000, "", "",
                )  # fmt: skip
                told = messages.bundle([messages.encode(welcome), self.room.all()])
                transport.send(WSMsgType.BINARY, told)


def commit(database: sqlite3.Connection, rows: list[tuple[str, str, str, int, str, bytes]]) -> None:
    with database:
        database.executemany("insert or replace into entry values (?, ?, ?, ?, ?, ?)", rows)


async def save(folder: Path) -> None:
    database = sqlite3.connect(folder / "least.sqlite", check_same_thread=False)
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=full")
    database.execute(
        "create table entry (room, state, key, time, writer, value, primary key (room, state, key))"
    )
    while True:
        await asyncio.sleep(COMMIT_EVERY)
        changed = {name: room for name, room in rooms.items() if room.unsaved}
        rows = [
            (name, state, key, entry.time, entry.writer, bytes(entry.value))
            for name, room in changed.items()
            for (state, key), entry in room.unsaved.items()
        ]
        upto = {name: room.number for name, room in changed.items()}
        for room in changed.values():
            room.unsaved.clear()
        if rows:
            await asyncio.to_thread(commit, database, rows)
        for name, number in upto.items():
            rooms[name].saved = number


async def main() -> None:
    saving = asyncio.create_task(save(Path(sys.argv[2])))
    server = await ws_create_server(Member, "127.0.0.1", int(sys.argv[1]))
    await asyncio.gather(server.serve_forever(), saving)


uvloop.run(main())
