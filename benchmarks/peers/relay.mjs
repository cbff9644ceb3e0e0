// What no server in Node can be faster than: every message to all others in the room, nothing kept. PORT.
import { WebSocketServer } from "ws";

const rooms = new Map();
new WebSocketServer({ port: Number(process.argv[2]), host: "127.0.0.1", perMessageDeflate: false }).on(
  "connection",
  (socket, request) => {
    const room = rooms.get(request.url) ?? new Set();
    rooms.set(request.url, room.add(socket));
    socket.on("close", () => room.delete(socket));
    socket.on("message", (data) => {
      for (const other of room) if (other !== socket) other.send(data);
    });
  },
);
