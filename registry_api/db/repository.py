"""Base of all repositories: it cannot be built without a scope, and hands out only scoped selects."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry_api.db.scope import Scope


class Repository:
    """All SQL of a domain lives in a subclass; every select starts from `owned`."""

    def __init__(self, session: AsyncSession, scope: Scope) -> None:
        self.session = session
        self.scope = scope

    def owned(self, model: Any) -> Select[Any]:
        """Rows of the scope's tenant, or of all tenants for a platform reader."""
        query = select(model)
        return query if self.scope.all_tenants else query.where(model.tenant_id == self.scope.tenant_id)
