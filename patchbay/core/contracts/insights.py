"""What models say of the world, as it comes back into the registry: one contract a kind of insight."""

from patchbay.core.contracts.schema import Column, Contract

ANOMALY_KINDS = ("surge", "outage", "errors", "novelty")
BANDS = ("low", "moderate", "high", "critical", "insufficient")

_ANOMALY = (
    Column("tenant_id", "string", nullable=True, description="Whose; null for everybody who sees the plugin."),
    Column("anomaly_id", "string", description="The same anomaly has the same id in every set."),
    Column("series", "string", description="What was counted."),
    Column("kind", "string", description=f"{', '.join(ANOMALY_KINDS)}."),
    Column("plugin_id", "string", nullable=True),
    Column("release_id", "string", nullable=True),
    Column("started_at", "timestamp"),
    Column("ended_at", "timestamp", nullable=True, description="Null while it goes on."),
    Column("observed", "float64", description="What came in the window."),
    Column("expected_low", "float64"),
    Column("expected_high", "float64"),
    Column("score", "float64", description="Decimal surprise: 4 is once in ten thousand hours."),
    Column("contributors", "string", description="JSON list: what it is made of, largest first."),
)
_ANOMALY_KEY = ("tenant_id", "anomaly_id")

INSIGHTS: dict[str, Contract] = {
    contract.name: contract
    for contract in (
        Contract(
            "recommendations",
            "one plugin recommended to one target",
            (
                Column("tenant_id", "string"),
                Column("target_id", "string"),
                Column("rank", "int64", description="From 1."),
                Column("plugin_id", "string"),
                Column("score", "float64"),
                Column("reason", "string", description="A sentence."),
                Column("because_plugin_id", "string", nullable=True, description="What the target has that says so."),
                Column("model", "string"),
            ),
            key=("target_id", "plugin_id"),
        ),
        Contract(
            "similar",
            "one plugin that is like another",
            (
                Column("plugin_id", "string"),
                Column("rank", "int64", description="From 1."),
                Column("other_plugin_id", "string"),
                Column("score", "float64"),
            ),
            key=("plugin_id", "other_plugin_id"),
        ),
        Contract(
            "risk",
            "one plugin for everybody, or for one tenant that has it",
            (
                Column("plugin_id", "string"),
                Column("tenant_id", "string", nullable=True, description="Null for everybody who sees the plugin."),
                Column("score", "float64", description="0 to 100."),
                Column("band", "string", description=f"{', '.join(BANDS)}."),
                Column("probability", "float64", nullable=True, description="Of an advisory within a year."),
                Column("impact", "float64", nullable=True, description="0 to 1."),
                Column("confidence", "float64", nullable=True, description="0 to 1: how much is known."),
                Column("compliance", "string", nullable=True, description="Null where nothing was judged."),
                Column("floor", "string", nullable=True, description="What holds the score up by itself."),
                Column("factors", "string", description="JSON list of name, probability, weight, reason and fix."),
            ),
            key=("plugin_id", "tenant_id"),
        ),
        Contract("anomalies", "one anomaly of the past, found in the warehouse", _ANOMALY, _ANOMALY_KEY),
        Contract("live_anomalies", "one anomaly of the last days, found minute by minute", _ANOMALY, _ANOMALY_KEY),
        Contract(
            "forecasts",
            "one series on one day to come",
            (
                Column("tenant_id", "string", nullable=True),
                Column("series", "string"),
                Column("plugin_id", "string", nullable=True),
                Column("day", "date"),
                Column("value", "float64"),
                Column("low", "float64", description="Lower end of the 90 % interval."),
                Column("high", "float64"),
            ),
            key=("tenant_id", "series", "plugin_id", "day"),
        ),
    )
}
