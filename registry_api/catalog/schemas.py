"""Catalogue documents as posted, and plugins, releases and advisories as answered."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from patchbay.core.clock import EARLIEST, FUTURE_SKEW, utcnow
from patchbay.core.versions import LONGEST, VersionScheme
from registry_api.intake.documents import NOT_EMPTY, keep_faults
from registry_api.schemas import Count, Flag, Input, Name, Output, Timestamp, ZonedTime

Part = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._-]+$")]
"""A namespace or a plugin's name."""

Ref = Annotated[
    str, StringConstraints(min_length=3, max_length=401, pattern=r"^[A-Za-z0-9._-]{1,200}:[A-Za-z0-9._-]{1,200}$")
]
"""`namespace:name`."""

Short = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]
Long = Annotated[str, StringConstraints(max_length=20_000, pattern=r"^[^\x00]*$")]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00-\x20\x7f]+$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f,]+$")]
Version = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST, pattern=r"^[^\x00-\x1f\x7f]+$")]
Requirement = Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]
Lifecycle = Literal["active", "deprecated", "withdrawn"]
Visibility = Literal["public", "shared", "private"]


def _plausible(moment: AwareDatetime) -> AwareDatetime:
    if moment > utcnow() + FUTURE_SKEW:
        raise PydanticCustomError("time_out_of_range", "The time lies in the future")
    if moment < EARLIEST:
        raise PydanticCustomError(
            "time_out_of_range", "The time lies before {first}", {"first": f"{EARLIEST:%Y-%m-%d}"}
        )
    return moment


PastTime = Annotated[ZonedTime, AfterValidator(_plausible)]
"""A time with its zone, from the year 2000 to now."""


class MaintainerDocument(Input):
    """A person or group that looks after a plugin."""

    handle: Short
    name: Short | None = None


class DependencyDocument(Input):
    """What a release needs; plugins the registry does not know are kept by their ref and linked when they arrive."""

    ref: Ref
    requirement: Requirement | None = Field(
        default=None, description="As the author writes it, such as a least version."
    )
    optional: Flag = False


class ReleaseDocument(Input):
    """One version. Once there it is immutable but for `yanked`.

    Null says nothing, and what was null may be filled later.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": "5.2.1",
                    "requires_host": "2.401.3",
                    "dependencies": [{"ref": "jenkins:scm-api", "requirement": "676"}],
                }
            ]
        }
    )

    version: Version
    version_scheme: VersionScheme = "semver"
    prerelease: Flag | None = Field(default=None, description="Null means what the version says by its scheme.")
    requires_host: Short | None = None
    artifact_url: Url | None = None
    digest: Short | None = Field(default=None, description="algorithm:hex of the artifact.")
    size_bytes: Count | None = None
    yanked: Flag = False
    released_at: PastTime | None = None
    dependencies: list[DependencyDocument] = Field(default=[], max_length=1000)


class PluginDocument(Input):
    """A plugin with any of its releases. Fields left out keep what is stored; null clears."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "namespace": "jenkins",
                    "name": "git",
                    "summary": "Clones",
                    "labels": ["scm"],
                    "releases": [{"version": "5.2.1"}],
                }
            ]
        }
    )

    namespace: Part
    name: Part
    title: Name | None = Field(default=None, description="Defaults to the name.")
    summary: Long | None = None
    homepage_url: Url | None = None
    repository_url: Url | None = None
    licence: Long | None = None
    lifecycle: Lifecycle = "active"
    visibility: Visibility = "public"
    labels: list[Label] = Field(default=[], max_length=100)
    maintainers: list[MaintainerDocument] = Field(default=[], max_length=200)
    occurred_at: PastTime | None = Field(default=None, description="First known in its source registry.")
    releases: list[ReleaseDocument] = Field(default=[], max_length=5000)

    @property
    def ref(self) -> str:
        """`namespace:name`."""
        return f"{self.namespace}:{self.name}"


class PluginPatch(Input):
    """Fields to change; those left out stay."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"lifecycle": "deprecated"}]})

    title: Name | None = None
    summary: Long | None = None
    homepage_url: Url | None = None
    repository_url: Url | None = None
    licence: Long | None = None
    lifecycle: Lifecycle | None = None
    visibility: Visibility | None = None
    labels: list[Label] | None = Field(default=None, max_length=100)
    maintainers: list[MaintainerDocument] | None = Field(default=None, max_length=200)


class AffectedRange(Input):
    """Versions the pattern matches whole; without a pattern, those from `first_version` to `last_version`."""

    first_version: Version | None = None
    last_version: Version | None = None
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Regular expression in RE2 syntax over the whole version."
    )


class AdvisoryDocument(Input):
    """One advisory on one subject."""

    external_id: Short
    subject_kind: Literal["plugin", "host"]
    subject_ref: Short = Field(description="namespace:name of the plugin, or the host product's name.")
    summary: Long
    url: Url | None = None
    severity: Short | None = None
    ranges: list[AffectedRange] = Field(default=[], max_length=200)
    published_at: PastTime | None = None


class CatalogueBatch(Input):
    """Up to 500 plugins; each is taken or refused by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "plugins": [
                        {
                            "namespace": "jenkins",
                            "name": "git",
                            "summary": "Clones",
                            "labels": ["scm"],
                            "releases": [{"version": "5.2.1"}],
                        }
                    ]
                }
            ]
        }
    )

    plugins: list[Annotated[PluginDocument, keep_faults(PluginDocument)]] = Field(
        max_length=500, json_schema_extra=NOT_EMPTY
    )


class AdvisoriesBatch(Input):
    """Up to 1000 advisories; each is taken or refused by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "advisories": [
                        {
                            "external_id": "SECURITY-1",
                            "subject_kind": "plugin",
                            "subject_ref": "jenkins:git",
                            "summary": "Leaks",
                            "ranges": [{"last_version": "5.2.0"}],
                        }
                    ]
                }
            ]
        }
    )

    advisories: list[Annotated[AdvisoryDocument, keep_faults(AdvisoryDocument)]] = Field(
        max_length=1000, json_schema_extra=NOT_EMPTY
    )


class MaintainerView(Output):
    """A maintainer."""

    handle: str
    name: str | None


class PluginView(Output):
    """A plugin."""

    id: UUID
    tenant_id: UUID
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
    maintainers: list[MaintainerView]
    latest_version: str | None = Field(
        description="Highest version that is neither yanked nor a prerelease, if there is one."
    )
    release_count: int
    revision: int = Field(description="The ETag is this number in quotes.")
    occurred_at: Timestamp | None
    recorded_at: Timestamp
    updated_at: Timestamp


class BlockView(Output):
    """Why a release may not be installed anew, and since when."""

    reason: str
    at: Timestamp


class ReleaseView(Output):
    """A release."""

    id: UUID
    plugin_id: UUID
    version: str
    version_scheme: str
    sort_key: str
    prerelease: bool
    requires_host: str | None
    artifact_url: str | None
    digest: str | None
    size_bytes: int | None
    yanked: bool
    blocked: BlockView | None = Field(default=None, description="Null while new installs are allowed.")
    released_at: Timestamp | None
    recorded_at: Timestamp


class DependencyView(Output):
    """What a release needs."""

    id: UUID
    release_id: UUID
    plugin_id: UUID = Field(description="The plugin that depends.")
    dependency_ref: str
    dependency_plugin_id: UUID | None = Field(description="Null while the registry does not know that plugin.")
    requirement: str | None
    optional: bool


class ReleaseDetail(ReleaseView):
    """A release with what it needs."""

    dependencies: list[DependencyView]


class DependantView(Output):
    """A plugin whose latest release needs the plugin asked about."""

    plugin_id: UUID
    ref: str
    version: str
    requirement: str | None
    optional: bool


class AdvisoryView(Output):
    """An advisory."""

    id: UUID
    tenant_id: UUID
    external_id: str
    subject_kind: str
    subject_ref: str
    plugin_id: UUID | None
    summary: str
    url: str | None
    severity: str | None
    ranges: list[AffectedRange]
    unfixed: bool = Field(description="True when some range has no last affected version.")
    published_at: Timestamp | None
    recorded_at: Timestamp


class PluginAdvisory(AdvisoryView):
    """An advisory and which of the plugin's releases it hits."""

    affected_versions: list[str] = Field(description="Oldest first.")


class LabelCount(Output):
    """A label and how many visible plugins bear it."""

    label: str
    plugins: int
