"""Columnar rows: what senders post, and what the lake keeps of it."""

from patchbay.core.contracts.schema import Column, Contract

USAGE_TYPES = (
    "use",
    "error",
    "view",
    "search",
    "impression",
    "exposure",
    "feedback",
    "install",
    "uninstall",
    "upgrade",
    "resource",
)
"""Closed list of usage event types; `resource` is a sample of what a plugin consumes on a target."""

ENVIRONMENTS = ("dev", "staging", "production")
OUTCOMES = ("ok", "error")
METRICS = ("installs", "downloads")
PERIOD_GRAINS = ("day", "month")
INTAKE_STREAMS = ("usage", "statistics", "observations", "catalogue", "advisories", "targets")

USAGE_EVENT = Contract(
    "usage_event",
    "one usage event, as posted",
    (
        Column("id", "string", description="Sender's unique id; a repeat is a duplicate, first one wins."),
        Column("type", "string", description="One of USAGE_TYPES."),
        Column("at", "timestamp", description="When it happened; ISO 8601 with zone in NDJSON."),
        Column("plugin", "string", nullable=True, description="Plugin id or namespace:name; null only for search."),
        Column("version", "string", nullable=True),
        Column("target", "string", nullable=True, description="Target id or name."),
        Column("environment", "string", nullable=True, description="Defaults to the target's."),
        Column("person", "string", nullable=True, description="Sender's id of a person; only a pseudonym is kept."),
        Column("session", "string", nullable=True),
        Column("outcome", "string", nullable=True, description="ok or error."),
        Column("error_code", "string", nullable=True),
        Column("duration_ms", "float64", nullable=True, description="Milliseconds, finite, 0 to 1e12."),
        Column(
            "quantity", "int64", nullable=True, description="Number of like uses this row stands for; null means 1."
        ),
        Column("score", "int64", nullable=True, description="Feedback score, 1 to 5."),
        Column("cpu_percent", "float64", nullable=True),
        Column("memory_bytes", "int64", nullable=True),
        Column("cost", "decimal", nullable=True, description="Decimal amount in the tenant's currency."),
    ),
)

USAGE_SEGMENT = Contract(
    "usage_segment",
    "one accepted usage event in the lake",
    (
        Column("event_id", "string"),
        Column("tenant_id", "string"),
        Column("type", "string"),
        Column("at", "timestamp"),
        Column("plugin_id", "string", nullable=True),
        Column("release_id", "string", nullable=True, description="Null when the version is unknown or unstated."),
        Column("version", "string", nullable=True),
        Column("target_id", "string", nullable=True),
        Column("environment", "string", nullable=True),
        Column("subject_id", "string", nullable=True, description="Random pseudonym of the person."),
        Column("session", "string", nullable=True),
        Column("outcome", "string", nullable=True),
        Column("error_code", "string", nullable=True),
        Column("duration_ms", "float64", nullable=True),
        Column("quantity", "int64"),
        Column("score", "int64", nullable=True),
        Column("cpu_percent", "float64", nullable=True),
        Column("memory_bytes", "int64", nullable=True),
        Column("cost", "decimal", nullable=True),
        Column("row_index", "int64", description="Position in the batch it came in."),
    ),
)

STATISTIC = Contract(
    "statistic",
    "one count of an outside registry, as posted",
    (
        Column("plugin", "string", description="Plugin id or namespace:name."),
        Column("version", "string", nullable=True),
        Column("period", "date", description="First day of the period."),
        Column("grain", "string", description="day or month."),
        Column("metric", "string", description="installs or downloads."),
        Column("count", "int64"),
        Column("source", "string"),
    ),
)

STATISTIC_SEGMENT = Contract(
    "statistic_segment",
    "one accepted outside count in the lake; a later row for the same key replaces an earlier one",
    (
        Column("tenant_id", "string"),
        Column("plugin_id", "string"),
        Column("version", "string", nullable=True),
        Column("period", "date"),
        Column("grain", "string"),
        Column("metric", "string"),
        Column("count", "int64"),
        Column("source", "string"),
        Column("row_index", "int64"),
    ),
)

REJECTS = Contract(
    "rejects",
    "one refused row of a batch",
    (
        Column("row_index", "int64", description="0-based position in the batch."),
        Column("field", "string", description="JSON Pointer or column at fault; empty for the whole row."),
        Column("code", "string", description="Stable reason code, such as unknown_plugin."),
        Column("reason", "string", description="What is wrong and how to mend it."),
        Column("row", "string", nullable=True, description="The row as received, JSON, cut at 500 characters."),
    ),
)
