"""Insights: sets to publish, and what is read of them."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import orjson

from patchbay.core.client.calls import Calls, segment
from patchbay.core.client.errors import ApiError
from patchbay.core.client.intake import NDJSON, encoded, packed
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
        path = f"/v1/insights/{kind}/sets/{set_id}"
        facts = {"model": model, "model_version": model_version, "data_until": data_until, "rows": len(rows)}
        self._put(path, orjson.dumps(facts | {"card": dict(card or {})}), {"Content-Type": "application/json"})
        if len(rows):
            body, form = encoded(rows, NDJSON)
            body, headers = packed(body, {"Content-Type": form})
            self._put(f"{path}/rows", body, headers)
        self._transport.json("POST", f"{path}/activate")
        return set_id

    def insight_sets(self, kind: str) -> Iterator[dict[str, Any]]:
        """Sets that are kept."""
        return self.pages(f"/v1/insights/{kind}/sets")

    def active_set(self, kind: str) -> dict[str, Any] | None:
        """The facts of the set that is read; None before the first."""
        return next((found for found in self.insight_sets(kind) if found["active"]), None)

    def rollback(self, kind: str) -> dict[str, Any]:
        """Make the set before the one that is read."""
        answer: dict[str, Any] = self._transport.json("POST", f"/v1/insights/{kind}/rollback")
        return answer

    def recommendations(self, target: str) -> Iterator[dict[str, Any]]:
        """Plugins recommended to a target, best first."""
        return self.pages(f"/v1/targets/{segment(target)}/recommendations")

    def similar(self, plugin: str) -> Iterator[dict[str, Any]]:
        """Plugins like this one."""
        return self.pages(f"/v1/plugins/{segment(plugin)}/similar")

    def risk(self, plugin: str) -> dict[str, Any] | None:
        """A plugin's risk; None while none is known."""
        try:
            found: dict[str, Any] = self.get(f"/v1/plugins/{segment(plugin)}/risk")
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return found

    def risks(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Risks of plugins, highest first."""
        return self.pages("/v1/risk", **({"limit": 500} | filters))

    def anomalies(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Anomalies, newest first; filters are plugin, kind, since and open."""
        return self.pages("/v1/anomalies", **({"limit": 500} | filters))

    def forecasts(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Forecasts by series and day."""
        return self.pages("/v1/forecasts", **({"limit": 500} | filters))

    def _put(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        self._transport.json("PUT", path, body=body, headers=headers)
