"""Tables of subjects and their erasures."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.db.base import Base, TenantOwned


class Subject(TenantOwned, Base):
    """One person of one tenant: the random id is what usage carries, the keyed digest is how the person is found again.

    `key_id` names the key of the digest, so keys rotate without splitting people. Deleting the row cuts the person from the id.
    """

    __tablename__ = "subjects"
    __table_args__ = (UniqueConstraint("tenant_id", "key_id", "digest"),)

    key_id: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))


class SubjectErasure(TenantOwned, Base):
    """One time that an erased pseudonym is to be taken out of the files, and `done_at` when that was done; it names nobody.

    Kept so that a batch which was being written at that moment is cleaned too: such a batch adds a row of its own.
    """

    __tablename__ = "subject_erasures"
    __table_args__ = (Index("ix_subject_erasures_tenant_id_recorded_at", "tenant_id", "recorded_at"),)

    subject_id: Mapped[UUID]
    done_at: Mapped[datetime | None]
