"""What stands before the operator's API: its key, and a bound on what is sent to it.

Plain ASGI, and HTTP alone: whoever has no key gets no further, whatever it asks for, and nothing of
it is read.
"""

import hmac
import json
import logging
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callmesh.clock import MICROSECONDS
from callmesh.errors import BadInput
from callmesh.live import LiveHub
from callmesh.tokens import check_secret, recipe

MAX_BODY = 64 * 1024
WRONG = 10
"""Wrong keys within `WINDOW` that are answered as such; more are told to wait."""
WINDOW = 60 * MICROSECONDS
HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]

log = logging.getLogger("callmesh.api")


class ApiKey:
    """`text` is a secret as for tokens; white space around it does not count. Raises `BadInput`."""

    def __init__(self, text: bytes) -> None:
        self._text = text.strip()
        check_secret(self._text, "api.key")

    @classmethod
    def read(cls, file: Path, tokens: Path | None = None) -> "ApiKey":
        """The key in `file`, another one than that for `tokens`. Raises `BadInput`."""
        try:
            key = cls(file.read_bytes())
            same = tokens is not None and key.opens(tokens.read_bytes().strip())
        except OSError as error:
            raise BadInput(f"the key {error.filename} cannot be read: {error.strerror}") from error
        except BadInput as error:
            raise BadInput(f"{file} is no API key: {error}") from error
        if same:
            raise BadInput(
                f"{file} is the key for tokens too, and who signs those is not to have the API; "
                f"make another with `{recipe('api.key')}`"
            )
        return key

    def opens(self, given: bytes) -> bool:
        """In the same time, however much of it is right."""
        return hmac.compare_digest(given, self._text)


class Guard:
    """Lets through who brings the key. `large` are the paths that take archives of `most` bytes."""

    def __init__(
        self, app: ASGIApp, key: ApiKey, live: LiveHub, *, large: tuple[str, ...] = (), most: int
    ) -> None:
        self._app = app
        self._key = key
        self._live = live
        self._large = large
        self._most = most
        self._since = 0
        self._wrong = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        kind, _, given = _authorization(scope).partition(b" ")
        if kind.lower() != b"bearer" or not given:
            await _refuse(answer, 401, "unauthorized", "this needs the API key: Bearer KEY")
        elif not self._key.opens(given.strip()):
            await self._wrong_key(scope, answer)
        else:
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            most = self._most if path in self._large else MAX_BODY
            await self._app(scope, _bounded(receive, most), answer)

    async def _wrong_key(self, scope: Scope, answer: Send) -> None:
        """Keys cannot be guessed; what is bounded is the log, and what guessing costs us."""
        now = self._live.now()
        if now - self._since >= WINDOW:
            self._since, self._wrong = now, 0
        self._wrong += 1
        if self._wrong <= WRONG:
            address = (scope.get("client") or ("",))[0]
            log.warning("a wrong key for the operator's API", extra={"address": address})
            await _refuse(answer, 401, "unauthorized", "this is not the API key of this hub")
        else:
            await _refuse(answer, 429, "too_fast", "too many wrong keys; try again in a minute")


def _authorization(scope: Scope) -> bytes:
    found = [value for name, value in scope["headers"] if name == b"authorization"]
    return found[0] if len(found) == 1 else b""


async def _refuse(send: Send, status: int, code: str, message: str) -> None:
    body = json.dumps({"code": code, "reason": "", "message": message}).encode()
    more = (b"www-authenticate", b"Bearer") if status == 401 else (b"retry-after", b"60")
    headers = [
        (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), more,
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _bounded(receive: Receive, most: int) -> Receive:
    """The same, until more than `most` bytes have come."""
    came = 0

    async def next_part() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > most:
            raise HTTPException(413, f"at most {most} bytes are taken here")
        return message

    return next_part
