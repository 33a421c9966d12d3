"""From a real registry's door and back: what was posted as usage is read as an anomaly, and its trace goes with it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from patchbay.core.client import Client
from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from patchbay.core.storage import open_storage
from patchbay.core.telemetry import bound, new_trace
from pipelines.defs.learn import detecting, keeping
from pipelines.defs.live.ticking import tick
from pipelines.resources.insights import InsightsRoom
from tests.pipelines.defs.live.conftest import history
from tests.pipelines.registry import client, serving

pytestmark = pytest.mark.slow
RATE, SURGE, LEARNT, BEGAN = 4, 8, 12, 5
"""Uses a minute, what a surge makes of them, and how many minutes ago the history ended and the surge began."""


class Told:
    """The service's client, which remembers the samples of the last tick."""

    def __init__(self, service: Client) -> None:
        self._service = service
        self.samples: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def tick(self, id: str, at: str, samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        self.samples = list(samples)
        return self._service.tick(id, at, samples)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A registry with a tenant and a plugin."""
    with serving(tmp_path_factory.mktemp("registry")) as settings, client(settings) as admin:
        admin.create_tenant("acme", "Acme")
        plugin = {"namespace": "jenkins", "name": "git", "title": "Git", "visibility": "public"}
        release = {"version": "2.0.0", "version_scheme": "semver"}
        result = admin.post_catalogue([{**plugin, "releases": [release]}])
        assert result.rejected == 0
        yield settings


def post(admin: Client, minute: datetime, uses: int) -> str:
    """Uses of a minute, and the trace they were sent under."""
    rows = [
        {
            "id": f"{minute:%H%M}-{n}",
            "type": "use",
            "at": minute.isoformat(),
            "plugin": "jenkins:git",
            "version": "2.0.0",
        }
        for n in range(uses)
    ]
    with bound(new_trace()) as trace:
        assert admin.acting_in("acme").post_usage(f"{minute:%H%M}", rows).rejected == 0
    return trace.trace_id


def test_a_surge_that_was_posted_is_an_anomaly_to_read_a_sample_and_a_plan_under_its_senders_trace(
    registry: Settings, tmp_path: Path, repository: Path
) -> None:
    now = utcnow().replace(second=45, microsecond=0) - timedelta(minutes=1)
    storage, draw = open_storage(registry), np.random.default_rng(2)
    with client(registry) as admin, client(registry, "service") as service:
        tenants = {row["slug"]: row["id"] for row in admin.pages("/v1/tenants")}
        plugin = admin.get("/v1/plugins/jenkins:git")["id"]
        made = history(now - timedelta(minutes=LEARNT), {(tenants["acme"], plugin): float(RATE)}, tenants["operator"])
        keeping.keep(
            storage, "detectors", detecting.papers(made), detecting.dump(detecting.to_document(made)), "detectors"
        )
        traces = []
        for ago in range(LEARNT, 0, -1):
            factor = SURGE if ago <= BEGAN else 1
            traces.append(post(admin, now - timedelta(minutes=ago), int(draw.poisson(RATE * factor))))
        told = Told(service)
        room = InsightsRoom(told, storage, tmp_path)
        admin.put_rules((repository / "rules" / "usage-surge.yaml").read_text())
        service.report_processes([{"name": "api", "replicas": 1, "generation": 1, "healthy": True, "max_replicas": 4}])
        ticked = tick(room, now, None)
        plans, last, first = [], ticked.id, told.samples
        later = [(now + timedelta(minutes=minute)).replace(second=0) for minute in (0, 1)]
        traces += [post(admin, minute, RATE * SURGE) for minute in later]
        for seconds in (30, 60, 90):
            again = tick(room, now + timedelta(seconds=seconds), last)
            plans += [plan for answer in again.answers for plan in answer["plans"]]
            last = again.id
        anomalies = [
            row for row in admin.acting_in("acme").anomalies(plugin=plugin) if row["tenant_id"] == tenants["acme"]
        ]
    assert ticked.minutes == LEARNT
    [sample] = [
        one
        for one in first
        if one["source"] == "anomaly" and one["labels"] == {"tenant": tenants["acme"], "plugin": plugin}
    ]
    assert sample["value"] >= 0.99 and sample["trace_id"] == traces[LEARNT - 1]
    [found] = anomalies
    assert (found["kind"], found["plugin"], found["ended_at"]) == ("surge", "jenkins:git", None)
    assert found["observed"] > found["expected_high"]
    [plan] = plans
    assert (plan["action"], plan["desired"], plan["state"]) == (
        "scale_up",
        {"operator/process/api": {"replicas": 2}},
        "planned",
    )
    assert plan["trace_id"] in traces
