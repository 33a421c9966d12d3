"""The database room: base classes, engines, the tenant scope and the unit of work. Only here is anything committed."""

from registry_api.db.base import Base, TenantOwned, UtcDateTime
from registry_api.db.binding import Binding, Crossing, crossing, rebind
from registry_api.db.engine import Database
from registry_api.db.repository import Repository
from registry_api.db.scope import Principal, Scope, system_principal
from registry_api.db.unit_of_work import Reader, UnitOfWork

__all__ = [
    "Base",
    "Binding",
    "Crossing",
    "Database",
    "Principal",
    "Reader",
    "Repository",
    "Scope",
    "TenantOwned",
    "UnitOfWork",
    "UtcDateTime",
    "crossing",
    "rebind",
    "system_principal",
]
