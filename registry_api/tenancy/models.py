"""The tenants table."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.db.base import Base

OPERATOR_SLUG = "operator"


class Tenant(Base):
    """One customer, or the operator itself. A suspended tenant reads but does not write."""

    __tablename__ = "tenants"
    __table_args__ = (
        CheckConstraint("kind IN ('operator', 'customer')", name="kind"),
        CheckConstraint("status IN ('active', 'suspended')", name="status"),
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
