"""What an operator's tools ask a hub: is it there, does it work, what has it done."""

import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from callmesh.address import is_loopback
from callmesh.errors import StorageFailed
from callmesh.headers import PROXIED
from callmesh.live import LiveHub
from callmesh.metrics import TYPE, Metrics
from callmesh.settings import Settings

PATIENCE = 2.0
"""Seconds that the disk may take to answer; who asks meanwhile waits for the same answer."""
PRIVATE = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


FRESH = 1.0
"""Seconds that its answer is good for: asking costs it a sync, and anybody may ask."""


class Operations:
    def __init__(self, live: LiveHub, settings: Settings) -> None:
        self._live = live
        self._readers = settings.metrics
        self._metrics = Metrics(live)
        self._asking: asyncio.Task[str] | None = None
        self._asked = 0.0

    def routes(self) -> list[Route]:
        return [
            Route("/healthz", self.health),
            Route("/readyz", self.ready),
            Route("/metrics", self.metrics),
        ]

    async def health(self, request: Request) -> Response:
        """The process answers. Nothing else: who restarts it for a full disk makes it worse."""
        return PlainTextResponse("ok\n", headers=PRIVATE)

    async def ready(self, request: Request) -> Response:
        """Whether calls can be loaded and saved now, in a sentence if not."""
        now = asyncio.get_running_loop().time()
        if self._asking is None or (self._asking.done() and now - self._asked >= FRESH):
            self._asking, self._asked = asyncio.create_task(self._trouble()), now
        done, _ = await asyncio.wait([self._asking], timeout=PATIENCE)
        trouble = self._asking.result() if done else "the disk does not answer"
        if trouble:
            return PlainTextResponse(f"{trouble}\n", 503, headers=PRIVATE)
        return PlainTextResponse("ready\n", headers=PRIVATE)

    async def _trouble(self) -> str:
        try:
            await self._live.check()
        except StorageFailed as error:
            return str(error)
        return ""

    async def metrics(self, request: Request) -> Response:
        refusal = _refusal(request, self._readers)
        if refusal:
            return PlainTextResponse(f"{refusal}\n", 403, headers=PRIVATE)
        return Response(self._metrics.text(), media_type=TYPE, headers=PRIVATE)


def _refusal(request: Request, readers: str) -> str:
    """Why whoever asks may not read the numbers; empty if they may.

    `local` is who opened the connection on this machine, and is no proxy: those are known by the
    headers without which callmesh would not work behind them. Its name is asked for too, since a
    page may have a name that was made to point here.
    """
    headers = request.headers
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        return "pages do not read metrics"
    if readers == "off":
        return 'metrics are off; set metrics = "local" or "everyone"'
    local = (
        request.client is not None
        and is_loopback(request.client.host)
        and is_loopback(request.url.hostname or "")
        and not any(name in headers for name in PROXIED)
    )
    if readers == "local" and not local:
        return 'metrics are read on the hub\'s own machine; or set metrics = "everyone"'
    return ""
