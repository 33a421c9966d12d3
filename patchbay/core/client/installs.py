"""Targets and what is observed on them."""

from collections.abc import Iterator, Sequence
from typing import Any

from patchbay.core.client.calls import Calls, Document, segment
from patchbay.core.client.results import BatchResult


class InstallCalls(Calls):
    """Targets, named by id or name, and observed installations."""

    def post_targets(self, targets: Sequence[Document], *, batch_id: str | None = None) -> BatchResult:
        """Upsert up to 1000 targets."""
        return self._post_items("/v1/targets/batches", "targets", targets, batch_id)

    def post_observations(self, observations: Sequence[Document], *, batch_id: str | None = None) -> BatchResult:
        """Record up to 5000 observed installation events; a repeat is a duplicate."""
        return self._post_items("/v1/observations/installations", "observations", observations, batch_id)

    def targets(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """The tenant's targets."""
        return self.pages("/v1/targets", **({"limit": 500} | filters))

    def target_installations(self, target: str) -> Iterator[dict[str, Any]]:
        """What is observed on a target now."""
        return self.pages(f"/v1/targets/{segment(target)}/installations", limit=500)
