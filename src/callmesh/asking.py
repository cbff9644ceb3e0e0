"""How a participant asks a hub by HTTP, beside their session: with the ticket that it gave them."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from callmesh.auth import Authority
from callmesh.errors import (
    BadInput,
    CallmeshError,
    Closed,
    Denied,
    EndpointFailed,
    NoSuchCall,
    Refused,
    StorageFailed,
    TimedOut,
    TooFast,
    TooLarge,
    Unauthorized,
    Unreachable,
)  # fmt: skip
from callmesh.hosted import HostedCall
from callmesh.ids import CallId, ParticipantId, is_call_id
from callmesh.live import LiveHub
from callmesh.participant import Participant

STALL = 20.0
"""Seconds without a byte after which who brings something is waited for no longer."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
STATUS: dict[type[CallmeshError], int] = {
    Unauthorized: 401, NoSuchCall: 404, TooFast: 429, Denied: 403, Refused: 404, TooLarge: 413,
    BadInput: 422, StorageFailed: 503, TimedOut: 408, Unreachable: 502, EndpointFailed: 502,
}  # fmt: skip


class Asker:
    """A participant who asks, as long as they may."""

    def __init__(self, live: LiveHub, hosted: HostedCall, id: ParticipantId) -> None:
        self._live = live
        self.hosted = hosted
        self.id = id

    @property
    def me(self) -> Participant:
        """As they are in the call now. Raises `Closed` where they are not."""
        member = self.hosted.people.members.get(self.id)
        if member is None or self._live.here(self.hosted.id) is not self.hosted:
            raise Closed("you are not in this call any more")
        return member.participant


def asker_of(request: Request, live: LiveHub, authority: Authority) -> Asker:
    """Raises `Unauthorized` for whoever has no ticket for a call in which they are now."""
    given = request.headers.getlist("authorization")
    kind, _, ticket = (given[0] if len(given) == 1 else "").partition(" ")
    call = request.path_params["call"]
    if kind.lower() != "bearer" or not is_call_id(call) or not live.runs:
        raise Unauthorized("the hub is asked with a ticket of this call")
    id = authority.read_ticket(CallId(call), ticket.strip(), live.now())
    hosted = live.here(CallId(call))
    if hosted is None or id not in hosted.people.members:
        raise Closed("you are not in this call any more")
    return Asker(live, hosted, id)


async def body_of(request: Request, most: int) -> bytes:
    """What is said, which is not much. Raises `TooLarge`, `TimedOut`."""
    found = bytearray()
    try:
        async with asyncio.timeout(STALL):
            async for some in request.stream():
                found += some
                if len(found) > most:
                    raise TooLarge(f"at most {most} bytes are taken here")
    except TimeoutError:
        raise TimedOut("what is asked did not come") from None
    return bytes(found)


def problem(error: CallmeshError) -> Response:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 409)
    reason = error.reason if isinstance(error, Denied) else ""
    said = {"code": error.code, "reason": reason, "message": str(error)}
    return JSONResponse(said, status, headers=HEADERS)
