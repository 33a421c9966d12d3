"""What lists of insights can be filtered by."""

from patchbay.core.contracts.insights import ANOMALY_KINDS, BANDS
from registry_api.filtering import EXACT, By, Filters
from registry_api.insights.models import InsightRow, InsightSet

SETS = Filters(
    model=InsightSet.model,
    model_version=InsightSet.model_version,
    complete=InsightSet.complete,
    withdrawn=InsightSet.withdrawn,
    data_until=InsightSet.data_until,
    recorded_at=InsightSet.recorded_at,
    activated_at=InsightSet.activated_at,
)
RECOMMENDATIONS = Filters(
    plugin_id=InsightRow.plugin_id, because_plugin_id=InsightRow.other_plugin_id, score=InsightRow.score
)
SIMILAR = Filters(plugin_id=InsightRow.other_plugin_id, score=InsightRow.score)
RISKS = Filters(
    band=By(InsightRow.word, BANDS, EXACT),
    score=InsightRow.score,
    plugin_id=InsightRow.plugin_id,
    tenant_id=InsightRow.tenant_id,
)
ANOMALIES = Filters(
    kind=By(InsightRow.word, ANOMALY_KINDS, EXACT),
    series=InsightRow.series,
    score=InsightRow.score,
    started_at=InsightRow.at,
    ended=InsightRow.ended,
    plugin_id=InsightRow.plugin_id,
    tenant_id=InsightRow.tenant_id,
)
FORECASTS = Filters(
    series=InsightRow.series,
    value=InsightRow.score,
    plugin_id=InsightRow.plugin_id,
    tenant_id=InsightRow.tenant_id,
)
