"""Tables of the catalogue."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from patchbay.core.clock import utcnow
from registry_api.db.base import Base, TenantOwned


class Plugin(TenantOwned, Base):
    """One plugin; `ref` is `namespace:name`.

    `search_text` is the case-folded name, title, summary and labels, so that search folds alike on every database.
    """

    __tablename__ = "plugins"
    __table_args__ = (
        UniqueConstraint("tenant_id", "ref"),
        Index("ix_plugins_ref", "ref"),
        Index("ix_plugins_name_id", "name", "id"),
    )

    ref: Mapped[str]
    namespace: Mapped[str]
    name: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str | None] = mapped_column(Text)
    homepage_url: Mapped[str | None] = mapped_column(Text)
    repository_url: Mapped[str | None] = mapped_column(Text)
    licence: Mapped[str | None] = mapped_column(Text)
    lifecycle: Mapped[str]
    visibility: Mapped[str]
    search_text: Mapped[str] = mapped_column(Text)
    occurred_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(default=utcnow)
    revision: Mapped[int] = mapped_column(default=1)


class PluginLabel(TenantOwned, Base):
    """One label of one plugin."""

    __tablename__ = "plugin_labels"
    __table_args__ = (
        UniqueConstraint("plugin_id", "label"),
        Index("ix_plugin_labels_label_plugin_id", "label", "plugin_id"),
    )

    plugin_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("plugins.id"))
    label: Mapped[str]


class PluginMaintainer(TenantOwned, Base):
    """One maintainer of one plugin."""

    __tablename__ = "plugin_maintainers"
    __table_args__ = (UniqueConstraint("plugin_id", "handle"),)

    plugin_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("plugins.id"))
    handle: Mapped[str]
    name: Mapped[str | None]


class Release(TenantOwned, Base):
    """One version of a plugin; immutable but for `yanked` and for fields that were null."""

    __tablename__ = "releases"
    __table_args__ = (
        UniqueConstraint("plugin_id", "version"),
        Index("ix_releases_plugin_id_sort_key_id", "plugin_id", "sort_key", "id"),
    )

    plugin_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("plugins.id"))
    version: Mapped[str]
    version_scheme: Mapped[str]
    sort_key: Mapped[str] = mapped_column(Text)
    prerelease: Mapped[bool]
    requires_host: Mapped[str | None]
    artifact_url: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[str | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    yanked: Mapped[bool]
    released_at: Mapped[datetime | None]


class Dependency(TenantOwned, Base):
    """What one release needs; `dependency_plugin_id` stays null until the registry knows that plugin."""

    __tablename__ = "dependencies"
    __table_args__ = (
        UniqueConstraint("release_id", "dependency_ref"),
        Index("ix_dependencies_dependency_plugin_id_release_id", "dependency_plugin_id", "release_id"),
        Index(
            "ix_dependencies_unlinked",
            "dependency_ref",
            sqlite_where=text("dependency_plugin_id IS NULL"),
            postgresql_where=text("dependency_plugin_id IS NULL"),
        ),
    )

    release_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("releases.id"))
    plugin_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("plugins.id"), index=True)
    dependency_ref: Mapped[str]
    dependency_plugin_id: Mapped[UUID | None] = mapped_column(Uuid(), ForeignKey("plugins.id"))
    requirement: Mapped[str | None]
    optional: Mapped[bool]


class Advisory(TenantOwned, Base):
    """One security advisory on one subject; a source may give one external id to several subjects."""

    __tablename__ = "advisories"
    __table_args__ = (
        UniqueConstraint("tenant_id", "external_id", "subject_kind", "subject_ref"),
        Index("ix_advisories_plugin_id_id", "plugin_id", "id"),
        Index("ix_advisories_subject_ref", "subject_ref"),
    )

    external_id: Mapped[str]
    subject_kind: Mapped[str]
    subject_ref: Mapped[str]
    plugin_id: Mapped[UUID | None] = mapped_column(Uuid(), ForeignKey("plugins.id"))
    summary: Mapped[str] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    severity: Mapped[str | None]
    ranges: Mapped[list[dict[str, Any]]]
    unfixed: Mapped[bool]
    published_at: Mapped[datetime | None]
