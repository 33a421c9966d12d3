"""Base of all repositories: it cannot be built without a scope, and hands out only scoped selects."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry_api.db.binding import BOUND, Binding, bind
from registry_api.db.scope import Scope


class Repository:
    """All SQL of a domain lives in a subclass; every select starts from `owned`.

    Raises RuntimeError on a session that is bound to another tenant.
    """

    def __init__(self, session: AsyncSession, scope: Scope) -> None:
        bound: Binding | None = session.info.get(BOUND)
        if bound is None:
            bind(session, Binding.to(scope))
        elif bound.crossing is None and bound.tenant_id != scope.tenant_id:
            raise RuntimeError(f"the session is bound to {bound}, not to the tenant {scope.tenant_id}")
        self.session = session
        self.scope = scope

    def owned(self, model: Any) -> Select[Any]:
        """Rows of the scope's tenant, or of all tenants for a platform reader."""
        query = select(model)
        return query if self.scope.all_tenants else query.where(model.tenant_id == self.scope.tenant_id)
