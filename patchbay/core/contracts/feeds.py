"""What the ordered feeds carry. Every row is the whole entity as it stood after the change, so the last row per id is its state."""

from patchbay.core.contracts.schema import Column, Contract

ENVELOPE = (
    Column("seq", "int64", description="Position in commit order, over all feeds of the registry; never reused."),
    Column("op", "string", description="upsert or delete; for segments added, replaced or erased."),
    Column("tenant_id", "string", description="Tenant that owns the row."),
    Column("recorded_at", "timestamp", description="When the registry committed the change."),
    Column("trace_id", "string", nullable=True, description="W3C trace id of the request that made the change."),
    Column("id", "string", description="The entity's id."),
)
"""The first columns of every feed."""


def _feed(name: str, grain: str, *columns: Column) -> Contract:
    return Contract(name, grain, ENVELOPE + columns)


TENANTS = _feed(
    "tenants",
    "one change of a tenant",
    Column("slug", "string"),
    Column("name", "string"),
    Column("kind", "string", description="operator or customer."),
    Column("status", "string", description="active, suspended or deleting; a deleted tenant's row is a delete."),
)

PLUGINS = _feed(
    "plugins",
    "one change of a plugin",
    Column("namespace", "string"),
    Column("name", "string"),
    Column("title", "string"),
    Column("summary", "string", nullable=True),
    Column("homepage_url", "string", nullable=True),
    Column("repository_url", "string", nullable=True),
    Column("licence", "string", nullable=True, description="As stated by the author; not yet normalised to SPDX."),
    Column("lifecycle", "string", description="active, deprecated or withdrawn."),
    Column("visibility", "string", description="public, shared or private."),
    Column("labels", "strings"),
    Column("maintainers", "strings", description="Handles."),
    Column("occurred_at", "timestamp", nullable=True, description="First known in its source registry."),
)

RELEASES = _feed(
    "releases",
    "one change of a release",
    Column("plugin_id", "string"),
    Column("version", "string"),
    Column("version_scheme", "string", description="semver, pep440, jenkins or opaque."),
    Column("sort_key", "string", description="Orders releases of one plugin by plain string comparison."),
    Column("prerelease", "bool"),
    Column("requires_host", "string", nullable=True, description="Least version of the host product."),
    Column("artifact_url", "string", nullable=True),
    Column("digest", "string", nullable=True, description="algorithm:hex of the artifact."),
    Column("size_bytes", "int64", nullable=True),
    Column("yanked", "bool"),
    Column("released_at", "timestamp", nullable=True),
)

DEPENDENCIES = _feed(
    "dependencies",
    "one change of a release's dependency",
    Column("release_id", "string"),
    Column("plugin_id", "string", description="The plugin that depends."),
    Column("dependency_ref", "string", description="namespace:name of what it needs."),
    Column(
        "dependency_plugin_id",
        "string",
        nullable=True,
        description="Null while the registry does not know that plugin.",
    ),
    Column("requirement", "string", nullable=True, description="As written by the author, such as a least version."),
    Column("optional", "bool"),
)

ADVISORIES = _feed(
    "advisories",
    "one change of a security advisory",
    Column("external_id", "string", description="Its id at its source, such as SECURITY-208."),
    Column("subject_kind", "string", description="plugin or host."),
    Column("subject_ref", "string", description="namespace:name of the plugin, or the host product's name."),
    Column(
        "plugin_id",
        "string",
        nullable=True,
        description="Null for the host and for plugins the registry does not know.",
    ),
    Column("summary", "string"),
    Column("url", "string", nullable=True),
    Column("severity", "string", nullable=True),
    Column("ranges", "string", description="JSON list of {first_version?, last_version?, pattern?}."),
    Column("unfixed", "bool", description="True when some range has no last affected version."),
    Column("published_at", "timestamp", nullable=True),
)

PLUGIN_GRANTS = _feed(
    "plugin_grants",
    "one change of a plugin's grant to another tenant",
    Column("plugin_id", "string"),
    Column("grantee_id", "string", description="The tenant that it is shared with; `tenant_id` is the owner."),
    Column("scope", "string", description="read or install."),
    Column("expires_at", "timestamp", nullable=True, description="From then on it does not count; null for never."),
    Column(
        "live",
        "bool",
        description="The plugin is shared, and nobody was told of the grant's end; the clock may have ended it.",
    ),
)

TARGETS = _feed(
    "targets",
    "one change of a target",
    Column("name", "string"),
    Column("title", "string", nullable=True),
    Column("environment", "string", description="dev, staging or production."),
    Column("kind", "string", description="What the target is, such as jenkins-controller."),
    Column("lifecycle", "string", description="active or retired."),
)

OBSERVATIONS = _feed(
    "observations",
    "one observed installation event; immutable",
    Column("target_id", "string"),
    Column("plugin_id", "string"),
    Column("event", "string", description="added, removed, updated or present."),
    Column("version", "string", nullable=True),
    Column("origin", "string", nullable=True, description="Why it is there, such as base or extra."),
    Column("source", "string", description="Who observed it."),
    Column("occurred_at", "timestamp"),
)

SEGMENTS = _feed(
    "segments",
    "one event in the life of an immutable columnar file",
    Column("stream", "string", description="usage or statistics."),
    Column("path", "string", description="Key in the storage port."),
    Column("rows", "int64"),
    Column("bytes", "int64"),
    Column("digest", "string", description="sha256:hex of the file."),
    Column("min_at", "timestamp", description="Earliest time in the file."),
    Column("max_at", "timestamp", description="Latest time in the file."),
    Column("generation", "int64", description="0 as received, +1 for each compaction or erasure."),
    Column("replaces", "strings", description="Ids of the segments this one supersedes."),
)

INTAKE_BATCHES = _feed(
    "intake_batches",
    "one acknowledged batch",
    Column("stream", "string", description="usage, statistics, observations, catalogue, advisories or targets."),
    Column("batch_id", "string", description="The sender's idempotency key."),
    Column("received", "int64"),
    Column("accepted", "int64"),
    Column("duplicates", "int64"),
    Column("rejected", "int64"),
    Column("rejects_path", "string", nullable=True, description="Parquet of the rejected rows in the storage port."),
)

FEEDS: dict[str, Contract] = {
    contract.name: contract
    for contract in (
        TENANTS,
        PLUGINS,
        RELEASES,
        DEPENDENCIES,
        ADVISORIES,
        PLUGIN_GRANTS,
        TARGETS,
        OBSERVATIONS,
        SEGMENTS,
        INTAKE_BATCHES,
    )
}
"""Every feed by name."""
