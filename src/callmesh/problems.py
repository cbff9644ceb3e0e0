"""What the operator's API says when something goes wrong: one shape, and sentences of our own.

Needs the extra `callmesh[api]`, and is imported where it is wanted alone.
"""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from callmesh.errors import (
    BadInput,
    CallmeshError,
    Denied,
    NoSuchCall,
    Refused,
    Restarting,
    StorageFailed,
    TooFast,
    TooLarge,
    Unauthorized,
)  # fmt: skip
from callmesh.shapes import FORMS, Problem

Schema: TypeAlias = Mapping[str, Any]

STATUS: dict[type[CallmeshError], int] = {
    Unauthorized: 401, NoSuchCall: 404, TooFast: 429, Refused: 409, TooLarge: 413, BadInput: 422,
    StorageFailed: 503, Restarting: 503,
}  # fmt: skip
REASONS = {"nobody": 404, "no_resource": 404, "full": 429, "read_only": 503}
SAID = {
    401: "The API key is missing or wrong.",
    404: "There is no such call, or no such person or resource in it.",
    409: "It cannot be done: `reason` says why.",
    413: "What was sent is too large.",
    422: "What was sent breaks a rule of form.",
    429: "More than a limit allows.",
    503: "The disk refuses, or the hub goes down.",
}
NOWHERE = {
    404: ("not_found", "there is nothing at this address; openapi.json says what there is"),
    405: ("not_allowed", "this address takes other methods; openapi.json says which"),
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Problem, "description": SAID[status]} for status in statuses}


ASKING = _problems(401, 422, 429, 503)
OF_CALL = _problems(401, 404, 422, 429, 503)
CHANGING = _problems(401, 404, 409, 413, 422, 429, 503)


def _status(error: CallmeshError) -> int:
    if isinstance(error, Denied) and error.reason in REASONS:
        return REASONS[error.reason]
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def _problem(status: int, code: str, message: str, reason: str = "") -> JSONResponse:
    return JSONResponse({"code": code, "reason": reason, "message": message}, status)


async def explain(request: Request, error: Exception) -> Response:
    """Whatever goes wrong, in one shape."""
    match error:
        case CallmeshError():
            reason = error.reason if isinstance(error, Denied) else ""
            return _problem(_status(error), error.code, str(error), reason)
        case RequestValidationError():
            return _problem(422, "bad_input", _why(error.errors()[0], _operation(request)))
        case HTTPException(status_code=400):
            return _problem(422, "bad_input", "the body is no JSON in UTF-8")
        case HTTPException():
            code, message = NOWHERE.get(error.status_code, ("too_large", str(error.detail)))
            answer = _problem(error.status_code, code, message)
            answer.headers.update(error.headers or {})
            return answer
    raise error


def _operation(request: Request) -> dict[str, Schema]:
    """What a request takes, by name: its parameters and the members of its body."""
    spec: Schema = request.app.openapi()
    said = spec["paths"][request.scope["route"].path_format][request.method.lower()]
    takes = {one["name"]: one["schema"] for one in said.get("parameters", ())}
    for body in said.get("requestBody", {}).get("content", {}).values():
        name = body["schema"].get("$ref", "").rpartition("/")[2]
        takes |= spec["components"]["schemas"].get(name, {}).get("properties", {})
    return takes


def _why(error: Schema, takes: Mapping[str, Schema]) -> str:
    """What is wrong with a request that takes `takes`, and what would be right."""
    kind, (_, *place) = error["type"], error["loc"]
    if kind == "json_invalid":
        return f"the body is no JSON, as from its character {place[0]}"
    if not place:
        return "the body is a JSON object, sent as application/json"
    name = str(place[0])
    if kind == "extra_forbidden":
        return f"there is no member {name} here; there is {', '.join(takes)}"
    wants = wanted(takes[name])
    if kind == "missing":
        return f"{name} is missing; it is {wants}"
    return f"{name} is {wants}, and {json.dumps(error['input'], default=str)[:80]} is not"


def wanted(schema: Schema) -> str:
    """What its values are, in words."""
    match schema:
        case {"anyOf": [inner, {"type": "null"}]}:
            return f"{wanted(inner)}, or null"
        case {"enum": values}:
            return f"one of {', '.join(values)}"
        case {"type": "boolean"}:
            return "true or false"
        case {"type": "integer", "minimum": least, "maximum": most}:
            return f"a whole number from {int(least)} to {int(most)}"
        case {"type": "integer", "minimum": least}:
            return f"a whole number from {int(least)}"
        case {"type": "integer"}:
            return "a whole number"
        case {"pattern": pattern}:
            return FORMS[pattern]
        case {"type": "string", "maxLength": most}:
            return f"a text of {schema.get('minLength', 0)}–{most} characters"
    return "a text"
