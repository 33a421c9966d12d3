"""Every error as an RFC 9457 problem: ours, the framework's and the validator's."""

from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from registry_api.http import suggestion
from registry_api.problems import (
    FieldError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
    TooLarge,
)

FIXES = {
    "missing": ("required", "It is required; add it."),
    "json_invalid": ("malformed_json", "The body is not JSON."),
}
"""Validator codes that get a word of ours; all others keep the validator's code and message."""

LONGEST_LOCATION = 200


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


def problem_response(request: Request, problem: Problem) -> Response:
    """The answer that carries a problem."""
    request_id = request.scope.get("state", {}).get("request_id", "")
    return Response(
        orjson.dumps(problem.body(request_id)),
        status_code=problem.status,
        headers=problem.headers,
        media_type="application/problem+json",
    )


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(request, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    body_model = _body_model(request)
    errors = [field_error(fault, body_model) for fault in error.errors()[:100]]
    first = f"{errors[0].pointer or 'The body'}: {errors[0].detail}"
    more = f" (and {len(errors) - 1} more, see errors)" if len(errors) > 1 else ""
    return problem_response(request, InvalidRequest(first + more, errors=errors))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem_response(request, _as_problem(request, error))


def _as_problem(request: Request, error: HTTPException) -> Problem:
    if isinstance(error.__cause__, Problem):
        return error.__cause__  # the framework wraps what our body reader raised
    path = request.url.path[:LONGEST_LOCATION]
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound(f"There is no {path}; /openapi.json lists every path.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        return MethodNotAllowed(f"{path} has {allowed}, not {request.method}.", headers={"Allow": allowed})
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge("The body is larger than this server reads. Send it in smaller batches.")
    return InvalidRequest(str(error.detail), headers=dict(error.headers or {}))


def _body_model(request: Request) -> Any:
    field = getattr(request.scope.get("route"), "body_field", None)
    return field.field_info.annotation if field is not None else None


def field_error(fault: dict[str, Any], body_model: Any) -> FieldError:
    """A validator's fault in our words, with a pointer into the body or the parameter's name."""
    where, *path = fault["loc"]
    code, detail = FIXES.get(fault["type"], (fault["type"], f"{fault['msg']}."))
    if fault["type"] == "extra_forbidden":
        code, detail = "unknown_field", f"There is no such field. {_known_fields(body_model, path)}"
    return FieldError(_pointer(path) if where == "body" else str(path[0] if path else where), code, detail)


def _pointer(path: list[Any]) -> str:
    """RFC 6901."""
    parts = (str(part)[:LONGEST_LOCATION].replace("~", "~0").replace("/", "~1") for part in path)
    return "".join(f"/{part}" for part in parts)


def _known_fields(model: Any, path: list[Any]) -> str:
    for part in path[:-1]:
        model = _below(model, part)
    if isinstance(model, type) and issubclass(model, BaseModel):
        known = {info.alias or name for name, info in model.model_fields.items()}
        return suggestion(str(path[-1])[:LONGEST_LOCATION], known)
    return "Leave it out."


def _below(model: Any, part: Any) -> Any:
    """The model one step down a validation path: a field's type, or a list's item type."""
    if isinstance(part, int):
        return next(iter(getattr(model, "__args__", ())), None)
    fields = getattr(model, "model_fields", {})
    return fields[part].annotation if part in fields else None
