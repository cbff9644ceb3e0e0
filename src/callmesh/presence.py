"""What participants are doing now: `resource.presence`."""

from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from typing import Any

from callmesh.changes import StateChange
from callmesh.ids import ParticipantId
from callmesh.shared import SharedState


class SharedPresence(MutableMapping[str, Any]):
    """What this participant is doing now, as a mapping; and what the others are, with `of`."""

    def __init__(self, state: SharedState, me: Callable[[], ParticipantId]) -> None:
        self._state = state
        self._me = me

    def __repr__(self) -> str:
        return f"<SharedPresence {self.all()!r}>"

    def __getitem__(self, key: str) -> Any:
        return self._state[f"{self._me()}/{key}"]

    def __setitem__(self, key: str, value: object) -> None:
        self._state[f"{self._me()}/{key}"] = value

    def __delitem__(self, key: str) -> None:
        del self._state[f"{self._me()}/{key}"]

    def __iter__(self) -> Iterator[str]:
        return iter(self.of(self._me()))

    def __len__(self) -> int:
        return len(self.of(self._me()))

    def of(self, participant: ParticipantId) -> dict[str, Any]:
        """What one participant shows."""
        return self.all().get(participant, {})

    def all(self) -> dict[ParticipantId, dict[str, Any]]:
        """What everybody shows."""
        found: dict[ParticipantId, dict[str, Any]] = {}
        for path, value in self._state.items():
            participant, _, key = path.partition("/")
            found.setdefault(ParticipantId(participant), {})[key] = value
        return found

    def changes(self) -> AsyncIterator[None]:
        """Now and then: something about somebody's presence is new. Read `all()`."""
        return _each(self._state.changes())


async def _each(changes: AsyncIterator[StateChange]) -> AsyncIterator[None]:
    async for _ in changes:
        yield
