"""Every error as an RFC 9457 problem: ours, the framework's and the validator's."""

import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from patchbay.core.storage import StorageUnavailable
from registry_api.limits.errors import RateLimited
from registry_api.limits.service import LIMITS
from registry_api.problems import (
    Conflict,
    FieldError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
    TooLarge,
    Unavailable,
    suggestion,
)

FIXES = {
    "missing": ("required", "It is required; add it."),
    "json_invalid": ("malformed_json", "The body is not JSON."),
}
"""Validator codes that get a word of ours; all others keep the validator's code and message."""

LONGEST_LOCATION = 200
UNMATCHED = "unmatched"
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")

AWAY = ("08", "53", "57", "58")
"""SQLSTATE classes of a PostgreSQL that is away, full or shutting down."""

LOST = ("40001", "40P01", "23503")
"""Serialisation failure, deadlock, and a thing that was deleted between being looked up and being referred to: the same request may well
succeed, or be refused with the reason, next time.
"""

TAKEN = "23505"
TAKEN_IN_SQLITE = ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")
log = logging.getLogger("registry_api.answers")


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    for outage in (StorageUnavailable, PoolTimeout, asyncpg.PostgresError, OSError):
        app.add_exception_handler(outage, _on_outage)
    app.add_exception_handler(DBAPIError, _on_database)
    app.add_exception_handler(StaleDataError, _on_lost_race)


def problem_response(request: Request, problem: Problem) -> Response:
    """The answer that carries a problem."""
    request_id = request.scope.get("state", {}).get("request_id", "")
    return Response(
        orjson.dumps(problem.body(request_id)),
        status_code=problem.status,
        headers={**problem.headers, "Link": f'</problems/{problem.code}>; rel="help"'},
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
    """A request that no route took is counted here, as routes count theirs."""
    assert isinstance(error, HTTPException)
    try:
        if LIMITS not in request.scope.get("state", {}):
            await request.app.state.limits.enter(request, UNMATCHED)
    except RateLimited as limited:
        return problem_response(request, limited)
    return problem_response(request, _as_problem(request, error))


async def _on_outage(request: Request, error: Exception) -> Response:
    log.error("a part of the service is away", exc_info=error)
    detail = "The database or the storage is away or overloaded. Nothing tells whether a write took effect: repeat it."
    return problem_response(request, Unavailable(detail))


async def _on_lost_race(request: Request, error: Exception) -> Response:
    log.warning("two requests changed the same thing at the same moment", exc_info=error)
    return problem_response(request, Conflict("Another request changed the same at the same moment; read it again."))


async def _on_database(request: Request, error: Exception) -> Response:
    """Outages, lost races for a lock and lost races for a unique name; anything else is a fault of ours."""
    assert isinstance(error, DBAPIError)
    state = getattr(error.orig, "sqlstate", None) or ""
    if error.connection_invalidated or isinstance(error, OperationalError) or state.startswith(AWAY) or state in LOST:
        return await _on_outage(request, error)
    if state == TAKEN or getattr(error.orig, "sqlite_errorname", "") in TAKEN_IN_SQLITE:
        log.warning("two requests made the same thing at the same moment", exc_info=error)
        return problem_response(request, Conflict("Another request made the same at the same moment; read it again."))
    raise error


def _as_problem(request: Request, error: HTTPException) -> Problem:
    if isinstance(error.__cause__, Problem):
        return error.__cause__  # the framework wraps what our body reader raised
    path = request.scope["path"][:LONGEST_LOCATION]
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound(f"There is no {path}; /openapi.json lists every path.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(_methods(request))
        return MethodNotAllowed(f"{path} has {allowed}, not {request.method}.", headers={"Allow": allowed})
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge("The body is larger than this server reads. Send it in smaller batches.")
    return InvalidRequest(str(error.detail), headers=dict(error.headers or {}))


def _methods(request: Request) -> Iterator[str]:
    """The methods of every route that has the path; the framework names only those of the first."""
    for method in METHODS:
        asked = {**request.scope, "method": method}
        if any(route.matches(dict(asked))[0] is Match.FULL for route in request.app.routes):
            yield method


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
