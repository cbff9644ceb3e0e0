"""What apps fetch by way of the hub: from where, and what they may say there (A20).

What a manifest's `hosts` name is fetched from, and nothing else. A name is only half of it: it may
lead anywhere, also into the network that the hub stands in. So the address it leads to is judged
too, and the connection goes to that very address.
"""

import json
import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from callmesh.errors import BadValue, Denied, TooLarge, from_wire
from callmesh.messages import Fetch, Fetched

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
READING = ("GET", "HEAD")
"""Methods that change nothing."""
MAX_URL = 4_096
MAX_BODY = 512 * 1024
"""Bytes that an app sends along."""
MAX_HEADERS = 64
MAX_HEADER_BYTES = 8 * 1024
PORTS = {"https": 443, "http": 80}
LOOPBACK = ("localhost", "127.0.0.1")
OURS = frozenset({
    "accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "te",
    "trailer", "transfer-encoding", "upgrade", "user-agent", "via",
})  # fmt: skip
"""Headers that the hub says itself, or that are about a connection of its own."""
KEPT_BACK = frozenset({
    "connection", "content-length", "keep-alive", "proxy-authenticate", "set-cookie", "te",
    "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
"""Headers of an answer that are not handed on."""

_URL = re.compile(r"[!-~]+")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_WORDS = re.compile(r"[\t -~\x80-\xff]*")
_PUBLIC_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


class Target(msgspec.Struct, frozen=True):
    """Where something is fetched from."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query."""

    @property
    def origin(self) -> str:
        place = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{place}"

    @property
    def shown(self) -> str:
        """As the audit log has it: without the query."""
        return (self.origin + self.path.partition("?")[0])[:500]


def target_of(url: str) -> Target:
    """Raises `BadValue`."""
    try:
        if len(url) > MAX_URL or not _URL.fullmatch(url):
            raise ValueError
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        if "@" in parts.netloc or not _NAME.fullmatch(host):
            raise ValueError
    except (ValueError, KeyError):
        raise BadValue(
            f"{url[:100]!r} is no address to fetch from; write it as https://host/path, with "
            f"everything else percent-encoded, in at most {MAX_URL} characters"
        ) from None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path)


def check_host(app: str, hosts: Sequence[str], target: Target, *, dev: bool) -> None:
    """Raises `Denied` where the app's manifest does not name the host, or it is not by https."""
    if target.scheme != "https" and not (dev and target.host in LOOPBACK):
        raise Denied(
            "no_capability",
            f"{target.origin} is not by https: an app fetches by https alone, and on a --dev hub "
            "from http://localhost too (A20)",
        )
    if not any(_covers(urlsplit(host), target) for host in hosts):
        raise Denied(
            "no_capability",
            f"the app {app} has not asked for {target.origin}: "
            f'add it to "hosts" in its manifest.json (A20)',
        )


def _covers(host: SplitResult, target: Target) -> bool:
    if host.scheme != target.scheme or (host.port or PORTS[host.scheme]) != target.port:
        return False
    name = host.hostname or ""
    if name.startswith("*."):
        return target.host.endswith(name[1:])
    return target.host == name


def is_public(address: str) -> bool:
    """Whether an address is one of the public network, and hides none that is not."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv4Address):
        return found.is_global and not found.is_multicast
    inner = found.ipv4_mapped or (_last(found) if found in _NAT64 else None)
    if inner is not None:
        return is_public(str(inner))
    tunnelled = found.sixtofour is not None or found.teredo is not None
    return found in _PUBLIC_V6 and found.is_global and not tunnelled


def _last(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)


def is_loopback(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_loopback


def check_wish(wish: Fetch) -> None:
    """What an app asks for has the form of a request. Raises `BadValue` or `TooLarge`."""
    target_of(wish.url)
    if wish.method not in METHODS:
        raise BadValue(f"{wish.method[:16]!r} is no method here; use one of {', '.join(METHODS)}")
    if wish.method in READING and wish.body:
        raise BadValue(f"{wish.method} sends no body; use POST, PUT or PATCH")
    if len(wish.body) > MAX_BODY:
        raise TooLarge(f"an app sends at most {MAX_BODY} bytes along")
    if len(wish.headers) > MAX_HEADERS or _size(wish.headers) > MAX_HEADER_BYTES:
        raise TooLarge(f"at most {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes are sent along")
    for name, value in wish.headers:
        if not _TOKEN.fullmatch(name) or not _WORDS.fullmatch(value):
            raise BadValue(f"{name[:40]!r} is no header, or its value has line breaks or the like")
        if name.lower() in OURS or name.lower().startswith("proxy-"):
            raise BadValue(f"the hub says the header {name} itself: leave it out")


def _size(headers: Sequence[tuple[str, str]]) -> int:
    return sum(len(name) + len(value) for name, value in headers)


class Reply(msgspec.Struct, frozen=True):
    """What a host has answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Name, in lower case, and value."""
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known == name.lower()), None)

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """Raises `ValueError` where the body is no JSON."""
        return json.loads(self.body)


def reply_of(fetched: Fetched) -> Reply:
    """Raises what the hub named instead."""
    if not fetched.code:
        return Reply(fetched.status, tuple(fetched.headers), fetched.body)
    if fetched.code == Denied.code:
        raise Denied(fetched.reason, fetched.why)
    raise from_wire(fetched.code, fetched.why)
