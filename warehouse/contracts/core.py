"""Core: dimensions and facts at the finest grain that questions need."""

from patchbay.core.contracts import Column
from patchbay.core.contracts.intake import METRICS
from warehouse.contracts.columns import DAY, MONTH, PLUGIN, RELEASE, TARGET, TENANT, counts, strings
from warehouse.contracts.schema import Accepted, Between, References, TableContract
from warehouse.contracts.staging import LIFECYCLES

DIM_TENANT = TableContract(
    "dim_tenant",
    "core",
    "one tenant",
    "Tenants of the registry.",
    (TENANT, *strings("slug", "name", "kind", "status")),
    key=("tenant_id",),
    scope="tenant",
)
DIM_TARGET = TableContract(
    "dim_target",
    "core",
    "one target",
    "Places that plugins are installed on.",
    (
        TARGET,
        TENANT,
        Column("name", "string"),
        Column("title", "string", nullable=True),
        *strings("environment", "kind", "lifecycle"),
    ),
    key=("target_id",),
    scope="own",
    checks=(References("tenant_id", "dim_tenant", "tenant_id"),),
)
DIM_RELEASE = TableContract(
    "dim_release",
    "core",
    "one release of a known plugin",
    "Releases in the order of their versions.",
    (
        Column("release_id", "string"),
        PLUGIN,
        TENANT,
        *strings("version", "version_scheme", "sort_key"),
        Column("prerelease", "bool"),
        Column("requires_host", "string", nullable=True),
        Column("size_bytes", "int64", nullable=True),
        *strings("digest", "artifact_url", nullable=True),
        Column("yanked", "bool"),
        Column("released_at", "timestamp", nullable=True),
        Column(
            "is_latest", "bool", description="The one to install: newest, not yanked, stable if there is such a one."
        ),
        Column("position", "int64", description="1 is the plugin's oldest version."),
    ),
    key=("release_id",),
    scope="plugin",
    checks=(References("tenant_id", "dim_tenant", "tenant_id"), Between("position", least=1)),
)
DIM_ADVISORY = TableContract(
    "dim_advisory",
    "core",
    "one security advisory",
    "Security advisories; `plugin_id` is null for the host and for plugins the registry does not know.",
    (
        Column("advisory_id", "string"),
        TENANT,
        *strings("external_id", "subject_kind", "subject_ref"),
        Column("plugin_id", "string", nullable=True),
        Column("summary", "string"),
        *strings("url", "severity", nullable=True),
        Column("ranges", "string", description="JSON list of {first_version?, last_version?, pattern?}."),
        Column("unfixed", "bool"),
        Column("published_at", "timestamp", nullable=True),
    ),
    key=("advisory_id",),
    scope="advisory",
    checks=(Accepted("subject_kind", ("plugin", "host")),),
)
FCT_DEPENDENCY = TableContract(
    "fct_dependency",
    "core",
    "one dependency of a release",
    "What a release needs; `dependency_plugin_id` is null while the registry does not know that plugin.",
    (
        Column("dependency_id", "string"),
        TENANT,
        Column("release_id", "string"),
        PLUGIN,
        Column("dependency_ref", "string"),
        *strings("dependency_plugin_id", "requirement", nullable=True),
        Column("optional", "bool"),
        Column("of_latest", "bool", description="Belongs to the plugin's latest release."),
    ),
    key=("dependency_id",),
    scope="plugin",
    checks=(References("release_id", "dim_release", "release_id"),),
)
FCT_INSTALLATION_INTERVAL = TableContract(
    "fct_installation_interval",
    "core",
    "one stretch of time in which a target had one version of a plugin",
    "From being seen to be there until seen to be removed or changed; `to_at` null: still there.",
    (
        TENANT,
        TARGET,
        PLUGIN,
        Column("interval_number", "int64", description="1 is the first of this plugin on this target."),
        *strings("version", "origin", nullable=True),
        Column("source", "string", description="Who observed its start."),
        Column("from_at", "timestamp"),
        Column("to_at", "timestamp", nullable=True),
        Column(
            "opening",
            "string",
            description="installed, reinstalled, changed, or seen: there when first looked at, since nobody knows when.",
        ),
        Column("closing", "string", nullable=True, description="removed or changed; null while it lasts."),
    ),
    key=("tenant_id", "target_id", "plugin_id", "interval_number"),
    scope="own",
    checks=(
        Between("interval_number", least=1),
        Accepted("opening", ("installed", "reinstalled", "changed", "seen")),
        Accepted("closing", ("removed", "changed")),
        References("plugin_id", "stg_registry__plugins", "plugin_id", "warn"),
        References("target_id", "dim_target", "target_id", "warn"),
    ),
)
DIM_PLUGIN = TableContract(
    "dim_plugin",
    "core",
    "one plugin",
    "Plugins with what their page needs at a glance. Counts of targets and dependants are those the reader may see.",
    (
        PLUGIN,
        TENANT,
        Column("ref", "string", description="namespace:name."),
        *strings("namespace", "name", "title"),
        *strings("summary", "homepage_url", "repository_url", "licence", nullable=True),
        *strings("lifecycle", "visibility"),
        Column("labels", "string", description="Sorted, comma-joined; empty when none."),
        Column("maintainers", "string", description="Handles, sorted, comma-joined; empty when none."),
        Column("first_released_at", "timestamp", nullable=True),
        *strings("latest_release_id", "latest_version", nullable=True),
        Column("latest_released_at", "timestamp", nullable=True),
        Column("requires_host", "string", nullable=True, description="Of the latest release."),
        *counts(
            release_count="Releases.",
            dependency_count="Dependencies of the latest release.",
            dependant_count="Other plugins whose latest release needs this one.",
            advisory_count="Security advisories.",
            unfixed_advisory_count="Advisories with a range that has no last affected version.",
            installed_targets="Targets that have it now.",
        ),
    ),
    key=("plugin_id",),
    scope="plugin",
    checks=(
        References("tenant_id", "dim_tenant", "tenant_id"),
        References("latest_release_id", "dim_release", "release_id"),
        Accepted("lifecycle", LIFECYCLES),
        Between("release_count", least=0),
        Between("installed_targets", least=0),
    ),
)
FCT_USAGE_DAILY = TableContract(
    "fct_usage_daily",
    "core",
    "one tenant, plugin, release and UTC day",
    "Use of plugins by day. Events without a plugin, such as searches, are not in it.",
    (
        TENANT,
        PLUGIN,
        RELEASE,
        DAY,
        *counts(
            uses="Uses, successful or not.",
            errors="Failed uses and reported errors.",
            failures="Errors reported apart from a use; errors never exceed uses plus failures.",
            views="Page views.",
        ),
        Column("duration_ms_sum", "float64", description="Milliseconds over the timed uses, exact to the microsecond."),
        *counts(duration_ms_count="Timed uses."),
        Column("cost", "decimal", description="In the tenant's currency."),
        *counts(persons="Distinct persons who used it.", targets="Distinct targets it was used on."),
    ),
    key=("tenant_id", "plugin_id", "release_id", "day"),
    partitioned=True,
    scope="own",
    checks=(
        *(Between(name, least=0) for name in ("uses", "errors", "duration_ms_sum", "persons", "targets")),
        References("plugin_id", "stg_registry__plugins", "plugin_id", "warn"),
    ),
)
FCT_USAGE_PERSON_DAILY = TableContract(
    "fct_usage_person_daily",
    "core",
    "one tenant, plugin, person and UTC day",
    "Who used what on which day; persons are random pseudonyms. Uses without a person are not in it.",
    (TENANT, PLUGIN, Column("subject_id", "string", description="Pseudonym of a person."), DAY, *counts(uses="Uses.")),
    key=("tenant_id", "plugin_id", "subject_id", "day"),
    partitioned=True,
    checks=(Between("uses", least=1),),
)
FCT_USAGE_TARGET_DAILY = TableContract(
    "fct_usage_target_daily",
    "core",
    "one tenant, plugin, target and UTC day",
    "What was used on which target on which day. Uses without a target are not in it.",
    (TENANT, PLUGIN, TARGET, DAY, *counts(uses="Uses.")),
    key=("tenant_id", "plugin_id", "target_id", "day"),
    partitioned=True,
    checks=(Between("uses", least=1),),
)
FCT_STATISTIC_MONTHLY = TableContract(
    "fct_statistic_monthly",
    "core",
    "one plugin, calendar month, metric and source",
    "Outside popularity by month: the month's own count where the source gives one, else the sum of its days; the plugin's "
    "total where given, else the sum over its versions.",
    (TENANT, PLUGIN, MONTH, *strings("metric", "source"), *counts(count="Installs or downloads.")),
    key=("tenant_id", "plugin_id", "month", "metric", "source"),
    checks=(Accepted("metric", METRICS), Between("count", least=0)),
)

CORE = (
    DIM_TENANT,
    DIM_TARGET,
    DIM_RELEASE,
    DIM_ADVISORY,
    FCT_DEPENDENCY,
    FCT_INSTALLATION_INTERVAL,
    DIM_PLUGIN,
    FCT_USAGE_DAILY,
    FCT_USAGE_PERSON_DAILY,
    FCT_USAGE_TARGET_DAILY,
    FCT_STATISTIC_MONTHLY,
)
