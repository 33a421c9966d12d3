"""Documents of catalog. Made by `make client` from the API document."""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict

from . import common


class AffectedRange(TypedDict):
    """Versions the pattern matches whole; without a pattern, those from `first_version` to `last_version`."""

    first_version: NotRequired[str | None]
    last_version: NotRequired[str | None]
    pattern: NotRequired[str | None]


class Block(TypedDict):
    """Why a release may not be installed anew, and since when."""

    reason: str
    at: str


class Dependant(TypedDict):
    """A plugin whose latest release needs the plugin asked about."""

    plugin_id: str
    ref: str
    version: str
    requirement: str | None
    optional: bool


class DependencyDocument(TypedDict):
    """What a release needs; plugins the registry does not know are kept by their ref and linked when they arrive."""

    ref: str
    requirement: NotRequired[str | None]
    optional: NotRequired[bool]


class Dependency(TypedDict):
    """What a release needs."""

    id: str
    release_id: str
    plugin_id: str
    dependency_ref: str
    dependency_plugin_id: str | None
    requirement: str | None
    optional: bool


class LabelCount(TypedDict):
    """A label and how many visible plugins bear it."""

    label: str
    plugins: int


class MaintainerDocument(TypedDict):
    """A person or group that looks after a plugin."""

    handle: str
    name: NotRequired[str | None]


class Maintainer(TypedDict):
    """A maintainer."""

    handle: str
    name: str | None


class NewPluginGrants(TypedDict):
    """Tenants to share a plugin with, by id: their administrators read it in GET /v1/me and hand it out themselves."""

    tenants: list[str]
    scope: NotRequired[Literal["read", "install"]]
    expires_at: NotRequired[str | None]


class PluginAdvisory(TypedDict):
    """An advisory and which of the plugin's releases it hits."""

    id: str
    tenant_id: str
    external_id: str
    subject_kind: str
    subject_ref: str
    plugin_id: str | None
    summary: str
    url: str | None
    severity: str | None
    ranges: list[AffectedRange]
    unfixed: bool
    published_at: str | None
    recorded_at: str
    affected_versions: list[str]


Label: TypeAlias = str


class PluginGrantPatch(TypedDict):
    """What is to be otherwise; null for `expires_at` is never."""

    scope: NotRequired[Literal["read", "install"] | None]
    expires_at: NotRequired[str | None]


class PluginPatch(TypedDict):
    """Fields to change; those left out stay."""

    title: NotRequired[str | None]
    summary: NotRequired[str | None]
    homepage_url: NotRequired[str | None]
    repository_url: NotRequired[str | None]
    licence: NotRequired[str | None]
    lifecycle: NotRequired[Literal["active", "deprecated", "withdrawn"] | None]
    visibility: NotRequired[Literal["public", "shared", "private"] | None]
    labels: NotRequired[list[Label] | None]
    maintainers: NotRequired[list[MaintainerDocument] | None]


class Plugin(TypedDict):
    """A plugin."""

    id: str
    tenant_id: str
    ref: str
    namespace: str
    name: str
    title: str
    summary: str | None
    homepage_url: str | None
    repository_url: str | None
    licence: str | None
    lifecycle: str
    visibility: str
    labels: list[str]
    maintainers: list[Maintainer]
    latest_version: str | None
    release_count: int
    revision: int
    occurred_at: str | None
    recorded_at: str
    updated_at: str


class ReleaseDetail(TypedDict):
    """A release with what it needs."""

    id: str
    plugin_id: str
    version: str
    version_scheme: str
    sort_key: str
    prerelease: bool
    requires_host: str | None
    artifact_url: str | None
    digest: str | None
    size_bytes: int | None
    yanked: bool
    blocked: NotRequired[Block | None]
    released_at: str | None
    recorded_at: str
    dependencies: list[Dependency]


class ReleaseDocument(TypedDict):
    """
    One version. Once there it is immutable but for `yanked`.

    Null says nothing, and what was null may be filled later.
    """

    version: str
    version_scheme: NotRequired[Literal["semver", "pep440", "jenkins", "opaque"]]
    prerelease: NotRequired[bool | None]
    requires_host: NotRequired[str | None]
    artifact_url: NotRequired[str | None]
    digest: NotRequired[str | None]
    size_bytes: NotRequired[int | None]
    yanked: NotRequired[bool]
    released_at: NotRequired[str | None]
    dependencies: NotRequired[list[DependencyDocument]]


class Release(TypedDict):
    """A release."""

    id: str
    plugin_id: str
    version: str
    version_scheme: str
    sort_key: str
    prerelease: bool
    requires_host: str | None
    artifact_url: str | None
    digest: str | None
    size_bytes: int | None
    yanked: bool
    blocked: NotRequired[Block | None]
    released_at: str | None
    recorded_at: str


class Side(TypedDict):
    """A tenant, as the other side of a grant sees it."""

    id: str
    slug: str
    name: str


class SomeDependantView(TypedDict):
    """The first of a list, in another thing's answer."""

    items: list[Dependant]
    more: str | None


class SomeDependencyView(TypedDict):
    """The first of a list, in another thing's answer."""

    items: list[Dependency]
    more: str | None


class SomePluginAdvisory(TypedDict):
    """The first of a list, in another thing's answer."""

    items: list[PluginAdvisory]
    more: str | None


class SomeReleaseView(TypedDict):
    """The first of a list, in another thing's answer."""

    items: list[Release]
    more: str | None


class AdvisoryDocument(TypedDict):
    """One advisory on one subject."""

    external_id: str
    subject_kind: Literal["plugin", "host"]
    subject_ref: str
    summary: str
    url: NotRequired[str | None]
    severity: NotRequired[str | None]
    ranges: NotRequired[list[AffectedRange]]
    published_at: NotRequired[str | None]


class Advisory(TypedDict):
    """An advisory."""

    id: str
    tenant_id: str
    external_id: str
    subject_kind: str
    subject_ref: str
    plugin_id: str | None
    summary: str
    url: str | None
    severity: str | None
    ranges: list[AffectedRange]
    unfixed: bool
    published_at: str | None
    recorded_at: str


class PluginDocument(TypedDict):
    """A plugin with any of its releases. Fields left out keep what is stored; null clears."""

    namespace: str
    name: str
    title: NotRequired[str | None]
    summary: NotRequired[str | None]
    homepage_url: NotRequired[str | None]
    repository_url: NotRequired[str | None]
    licence: NotRequired[str | None]
    lifecycle: NotRequired[Literal["active", "deprecated", "withdrawn"]]
    visibility: NotRequired[Literal["public", "shared", "private"]]
    labels: NotRequired[list[Label]]
    maintainers: NotRequired[list[MaintainerDocument]]
    occurred_at: NotRequired[str | None]
    releases: NotRequired[list[ReleaseDocument]]


class PluginGrant(TypedDict):
    """The same as its owner sees it."""

    id: str
    plugin_id: str
    plugin: str
    owner: Side
    grantee: Side
    scope: Literal["read", "install"]
    state: Literal["in_force", "paused", "expired", "revoked", "declined", "tenant_deleted"]
    given_at: str
    expires_at: str | None
    ended_at: str | None
    given_by: str
    revision: int


class PluginListed(TypedDict):
    """A plugin, with what was to be included."""

    id: str
    tenant_id: str
    ref: str
    namespace: str
    name: str
    title: str
    summary: str | None
    homepage_url: str | None
    repository_url: str | None
    licence: str | None
    lifecycle: str
    visibility: str
    labels: list[str]
    maintainers: list[Maintainer]
    latest_version: str | None
    release_count: int
    revision: int
    occurred_at: str | None
    recorded_at: str
    updated_at: str
    latest_release: NotRequired[Release | None]
    risk: NotRequired[common.Risk | None]
    adoption: NotRequired[int | None]


class PluginRead(TypedDict):
    """A plugin, with what was to be included; of lists the first hundred."""

    id: str
    tenant_id: str
    ref: str
    namespace: str
    name: str
    title: str
    summary: str | None
    homepage_url: str | None
    repository_url: str | None
    licence: str | None
    lifecycle: str
    visibility: str
    labels: list[str]
    maintainers: list[Maintainer]
    latest_version: str | None
    release_count: int
    revision: int
    occurred_at: str | None
    recorded_at: str
    updated_at: str
    latest_release: NotRequired[Release | None]
    risk: NotRequired[common.Risk | None]
    adoption: NotRequired[int | None]
    releases: NotRequired[SomeReleaseView | None]
    dependencies: NotRequired[SomeDependencyView | None]
    dependants: NotRequired[SomeDependantView | None]
    advisories: NotRequired[SomePluginAdvisory | None]


class ReceivedGrant(TypedDict):
    """A plugin that is shared with a tenant, or was."""

    id: str
    plugin_id: str
    plugin: str
    owner: Side
    grantee: Side
    scope: Literal["read", "install"]
    state: Literal["in_force", "paused", "expired", "revoked", "declined", "tenant_deleted"]
    given_at: str
    expires_at: str | None
    ended_at: str | None


class AdvisoriesBatch(TypedDict):
    """Up to 1000 advisories; each is taken or refused by itself."""

    advisories: list[AdvisoryDocument]


class CatalogueBatch(TypedDict):
    """Up to 500 plugins; each is taken or refused by itself."""

    plugins: list[PluginDocument]
