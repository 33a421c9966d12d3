"""Tables of second factors."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.db.base import Base, TenantOwned


class TotpSecret(TenantOwned, Base):
    """What an account's app computes its codes from, sealed. It counts once a code has confirmed it.

    `last_step` is the newest step of which a code was taken: none of that step or before is taken again.
    """

    __tablename__ = "totp_secrets"

    user_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("users.id"), unique=True)
    sealed: Mapped[str]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)


class RecoveryCode(TenantOwned, Base):
    """A code that stands in for the app once. It has 80 random bits, so a plain hash keeps it."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "hash"),)

    user_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("users.id"))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    used_at: Mapped[datetime | None]
