"""Everybody who is in the calls of one server, in one process: `python -m benchmarks.crowd PLAN`.

It runs in an environment of its own, which has what every server's clients need (`servers.py`), and
prints a word on a line of its own at the moments at which the server is to be looked at, and in the
end one line of JSON. What it does for `benchmarks/x.py` is in `crowd/x.py`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    does: str = "fanout"
    """One of `__main__.CROWDS`."""
    server: str = ""
    """Which protocol: `callmesh`, `hocuspocus`, `yjs` or `relay`."""
    url: str = ""
    """Of a room: `{room}` is its name."""
    beside: str = ""
    """The same of a second server."""
    room: str = "room"
    """How the names of rooms begin."""
    calls: int = 1
    members: int = 16
    writers: int = 0
    """In each call; 0 is everybody."""
    rate: float = 10.0
    """Updates of each writer in a second; 0 is as many as go."""
    warm: float = 2.0
    seconds: float = 8.0
    size: int = 0
    """Characters besides the mark."""
    keys: int = 20
    """How many, where a room is filled before or while one looks."""
    at_once: int = 20
    """So many come at a time, where a thousand do."""
    writes: tuple[int, ...] = ()
    """After so many, in all, one looks."""
    carry: str = ""
    """`latest` or `reliable`: streams by way of the server instead of its state."""
    pid: int = 0
    """Of a server that is to be killed."""
