"""What hosts do: let people in, have them wait, take them out, and give roles: `call.hosting`."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from callmesh import messages
from callmesh.address import read_role
from callmesh.callstate import LOCKED, WAITING_AREA
from callmesh.errors import CallmeshError, Denied, TimedOut
from callmesh.ids import CALL, DOOR, ParticipantId, PersonId, ResourceId, person_id
from callmesh.participant import Role
from callmesh.replica import Replica
from callmesh.state import DELETED
from callmesh.values import decode, encode


class Waiting(msgspec.Struct, frozen=True):
    """One who asks to be let in."""

    id: ParticipantId
    person: PersonId
    name: str
    role: Role
    """What they will be."""
    since: int
    """Microseconds since the epoch."""
    held: bool = False
    """Whether a host has asked for patience."""
    words: str = ""
    """What the host said."""


class Noted(msgspec.Struct, frozen=True):
    """What hosts decided about a person."""

    name: str
    role: Role | None = None
    """The role they gave."""
    removed: int = 0
    """Since when the person is kept out, microseconds since the epoch; 0 while they are not."""
    banned: bool = False
    """Whether no new invitation helps."""


class Left(msgspec.Struct, frozen=True):
    """One who has left, or waited and went, within a day."""

    name: str
    since: int
    """Microseconds since the epoch."""


class HalfTrouble(msgspec.Struct, frozen=True):
    """Why the Python half of a resource does not run."""

    app: str
    """The name of its app."""
    failures: int
    """How often it has failed since it ran well last; 0 for one that may not run."""
    again: int
    """When it is started again, microseconds since the epoch; 0 where nothing is planned."""
    error: str
    """The last line that it printed, or what keeps it from running."""


class Hosting:
    """Every command waits until what it did is on the hub's disk, but for settings of the call.

    It raises `Denied` where it cannot be done, `TimedOut` where the hub has not answered in time.
    Nobody but a host may command.
    """

    def __init__(self, replica: Replica, send: Callable[[messages.Command], None]) -> None:
        self._replica = replica
        self._send = send
        self._asked: dict[str, tuple[messages.Command, asyncio.Future[messages.Answer]]] = {}

    def __repr__(self) -> str:
        return f"<Hosting with {len(self.waiting)} waiting>"

    # --- what hosts see

    @property
    def waiting(self) -> list[Waiting]:
        """Who waits to be let in, longest first; empty for all but hosts."""
        found = self._door("waiting/", Waiting).values()
        return sorted(found, key=lambda waiting: waiting.since)

    @property
    def noted(self) -> Mapping[PersonId, Noted]:
        """Those to whom hosts gave a role, and those who are kept out."""
        return {PersonId(key): noted for key, noted in self._door("person/", Noted).items()}

    @property
    def left(self) -> Mapping[PersonId, Left]:
        """Those who have left within a day and are not kept out: they still can be."""
        return {PersonId(key): left for key, left in self._door("left/", Left).items()}

    @property
    def halves(self) -> Mapping[ResourceId, HalfTrouble]:
        """The Python halves that should run and do not, by resource."""
        return {ResourceId(key): it for key, it in self._door("half/", HalfTrouble).items()}

    def _door(self, prefix: str, kind: type[msgspec.Struct]) -> dict[str, Any]:
        found = {}
        for key in self._replica.mesh.keys(DOOR):
            value = self._replica.mesh.value(DOOR, key)
            if value is not None and key.startswith(prefix):
                found[key.removeprefix(prefix)] = msgspec.convert(decode(value), kind)
        return found

    # --- the waiting area

    @property
    def waiting_area(self) -> bool:
        """Whether hosts are asked who comes in, as hosts see it."""
        value = self._replica.mesh.value(DOOR, WAITING_AREA)
        return value is not None and decode(value) is True

    async def set_waiting_area(self, on: bool | None, *, timeout: float | None = 10) -> None:
        """Whether hosts are asked who comes in; None leaves it to the hub. Off lets all in.

        Returns when the hub has taken it.
        """
        value = DELETED if on is None else encode(on)
        groups = {CALL: {WAITING_AREA: value}}
        await self._replica.commit(groups, CALL, WAITING_AREA, timeout, "setting the waiting area")

    @property
    def locked(self) -> bool:
        """Whether nobody new comes in; everybody in the call sees it."""
        value = self._replica.mesh.value(CALL, LOCKED)
        return value is not None and decode(value) is True

    async def lock(self, on: bool = True, *, timeout: float | None = 10) -> None:
        """Have everybody wait who is new, until it is opened again: `lock(False)`.

        Returns when the hub has taken it.
        """
        groups = {CALL: {LOCKED: encode(True) if on else DELETED}}
        await self._replica.commit(groups, CALL, LOCKED, timeout, "locking the call")

    async def admit(self, person: PersonId | None = None, *, timeout: float | None = 10) -> None:
        """Let a person in; without one, everybody who waits."""
        await self._ask("admit", person, "", timeout)

    async def hold(
        self, person: PersonId | None = None, words: str = "", *, timeout: float | None = 10
    ) -> None:
        """Ask for patience, with some `words` (400 characters at most)."""
        await self._ask("hold", person, words, timeout)

    async def decline(self, person: PersonId, *, timeout: float | None = 10) -> None:
        """Turn a person away who waits. They may ask again."""
        await self._ask("decline", person, "", timeout)

    # --- those in the call

    async def remove(self, person: PersonId, *, timeout: float | None = 10) -> None:
        """Take a person out; the invitation they had counts no more."""
        await self._ask("remove", person, "", timeout)

    async def ban(self, person: PersonId, *, timeout: float | None = 10) -> None:
        """Take a person out, or keep them out, whatever invitation they may get."""
        await self._ask("ban", person, "", timeout)

    async def allow(self, person: PersonId, *, timeout: float | None = 10) -> None:
        """Let a person who was removed or banned ask again."""
        await self._ask("allow", person, "", timeout)

    async def set_role(
        self,
        person: PersonId,
        role: Literal["host", "guest", "observer"] | None,
        *,
        timeout: float | None = 10,
    ) -> None:
        """Give a person another role, at once and for later visits; None takes it back.

        Raises `BadName` for no person or role.
        """
        await self._ask("role", person, read_role(role).value if role else "", timeout)

    async def hand_over(self, person: PersonId, *, timeout: float | None = 10) -> None:
        """Make a person who is here a host, and oneself a guest."""
        await self._ask("hand_over", person, "", timeout)

    async def mute(self, person: PersonId | None = None, *, timeout: float | None = 10) -> None:
        """Turn off a person's microphone; without one, everybody else's. They can turn it on."""
        await self._ask("mute", person, "", timeout)

    async def end(self, *, timeout: float | None = 10) -> None:
        """End the call for everybody. It opens again when a host comes in."""
        await self._ask("end", None, "", timeout)

    # --- asking

    async def _ask(
        self, action: str, person: PersonId | None, option: str, timeout: float | None
    ) -> None:
        self._replica.moved.check()
        about = "" if person is None else person_id(person)
        command = messages.Command(secrets.token_hex(8), action, about, option)
        answered = asyncio.get_running_loop().create_future()
        self._asked[command.id] = (command, answered)
        self._send(command)
        try:
            async with asyncio.timeout(timeout):
                answer = await answered
        except TimeoutError:
            raise TimedOut(f"{action} was not answered in {timeout} s") from None
        finally:
            del self._asked[command.id]
        if answer.reason:
            raise Denied(answer.reason, answer.why)

    def heard(self, answer: messages.Answer) -> None:
        if answer.id in self._asked and not self._asked[answer.id][1].done():
            self._asked[answer.id][1].set_result(answer)

    def ask_again(self) -> None:
        """Over a new link: what is carried out already is answered, and not done again."""
        for command, _ in self._asked.values():
            self._send(command)

    def end_all(self, reason: CallmeshError) -> None:
        """The call is over: whoever waits for an answer is told why."""
        for _, answered in self._asked.values():
            if not answered.done():
                answered.set_exception(reason)
