"""Staging: the registry's entities as they stand now, and its events once each. One table a feed or file."""

from patchbay.core.contracts import FEEDS, Column
from patchbay.core.contracts.feeds import ENVELOPE
from patchbay.core.contracts.intake import (
    ENVIRONMENTS,
    INTAKE_STREAMS,
    METRICS,
    OUTCOMES,
    PERIOD_GRAINS,
    REJECTS,
    STATISTIC_SEGMENT,
    USAGE_SEGMENT,
    USAGE_TYPES,
)
from warehouse.contracts.columns import DAY, RECORDED, TENANT
from warehouse.contracts.schema import Accepted, Between, Check, References, TableContract

LIFECYCLES = ("active", "deprecated", "withdrawn")
EVENTS = ("added", "removed", "updated", "present")
_ENVELOPE = {column.name for column in ENVELOPE}


def staged(name: str) -> str:
    """The staging table of a feed or file."""
    return f"stg_registry__{name}"


def _columns(feed: str, entity: str) -> tuple[Column, ...]:
    own = tuple(column for column in FEEDS[feed].columns if column.name not in _ENVELOPE)
    flat = (
        Column(c.name, "string", c.nullable, f"{c.description} Sorted, comma-joined.".strip())
        if c.type == "strings"
        else c
        for c in own
    )
    return (Column(f"{entity}_id", "string", description="The entity's id."), TENANT, *flat, RECORDED)


def _entity(feed: str, entity: str, grain: str, description: str, *checks: Check) -> TableContract:
    return TableContract(
        staged(feed), "staging", grain, description, _columns(feed, entity), key=(f"{entity}_id",), checks=checks
    )


TENANTS = TableContract(
    staged("tenants"),
    "staging",
    "one tenant",
    "Tenants as they stand now.",
    (TENANT, *(column for column in FEEDS["tenants"].columns if column.name not in _ENVELOPE), RECORDED),
    key=("tenant_id",),
    checks=(Accepted("kind", ("operator", "customer")), Accepted("status", ("active", "suspended", "deleting"))),
)
PLUGINS = _entity(
    "plugins",
    "plugin",
    "one plugin",
    "Plugins as they stand now; deleted ones are gone.",
    Accepted("lifecycle", LIFECYCLES),
    Accepted("visibility", ("public", "shared", "private")),
)
RELEASES = _entity(
    "releases",
    "release",
    "one release",
    "Releases as they stand now.",
    Accepted("version_scheme", ("semver", "pep440", "jenkins", "opaque")),
    Between("size_bytes", least=0),
)
DEPENDENCIES = _entity("dependencies", "dependency", "one dependency of a release", "Dependencies as they stand now.")
ADVISORIES = _entity(
    "advisories",
    "advisory",
    "one security advisory",
    "Security advisories as they stand now.",
    Accepted("subject_kind", ("plugin", "host")),
)
PLUGIN_GRANTS = _entity(
    "plugin_grants",
    "plugin_grant",
    "one grant of a plugin to a tenant",
    "Grants that nobody has ended, those that rest or have expired too.",
    Accepted("scope", ("read", "install")),
)
TARGETS = _entity(
    "targets",
    "target",
    "one target",
    "Targets as they stand now.",
    Accepted("environment", ENVIRONMENTS),
    Accepted("lifecycle", ("active", "retired")),
)
OBSERVATIONS = TableContract(
    staged("observations"),
    "staging",
    "one observed installation event",
    "What was seen to be added, removed, updated or present on a target.",
    (
        *_columns("observations", "observation"),
        Column("seq", "int64", description="Feed position; orders events of one instant."),
    ),
    key=("observation_id",),
    checks=(Accepted("event", EVENTS),),
)
SEGMENTS = TableContract(
    staged("segments"),
    "staging",
    "one segment of the lake",
    "Every segment ever announced, and whether its rows count now.",
    (*_columns("segments", "segment"), Column("live", "bool", description="False once replaced or erased.")),
    key=("segment_id",),
    checks=(Accepted("stream", ("usage", "statistics")), Between("rows", least=0), Between("bytes", least=0)),
)
INTAKE_BATCHES = _entity(
    "intake_batches",
    "intake_batch",
    "one acknowledged batch",
    "Batches as they were answered: received = accepted + duplicates + rejected.",
    Accepted("stream", INTAKE_STREAMS),
    *(Between(name, least=0) for name in ("received", "accepted", "duplicates", "rejected")),
)
USAGE_EVENTS = TableContract(
    staged("usage_events"),
    "staging",
    "one usage event",
    "Usage events, each once: of several with one id the first to arrive wins, whatever day the others claim.",
    (
        *(column for column in USAGE_SEGMENT.columns if column.name != "row_index"),
        DAY,
        Column("segment_id", "string", description="The segment it came in."),
    ),
    key=("tenant_id", "event_id"),
    partitioned=True,
    checks=(
        Accepted("type", USAGE_TYPES),
        Accepted("environment", ENVIRONMENTS),
        Accepted("outcome", OUTCOMES),
        Between("duration_ms", least=0),
        Between("quantity", least=1),
        Between("score", least=1, most=5),
        References("tenant_id", staged("tenants"), "tenant_id"),
        References("plugin_id", staged("plugins"), "plugin_id", "warn"),
        References("target_id", staged("targets"), "target_id", "warn"),
    ),
)
STATISTICS = TableContract(
    staged("statistics"),
    "staging",
    "one count of an outside registry: plugin, version, period, metric, source",
    "Counts of outside registries; of several for one key the last to arrive wins.",
    tuple(column for column in STATISTIC_SEGMENT.columns if column.name != "row_index"),
    key=("tenant_id", "plugin_id", "version", "period", "grain", "metric", "source"),
    checks=(Accepted("grain", PERIOD_GRAINS), Accepted("metric", METRICS), Between("count", least=0)),
)
REJECTS_STAGED = TableContract(
    staged("rejects"),
    "staging",
    "one complaint about a refused row of a batch",
    "Why rows were refused at the door.",
    (
        TENANT,
        Column("intake_batch_id", "string"),
        Column("stream", "string"),
        *REJECTS.columns,
        Column("day", "date", description="UTC day the batch was acknowledged."),
    ),
    key=("intake_batch_id", "row_index", "field", "code"),
    checks=(Between("row_index", least=0), Accepted("stream", INTAKE_STREAMS)),
)

STAGING = (
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
    USAGE_EVENTS,
    STATISTICS,
    REJECTS_STAGED,
)
