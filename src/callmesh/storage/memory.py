"""Storage that lives as long as the process: the default in tests and in the tutorial."""

from collections.abc import Collection, Mapping, Sequence

from callmesh.audit import START, Event, Line, follow
from callmesh.ids import ABOUT, RECORD, CallId, StateId
from callmesh.ledger import Delta, Kept, Record
from callmesh.ports import MANY


class MemoryStorage:
    def __init__(self) -> None:
        self._records: dict[CallId, dict[tuple[StateId, str], Record]] = {}
        self._kept: dict[CallId, Delta] = {}
        """What the latest commit said of each call."""
        self._audit: list[Line] = []

    def load(self, call: CallId) -> Kept | None:
        if call not in self._kept:
            return None
        last = self._kept[call]
        return Kept(list(self._records[call].values()), last.reserved, last.used, last.keep)

    def commit(
        self,
        deltas: Mapping[CallId, Delta],
        events: Sequence[Event] = (),
        gone: Collection[CallId] = (),
    ) -> None:
        for call, delta in deltas.items():
            kept = self._records.setdefault(call, {})
            for place in delta.forgotten:
                kept.pop(place, None)
            for record in delta.records:
                kept[record.state, record.entry.key] = record
            self._kept[call] = delta
        for event in events:
            self._audit.append(follow(self._audit[-1] if self._audit else START, event))
        for call in gone:
            self._records.pop(call, None)
            self._kept.pop(call, None)

    def calls(self, after: str = "", most: int = MANY) -> dict[CallId, Kept]:
        found = {}
        for call in sorted(call for call in self._kept if call > after)[:most]:
            last, about = self._kept[call], self._records[call].get((RECORD, ABOUT))
            records = [] if about is None else [about]
            found[call] = Kept(records, last.reserved, last.used, last.keep)
        return found

    def unused(self, now: int, keep: int) -> list[CallId]:
        found = ((call, last.used, last.keep or keep) for call, last in self._kept.items())
        return sorted(call for call, used, keep in found if keep and used + keep <= now)

    def audit(self, after: int, most: int) -> list[Line]:
        return self._audit[after:][:most]

    def close(self) -> None:
        pass
