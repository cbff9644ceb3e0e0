"""Follow the leader: what one participant looks at, the others see (A21)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from callmesh.cache import ResourceCache
from callmesh.changes import check_listener
from callmesh.conflated import Conflated
from callmesh.ids import ParticipantId
from callmesh.participant import Participant
from callmesh.presence import SharedPresence
from callmesh.replica import Replica
from callmesh.values import decode, encode

EVERY = 0.1
"""Seconds between what others see of a view."""
AHEAD = 10_000_000
"""Microseconds that a lead may have begun ahead of the time here: who claims more does not lead."""
KEY = "callmesh/lead"
MAX_SHOWN = 4_000
"""Bytes of a view, encoded: with what is around it, as many as presence may have."""


@dataclass(frozen=True, slots=True)
class Leader:
    """Who leads, and what they look at, as the leader's app says it."""

    id: ParticipantId
    name: str
    me: bool
    view: Any


@dataclass(frozen=True, slots=True)
class ServiceParts:
    presence: SharedPresence
    cache: ResourceCache
    replica: Replica
    me: Callable[[], Participant]
    roster: Callable[[], Iterable[Participant]]

    def here(self) -> dict[ParticipantId, Participant]:
        """Who is in the call now."""
        return {someone.id: someone for someone in self.roster() if someone.here}

    def now(self) -> int:
        """By the hub's clock, microseconds."""
        return self.replica.mesh.clock.hub_time(self.replica.now())


class Lead(NamedTuple):
    since: int
    id: ParticipantId
    view: Any


class Leading:
    """`resource.leading`: who began last leads."""

    def __init__(self, parts: ServiceParts) -> None:
        self._parts = parts
        self._shown = Conflated(parts.presence, KEY, EVERY)
        self._since = 0
        """Since when one leads; 0 where one does not."""
        self._view: Any = None
        self._unwatch: Callable[[], None] = lambda: None

    @property
    def leader(self) -> Leader | None:
        """Who leads, oneself among them."""
        lead = self._lead
        if lead is None:
            return None
        me = self._parts.me()
        someone = me if lead.id == me.id else self._parts.here()[lead.id]
        return Leader(lead.id, someone.name, lead.id == me.id, lead.view)

    @property
    def leads(self) -> bool:
        """Whether one leads oneself."""
        return self._since > 0

    @property
    def follows(self) -> bool:
        """Whether one follows who leads."""
        lead = self._lead
        me = self._parts.me().id
        return lead is not None and lead.id != me and self._parts.cache.get(KEY) != _mark(lead)

    def lead(self, view: Any) -> None:
        """Lead, or, while one does, look at something else: any JSON.

        Others see it ten times a second at most. Raises `BadValue`, and `TooLarge` beyond
        `MAX_SHOWN` bytes.
        """
        view = decode(encode(view, limit=MAX_SHOWN))
        moved = self._parts.replica.moved
        began, since = not self.leads, self._since or self._parts.now()
        self._shown.show([since, view])
        self._since, self._view = since, view
        if began:
            self._unwatch()
            self._unwatch = moved.watch(lambda: self._lead, self._yield)
        moved.notify()

    def stop(self) -> None:
        """Lead no longer."""
        if self._since == 0:
            return
        self._since = 0
        self._unwatch()
        self._shown.show(None)
        self._parts.replica.moved.notify()

    def follow(self, on: bool = True) -> None:
        """Follow who leads, or look elsewhere until somebody leads anew. Kept in the cache."""
        lead = self._lead
        if on:
            self._parts.cache.pop(KEY, None)
        elif lead is not None:
            self._parts.cache[KEY] = _mark(lead)
        self._parts.replica.moved.notify()

    def subscribe(self, tell: Callable[[Leader | None], object]) -> Callable[[], None]:
        """Call `tell` with `leader` now, and whenever that, or whether one follows, is another.

        Returns what ends it.
        """
        check_listener(tell)
        return self._parts.replica.moved.watch(
            lambda: (self.leader, self.leads, self.follows), lambda: tell(self.leader)
        )

    def _yield(self) -> None:
        """Somebody else has begun."""
        lead = self._lead
        if lead is not None and lead.id != self._parts.me().id:
            self.stop()

    @property
    def _lead(self) -> Lead | None:
        me, here = self._parts.me().id, self._parts.here()
        latest = self._parts.now() + AHEAD
        leads = [Lead(self._since, me, self._view)] if self._since else []
        for id, own in self._parts.presence.all().items():
            lead = None if id == me or id not in here else _read(id, own.get(KEY))
            if lead is not None and lead.since <= latest:
                leads.append(lead)
        return max(leads, key=lambda one: (one.since, one.id), default=None)


def _read(id: ParticipantId, value: Any) -> Lead | None:
    match value:
        case [int() | float() as since, view, *_] if since > 0 and since is not True:
            return Lead(int(since), id, view) if since == int(since) else None
    return None


def _mark(lead: Lead) -> str:
    return f"{lead.id} {lead.since}"
