"""What a tenant owns: the rows of every table and the files under its id. Export and erasure both go through here.

Made from the metadata, so that a new table cannot be forgotten; one that does not say whose its rows are raises KeyError.
"""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, case, false, or_, select

from registry_api.db.metadata import METADATA
from registry_api.identity.models import User

KEPT = frozenset({"tenants", "audit_records", "audit_heads"})
"""Tables whose rows outlive their tenant: its tombstone, and the record of what was done."""

SECRET = frozenset(
    {
        ("passwords", "hash"),
        ("api_tokens", "secret_hash"),
        ("api_tokens", "previous_hash"),
        ("login_sessions", "secret_hash"),
        ("login_attempts", "key"),
        ("exchanged_tokens", "key"),
        ("totp_secrets", "sealed"),
        ("recovery_codes", "hash"),
        ("signing_keys", "sealed"),
        ("webhook_secrets", "sealed"),
        ("audit_person_keys", "sealed"),
        ("idempotent_answers", "sealed"),
        ("idempotent_answers", "fingerprint"),
        ("subjects", "digest"),
    }
)
"""Columns that no export holds: hashes of credentials, sealed keys, and what a person is recognised by."""

NO_SECRET = frozenset(
    {
        ("audit_records", "previous_hash"),
        ("audit_records", "hash"),
        ("audit_heads", "hash"),
        ("automation_plans", "hash"),
        ("automation_plans", "key"),
        *((f"automation_{table}", "fingerprint") for table in ("episodes", "plans", "suppressions")),
        ("signing_keys", "sealed_by"),
        ("webhook_secrets", "sealed_by"),
        ("audit_person_keys", "sealed_by"),
        ("idempotent_answers", "sealed_by"),
        ("idempotent_answers", "key"),
        ("subjects", "key_id"),
        ("jobs", "dedup_key"),
        ("observations", "natural_key"),
        ("releases", "sort_key"),
    }
)
"""Columns that sound like secrets and are none."""

RECEIVED = {"plugin_grants": "grantee_id"}
"""Tables in which rows of others name who was given something, and the column that does: exported to that one too, and erased
with their owner only.
"""

OF_GIVER = frozenset({("plugin_grants", "given_by"), ("plugin_grants", "revision")})
"""Columns of such rows that are their owner's alone."""

FOLDERS = ("lake/usage", "lake/statistics", "lake/rejects", "exports")
"""Folders of the storage that have one for each tenant."""


def tables() -> list[Table]:
    """Every table, each after those it refers to."""
    return list(METADATA.sorted_tables)


def owned(table: Table, tenant_id: UUID) -> ColumnElement[bool]:
    """The rows that are the tenant's."""
    if "tenant_id" in table.columns:
        return table.c.tenant_id == tenant_id
    return _OTHERWISE[table.name](table, tenant_id)


def _self(table: Table, tenant_id: UUID) -> ColumnElement[bool]:
    return table.c.id == tenant_id


def _of_its_users(table: Table, tenant_id: UUID) -> ColumnElement[bool]:
    return table.c.user_id.in_(select(User.id).where(User.tenant_id == tenant_id))


def _of_nobody(_table: Table, _tenant_id: UUID) -> ColumnElement[bool]:
    """What comes before it is known whose it is, and is forgotten by itself."""
    return false()


_OTHERWISE: dict[str, Callable[[Table, UUID], ColumnElement[bool]]] = {
    "tenants": _self,
    "passwords": _of_its_users,
    "login_attempts": _of_nobody,
    "exchanged_tokens": _of_nobody,
}


def shown(table: Table) -> list[Column[object]]:
    """The columns that are no secrets."""
    return [column for column in table.columns if (table.name, column.name) not in SECRET]


def exported(table: Table, tenant_id: UUID) -> ColumnElement[bool]:
    """The rows that are in the tenant's export: its own, and those that say what it was given."""
    own = owned(table, tenant_id)
    return or_(own, table.c[RECEIVED[table.name]] == tenant_id) if table.name in RECEIVED else own


def told(table: Table, tenant_id: UUID) -> list[ColumnElement[object]]:
    """The columns that are no secrets; null, in rows of others, where they are their owner's alone."""
    return [
        case((owned(table, tenant_id), column)).label(column.name) if (table.name, column.name) in OF_GIVER else column
        for column in shown(table)
    ]


def folders(tenant_id: UUID) -> list[str]:
    """Where the tenant's files lie."""
    return [f"{folder}/{tenant_id}" for folder in FOLDERS]
