"""Sets of insights for tests, and how the pipelines send them."""

import json
from typing import Any
from uuid import uuid4

import httpx

ANOMALY = {
    "anomaly_id": "a1",
    "series": "uses",
    "kind": "surge",
    "started_at": "2026-11-01T10:00:00Z",
    "observed": 50.0,
    "expected_low": 5.0,
    "expected_high": 20.0,
    "score": 6.5,
    "contributors": "[]",
}
FACTOR = {"name": "age", "probability": 0.2, "weight": 1.0, "reason": "old", "fix": "update"}


def risk(plugin: str, score: float, **fields: Any) -> dict[str, Any]:
    """A row of risk."""
    return {
        "plugin_id": plugin,
        "score": score,
        "band": "high" if score > 50 else "low",
        "probability": 0.1,
        "impact": 0.5,
        "confidence": 0.9,
        "factors": json.dumps([FACTOR]),
    } | fields


def insight_rows(tenant: str, plugin: str, target: str, reason: str = "why") -> dict[str, list[dict[str, Any]]]:
    """One row of each kind about one tenant's things."""
    recommended = {"tenant_id": tenant, "target_id": target, "rank": 1, "plugin_id": plugin, "score": 1.0}
    days = {"tenant_id": tenant, "series": "uses", "plugin_id": plugin, "day": "2026-12-01"}
    anomaly = ANOMALY | {"tenant_id": tenant, "plugin_id": plugin, "series": reason}
    return {
        "recommendations": [recommended | {"reason": reason, "model": "ease"}],
        "similar": [{"plugin_id": plugin, "rank": 1, "other_plugin_id": plugin, "score": 0.5}],
        "risk": [risk(plugin, 80, tenant_id=tenant, floor=reason)],
        "anomalies": [anomaly],
        "live_anomalies": [anomaly | {"anomaly_id": "a2"}],
        "forecasts": [days | {"value": 3.0, "low": 1.0, "high": 5.0}],
    }


def facts(rows: int, **fields: Any) -> dict[str, Any]:
    """What a set says of itself."""
    return {"model": "m", "model_version": "1", "rows": rows} | fields


async def put_rows(client: httpx.AsyncClient, kind: str, set_id: str, rows: list[dict[str, Any]]) -> httpx.Response:
    """Send the rows of a set that was announced."""
    body = "\n".join(json.dumps(row) for row in rows)
    headers = {"Content-Type": "application/x-ndjson"}
    return await client.put(f"/v1/insights/{kind}/sets/{set_id}/rows", content=body, headers=headers)


async def publish(client: httpx.AsyncClient, kind: str, rows: list[dict[str, Any]]) -> str:
    """Put a whole set and activate it; its id."""
    set_id = str(uuid4())
    path = f"/v1/insights/{kind}/sets/{set_id}"
    answers = [await client.put(path, json=facts(len(rows)))]
    answers += [await put_rows(client, kind, set_id, rows)] if rows else []
    answers.append(await client.post(f"{path}/activate"))
    assert all(answer.is_success for answer in answers), [answer.text for answer in answers]
    return set_id
