"""What the operator's API takes and answers, as its description says it.

Needs the extra `callmesh[api]`, and is imported where it is wanted alone.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from callmesh.door import MAX_DAYS
from callmesh.ids import MAX_NAME
from callmesh.operator import (
    LONGEST,
    MAX_SUBJECT,
    CallListed,
    PersonNoted,
    Present,
    ResourceInfo,
)  # fmt: skip
from callmesh.webhooks import Endpoint

WORDS = 400
"""Characters that one may be told who waits."""

# --- what is sent


class Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _whole(value: object) -> object:
    """JSON has one kind of number: 3.0 is a whole one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Days = Annotated[int, Field(ge=1, le=MAX_DAYS), BeforeValidator(_whole)]


class NewCall(Sent):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")] | None = None
    """Without one the hub makes it."""
    waiting_area: bool | None = None
    retention: Days | None = None
    """Days after which it is deleted when nobody was in it."""


class Changes(Sent):
    """What is left out stays; null leaves it to the hub."""

    waiting_area: bool | None = None
    retention: Days | None = None


class NewInvite(Sent):
    role: Literal["host", "guest", "observer"] = "guest"
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=r"\S")] | None = None
    """How others see them; without one they say it themselves."""
    person: Annotated[str, Field(min_length=1, max_length=MAX_SUBJECT)] | None = None
    """Who it is, in your own words: the same text is the same person."""
    lasts: Annotated[int, Field(ge=1, le=LONGEST), BeforeValidator(_whole)] = 24 * 3600
    """Seconds."""
    wait: bool = True
    """Whether they ask a host to be let in."""


class NewRole(Sent):
    role: Literal["host", "guest", "observer"] | None
    """Null takes back the one that was given."""


class NewAccess(Sent):
    access: Literal["edit", "view", "hidden"] | None
    """Null for the usual."""


class Words(Sent):
    words: Annotated[str, Field(max_length=WORDS)] = ""


# --- what is answered


class Problem(BaseModel):
    code: str
    reason: str
    message: str


class Calls(BaseModel):
    calls: list[CallListed]
    next: str | None
    """What `after` is for the next page; null at the end."""


class Participants(BaseModel):
    participants: list[Present]


class People(BaseModel):
    people: list[PersonNoted]


class Resources(BaseModel):
    resources: list[ResourceInfo]


class Invite(BaseModel):
    link: str
    token: str
    person: str
    """Who will come in with it, as the hub names them."""
    expires: int


class Happened(BaseModel):
    time: int
    what: str
    call: str
    by: str
    person: str
    participant: str
    name: str
    detail: dict[str, str]


class AuditLine(BaseModel):
    number: int
    hash: str
    event: Happened


class Lines(BaseModel):
    lines: list[AuditLine]
    next: int
    """What `after` is for the lines that come later."""


class Hook(BaseModel):
    url: str
    behind: int
    """Lines of the log that it has not got yet."""
    delivered: int
    failures: int
    failing: int
    """Since when it takes nothing; 0 while it does."""
    trouble: str

    @classmethod
    def of(cls, endpoint: Endpoint, end: int) -> "Hook":
        return cls(
            url=endpoint.url, behind=max(0, end - endpoint.sent), delivered=endpoint.delivered,
            failures=endpoint.failures, failing=endpoint.failing, trouble=endpoint.trouble,
        )  # fmt: skip


class Hooks(BaseModel):
    webhooks: list[Hook]
