"""Asks a STUN or TURN server for what a participant asks it for (the extra `callmesh[rtc]`)."""

import asyncio
import socket

from aioice import stun
from aioice.turn import create_turn_endpoint
from aiortc.rtcicetransport import parse_stun_turn_uri

PATIENCE = 5.0
"""Seconds that a server has to answer."""


async def ask(address: str, username: str, credential: str) -> str:
    """What is wrong with a server, or nothing: `address` is one of `Ice.servers`."""
    parsed = parse_stun_turn_uri(address)
    server, scheme = (parsed["host"], parsed["port"]), parsed["scheme"]
    try:
        async with asyncio.timeout(PATIENCE):
            if scheme == "stun":
                await _see(server)
            elif scheme == "stuns":
                return "was not tried: Python speaks no STUN over TLS"
            else:
                transport, _ = await create_turn_endpoint(
                    asyncio.DatagramProtocol, server, username, credential,
                    ssl=scheme == "turns", transport=parsed["transport"],
                )  # fmt: skip
                transport.close()
    except TimeoutError:
        return "does not answer"
    except (OSError, stun.TransactionError) as error:
        refused = isinstance(error, stun.TransactionFailed)
        return "refuses the login" if refused else f"is not reached: {error}"
    return ""


async def _see(server: tuple[str, int]) -> None:
    """How does the server see us?"""
    loop = asyncio.get_running_loop()
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    found = await loop.getaddrinfo(*server, type=socket.SOCK_DGRAM)
    family, kind, _, _, to = found[0]
    with socket.socket(family, kind) as asking:
        asking.setblocking(False)
        await loop.sock_connect(asking, to)
        await loop.sock_sendall(asking, bytes(request))
        while stun.parse_message(await loop.sock_recv(asking, 2048)).transaction_id != (
            request.transaction_id
        ):
            pass
