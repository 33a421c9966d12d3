"""What lists of the catalogue can be filtered by."""

from typing import get_args

from sqlalchemy import select

from patchbay.core.versions import VersionScheme
from registry_api.catalog.models import Advisory, Dependency, Plugin, PluginLabel, Release
from registry_api.catalog.schemas import Lifecycle, Visibility
from registry_api.filtering import By, Filters, one_of

PLUGINS = Filters(
    ref=Plugin.ref,
    namespace=Plugin.namespace,
    name=Plugin.name,
    title=Plugin.title,
    label=By(
        PluginLabel.label,
        operators=("eq", "in", "startswith"),
        within=lambda condition: Plugin.id.in_(select(PluginLabel.plugin_id).where(condition)),
    ),
    licence=Plugin.licence,
    lifecycle=one_of(Plugin.lifecycle, *get_args(Lifecycle)),
    visibility=one_of(Plugin.visibility, *get_args(Visibility)),
    tenant_id=Plugin.tenant_id,
    occurred_at=Plugin.occurred_at,
    recorded_at=Plugin.recorded_at,
    updated_at=Plugin.updated_at,
)
RELEASES = Filters(
    version=Release.version,
    version_scheme=one_of(Release.version_scheme, *get_args(VersionScheme)),
    prerelease=Release.prerelease,
    yanked=Release.yanked,
    requires_host=Release.requires_host,
    digest=Release.digest,
    size_bytes=Release.size_bytes,
    released_at=Release.released_at,
    recorded_at=Release.recorded_at,
)
DEPENDENCIES = Filters(
    dependency_ref=Dependency.dependency_ref,
    dependency_plugin_id=Dependency.dependency_plugin_id,
    requirement=Dependency.requirement,
    optional=Dependency.optional,
)
DEPENDANTS = Filters(
    ref=Plugin.ref, version=Release.version, requirement=Dependency.requirement, optional=Dependency.optional
)
ADVISORIES = Filters(
    external_id=Advisory.external_id,
    subject_kind=one_of(Advisory.subject_kind, "plugin", "host"),
    subject_ref=Advisory.subject_ref,
    plugin_id=Advisory.plugin_id,
    tenant_id=Advisory.tenant_id,
    severity=Advisory.severity,
    unfixed=Advisory.unfixed,
    published_at=Advisory.published_at,
    recorded_at=Advisory.recorded_at,
)
