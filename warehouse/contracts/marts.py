"""Marts: one table a question, narrow enough to be published to those who ask it."""

from patchbay.core.contracts import Column
from patchbay.core.contracts.intake import INTAKE_STREAMS, METRICS
from warehouse.contracts.columns import DAY, MONTH, PLUGIN, RELEASE, TENANT, counts, strings
from warehouse.contracts.schema import Accepted, AtMost, Between, TableContract

TRANSITIONS = ("installed", "removed", "reinstalled", "upgraded", "downgraded", "seen")

ADOPTION = TableContract(
    "mart_adoption",
    "marts",
    "one tenant, plugin and UTC day on which something happened or changed",
    "How widely a plugin is installed and used. Between two rows the installed level stays as the earlier one says.",
    (
        TENANT,
        PLUGIN,
        DAY,
        *counts(
            installed_targets="Targets that have it at the day's end.",
            active_targets="Distinct targets it was used on.",
            active_persons="Distinct persons who used it.",
            uses="Uses.",
        ),
    ),
    key=("tenant_id", "plugin_id", "day"),
    scope="own",
    checks=tuple(Between(name, least=0) for name in ("installed_targets", "active_targets", "active_persons", "uses")),
)
RETENTION = TableContract(
    "mart_retention",
    "marts",
    "one tenant, plugin, kind of subject, cohort month and months since (0 to 12)",
    "Of those who began in a month, how many are still there. A person is there in a month with a use, a target in a month in "
    "which the plugin was installed for any time. Months after the tenant's newest data give no rows.",
    (
        TENANT,
        PLUGIN,
        Column("subject_kind", "string", description="person or target."),
        Column("cohort_month", "date", description="Month of the first use or installation."),
        *counts(months_since="0 is the cohort's own month.", cohort_size="Who began.", retained="Who is there."),
    ),
    key=("tenant_id", "plugin_id", "subject_kind", "cohort_month", "months_since"),
    scope="own",
    checks=(
        Accepted("subject_kind", ("person", "target")),
        Between("months_since", least=0, most=12),
        Between("cohort_size", least=1),
        Between("retained", least=0),
        AtMost("retained", "cohort_size"),
    ),
)
PLUGIN_PERFORMANCE = TableContract(
    "mart_plugin_performance",
    "marts",
    "one tenant, plugin, release and week",
    "How well a release works: failures, speed and what it consumes.",
    (
        TENANT,
        PLUGIN,
        RELEASE,
        Column("version", "string", nullable=True),
        Column("week", "date", description="Monday of the ISO week, UTC."),
        *counts(uses="Uses.", errors="Failed uses and reported errors."),
        Column(
            "error_rate",
            "float64",
            nullable=True,
            description="errors / (uses + errors reported apart); null without any.",
        ),
        Column(
            "duration_ms_p50", "float64", nullable=True, description="Exact median of timed uses, linear interpolation."
        ),
        Column("duration_ms_p95", "float64", nullable=True, description="Exact 95th percentile of timed uses."),
        Column("cpu_percent_mean", "float64", nullable=True, description="Mean over resource samples."),
        Column("memory_bytes_mean", "float64", nullable=True, description="Mean over resource samples."),
    ),
    key=("tenant_id", "plugin_id", "release_id", "week"),
    scope="own",
    checks=(Between("error_rate", least=0, most=1), Between("duration_ms_p50", least=0), Between("uses", least=0)),
)
INSTALL_TRANSITIONS = TableContract(
    "mart_install_transitions",
    "marts",
    "one tenant, plugin, month, transition and pair of versions",
    "How installations came, went and changed. A change between versions of unknown order counts as upgraded.",
    (
        TENANT,
        PLUGIN,
        MONTH,
        Column("transition", "string", description=", ".join(TRANSITIONS) + "."),
        *strings("from_version", "to_version", nullable=True),
        *counts(targets="Distinct targets."),
    ),
    key=("tenant_id", "plugin_id", "month", "transition", "from_version", "to_version"),
    scope="own",
    checks=(Accepted("transition", TRANSITIONS), Between("targets", least=1)),
)
OUTSIDE_POPULARITY = TableContract(
    "mart_outside_popularity",
    "marts",
    "one plugin, calendar month, metric and source",
    "Standing of a plugin among all that the same tenant holds counts of.",
    (
        TENANT,
        PLUGIN,
        MONTH,
        *strings("metric", "source"),
        *counts(count="Installs or downloads.", rank="1 is the largest; equals share a rank."),
        Column(
            "share",
            "float64",
            nullable=True,
            description="Part of the month's total, 0 to 1; null when the total is 0.",
        ),
        Column(
            "change_ratio",
            "float64",
            nullable=True,
            description="(count - last month's) / last month's; null without one.",
        ),
    ),
    key=("tenant_id", "plugin_id", "month", "metric", "source"),
    scope="public",
    checks=(Accepted("metric", METRICS), Between("rank", least=1), Between("share", least=0, most=1)),
)
DATA_QUALITY = TableContract(
    "mart_data_quality",
    "marts",
    "one tenant, stream, UTC day and code",
    "What became of what was sent. By day of acknowledgement: `accepted`, `duplicate` and each reject code (`unlisted` where the "
    "reasons were not kept), which add up to the rows received. By day of the event, on top: `repeated_event` (a later batch sent an "
    "id again) and `removed_without_add` (a removal of what was not there).",
    (TENANT, Column("stream", "string"), DAY, Column("code", "string"), *counts(rows="Rows.")),
    key=("tenant_id", "stream", "day", "code"),
    scope="own",
    checks=(Accepted("stream", INTAKE_STREAMS), Between("rows", least=1)),
)

MARTS = (ADOPTION, RETENTION, PLUGIN_PERFORMANCE, INSTALL_TRANSITIONS, OUTSIDE_POPULARITY, DATA_QUALITY)
