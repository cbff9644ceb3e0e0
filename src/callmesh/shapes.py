"""What the operator's API takes and answers, as its description says it.

Needs the extra `callmesh[api]`, and is imported where it is wanted alone.
"""

from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from callmesh.door import MAX_DAYS
from callmesh.ids import MAX_NAME
from callmesh.operator import (
    LONGEST,
    MAX_SUBJECT,
    CallInfo,
    CallListed,
    PersonNoted,
    Present,
    ResourceInfo,
)  # fmt: skip
from callmesh.webhooks import Endpoint

WORDS = 400
"""Characters that one may be told who waits."""
CALL_ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
PERSON_ID = r"^u[0-9a-z]{1,24}$"
RESOURCE_ID = r"^r[0-9a-z]{1,24}$"
WHO = r"^(host|guest|observer|u[0-9a-z]{1,24})$"
VISIBLE = r"\S"
FORMS = {
    CALL_ID: "1–64 letters, digits, - or _, the first of them a letter or digit",
    PERSON_ID: "a person as the hub names them, like u1a2b",
    RESOURCE_ID: "the id of a resource, like r1a2b",
    WHO: "host, guest, observer or a person as the hub names them",
    VISIBLE: f"a name of 1–{MAX_NAME} characters, one of them visible",
}
"""What each pattern asks for."""

DESCRIBED = ConfigDict(use_attribute_docstrings=True)

Call = Annotated[str, Path(pattern=CALL_ID)]
Person = Annotated[str, Path(pattern=PERSON_ID)]
Resource = Annotated[str, Path(pattern=RESOURCE_ID)]
Who = Annotated[str, Path(pattern=WHO)]
Most = Annotated[int, Query(ge=1, le=1_000, description="How many at most.")]

# --- what is sent


class Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, **DESCRIBED)


def _whole(value: object) -> object:
    """JSON has one kind of number: 3.0 is a whole one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Days = Annotated[int, Field(ge=1, le=MAX_DAYS), BeforeValidator(_whole)]
FORMAT = {"format": "name"}
Name = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME, pattern=VISIBLE, json_schema_extra=FORMAT)
]


class NewCall(Sent):
    id: Annotated[str, Field(pattern=CALL_ID)] | None = None
    """Without one the hub makes it."""
    waiting_area: bool | None = None
    """Whether hosts are asked who comes in; null leaves it to the hub."""
    retention: Days | None = None
    """Days after which it is deleted when nobody was in it; null leaves it to the hub."""


class Changes(Sent):
    """What is left out stays."""

    waiting_area: bool | None = None
    """Whether hosts are asked who comes in; null leaves it to the hub."""
    locked: bool = False
    """Whether nobody new comes in."""
    retention: Days | None = None
    """Days after which it is deleted when nobody was in it; null leaves it to the hub."""


class NewInvite(Sent):
    role: Literal["host", "guest", "observer"] = "guest"
    """What they may do."""
    name: Name | None = None
    """How others see them; without one they say it themselves."""
    person: Annotated[str, Field(min_length=1, max_length=MAX_SUBJECT)] | None = None
    """Who it is, in your own words: the same text is the same person."""
    lasts: Annotated[int, Field(ge=1, le=LONGEST), BeforeValidator(_whole)] = 24 * 3600
    """Seconds from now in which one may come in with it."""
    wait: bool = True
    """Whether they ask a host to be let in, where there is a waiting area."""


class NewRole(Sent):
    role: Literal["host", "guest", "observer"] | None
    """What they may do; null takes back the one that was given."""


class NewAccess(Sent):
    access: Literal["edit", "view", "hidden"] | None
    """What they may do; null for the usual."""


class Words(Sent):
    words: Annotated[str, Field(max_length=WORDS)] = ""
    """What they are told."""


# --- what is answered

for _answered in (CallInfo, CallListed, Present, PersonNoted, ResourceInfo):
    _answered.__pydantic_config__ = DESCRIBED  # type: ignore[union-attr]


class Answered(BaseModel):
    model_config = DESCRIBED


class Problem(Answered):
    """What went wrong."""

    code: str
    """As in the protocol, or `not_found` and `not_allowed` for what no request asks."""
    reason: str
    """Why something was denied; else empty."""
    message: str
    """A sentence."""


class Calls(Answered):
    calls: list[CallListed]
    next: str | None
    """What `after` is for the next page; null at the end."""


class Participants(Answered):
    participants: list[Present]


class People(Answered):
    people: list[PersonNoted]


class Resources(Answered):
    resources: list[ResourceInfo]


class Invite(Answered):
    link: str
    """What lets them in when they open it."""
    token: str
    """The same without the address, for programs."""
    person: str
    """Who will come in with it, as the hub names them."""
    expires: int
    """When it runs out, microseconds since the epoch."""
    ended: int
    """Since when the call is over, microseconds since the epoch; 0 while it is not."""


class Happened(Answered):
    """An event of the audit log. What does not apply is empty."""

    time: int
    """Microseconds since the epoch."""
    what: str
    """Its type."""
    call: str
    by: str
    """The person who did it, or `operator`; empty where it happened by itself."""
    person: str
    """Whom it is about."""
    participant: str
    """The presence of theirs that it is about."""
    name: str
    """As others saw them."""
    detail: dict[str, str]
    """What else there is to say of that type."""


class AuditLine(Answered):
    number: int
    """From 1, without gaps."""
    hash: str
    """SHA-256 over the hash of the line before, the number and the event, in hexadecimal."""
    event: Happened


class Lines(Answered):
    lines: list[AuditLine]
    next: int
    """What `after` is for the lines that come later."""


class Hook(Answered):
    url: str
    behind: int
    """Lines of the log that it has not got yet."""
    delivered: int
    """Lines that it took since the hub started."""
    failures: int
    """Tries that it did not take since the hub started."""
    failing: int
    """Since when it takes nothing, microseconds since the epoch; 0 while it does."""
    trouble: str
    """Why the last try failed; empty while it works."""

    @classmethod
    def of(cls, endpoint: Endpoint, end: int) -> "Hook":
        return cls(
            url=endpoint.url, behind=max(0, end - endpoint.sent), delivered=endpoint.delivered,
            failures=endpoint.failures, failing=endpoint.failing, trouble=endpoint.trouble,
        )  # fmt: skip


class Hooks(Answered):
    webhooks: list[Hook]
