"""What every route shares: limits, known parameters only, keys, conditional reads, declared problems."""

from collections.abc import Callable, Coroutine, Iterator
from itertools import islice
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from registry_api.access import admit
from registry_api.bodies import PUBLIC_BODY_BYTES, StrictRequest
from registry_api.conditions import conditional
from registry_api.filtering import Filters, Parameter, unknown_operator
from registry_api.idempotency.keys import HEADER as IDEMPOTENCY_KEY
from registry_api.idempotency.keys import LONGEST_KEY, PRINTABLE
from registry_api.idempotency.service import answer_once
from registry_api.lifecycle import DEPRECATION, Stability, told
from registry_api.problems import (
    FieldError,
    InvalidRequest,
    NotFound,
    ProblemDocument,
    UnsupportedMedia,
    suggestion,
)
from registry_api.selecting import Choice

SHOWN_UNKNOWN = 20
"""Each is compared with the known ones, and a URL has room for thousands."""

SECURITY_SCHEME = "token"
"""Name of the bearer scheme in the API document."""


class StrictRoute(APIRoute):
    """A route that refuses unknown query parameters, and bodies that are not JSON where JSON is due."""

    stability: ClassVar[Stability] = "stable"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.required_scope = next(_scopes(self.dependant), None)
        self.while_suspended = any(_marks(self.dependant, "while_suspended"))
        self.also_scope = next(filter(None, _marks(self.dependant, "also_scope")), None)
        if self.required_scope is not None:
            described: dict[str, Any] = {"security": [{SECURITY_SCHEME: []}], "x-required-scope": self.required_scope}
            if any(_marks(self.dependant, "sensitive")):
                described["x-recorded-read"] = True
            if self.also_scope is not None:
                described["x-also-required-scope"] = self.also_scope
            self.openapi_extra = {**described, **(self.openapi_extra or {})}
        self.openapi_extra = {"x-stability": self.stability, **(self.openapi_extra or {})}
        self.lifecycle = told(self.openapi_extra.get(DEPRECATION))
        self.idempotency = _idempotency(self)
        if self.idempotency is not None:
            self.openapi_extra = {**self.openapi_extra, "x-idempotency": self.idempotency}
        self._take_choices()
        if self.idempotency == "keyed":
            self.responses = {**KEYED_RESPONSES, **self.responses}

    def _take_choices(self) -> None:
        """Take the parameters that follow from the route's filters and from the view that it answers."""
        self.filters = tuple(_filters(self.dependant))
        self.personal = frozenset(one.name for one in self.filters if one.by.is_personal)
        self.choice = Choice.of(self.response_model) if "GET" in (self.methods or ()) else Choice()
        if self.choice.included and not self.response_model_exclude_unset:
            raise ValueError(f"{self.name} needs response_model_exclude_unset: what is not included is left out")
        made = [*(one.document for one in self.filters), *self.choice.parameters]
        self.known = frozenset({*_query_names(self.dependant), *(str(one["name"]) for one in made)})
        if parameters := [*([KEY_PARAMETER] if self.idempotency == "keyed" else ()), *made]:
            self.openapi_extra = {**(self.openapi_extra or {}), "parameters": parameters}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler behind the shared checks."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            request.state.answer_headers = self.lifecycle
            await request.app.state.limits.enter(request, self.name)
            _refuse_nul(request)
            _refuse_unknown(request, self.known)
            request.state.wanted = wanted = self.choice.wanted(request)
            strict = StrictRequest(request.scope, request.receive)
            if self.body_field is not None:
                await self._prepare_body(strict)
            if self.idempotency == "keyed" and IDEMPOTENCY_KEY in strict.headers:
                return await answer_once(strict, await admit(strict, str(self.required_scope)), handle)
            return conditional(strict, self.choice.cut(await handle(strict), wanted))

        return checked

    async def _prepare_body(self, request: StrictRequest) -> None:
        """The framework reads the body before any dependency runs, so who may send one is asked here."""
        _require_json(request)
        if self.required_scope is None:
            request.limit = PUBLIC_BODY_BYTES
        else:
            await admit(request, self.required_scope)


def _scopes(dependant: Dependant) -> Iterator[str]:
    yield from (scope for scope, _ in _accesses(dependant))


def _accesses(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """The scopes a route asks for, and whether each lets it write."""
    for dependency in dependant.dependencies:
        scope = getattr(dependency.call, "required_scope", None)
        if scope is not None:
            yield scope, dependency.call.writes  # type: ignore[union-attr]
        yield from _accesses(dependency)


def _idempotency(route: APIRoute) -> str | None:
    """How a POST bears to be sent twice: `keyed` by the shared table, `batch` by the ledger of batches, `none` where it has
    no effect or no caller whom a key could belong to, or says so itself. None for other methods.
    """
    if "POST" not in (route.methods or ()):
        return None
    if (route.openapi_extra or {}).get("x-idempotency") == "none":
        return "none"
    if any(field.alias.lower() == IDEMPOTENCY_KEY.lower() for field in route.dependant.header_params):
        return "batch"
    return "keyed" if any(writes for _, writes in _accesses(route.dependant)) else "none"


def _marks(dependant: Dependant, name: str) -> Iterator[Any]:
    """What the dependencies say of a route beside its scope."""
    for dependency in dependant.dependencies:
        yield getattr(dependency.call, name, None)
        yield from _marks(dependency, name)


def _query_names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (info.alias or name for name, info in model.model_fields.items())
        else:
            yield field.alias
    for dependency in dependant.dependencies:
        yield from _query_names(dependency)


def _filters(dependant: Dependant) -> Iterator[Parameter]:
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Filters):
            yield from dependency.call.parameters.values()
        yield from _filters(dependency)


def _refuse_nul(request: Request) -> None:
    """PostgreSQL has no text with NUL, so nothing of that name can exist."""
    if "\0" in request.scope["path"]:
        raise NotFound("No path has a NUL character.")
    faulty = [name for name, value in request.query_params.multi_items() if "\0" in name + value]
    if faulty:
        detail = "A parameter must not have a NUL character."
        raise InvalidRequest(detail, errors=[FieldError(name[:200], "nul_character", detail) for name in faulty])


def _refuse_unknown(request: Request, known: frozenset[str]) -> None:
    names = (name for name in request.query_params if name not in known)
    unknown = [_unknown(name, known) for name in islice(names, SHOWN_UNKNOWN)]
    if unknown:
        raise InvalidRequest(unknown[0].detail, errors=unknown)


def _unknown(name: str, known: frozenset[str]) -> FieldError:
    return unknown_operator(name, known) or FieldError(
        name[:200], "unknown_parameter", f"There is no query parameter {name[:200]!r}. {suggestion(name, known)}"
    )


def _require_json(request: Request) -> None:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMedia(f"Send the body as Content-Type: application/json, not {kind or 'nothing'}.")


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: _problem("The request is not valid; `errors` names each field."),
    401: _problem("No valid token."),
    403: _problem("The token lacks the scope, or the tenant is suspended."),
    404: _problem("No such thing in this tenant."),
    429: _problem("A limit was hit; `errors` names it, `Retry-After` says when to come again."),
    "default": _problem("Any other problem."),
}


def also(status: int, model: type[BaseModel], description: str) -> dict[int | str, dict[str, Any]]:
    """A second answer of success: `also(201, View, "It is new.")`."""
    return {status: {"model": model, "description": description}}


def problems(**described: str) -> dict[int | str, dict[str, Any]]:
    """More problem answers of a route: `problems(conflict="The slug is taken.")`."""
    return {_STATUS[name]: _problem(text) for name, text in described.items()}


KEY_PARAMETER = {
    "name": IDEMPOTENCY_KEY,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": PRINTABLE},
    "description": "Printable ASCII, unique to this request. Sent again within 24 hours it has no second effect: the "
    "first answer comes again, with `Idempotency-Replayed: true`.",
}
KEYED_RESPONSES: dict[int | str, dict[str, Any]] = {
    409: _problem("The first request with this key is still under way, or the change contradicts what is stored."),
    422: _problem("The key was used for another request, or the request cannot be carried out."),
}
_STATUS: dict[str, int | str] = {
    "not_acceptable": 406,
    "conflict": 409,
    "stale": 412,
    "too_large": 413,
    "unsupported": 415,
    "unprocessable": 422,
    "revision_required": 428,
    "unavailable": 503,
}


class _BetaRoute(StrictRoute):
    stability = "beta"


class _ExperimentalRoute(StrictRoute):
    stability = "experimental"


ROUTES: dict[Stability, type[StrictRoute]] = {
    "stable": StrictRoute,
    "beta": _BetaRoute,
    "experimental": _ExperimentalRoute,
}


def api_router(tag: str, prefix: str = "/v1", stability: Stability = "stable") -> APIRouter:
    """A router whose routes share the checks and problem answers; all routes are made on one of these."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=ROUTES[stability], responses=PROBLEM_RESPONSES)
