"""The table of plugin grants."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.db.base import Base, TenantOwned

SCOPES = ("read", "install")
STANDING = text("ended_at IS NULL")


class PluginGrant(TenantOwned, Base):
    """One plugin, shared by its owner with one other tenant; those that ended stay as history.

    `live` from its beginning to its end while the plugin's visibility is `shared`. Whether it expired only the clock says: see
    `visibility.in_force`.
    """

    __tablename__ = "plugin_grants"
    __table_args__ = (
        CheckConstraint(f"scope IN {SCOPES}", name="scope"),
        CheckConstraint("tenant_id <> grantee_id", name="another"),
        CheckConstraint("(ended_at IS NULL) = (ended_because IS NULL)", name="end"),
        CheckConstraint("ended_at IS NULL OR NOT live", name="live"),
        Index(
            "uq_plugin_grants_standing",
            "plugin_id",
            "grantee_id",
            unique=True,
            sqlite_where=STANDING,
            postgresql_where=STANDING,
        ),
        Index("ix_plugin_grants_grantee_id_plugin_id", "grantee_id", "plugin_id"),
    )

    plugin_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("plugins.id"))
    ref: Mapped[str]
    """The plugin's, which its grantee may know also when the plugin itself is hidden from it again."""
    grantee_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("tenants.id"))
    scope: Mapped[str]
    given_by: Mapped[str]
    expires_at: Mapped[datetime | None]
    live: Mapped[bool]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None]
    revision: Mapped[int] = mapped_column(default=1)
