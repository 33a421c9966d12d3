"""Who acts, and in which tenant: the two things no repository can be built without."""

from dataclasses import dataclass
from uuid import UUID

SYSTEM = "system"
"""The actor of what the registry does by itself, or for somebody who has not said who it is."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The tenant a query may see.

    `operator_id` owns the public catalogue; `all_tenants` is held by platform readers only.
    """

    tenant_id: UUID
    operator_id: UUID
    all_tenants: bool = False
    namespaces: frozenset[str] | None = None
    """Where the catalogue may be changed: namespaces, and single plugins as namespace:name; None is everywhere."""

    def reaches(self, ref: str) -> bool:
        """Whether the catalogue may be changed at a namespace or a plugin's `namespace:name`."""
        if self.namespaces is None or ref in self.namespaces:
            return True
        namespace, colon, _ = ref.partition(":")
        return bool(colon) and namespace in self.namespaces


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller, acting in one tenant with a closed set of scopes."""

    scope: Scope
    role: str
    scopes: frozenset[str]
    token_id: UUID | None = None
    token_name: str | None = None
    user_id: UUID | None = None
    acting_for: UUID | None = None
    """The caller's own tenant when a platform token acts in another one."""
    suspended: bool = False
    """Whether the tenant acted in is suspended: it reads, but does not write."""
    requests_per_minute: int | None = None
    """What the plan of the tenant acted in allows; None is no limit."""

    @property
    def tenant_id(self) -> UUID:
        """The tenant acted in."""
        return self.scope.tenant_id

    @property
    def actor(self) -> str:
        """The actor as the audit log names it."""
        return f"user:{self.user_id}" if self.user_id else f"token:{self.token_id}" if self.token_id else SYSTEM


def system_principal(tenant_id: UUID, operator_id: UUID) -> Principal:
    """The registry itself, for jobs and set-up; its audit records name the actor `system`."""
    return Principal(Scope(tenant_id, operator_id, all_tenants=tenant_id == operator_id), "system", frozenset())
