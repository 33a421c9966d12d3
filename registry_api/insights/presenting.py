"""From stored rows to answers."""

from typing import Any

import orjson

from registry_api.insights.schemas import AnomalyView, ForecastView, RecommendationView, RiskView, SimilarView


def _body(found: Any) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(found.body)
    return {"plugin": found.ref} | body


def recommendation(found: Any) -> RecommendationView:
    """A row of recommendations."""
    return RecommendationView(**_body(found), because_plugin=found.other_ref)


def similar(found: Any) -> SimilarView:
    """A row of similar plugins, seen from the one asked about."""
    body = _body(found)
    return SimilarView(
        rank=body["rank"], plugin_id=body["other_plugin_id"], plugin=found.other_ref, score=body["score"]
    )


def risk(found: Any) -> RiskView:
    """A row of risks."""
    body = _body(found)
    return RiskView(**body | {"factors": orjson.loads(body["factors"])})


def anomaly(found: Any) -> AnomalyView:
    """A row of either kind of anomalies."""
    body = _body(found)
    return AnomalyView(**body | {"contributors": orjson.loads(body["contributors"])})


def forecast(found: Any) -> ForecastView:
    """A row of forecasts."""
    return ForecastView(**_body(found))
