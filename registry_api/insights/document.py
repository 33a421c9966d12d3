"""The rows of a set as OpenAPI describes them: one schema and one example a kind."""

from typing import Any

from patchbay.core.contracts.insights import INSIGHTS
from registry_api.intake.columnar.document import columnar_body
from registry_api.intake.columnar.receive import ARROW, NDJSON

_TENANT, _TARGET, _PLUGIN, _OTHER = (f"019a7d2c-0000-7000-8000-00000000000{place}" for place in range(1, 5))
_ANOMALY = {
    "tenant_id": _TENANT,
    "anomaly_id": "019a7d2c-0000-7000-8000-000000000009",
    "series": "uses_per_minute",
    "kind": "surge",
    "plugin_id": _PLUGIN,
    "started_at": "2026-11-23T09:30:00Z",
    "observed": 640.0,
    "expected_low": 40.0,
    "expected_high": 95.0,
    "score": 6.2,
    "contributors": "[]",
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "recommendations": {
        "tenant_id": _TENANT,
        "target_id": _TARGET,
        "rank": 1,
        "plugin_id": _PLUGIN,
        "score": 0.83,
        "reason": "Targets with git usually have it.",
        "because_plugin_id": _OTHER,
        "model": "ease",
    },
    "similar": {"plugin_id": _PLUGIN, "rank": 1, "other_plugin_id": _OTHER, "score": 0.4},
    "risk": {
        "plugin_id": _PLUGIN,
        "score": 71.5,
        "band": "high",
        "probability": 0.31,
        "impact": 0.6,
        "confidence": 0.8,
        "factors": "[]",
    },
    "anomalies": _ANOMALY,
    "live_anomalies": _ANOMALY,
    "forecasts": {
        "tenant_id": _TENANT,
        "series": "uses_per_day",
        "plugin_id": _PLUGIN,
        "day": "2026-12-01",
        "value": 420.0,
        "low": 310.0,
        "high": 540.0,
    },
}


def rows_body() -> dict[str, Any]:
    """The request body of the route that takes rows; which schema holds follows from the kind in the path."""
    bodies = {kind: columnar_body(INSIGHTS[kind], example) for kind, example in EXAMPLES.items()}
    lines = {kind: body["requestBody"]["content"][NDJSON] for kind, body in bodies.items()}
    schema = {"anyOf": [{**line["schema"], "title": kind} for kind, line in lines.items()]}
    examples = {kind: line["examples"]["one"] for kind, line in lines.items()}
    arrow = {
        "schema": {
            "type": "string",
            "format": "binary",
            "description": "An Arrow IPC stream with the columns of the kind.",
        }
    }
    return {
        "requestBody": {"required": True, "content": {NDJSON: {"schema": schema, "examples": examples}, ARROW: arrow}}
    }
