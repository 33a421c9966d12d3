"""Tables of the audit log."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.audit.unsure import StoredBytes
from registry_api.db.base import Base, TenantOwned


class AuditRecord(TenantOwned, Base):
    """One link of a tenant's chain: `hash` = SHA-256(previous hash ‖ canonical bytes); `canonical` is what was
    hashed, byte for byte.
    """

    __tablename__ = "audit_records"
    __table_args__ = (UniqueConstraint("tenant_id", "position"),)

    position: Mapped[int] = mapped_column(BigInteger)
    action: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str]
    actor: Mapped[str]
    canonical: Mapped[bytes] = mapped_column(StoredBytes)
    previous_hash: Mapped[bytes] = mapped_column(StoredBytes(32))
    hash: Mapped[bytes] = mapped_column(StoredBytes(32))


class AuditHead(Base):
    """The newest link of each tenant's chain; its row lock orders the appends."""

    __tablename__ = "audit_heads"

    tenant_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("tenants.id"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, default=0)
    hash: Mapped[bytes] = mapped_column(StoredBytes(32))
    moved_at: Mapped[datetime]
    frontier: Mapped[bytes] = mapped_column(StoredBytes, default=b"")
    """Roots of the full subtrees of the Merkle tree over the records' bytes: a checkpoint reads no record twice."""
    anchored_size: Mapped[int] = mapped_column(BigInteger, default=0)
    anchored_frontier: Mapped[bytes] = mapped_column(StoredBytes, default=b"")
    """How far the newest checkpoint reaches, and the tree there; believed only where a signed checkpoint agrees."""


class PersonKey(TenantOwned, Base):
    """The sealed key of a person's values in a tenant's records; emptying it erases all of them."""

    __tablename__ = "audit_person_keys"
    __table_args__ = (UniqueConstraint("tenant_id", "subject"),)

    subject: Mapped[str]
    sealed: Mapped[bytes] = mapped_column(StoredBytes)
    sealed_by: Mapped[str]
