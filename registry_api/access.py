"""Access by construction: a route gets its session only through `reading(scope)` or `writing(scope)`, so none can
forget to ask.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.telemetry import current_trace_id
from registry_api.db import Database, Principal, Reader, UnitOfWork
from registry_api.identity.authentication import authenticate
from registry_api.identity.roles import ANYONE, SCOPES
from registry_api.problems import Forbidden, TenantSuspended

ActFor = Annotated[str | None, Header(alias="Patchbay-Tenant", description="Tenant to act in; platform tokens only.")]


SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def database(request: Request) -> Database:
    """The application's database."""
    found: Database = request.app.state.database
    return found


class Actor:
    """A permitted caller who opens sessions itself, for work that must not hold one while it parses or writes files."""

    def __init__(self, database: Database, principal: Principal) -> None:
        self.database = database
        self.principal = principal

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:
        """A read-only session."""
        async with self.database.reading() as session:
            yield Reader(session, self.principal)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[UnitOfWork]:
        """A unit of work, committed at the end unless the block raised."""
        async with self.database.writing() as session:
            work = UnitOfWork(session, self.principal, current_trace_id())
            yield work
            await work.commit()


async def admit(request: Request, scope: str) -> None:
    """Turn away callers who lack `scope` before anything of the body is read; others are then known to the route."""
    async with database(request).reading() as session:
        request.state.principal = await _permitted(session, request, request.headers.get("patchbay-tenant"), scope)


async def _permitted(session: AsyncSession, request: Request, tenant: str | None, scope: str) -> Principal:
    admitted: Principal | None = getattr(request.state, "principal", None)
    return admitted or await _judged(session, request, tenant, scope)


async def _judged(session: AsyncSession, request: Request, tenant: str | None, scope: str) -> Principal:
    principal = await authenticate(session, request.headers.get("authorization"), tenant)
    request.app.state.last_use.seen(principal.token_id)
    if scope != ANYONE and scope not in principal.scopes:
        raise Forbidden(f"This needs the scope {scope}; the token has {', '.join(sorted(principal.scopes)) or 'none'}.")
    if principal.suspended and request.method not in SAFE_METHODS and scope != ANYONE:
        raise TenantSuspended(
            "The tenant is suspended: it can be read, but nothing in it can be changed. Ask the operator."
        )
    return principal


def reading(scope: str) -> Any:
    """A dependency that gives a `Reader` to callers who hold `scope`."""

    async def provide(request: Request, patchbay_tenant: ActFor = None) -> AsyncIterator[Reader]:
        async with database(request).reading() as session:
            yield Reader(session, await _permitted(session, request, patchbay_tenant, scope))

    return Depends(_declared(provide, scope))


def acting(scope: str) -> Any:
    """A dependency that gives an `Actor` to callers who hold `scope`.

    Callers are authenticated on a session of their own, so that nobody without a token can take the writer's turn.
    """

    async def provide(request: Request, patchbay_tenant: ActFor = None) -> Actor:
        async with database(request).reading() as session:
            return Actor(database(request), await _permitted(session, request, patchbay_tenant, scope))

    return Depends(_declared(provide, scope))


def writing(scope: str) -> Any:
    """A dependency that gives a `UnitOfWork` to callers who hold `scope`, and commits it before the answer leaves."""
    permit = acting(scope)

    async def provide(actor: Annotated[Actor, permit]) -> AsyncIterator[UnitOfWork]:
        async with actor.writing() as work:
            yield work

    # Function scope ends the dependency, and so commits, before the response is sent.
    return Depends(_declared(provide, scope), scope="function")


def _declared(provide: Callable[..., Any], scope: str) -> Callable[..., Any]:
    if scope not in SCOPES | {ANYONE}:
        raise ValueError(f"{scope} is not a scope; the scopes are {', '.join(sorted(SCOPES))}")
    provide.required_scope = scope  # type: ignore[attr-defined]
    return provide
