"""Plots of what was measured, as SVG that reads well on a light and on a dark page."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import TypeAlias

from benchmarks.servers import KINDS

Points: TypeAlias = Sequence[tuple[float, float]]

WIDTH = 860
STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
text { fill: #59636e }
.title { font-size: 17px; font-weight: 600; fill: #1f2328 }
.head { font-weight: 600; fill: #1f2328 }
.end { text-anchor: end } .mid { text-anchor: middle }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.us { color: #5b4fd6; font-weight: 600 }
.p1 { color: #c4681b } .p2 { color: #1a7f72 } .p3 { color: #b0327a } .p0 { color: #8c959f }
.us, .p0, .p1, .p2, .p3 { fill: currentColor }
.line { stroke: currentColor; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round }
.line.us { stroke-width: 3.5 } .line { fill: none !important }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 } .title, .head { fill: #f0f6fc } .grid { stroke: #3d444d }
  .us { color: #a79cff } .p1 { color: #f0a35e } .p2 { color: #4fc9b8 } .p3 { color: #f285bd }
  .p0 { color: #7d8590 } text.us, text.p1, text.p2, text.p3 { fill: currentColor }
}
"""
CLASSES = {"callmesh": "us", "hocuspocus": "p1", "y-websocket": "p2", "pycrdt-websocket": "p3"}


@dataclass(frozen=True, slots=True)
class Axis:
    low: float
    high: float
    ticks: Sequence[float]
    said: Callable[[float], str]
    """How a value reads."""
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value stands, from 0 to 1."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def kind(server: str) -> str:
    return CLASSES.get(server.partition("@")[0], "p0")


def _text(x: float, y: float, said: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}">{escape(said)}</text>'


def _line(x: float, y: float, x2: float, y2: float, style: str = "grid") -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def _svg(height: float, title: str, under: str, parts: Iterable[str]) -> str:
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        _text(16, 28, title, "title"), _text(16, 50, under), *parts, "</svg>\n",
    ])  # fmt: skip


# --- curves


def curves(
    title: str, under: str, series: Mapping[str, Points], x: Axis, y: Axis,
    notes: Mapping[str, str] = MappingProxyType({}),
) -> str:  # fmt: skip
    """One for each server, with its name, its last value and a note beside its end."""
    left, right, top, bottom = 84.0, 230.0, 76.0, 44.0
    width, height = WIDTH - left - right, 300.0

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return left + x.at(point[0]) * width, top + (1 - y.at(point[1])) * height

    parts = []
    for tick in y.ticks:
        _, at = place((x.low, tick))
        parts += [_line(left, at, left + width, at), _text(left - 10, at + 4, y.said(tick), "end")]
    for tick in x.ticks:
        at, _ = place((tick, y.low))
        parts.append(_text(at, top + height + 22, x.said(tick), "mid"))
    ends = {server: place(points[-1])[1] for server, points in series.items()}
    labels = _apart(ends, 20.0, top + height)
    for server, points in sorted(series.items(), key=lambda item: kind(item[0]) == "us"):
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in map(place, points))
        parts.append(f'<polyline points="{path}" class="line {kind(server)}"/>')
        if len(points) < 12:
            parts += [_dot(*place(point), 4, server) for point in points]
        end, label = place(points[-1]), labels[server]
        parts.append(f'<path d="M{end[0] + 6:.1f} {end[1]:.1f}L{end[0] + 20:.1f} {label:.1f}" '
                     f'class="grid" fill="none"/>')  # fmt: skip
        said = f"{server}  {y.said(points[-1][1])}{notes.get(server, '')}"
        parts.append(_text(end[0] + 24, label + 4, said, kind(server)))
    return _svg(top + height + bottom, title, under, parts)


def _apart(wanted: Mapping[str, float], least: float, lowest: float) -> dict[str, float]:
    """Heights as near as possible to those wanted, and so far from each other."""
    found: dict[str, float] = {}
    last = -math.inf
    for name in sorted(wanted, key=wanted.__getitem__):
        found[name] = last = max(wanted[name], last + least)
    over = last - lowest
    for name in reversed(found):
        if over > 0:
            found[name] -= over
            over -= least
    return found


def _dot(x: float, y: float, radius: float, server: str, more: str = "") -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" class="{kind(server)}"{more}/>'


# --- panels


Panels: TypeAlias = Mapping[str, Mapping[str, tuple[float, ...]]]
"""By scenario and server: how long a bar is, or from where to where a span goes."""

Drawn: TypeAlias = Iterable[tuple[str, list[str]]]
"""What stands in the row of each server; of nobody is what stands behind them."""
ROW, GAP, ACROSS = 21.0, 54.0, 3
HEIGHT = 6 * ROW
FAR = 4
"""A bar so many times longer than the next is cut."""


def bars(title: str, under: str, panels: Panels, said: Callable[[float], str]) -> str:
    """Each panel has a scale of its own; what is far beyond all others is cut off."""

    def draw(panel: Mapping[str, tuple[float, ...]], width: float) -> Drawn:
        lengths = sorted((value for (value,) in panel.values()), reverse=True)
        beyond = len(lengths) > 1 and lengths[0] > FAR * lengths[1]
        most = lengths[1] * FAR / 2 if beyond else lengths[0]
        for server, (value,) in panel.items():
            long = max(2.0, min(1.0, value / most) * (width - 44))
            parts = [f'<path d="{_bar(long, cut=value > most)}" class="{kind(server)}"/>']
            yield server, [*parts, _text(long + 6, 15, said(value), _own(server))]

    return _panels(title, under, panels, draw)


def _bar(long: float, *, cut: bool) -> str:
    """A path; where it is cut, with a gap near its end."""
    if not cut:
        return f"M0 4H{long - 2.5:.1f}q2.5 0 2.5 2.5v8q0 2.5-2.5 2.5H0z"
    gap = long - 22
    return f"M0 4H{gap + 4:.1f}l-8 13H0zM{gap + 10:.1f} 4H{long:.1f}v13H{gap + 2:.1f}z"


def spans(
    title: str, under: str, panels: Panels, axis: Axis, said: Callable[[float], str]
) -> str:  # fmt: skip
    """From one value to another on one scale for all, with the second beside it."""

    def draw(panel: Mapping[str, tuple[float, ...]], width: float) -> Drawn:
        yield (
            "",
            [
                part
                for tick in axis.ticks
                for x in [axis.at(tick) * (width - 56)]
                for part in (_line(x, 0, x, HEIGHT), _text(x, HEIGHT + 15, axis.said(tick), "mid"))
            ],
        )
        for server, values in panel.items():
            low, high = (axis.at(value) * (width - 56) for value in values)
            yield server, [
                _line(low, 10.5, high, 10.5, f"line {kind(server)}"),
                _dot(low, 10.5, 3.5, server), _dot(high, 10.5, 5, server),
                _text(high + 9, 15, said(values[1]), _own(server)),
            ]  # fmt: skip

    return _panels(title, under, panels, draw)


def _own(server: str) -> str:
    return "us" if kind(server) == "us" else ""


def _panels(
    title: str, under: str, panels: Panels,
    draw: Callable[[Mapping[str, tuple[float, ...]], float], Drawn],
) -> str:  # fmt: skip
    names = 136.0
    servers = [name for name in KINDS if any(name in panel for panel in panels.values())]
    width, height = (WIDTH - names - 16) / ACROSS, HEIGHT + GAP
    parts = []
    for number, (name, panel) in enumerate(panels.items()):
        left, top = names + number % ACROSS * width, 96 + number // ACROSS * height
        parts.append(_text(left, top - 10, name, "head"))
        parts.append(_line(left, top, left, top + HEIGHT))
        if number % ACROSS == 0:
            parts += [
                _text(names - 10, top + row * ROW + 15, server, f"end {_own(server)}")
                for row, server in enumerate(servers)
            ]
        for server, inside in draw(panel, width):
            y = top + (servers.index(server) * ROW if server else 0)
            parts += [f'<g transform="translate({left:.1f} {y:.1f})">', *inside, "</g>"]
    return _svg(84 + math.ceil(len(panels) / ACROSS) * height, title, under, parts)
