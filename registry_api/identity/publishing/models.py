"""Tables of trusted publishing."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.db.base import Base, TenantOwned


class TrustedPublisher(TenantOwned, Base):
    """A workflow that may publish in a namespace or one plugin.

    Repository and owner are the provider's immutable ids: a name can be given up and taken by somebody else.
    """

    __tablename__ = "trusted_publishers"
    __table_args__ = (
        UniqueConstraint("tenant_id", "place", "issuer", "repository_id", "workflow", "environment"),
        Index("ix_trusted_publishers_issuer", "tenant_id", "issuer"),
    )

    place: Mapped[str]
    provider: Mapped[str]
    issuer: Mapped[str]
    repository_id: Mapped[str]
    owner_id: Mapped[str]
    workflow: Mapped[str]
    environment: Mapped[str]
    created_by: Mapped[str]


class ExchangedToken(Base):
    """A CI token that was exchanged, by a hash of issuer and id; it comes before any tenant's rows and is kept for longer
    than anyone could take the CI token for live.
    """

    __tablename__ = "exchanged_tokens"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    keep_until: Mapped[datetime] = mapped_column(index=True)
