"""Where a call is: the address people open, and the socket behind it."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit, urlunsplit

from callmesh.errors import BadName
from callmesh.ids import CallId, call_id
from callmesh.participant import Role


@dataclass(frozen=True, slots=True)
class Address:
    hub: str
    """The part before `/call/`."""
    call: CallId
    role: Role | None = None
    token: str | None = None

    @property
    def socket(self) -> str:
        return f"{self.hub.replace('http', 'ws', 1)}/call/{self.call}/socket"


def read_address(url: str) -> Address:
    """The call behind `http(s)://host[/prefix]/call/<id>[#role=…|#token=…]`. Raises `BadName`."""
    parts = urlsplit(url)
    prefix, slash, call = parts.path.partition("/call/")
    if parts.scheme not in ("http", "https") or not parts.netloc or not slash:
        raise BadName(f"{url} is no call; its address looks like http://127.0.0.1:8484/call/demo")
    fragment = {name: values[-1] for name, values in parse_qs(parts.fragment).items()}
    role = fragment.get("role")
    return Address(
        hub=urlunsplit((parts.scheme, parts.netloc, prefix, "", "")),
        call=call_id(call.rstrip("/")),
        role=read_role(role) if role else None,
        token=fragment.get("token"),
    )


def read_role(text: str) -> Role:
    """Raise `BadName` unless `text` is a role."""
    if text not in set(Role):
        raise BadName(f"{text} is no role; use {', '.join(Role)}")
    return Role(text)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine alone."""
    try:
        address = ipaddress.ip_address(host)
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback
    except ValueError:
        return host == "localhost"
