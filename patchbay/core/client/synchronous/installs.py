"""Targets and what is observed on them."""

from collections.abc import Iterator, Sequence
from typing import Any

from patchbay.core.client.documents import InstallAnswer, InstalledPlugin, Target
from patchbay.core.client.paths import segment
from patchbay.core.client.results import BatchResult
from patchbay.core.client.synchronous.calls import Calls, Document


class InstallCalls(Calls):
    """Targets, named by id or name, and observed installations."""

    def post_targets(self, targets: Sequence[Document], *, batch_id: str | None = None) -> BatchResult:
        """Upsert up to 1000 targets."""
        return self._post_items("/v1/targets/batches", "targets", targets, batch_id)

    def post_observations(self, observations: Sequence[Document], *, batch_id: str | None = None) -> BatchResult:
        """Record up to 5000 observed installation events; a repeat is a duplicate."""
        return self._post_items("/v1/observations/installations", "observations", observations, batch_id)

    def targets(self, **filters: Any) -> Iterator[Target]:
        """The tenant's targets."""
        return self._list(Target, "/v1/targets", **filters)

    def target(self, target: str) -> Target:
        """One target."""
        return self._read(Target, f"/v1/targets/{segment(target)}")

    def target_installations(self, target: str, **filters: Any) -> Iterator[InstalledPlugin]:
        """What is observed on a target now."""
        return self._list(InstalledPlugin, f"/v1/targets/{segment(target)}/installations", **filters)

    def install_check(self, target: str, plugin: str, version: str | None = None) -> InstallAnswer:
        """Whether a release, or without a version which one, may be installed: allowed, version, reason, instead."""
        path = f"/v1/targets/{segment(target)}/install-checks"
        return self._ask(InstallAnswer, path, {"plugin": plugin, "version": version})

    def lift_block(self, plugin: str, version: str) -> None:
        """Allow new installs of a release that the tenant blocks."""
        self.delete(f"/v1/plugins/{segment(plugin)}/releases/{segment(version)}/block")


# Made by `make client` from patchbay/core/client/asynchronous/installs.py; edit that.
