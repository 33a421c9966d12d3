"""Tables of signing keys and contacts."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from registry_api.db.base import Base, TenantOwned


class SigningKey(TenantOwned, Base):
    """A key that webhooks are signed with; only its sealed form is kept, with the id of the key that sealed it."""

    __tablename__ = "signing_keys"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    name: Mapped[str]
    sealed: Mapped[str]
    sealed_by: Mapped[str]
    updated_at: Mapped[datetime]


class Contact(TenantOwned, Base):
    """The mail addresses of a team that rules name."""

    __tablename__ = "contacts"
    __table_args__ = (UniqueConstraint("tenant_id", "team"),)

    team: Mapped[str]
    addresses: Mapped[list[str]]
    updated_at: Mapped[datetime]
