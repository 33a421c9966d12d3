"""Detectors that know ten days of two plugins at two tenants, and a clock that the test turns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from models.anomalies.config import DetectorConfig
from models.anomalies.episodes import Episodes
from models.anomalies.many import ManyDetector
from models.anomalies.series import counts_per_minute, series_of
from patchbay.core.storage import LocalStorage, Storage
from pipelines.defs.learn import detecting, keeping
from pipelines.defs.live.ticking import Ticked, tick
from pipelines.resources.insights import InsightsRoom
from tests.pipelines.insights import MemoryInsights

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""A Monday. History ends a minute before."""
DAYS = 10
RATES = {("acme", "git"): 4.0, ("acme", "mailer"): 1.0, ("globex", "git"): 2.0, ("globex", "mailer"): 1.0}
RELEASES = {"git": "git-2", "mailer": "mailer-1"}


def minute_of(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def history(
    until: datetime = NOON, rates: Mapping[tuple[str, str], float] = RATES, operator: str = "operator"
) -> detecting.Detected:
    """What the detectors learnt before a moment."""
    start, minutes = minute_of(until) - DAYS * 1440, DAYS * 1440
    draw = np.random.default_rng(3)
    parts = [
        pl.DataFrame(
            {"tenant": tenant, "plugin": plugin, "minute": np.arange(start, start + minutes), "uses": draw.poisson(rate, minutes)}
        )
        for (tenant, plugin), rate in rates.items()
    ]  # fmt: skip
    uses = pl.concat(parts)
    keys = series_of(uses)
    detector = ManyDetector(len(keys), DetectorConfig())
    detector.learn(counts_per_minute(uses, keys, start, minutes), start)
    known = pl.DataFrame(
        {"release": list(RELEASES.values()), "plugin": list(RELEASES), "uses": [9000, 3000], "errors": [90, 30]}
    )
    seen = {name: pl.lit(until - timedelta(days=1)).cast(pl.Datetime("us", "UTC")) for name in ("first", "last")}
    return detecting.Detected(
        keys, detector, Episodes(detector.config.threshold), known.with_columns(**seen),
        since=start, until=start + minutes - 1, operator=operator,
    )  # fmt: skip


@dataclass
class Watched:
    """A registry that is looked at; `now` is the time of the next look."""

    storage: Storage
    client: MemoryInsights
    published: Path
    now: datetime = NOON + timedelta(seconds=5)
    acknowledged: str | None = None
    draw: np.random.Generator = field(default_factory=lambda: np.random.default_rng(4))

    @property
    def room(self) -> InsightsRoom:
        return InsightsRoom(self.client, self.storage, self.published)

    def look(self) -> Ticked:
        """One tick now."""
        ticked = tick(self.room, self.now, self.acknowledged)
        self.acknowledged = ticked.id
        return ticked

    def pass_minutes(self, minutes: int, **more: float) -> list[Ticked]:
        """Minutes of usual traffic with a look in each, `tenant_plugin=factor` changing what a pair does."""
        ticks = []
        for _ in range(minutes):
            for (tenant, plugin), rate in RATES.items():
                uses = int(self.draw.poisson(rate * more.get(f"{tenant}_{plugin}", 1.0)))
                self.use(tenant, plugin, uses)
            self.now += timedelta(minutes=1)
            ticks.append(self.look_late())
        return ticks

    def look_late(self) -> Ticked:
        """A look when the last minute is complete, half a minute into this one."""
        kept, self.now = self.now, self.now.replace(second=35)
        try:
            return self.look()
        finally:
            self.now = kept

    def use(self, tenant: str, plugin: str, uses: int, errors: int = 0, release: str | None = None) -> None:
        """Uses in the minute it is now."""
        minute = self.now.replace(second=0)
        if uses:
            self.client.rows.append(
                {
                    "tenant_id": tenant, "plugin_id": plugin, "release_id": release or RELEASES[plugin], "type": "use",
                    "minute": minute.isoformat(), "events": uses, "errors": errors, "trace_id": f"{minute_of(minute):032x}",
                }
            )  # fmt: skip

    def samples(self, metric: str, source: str = "metric", **labels: str) -> list[dict[str, Any]]:
        """Of the last tick, with exactly these labels where any are given."""
        told = self.client.ticks[self.client.sent[-1]]["samples"]
        return [
            one
            for one in told
            if (one["metric"], one["source"]) == (metric, source) and (not labels or one["labels"] == labels)
        ]

    def score(self, **labels: str) -> float:
        """How far out of the ordinary the uses of a series are."""
        [one] = [one for one in self.samples("uses_per_minute", "anomaly") if one["labels"] == labels]
        return float(one["value"])


@pytest.fixture(scope="session")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The detectors at noon, at rest."""
    return detecting.dump(detecting.to_document(history()))


@pytest.fixture
def watched(tmp_path: Path, learnt: bytes) -> Watched:
    """A registry whose detectors were learnt just now."""
    storage = LocalStorage(tmp_path / "store")
    made = detecting.from_document(detecting.restore(learnt))
    keeping.keep(storage, "detectors", detecting.papers(made), learnt, "detectors")
    return Watched(storage, MemoryInsights(), tmp_path / "published")
