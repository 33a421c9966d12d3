"""What a session may reach at all: one tenant, or more for a named reason. On PostgreSQL the database holds it to that.

The binding stands in `session.info`, and every transaction of the session begins by telling the database, so that no
code path can forget. A session that nobody bound sees nothing. SQLite has no row-level security: there a binding does
nothing, and the repositories' filters are the only wall.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, event, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from registry_api.db.scope import Principal, Scope

TENANT_ROLE, SYSTEM_ROLE = "patchbay_app", "patchbay_system"
"""Neither owns a table, neither bypasses row-level security; the first sees one tenant, the second all of them."""

TENANT_SETTING, OPERATOR_SETTING = "patchbay.tenant", "patchbay.operator"
BOUND = "binding"

_ANNOUNCE = text(
    f"SELECT set_config('{TENANT_SETTING}', :tenant, true), set_config('{OPERATOR_SETTING}', :operator, true), "
    "set_config('role', :role, true)"
).bindparams(*(bindparam(name) for name in ("tenant", "operator", "role")))


class Crossing(Enum):
    """Every reason for which the registry itself reaches beyond one tenant."""

    SETUP = "the first set-up and every start: operator tenant, administrator, tokens of our own processes"
    AUTHENTICATION = "a secret, an e-mail or a tenant's name is looked up before it is known whose it is"
    ATTEMPTS = (
        "sign-ins are counted and CI tokens used up in tables that are nobody's, before it is known whose they are"
    )
    LEAKS = "secrets that were found in public are closed in whichever tenants they open something"
    LAST_USE = "once a minute the last use of tokens and sessions of all tenants is written"
    JOBS = "a worker claims, buries and gives back jobs of every tenant"
    HOUSEKEEPING = (
        "what has had its time is removed, whosever it was: ended jobs, answers, sessions, sign-ins and CI tokens"
    )
    HEALTH = "whether the database answers at the right migration"
    METRICS = "figures over the whole registry, none of them per tenant"
    PLATFORM = (
        "a platform token, a route that only platform roles may call, or the registry's own work for the operator"
    )
    FEED_HEAD = "the newest sequence number of all feeds, a number and nothing else"
    LEDGER = "a change that another tenant is told of writes that tenant's feed, audit and job rows"
    TOMBSTONE = "a tenant whose time has come is made a tombstone, which no tenant does to itself"
    LINKS = "dependencies and advisories of every tenant are linked to a plugin that comes, goes, opens or closes"
    SHARING = "the two tenants of a grant are named to each other, and either ends what the other gave or was given"
    REMOVAL = "whether any tenant's records name a plugin that is to be deleted"
    APPROVER = (
        "who stands behind an actor, who may be the operator's, and whether an approver holds the right at this moment"
    )
    OWN_ACCOUNT = "the caller's own account while acting in another tenant"
    FRESHNESS = (
        "how far the audit chains have come, hashes and nothing else, by which kept answers are known to be fresh"
    )
    HOLDER = (
        "tokens that a person made in whatever tenant, which end with that person's rights, keys that go with the account, and "
        "records of what the person did"
    )
    ANCHORS = "which tenants' audit chains have grown since they were last anchored"
    SAMPLES = "the newest tick's samples, of which a dry run is told its tenant's only"


@dataclass(frozen=True, slots=True)
class Binding:
    """One tenant, or a crossing; neither means nothing."""

    tenant_id: UUID | None = None
    operator_id: UUID | None = None
    crossing: Crossing | None = None

    @classmethod
    def to(cls, reach: "Scope | Crossing | Binding | None") -> "Binding":
        """The binding of a scope or a crossing."""
        if isinstance(reach, Binding):
            return reach
        if isinstance(reach, Scope):
            whole = Crossing.PLATFORM if reach.all_tenants else None
            return cls(crossing=whole) if whole else cls(reach.tenant_id, reach.operator_id)
        return cls(crossing=reach)

    @property
    def values(self) -> dict[str, str]:
        """What the database is told."""
        role = TENANT_ROLE if self.crossing is None else SYSTEM_ROLE
        return {"tenant": str(self.tenant_id or ""), "operator": str(self.operator_id or ""), "role": role}

    @property
    def opening(self) -> str:
        """The same as SQL; ids and names of roles need no quoting."""
        values = self.values
        return (
            f"SELECT set_config('{TENANT_SETTING}', '{values['tenant']}', true), "
            f"set_config('{OPERATOR_SETTING}', '{values['operator']}', true), set_config('role', '{values['role']}', true);"
        )

    def holds(self, other: "Binding") -> bool:
        """Whether whoever has this binding may work as if it had the other."""
        return self == other or (self.crossing is not None and other.crossing is not None)


def of_principal(principal: Principal) -> Binding:
    """What a caller's sessions reach. Who may act in any tenant reaches all of them."""
    platform = principal.scope.all_tenants or "tenancy:act" in principal.scopes
    return Binding.to(Crossing.PLATFORM if platform else principal.scope)


class BoundSession(Session):
    """The session under every asynchronous one; each of its transactions begins with its binding."""


@event.listens_for(BoundSession, "after_begin")
def _announce(session: Session, _transaction: Any, connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    binding = session.info.get(BOUND, Binding())
    driver: Any = connection.connection.driver_connection
    if driver.is_in_transaction():
        connection.execute(_ANNOUNCE, binding.values)
    else:
        driver.opening = binding.opening


def bind(session: AsyncSession, binding: Binding) -> None:
    """Bind a session before its first statement; does nothing when its binding allows as much already.

    Raises RuntimeError when it is bound otherwise, or has begun unbound.
    """
    bound = session.info.get(BOUND)
    if bound is not None and bound.holds(binding):
        return
    if bound is not None or session.in_transaction():
        raise RuntimeError(f"the session is bound to {bound}, not to {binding}")
    session.info[BOUND] = binding


async def rebind(session: AsyncSession, binding: Binding) -> None:
    """Bind a session anew, also in the midst of a transaction."""
    changed = session.info.get(BOUND, Binding()).values != binding.values
    session.info[BOUND] = binding
    if changed and session.in_transaction() and session.get_bind().dialect.name == "postgresql":
        await session.execute(_ANNOUNCE, binding.values)


@asynccontextmanager
async def crossing(session: AsyncSession, reason: Crossing) -> AsyncIterator[None]:
    """Reach beyond the tenant for the block, inside the same transaction; what is pending is written before and after."""
    bound = session.info.get(BOUND, Binding())
    if bound.crossing is not None:
        yield
        return
    await session.flush()
    await rebind(session, Binding.to(reason))
    try:
        yield
        await session.flush()
    except BaseException:
        await _back(session, bound)
        raise
    await rebind(session, bound)


async def _back(session: AsyncSession, bound: Binding) -> None:
    try:
        await rebind(session, bound)
    except (DBAPIError, InvalidRequestError):
        return  # the transaction is broken; all that is left to do in it is to roll back, and the next begins bound
