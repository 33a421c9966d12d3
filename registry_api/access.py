"""Access by construction: a route gets its session only through `reading(scope)` or `writing(scope)`, so none can
forget to ask.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.clock import utcnow
from patchbay.core.telemetry import current_trace_id
from registry_api.cache.basis import Basis
from registry_api.db import Binding, Crossing, Database, Principal, Reader, UnitOfWork, rebind
from registry_api.db.binding import of_principal
from registry_api.idempotency.service import Once
from registry_api.identity.authentication import authenticate
from registry_api.identity.cookies import presented
from registry_api.identity.namespaces.grants import by_grant
from registry_api.identity.roles import ANYONE, PLATFORM_ONLY, SCOPES
from registry_api.problems import Forbidden, TenantSuspended

ActFor = Annotated[str | None, Header(alias="Patchbay-Tenant", description="Tenant to act in; platform tokens only.")]


NOT_KEPT = "(not kept)"
"""Stands in the record of a reading for the value of a filter that tells something of a person."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def database(request: Request) -> Database:
    """The application's database."""
    found: Database = request.app.state.database
    return found


class Actor:
    """A permitted caller who opens sessions itself, for work that must not hold one while it parses or writes files."""

    def __init__(
        self, database: Database, principal: Principal, reach: Binding | None = None, once: Once | None = None
    ) -> None:
        self.database = database
        self.principal = principal
        self.reach = reach or of_principal(principal)
        self.once = once

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:
        """A read-only session."""
        async with self.database.reading(self.reach) as session:
            yield Reader(session, self.principal, self.reach)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[UnitOfWork]:
        """A unit of work, committed at the end unless the block raised.

        That of a keyed request is committed later, together with its answer; it has only this one.
        """
        if self.once is not None:
            yield await self.once.begin(self._unit())
            return
        async with self._unit() as work:
            yield work

    async def recall(self) -> None:
        """Answer a keyed request that was answered before, ahead of its unit of work."""
        if self.once is not None:
            async with self.reading() as reader:
                await self.once.recall(reader)

    @asynccontextmanager
    async def _unit(self) -> AsyncIterator[UnitOfWork]:
        async with self.database.writing(self.reach) as session:
            work = UnitOfWork(session, self.principal, current_trace_id(), self.reach)
            yield work
            await work.commit_request()


async def admit(request: Request, scope: str) -> Principal:
    """Turn away callers who lack `scope` before anything of the body is read; others are then known to the route."""
    async with database(request).reading(Crossing.AUTHENTICATION) as session:
        principal = await _permitted(session, request, request.headers.get("patchbay-tenant"), scope)
    request.state.principal = principal
    return principal


async def _permitted(session: AsyncSession, request: Request, tenant: str | None, scope: str) -> Principal:
    admitted: Principal | None = getattr(request.state, "principal", None)
    return admitted or await _judged(session, request, tenant, scope)


async def _judged(session: AsyncSession, request: Request, tenant: str | None, scope: str) -> Principal:
    request.state.admission = admission = await authenticate(session, presented(request), tenant)
    principal = admission.principal
    await request.app.state.limits.admit(request, principal)
    request.app.state.last_use.seen(principal.token_id)
    if scope != ANYONE and scope not in principal.scopes:
        principal = await by_grant(session, principal, scope)
    if scope != ANYONE and scope not in principal.scopes:
        raise Forbidden(f"This needs the scope {scope}; the token has {', '.join(sorted(principal.scopes)) or 'none'}.")
    if more := _included(request) - principal.scopes:
        raise Forbidden(f"To include that needs the scope {', '.join(sorted(more))} as well.")
    if principal.suspended and _changes(request, scope):
        raise TenantSuspended(
            "The tenant is suspended: it can be read, but nothing in it can be changed. Ask the operator."
        )
    return principal


def _changes(request: Request, scope: str) -> bool:
    """Whether a request changes what a tenant has: it neither reads, nor is about the caller alone, nor of a route that says so."""
    return request.method not in SAFE_METHODS and scope != ANYONE and not request.scope["route"].while_suspended


async def _basis(request: Request, session: AsyncSession, principal: Principal, scope: str) -> Basis:
    """What an answer that may be kept rests on, told before it is read."""
    from registry_api.catalog.repository import Catalogue  # stands on this module

    valid_until = await Catalogue(session, principal.scope).next_change(utcnow())
    return Basis(request.state.admission, _included(request) | {scope}, valid_until)


def _included(request: Request) -> frozenset[str]:
    """The scopes that what is to be included needs beside the route's own."""
    also: frozenset[str] = getattr(request.state, "also_scopes", frozenset())
    return also


def _reach(principal: Principal, scope: str) -> Binding:
    """What a route's sessions reach: routes that only platform roles may call work on every tenant."""
    return Binding.to(Crossing.PLATFORM) if scope in PLATFORM_ONLY else of_principal(principal)


def reading(scope: str, *, sensitive: bool = False, cached: bool = False) -> Any:
    """A dependency that gives a `Reader` to callers who hold `scope`.

    That somebody read what is sensitive is recorded before it is read: no record, no answer. Answers of a `cached` one are kept: they
    must follow from the request's path, its query and what the tenant may see, whose every change leaves a record in the audit
    chain of the tenant or of the operator.
    """
    if sensitive and cached:
        raise ValueError("a recorded read cannot be answered without being recorded")
    permit = _acting(scope, sensitive=sensitive)

    async def provide(request: Request, patchbay_tenant: ActFor = None) -> AsyncIterator[Reader]:
        async with database(request).reading(Crossing.AUTHENTICATION) as session:
            principal = await _permitted(session, request, patchbay_tenant, scope)
            reach = _reach(principal, scope)
            await rebind(session, reach)
            if cached:
                request.state.basis = await _basis(request, session, principal, scope)
            yield Reader(session, principal, reach)

    async def recorded(actor: Annotated[Actor, permit]) -> AsyncIterator[Reader]:
        async with actor.reading() as reader:
            yield reader

    return Depends(_declared(recorded if sensitive else provide, scope, sensitive=sensitive, cached=cached))


def acting(scope: str, *, also: str | None = None, sensitive: bool = False) -> Any:
    """A dependency that gives an `Actor` to callers who hold `scope`, and `also` where it is given; `sensitive` as for `reading`.

    Callers are authenticated on a session of their own, so that nobody without a token can take the writer's turn. A keyed
    request that was answered before is answered here already: what the route judges before its unit of work may be judged
    differently by now.
    """
    permit = _acting(scope, also=also, sensitive=sensitive)

    async def provide(actor: Annotated[Actor, permit]) -> Actor:
        await actor.recall()
        return actor

    return Depends(_declared(provide, scope, also=also, sensitive=sensitive, writes=True))


def _acting(scope: str, *, also: str | None = None, sensitive: bool = False) -> Any:
    """The same without asking for the former answer, which a unit of work does by itself."""

    async def provide(request: Request, patchbay_tenant: ActFor = None) -> Actor:
        async with database(request).reading(Crossing.AUTHENTICATION) as session:
            principal = await _permitted(session, request, patchbay_tenant, scope)
        if also is not None and also not in principal.scopes:
            raise Forbidden(f"This needs the scope {also} as well.")
        once: Once | None = getattr(request.state, "once", None)
        actor = Actor(database(request), principal, _reach(principal, scope), once)
        if sensitive:
            async with actor.writing() as work:
                personal = request.scope["route"].personal
                given = [(name, value) for name, value in request.query_params.items() if name != "cursor"]
                asked = {name: NOT_KEPT if name in personal else value for name, value in given}
                work.audit("data.read", f"{request.method} {request.url.path}", {"query": asked})
        return actor

    return Depends(_declared(provide, scope, also=also, sensitive=sensitive, writes=True))


def writing(scope: str, *, while_suspended: bool = False) -> Any:
    """A dependency that gives a `UnitOfWork` to callers who hold `scope`, and commits it before the answer leaves.
    `while_suspended` lets in also who acts in a tenant that is not active, to write what is no change of anything in it.
    """
    permit = _acting(scope)

    async def provide(actor: Annotated[Actor, permit]) -> AsyncIterator[UnitOfWork]:
        async with actor.writing() as work:
            yield work

    # Function scope ends the dependency, and so commits, before the response is sent.
    return Depends(_declared(provide, scope, writes=True, while_suspended=while_suspended), scope="function")


def _declared(
    provide: Callable[..., Any],
    scope: str,
    *,
    also: str | None = None,
    sensitive: bool = False,
    writes: bool = False,
    cached: bool = False,
    while_suspended: bool = False,
) -> Callable[..., Any]:
    for asked in (scope, also or scope):
        if asked not in SCOPES | {ANYONE}:
            raise ValueError(f"{asked} is not a scope; the scopes are {', '.join(sorted(SCOPES))}")
    provide.required_scope = scope  # type: ignore[attr-defined]
    provide.also_scope = also  # type: ignore[attr-defined]
    provide.sensitive = sensitive  # type: ignore[attr-defined]
    provide.writes = writes  # type: ignore[attr-defined]
    provide.cached = cached  # type: ignore[attr-defined]
    provide.while_suspended = while_suspended  # type: ignore[attr-defined]
    return provide
