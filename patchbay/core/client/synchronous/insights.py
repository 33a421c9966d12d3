"""Insights: sets to publish, and what is read of them."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from patchbay.core.client.documents import Anomaly, Forecast, InsightSet, Recommendation, Risk, Similar
from patchbay.core.client.errors import ApiError
from patchbay.core.client.paths import segment
from patchbay.core.client.rows import NDJSON, encoded, packed
from patchbay.core.client.synchronous.calls import Calls
from patchbay.core.ids import new_id


class InsightCalls(Calls):
    """Kinds are recommendations, similar, risk, anomalies, live_anomalies and forecasts."""

    def publish_set(
        self,
        kind: str,
        rows: Any,
        *,
        model: str,
        model_version: str,
        data_until: str | None = None,
        card: Mapping[str, Any] | None = None,
    ) -> UUID:
        """Put a whole set, an Arrow table or a sequence of dicts, and make it the one that is read; its id."""
        set_id = new_id()
        path = f"{_sets(kind)}/{set_id}"
        facts = {"model": model, "model_version": model_version, "data_until": data_until, "rows": len(rows)}
        self._put(InsightSet, path, facts | {"card": dict(card or {})})
        if len(rows):
            body, form = encoded(rows, NDJSON)
            body, headers = packed(body, {"Content-Type": form})
            self._transport.json("PUT", f"{path}/rows", body=body, headers=headers)
        self._make(InsightSet, f"{path}/activate")
        return set_id

    def insight_sets(self, kind: str, **filters: Any) -> Iterator[InsightSet]:
        """Sets that are kept."""
        return self._list(InsightSet, _sets(kind), **filters)

    def active_set(self, kind: str) -> InsightSet | None:
        """The facts of the set that is read; None before the first."""
        for found in self.insight_sets(kind):
            if found["active"]:
                return found
        return None

    def rollback(self, kind: str) -> InsightSet:
        """Make the set before the one that is read."""
        return self._make(InsightSet, f"/v1/insights/{segment(kind)}/rollback")

    def recommendations(self, target: str, **filters: Any) -> Iterator[Recommendation]:
        """Plugins recommended to a target, best first."""
        return self._list(Recommendation, f"/v1/targets/{segment(target)}/recommendations", **filters)

    def similar(self, plugin: str, **filters: Any) -> Iterator[Similar]:
        """Plugins like this one."""
        return self._list(Similar, f"/v1/plugins/{segment(plugin)}/similar", **filters)

    def risk(self, plugin: str) -> Risk | None:
        """A plugin's risk; None while none is known."""
        try:
            return self._read(Risk, f"/v1/plugins/{segment(plugin)}/risk")
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def risks(self, **filters: Any) -> Iterator[Risk]:
        """Risks of plugins, highest first."""
        return self._list(Risk, "/v1/risk", **filters)

    def anomalies(self, **filters: Any) -> Iterator[Anomaly]:
        """Anomalies, newest first; filters are plugin, kind, `started_at__gte`, ended and others."""
        return self._list(Anomaly, "/v1/anomalies", **filters)

    def forecasts(self, **filters: Any) -> Iterator[Forecast]:
        """Forecasts by series and day."""
        return self._list(Forecast, "/v1/forecasts", **filters)


def _sets(kind: str) -> str:
    return f"/v1/insights/{segment(kind)}/sets"


# Made by `make client` from patchbay/core/client/asynchronous/insights.py; edit that.
