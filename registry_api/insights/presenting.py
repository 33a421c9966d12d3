"""From stored rows to answers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from registry_api.db import Reader
from registry_api.insights.models import InsightRow
from registry_api.insights.repository import Insights
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


async def risks_of(reader: Reader, plugin_ids: Sequence[UUID]) -> dict[UUID, RiskView]:
    """The risk of each plugin of which one is known."""
    insights = reader.repository(Insights)
    query = insights.risks(insights.heads("risk")).where(InsightRow.plugin_id.in_(plugin_ids))
    views = [RiskView(**risk(row).model_dump()) for row in await reader.session.execute(query)]
    return {view.plugin_id: view for view in views}


def anomaly(found: Any) -> AnomalyView:
    """A row of either kind of anomalies."""
    body = _body(found)
    return AnomalyView(**body | {"contributors": orjson.loads(body["contributors"])})


def forecast(found: Any) -> ForecastView:
    """A row of forecasts."""
    return ForecastView(**_body(found))
