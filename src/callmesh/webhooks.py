"""Tells endpoints of the operator what happens in calls, as the audit log says it.

The log is the outbox: durable and numbered, so that an endpoint needs nothing kept for it but how
far it has come. Lines are sent in order, one after the other, until each is taken; a line may come
twice, never in another order, and its `webhook-id` is the same each time. Signed after the Standard
Webhooks scheme. Needs the extra `callmesh[api]`, and is imported where it is wanted alone.
"""

import asyncio
import base64
import binascii
import email.utils
import hashlib
import hmac
import logging
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec

from callmesh.audit import EVENTS, REFUSED, Event, Line
from callmesh.clock import MICROSECONDS
from callmesh.errors import BadInput, CallmeshError
from callmesh.folder import write_whole
from callmesh.live import LiveHub
from callmesh.tokens import HOOKS_RECIPE

SENT = frozenset(event for event in EVENTS if not event.startswith("hub."))
"""What is sent: all that is about a call; see `is_sent`."""
AT_ONCE = 100
"""Lines that are read at a time."""
CONNECT, PATIENCE = 5.0, 15.0
"""Seconds that an endpoint has to take a connection, and for all of one request."""
PAUSES = (1.0, 300.0)
"""Seconds after a first failure, and at most: they double."""
LONGEST = 3600.0
"""Seconds that an endpoint may ask for by `Retry-After`."""
MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read, and thrown away, to use the connection again."""
MIN_SECRET = 24
"""Bytes, as Standard Webhooks wants."""
PREFIX = b"whsec_"

log = logging.getLogger("callmesh.webhooks")


class Secret:
    """`text` is `whsec_` and a secret of at least 24 bytes in base64, or such bytes as they are.

    White space around it does not count. Raises `BadInput`.
    """

    def __init__(self, text: bytes) -> None:
        text = text.strip()
        try:
            encoded = text.startswith(PREFIX)
            secret = base64.b64decode(text[len(PREFIX) :], validate=True) if encoded else text
        except binascii.Error as error:
            raise BadInput("what follows whsec_ is base64, and this is not") from error
        if len(secret) < MIN_SECRET:
            raise BadInput(
                f"a webhook secret has at least {MIN_SECRET} bytes; make one with `{HOOKS_RECIPE}`"
            )
        self._secret = secret

    @classmethod
    def read(cls, file: Path) -> "Secret":
        try:
            return cls(file.read_bytes())
        except OSError as error:
            raise BadInput(f"the webhook secret {file}: {error.strerror}") from error
        except BadInput as error:
            raise BadInput(f"{file} is no webhook secret: {error}") from error

    def sign(self, id: str, timestamp: int, body: bytes) -> str:
        said = f"{id}.{timestamp}.".encode() + body
        digest = hmac.digest(self._secret, said, hashlib.sha256)
        return f"v1,{base64.b64encode(digest).decode()}"


def is_sent(event: Event) -> bool:
    """Whoever is refused without its being known who they are is nobody's business: strangers

    do not decide how many requests an endpoint gets.
    """
    return event.what in SENT and bool(event.person or event.what != REFUSED)


def id_of(line: Line) -> str:
    """The same however often a line is sent, and of no other line."""
    return f"msg_{line.number}_{line.hash[:16]}"


def body_of(line: Line) -> bytes:
    event = line.event
    time = datetime.fromtimestamp(event.time / MICROSECONDS, UTC)
    return msgspec.json.encode(
        {
            "type": event.what,
            "timestamp": time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "data": {
                "number": line.number, "call": event.call, "by": event.by, "person": event.person,
                "participant": event.participant, "name": event.name, "detail": event.detail,
            },
        }
    )  # fmt: skip


class Cursors:
    """How far each endpoint has come, in one small file that is replaced whole."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._all: dict[str, int] = {}
        if file.exists():
            try:
                self._all = msgspec.json.decode(file.read_bytes(), type=dict[str, int])
            except (OSError, msgspec.MsgspecError) as error:
                raise BadInput(
                    f"{file} cannot be read; delete it, and webhooks begin with what comes now"
                ) from error

    def of(self, url: str) -> int | None:
        return self._all.get(url)

    def keep(self, url: str, number: int) -> None:
        """Raises `OSError`."""
        self._all[url] = number
        write_whole(self._file, msgspec.json.encode(self._all))


@dataclass(slots=True)
class Endpoint:
    """How it goes with one."""

    url: str
    sent: int = 0
    """The number of the last line of the log that it has taken, or that is not for it."""
    delivered: int = 0
    failures: int = 0
    """Both since the hub started."""
    failing: int = 0
    """Since when it takes nothing, microseconds; 0 while it does."""
    trouble: str = ""
    """What came of the last try, while it is failing."""


class Failed(Exception):
    """What came of a try, and how many seconds the endpoint asks for."""

    def __init__(self, trouble: str, wanted: float = 0.0) -> None:
        super().__init__(trouble)
        self.wanted = wanted


class Webhooks:
    """Follows the log for each of `urls`. `cursors` is a file in the hub's folder."""

    def __init__(self, live: LiveHub, urls: tuple[str, ...], secret: Secret, cursors: Path) -> None:
        self._live = live
        self._secret = secret
        self._cursors = Cursors(cursors)
        self._keeping = asyncio.Lock()
        self.endpoints = [Endpoint(url) for url in dict.fromkeys(urls)]

    async def follow(self) -> None:
        """Until it is cancelled. One endpoint waits for no other.

        Nothing but the settings says where what is sent goes and what is sent along: no proxy and
        no password that happens to be in the environment.
        """
        timeout = httpx.Timeout(PATIENCE, connect=CONNECT)
        async with (
            httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False) as client,
            asyncio.TaskGroup() as group,
        ):
            for endpoint in self.endpoints:
                group.create_task(self._follow(endpoint, client))

    async def _follow(self, endpoint: Endpoint, client: httpx.AsyncClient) -> None:
        known = False
        while True:
            written = self._live.written
            try:
                if not known:
                    await self._begin(endpoint)
                    known = True
                lines = await self._live.on_disk(lambda disk: disk.audit(endpoint.sent, AT_ONCE))
            except CallmeshError as error:
                log.error("the audit log cannot be sent on", extra={"code": error.code})
                await asyncio.sleep(PAUSES[0])
                continue
            for line in lines:
                if is_sent(line.event):
                    await self._deliver(endpoint, line, client)
                    await self._keep(endpoint, line.number)
                endpoint.sent = line.number
            if not lines:
                await written.wait()

    async def _begin(self, endpoint: Endpoint) -> None:
        """Where it has come to; a new one at the end of the log, and so after a restored backup."""
        last = await self._live.on_disk(lambda disk: disk.audit(-1, 1))
        end = last[0].number if last else 0
        kept = self._cursors.of(endpoint.url)
        if kept is not None and kept > end:
            log.warning("the audit log is shorter than it was", extra=_address(endpoint))
        endpoint.sent = end if kept is None else min(kept, end)
        if endpoint.sent != kept:
            await self._keep(endpoint, endpoint.sent)

    async def _keep(self, endpoint: Endpoint, number: int) -> None:
        """A cursor that cannot be kept means that lines come twice after a restart, no more."""
        async with self._keeping:
            try:
                await asyncio.to_thread(self._cursors.keep, endpoint.url, number)
            except OSError:
                log.error("how far a webhook has come was not saved", extra=_address(endpoint))

    # --- one line

    async def _deliver(self, endpoint: Endpoint, line: Line, client: httpx.AsyncClient) -> None:
        """Until it is taken."""
        pause = PAUSES[0]
        while True:
            try:
                await self._send(endpoint, line, client)
            except Failed as failure:
                self._failed(endpoint, failure)
                wait = max(pause * random.uniform(0.5, 1.0), min(failure.wanted, LONGEST))
                await asyncio.sleep(wait)
                pause = min(pause * 2, PAUSES[1])
                continue
            endpoint.delivered += 1
            self._live.counts.webhooks["delivered"] += 1
            if endpoint.failing:
                log.warning("a webhook works again", extra=_address(endpoint))
            endpoint.failing, endpoint.trouble = 0, ""
            return

    def _failed(self, endpoint: Endpoint, failure: Failed) -> None:
        endpoint.failures += 1
        endpoint.trouble = str(failure)
        self._live.counts.webhooks["failed"] += 1
        if not endpoint.failing:
            endpoint.failing = self._live.now()
            about = _address(endpoint) | {"reason": endpoint.trouble}
            log.warning("a webhook fails, and is tried again", extra=about)

    async def _send(self, endpoint: Endpoint, line: Line, client: httpx.AsyncClient) -> None:
        """Raises `Failed`."""
        id, body, now = id_of(line), body_of(line), self._live.now() // MICROSECONDS
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "callmesh",
            "webhook-id": id,
            "webhook-timestamp": str(now),
            "webhook-signature": self._secret.sign(id, now, body),
        }
        try:
            async with (
                asyncio.timeout(PATIENCE),
                client.stream("POST", endpoint.url, content=body, headers=headers) as answer,
            ):
                status, wanted = answer.status_code, answer.headers.get("retry-after", "")
                await _drain(answer)
        except TimeoutError:
            raise Failed(f"no answer within {PATIENCE:.0f} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
            raise Failed(type(error).__name__) from error
        if not 200 <= status < 300:
            raise Failed(f"status {status}", _seconds(wanted, now))


async def _drain(answer: httpx.Response) -> None:
    size = 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size > MAX_ANSWER:
            return


def _seconds(wanted: str, now: int) -> float:
    """What `Retry-After` says: seconds, or a date."""
    if wanted.isascii() and wanted.isdecimal():
        return float(wanted[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(wanted).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _address(endpoint: Endpoint) -> dict[str, str]:
    """Where it is, for the log: the rest of a URL may be a secret."""
    return {"address": urlsplit(endpoint.url).netloc.rpartition("@")[2]}
