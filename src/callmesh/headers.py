"""What stands before everything else: how large headers are, and who asks from where for what."""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from callmesh.address import is_loopback

MAX_HEADERS = 64 * 1024
"""Bytes of all headers of one request: servers bound what is incomplete, not always what is not."""
PROXIED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
           "x-real-ip")  # fmt: skip
"""Headers that proxies add; without some of them callmesh would not work behind one."""


class BoundedHeaders:
    """Refuses requests whose headers are larger, before anything looks at them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = sum(len(name) + len(value) for name, value in scope.get("headers", ()))
        if size <= MAX_HEADERS:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            answer = PlainTextResponse("The headers of this request are too large.\n", 431)
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4413, "reason": "too large"})


class ThisMachineAlone:
    """Refuses who comes from another machine, or through a proxy: then nobody knows from where."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_near(scope):
            await self._app(scope, receive, send)
        else:
            answer = PlainTextResponse("This hub was started for its own machine alone.\n", 403)
            await answer(scope, receive, send)


def _is_near(scope: Scope) -> bool:
    client = scope.get("client")
    proxied = any(name.decode("latin-1").lower() in PROXIED for name, _ in scope["headers"])
    return client is not None and is_loopback(client[0]) and not proxied


class NoSockets:
    """Refuses sockets before an application that knows none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = WebSocketClose() if scope["type"] == "websocket" else self._app
        await app(scope, receive, send)
