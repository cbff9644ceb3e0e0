"""The operator's API: the verbs of `Operator` over HTTP, described by /api/openapi.json.

Needs the extra `callmesh[api]`, and is imported where it is wanted alone.
"""

import tempfile
from collections.abc import Callable, Iterator
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from callmesh.archive import MAX_ARCHIVE
from callmesh.audit import Line
from callmesh.errors import BadInput, CallmeshError
from callmesh.guard import ApiKey, Guard
from callmesh.ids import CallId, PersonId, ResourceId
from callmesh.operator import CallInfo, Operator
from callmesh.participant import Access, Role
from callmesh.problems import ASKING, CHANGING, OF_CALL, explain
from callmesh.shapes import (
    CALL_ID,
    AuditLine,
    Call,
    Calls,
    Changes,
    Happened,
    Hook,
    Hooks,
    Invite,
    Lines,
    Most,
    NewAccess,
    NewCall,
    NewInvite,
    NewRole,
    Participants,
    People,
    Person,
    Resource,
    Resources,
    Who,
    Words,
)  # fmt: skip
from callmesh.webhooks import Webhooks

ZIP = "application/zip"
ABOUT = """Calls, and who may come into them, for whoever runs the hub.

Times are microseconds since the epoch. What was changed is on disk when the answer comes. A
body of which all members may be left out may be left out itself. Errors are `{code, reason,
message}`, with the codes of the protocol; `reason` says why something was denied."""


def api(
    operator: Operator, key: ApiKey, url: str | None = None, hooks: Webhooks | None = None
) -> ASGIApp:
    """To be mounted. `url` is where people reach the hub; without one, where the operator did."""
    app = description(operator, url, hooks)
    return Guard(app, key, operator.live, large=("/calls/import",), most=MAX_ARCHIVE)


def description(
    operator: Operator, url: str | None = None, hooks: Webhooks | None = None
) -> FastAPI:
    """The same without its guard."""
    app = FastAPI(
        title="callmesh", version="1", description=ABOUT, docs_url=None, redoc_url=None,
        dependencies=[
            Depends(HTTPBearer(auto_error=False, description="The API key.")),
            Depends(_check_query),
        ],
        redirect_slashes=False,
    )  # fmt: skip
    for kind in (CallmeshError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, explain)
    app.include_router(_calls(operator))
    app.include_router(_archives(operator))
    app.include_router(_people(operator, url))
    app.include_router(_log(operator, hooks))
    return app


def _check_query(request: Request) -> None:
    """A parameter that is not known is a slip."""
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    for name in request.query_params:
        if name not in known:
            there = f"there is {', '.join(sorted(known))}" if known else "there is none"
            raise BadInput(f"there is no parameter {name} here; {there}")


def _calls(operator: Operator) -> APIRouter:
    router = APIRouter(tags=["calls"])

    @router.get("/calls", responses=ASKING)
    async def list_calls(
        after: Annotated[str, Query(max_length=64, description="The `next` of a page.")] = "",
        limit: Most = 100,
    ) -> Calls:
        """Calls by id, a page at a time."""
        found = await operator.calls(after, limit)
        return Calls(calls=found, next=found[-1].id if len(found) == limit else None)

    @router.post("/calls", status_code=201, responses=CHANGING)
    async def create_call(new: NewCall = NewCall()) -> CallInfo:  # noqa: B008 - frozen
        """Make a call."""
        return await operator.create(
            new.id or "", waiting_area=new.waiting_area, retention=new.retention
        )

    @router.get("/calls/{call}", responses=OF_CALL)
    async def get_call(call: Call) -> CallInfo:
        """How a call is now."""
        return await operator.info(CallId(call))

    @router.patch("/calls/{call}", responses=CHANGING)
    async def change_call(call: Call, changes: Changes = Changes()) -> CallInfo:  # noqa: B008 - frozen
        """Change its settings."""
        given = changes.model_fields_set
        if "waiting_area" in given:
            await operator.set_waiting_area(CallId(call), changes.waiting_area)
        if "locked" in given:
            await operator.lock(CallId(call), changes.locked)
        if "retention" in given:
            await operator.set_retention(CallId(call), changes.retention)
        return await operator.info(CallId(call))

    @router.delete("/calls/{call}", status_code=204, responses=CHANGING)
    async def delete_call(call: Call) -> None:
        """End it for everybody, and forget all of it but its lines in the audit log."""
        await operator.delete(CallId(call))

    @router.post("/calls/{call}/end", responses=CHANGING)
    async def end_call(call: Call) -> CallInfo:
        """End it for everybody, until it is opened again here. Everything in it stays."""
        await operator.command(CallId(call), "end")
        return await operator.info(CallId(call))

    @router.post("/calls/{call}/reopen", responses=CHANGING)
    async def reopen_call(call: Call) -> CallInfo:
        """Open a call again that has ended."""
        await operator.command(CallId(call), "reopen")
        return await operator.info(CallId(call))

    @router.get("/calls/{call}/resources", responses=OF_CALL)
    async def list_resources(call: Call) -> Resources:
        """What is in it, and who may do what with it."""
        return Resources(resources=await operator.resources(CallId(call)))

    @router.put(
        "/calls/{call}/resources/{resource}/access/{who}", status_code=204, responses=CHANGING
    )
    async def set_access(call: Call, resource: Resource, who: Who, new: NewAccess) -> None:
        """What a role or a person may do with a resource."""
        access = None if new.access is None else Access(new.access)
        await operator.set_access(CallId(call), ResourceId(resource), who, access)

    return router


def _people(operator: Operator, url: str | None) -> APIRouter:
    router = APIRouter(tags=["people"])

    @router.post("/calls/{call}/invites", status_code=201, responses=CHANGING)
    async def invite(call: Call, request: Request, new: NewInvite = NewInvite()) -> Invite:  # noqa: B008 - frozen
        """A link that lets somebody in; `ended` says where nobody comes in before it is opened."""
        made = await operator.invite(
            CallId(call), role=Role(new.role), name=new.name, person=new.person, lasts=new.lasts,
            wait=new.wait,
        )  # fmt: skip
        link = f"{(url or _origin(request)).rstrip('/')}/call/{call}#token={made.token}"
        return Invite(
            link=link, token=made.token, person=made.person, expires=made.expires, ended=made.ended
        )

    @router.get("/calls/{call}/participants", responses=OF_CALL)
    async def list_participants(call: Call) -> Participants:
        """Who is in it, and who waits."""
        return Participants(participants=await operator.participants(CallId(call)))

    @router.get("/calls/{call}/people", responses=OF_CALL)
    async def list_people(call: Call) -> People:
        """What was decided about whom, and who has left within a day."""
        return People(people=await operator.people(CallId(call)))

    @router.post("/calls/{call}/admit", status_code=204, responses=CHANGING)
    async def admit_all(call: Call) -> None:
        """Let in everybody who waits."""
        await operator.command(CallId(call), "admit")

    @router.post("/calls/{call}/people/{person}/hold", status_code=204, responses=CHANGING)
    async def hold(call: Call, person: Person, said: Words = Words()) -> None:  # noqa: B008 - frozen
        """Ask somebody who waits for patience."""
        await operator.command(CallId(call), "hold", PersonId(person), said.words)

    @router.put("/calls/{call}/people/{person}/role", status_code=204, responses=CHANGING)
    async def set_role(call: Call, person: Person, new: NewRole) -> None:
        """Give a person another role, at once and for later visits."""
        await operator.command(CallId(call), "role", PersonId(person), new.role or "")

    for action, about in (
        ("admit", "Let somebody in who waits."),
        ("decline", "Turn somebody away who waits. They may ask again."),
        ("remove", "Take a person out; the invitation they had counts no more."),
        ("ban", "Keep a person out, whatever invitation they may get."),
        ("allow", "Let a person who was removed or banned ask again."),
    ):
        router.post(
            f"/calls/{{call}}/people/{{person}}/{action}", status_code=204, responses=CHANGING,
            description=about, name=action,
        )(_command(operator, action))  # fmt: skip
    return router


def _command(operator: Operator, action: str) -> Callable[..., Any]:
    async def command(call: Call, person: Person) -> None:
        await operator.command(CallId(call), action, PersonId(person))

    return command


def _archives(operator: Operator) -> APIRouter:
    router = APIRouter(tags=["archives"])
    binary = {ZIP: {"schema": {"type": "string", "format": "binary"}}}

    @router.post(
        "/calls/import", status_code=201, responses=CHANGING,
        openapi_extra={"requestBody": {"content": binary, "required": True}},
    )  # fmt: skip
    async def import_call(
        request: Request,
        call: Annotated[str | None, Query(pattern=CALL_ID)] = None,
    ) -> CallInfo:
        """Put a call back that was exported, under its own id or as `call`."""
        with tempfile.TemporaryFile() as file:
            async for part in request.stream():
                await run_in_threadpool(file.write, part)
            return await operator.take_in(file, CallId(call) if call else None)

    @router.get(
        "/calls/{call}/export", response_class=StreamingResponse,
        responses={**OF_CALL, 200: {"content": binary, "description": "A zip."}},
    )  # fmt: skip
    async def export_call(call: Call) -> StreamingResponse:
        """Everything of a call as one archive."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it was sent
        try:
            name = await operator.export(CallId(call), file)
        except BaseException:
            file.close()
            raise
        headers = {
            "Content-Length": str(file.seek(0, 2)),
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        return StreamingResponse(_parts(file), media_type=ZIP, headers=headers)

    return router


def _parts(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while part := file.read(256 * 1024):
            yield part


def _log(operator: Operator, hooks: Webhooks | None) -> APIRouter:
    router = APIRouter(tags=["audit"])

    @router.get("/audit", responses=ASKING)
    async def audit(
        after: Annotated[int, Query(ge=0, le=2**53 - 1, description="The number of a line.")] = 0,
        limit: Most = 100,
    ) -> Lines:
        """The audit log behind a line, from the first on."""
        lines = await operator.lines(after, limit)
        return Lines(lines=[_shown(line) for line in lines], next=_last(lines, after))

    @router.get("/webhooks", responses=ASKING)
    async def list_webhooks() -> Hooks:
        """Where the log is sent on to, and how that goes."""
        end = _last(await operator.lines(-1, 1), 0)
        endpoints = hooks.endpoints if hooks else []
        return Hooks(webhooks=[Hook.of(endpoint, end) for endpoint in endpoints])

    return router


def _shown(line: Line) -> AuditLine:
    event = line.event
    return AuditLine(
        number=line.number,
        hash=line.hash,
        event=Happened(
            time=event.time, what=event.what, call=event.call, by=event.by, person=event.person,
            participant=event.participant, name=event.name, detail=event.detail,
        ),
    )  # fmt: skip


def _last(lines: list[Line], after: int) -> int:
    return lines[-1].number if lines else after


def _origin(request: Request) -> str:
    """Where the hub is that this API is a part of."""
    root: str = request.scope.get("root_path", "")
    return f"{request.url.scheme}://{request.url.netloc}{root.removesuffix('/api')}"
