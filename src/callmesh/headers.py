"""What the headers of a request may hold."""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

MAX_HEADERS = 64 * 1024
"""Bytes of all headers of one request: servers bound what is incomplete, not always what is not."""


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
