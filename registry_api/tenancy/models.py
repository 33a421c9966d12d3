"""The tenants table."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.db.base import Base, Revised, TenantOwned
from registry_api.tenancy.plans import DEFAULT

OPERATOR_SLUG = "operator"
EXPORT_STATES = ("queued", "running", "done", "failed", "expired")


class Tenant(Revised, Base):
    """One customer, or the operator itself. A tenant that is not active reads but does not write."""

    __tablename__ = "tenants"
    __table_args__ = (
        CheckConstraint("kind IN ('operator', 'customer')", name="kind"),
        CheckConstraint("status IN ('active', 'suspended', 'deleting', 'deleted')", name="status"),
        Index(
            "uq_tenants_operator",
            "kind",
            unique=True,
            sqlite_where=text("kind = 'operator'"),
            postgresql_where=text("kind = 'operator'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    recorded_at: Mapped[datetime] = mapped_column(default=utcnow)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(default="customer")
    status: Mapped[str] = mapped_column(default="active")
    plan: Mapped[str] = mapped_column(default=DEFAULT)
    quotas: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Limits that the operator set otherwise than the plan, by quota; null is no limit."""
    made_from: Mapped[str | None]
    """Digest of the request that made it, without its password, so that the same request again is known."""
    delete_after: Mapped[datetime | None]


class TenantExport(TenantOwned, Base):
    """One export of everything a tenant owns: how far it is, and where its archive lies while it is kept."""

    __tablename__ = "tenant_exports"
    __table_args__ = (CheckConstraint(f"state IN {EXPORT_STATES}", name="state"),)

    state: Mapped[str]
    tables: Mapped[int]
    tables_done: Mapped[int]
    rows: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    digest: Mapped[str | None]
    path: Mapped[str | None]
    expires_at: Mapped[datetime | None]


class QuotaUse(Base):
    """How much a tenant uses of one quota, in one month where the quota is monthly, else under an empty period."""

    __tablename__ = "quota_uses"

    tenant_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("tenants.id"), primary_key=True)
    quota: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(BigInteger)
