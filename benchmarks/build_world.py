"""A registry of any size in memory and a local lake, for measuring the build: numpy only, seeded, no network."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from patchbay.core.contracts import FEEDS
from patchbay.core.contracts.intake import USAGE_SEGMENT
from patchbay.core.storage import LocalStorage

START = datetime(2026, 1, 1, tzinfo=UTC)
SEGMENT_DAYS = 10
_DAY_US = 86_400_000_000
_TYPES = np.array(["use", "view", "error", "search", "resource"])
_SHARES = (0.7, 0.15, 0.05, 0.05, 0.05)


class BuildWorld:
    """Tenants, plugins, releases, targets, observations, and usage segments that arrive one a tenant and ten days."""

    def __init__(self, root: Path, *, tenants: int, plugins: int, seed: int = 7) -> None:
        self.storage = LocalStorage(root)
        self._random = np.random.default_rng(seed)
        self._rows: dict[str, list[dict[str, Any]]] = {feed: [] for feed in FEEDS}
        self._seq = 0
        self._events = 0
        self._tenants = [f"tenant-{n:04d}" for n in range(tenants)]
        self._plugins = np.array([f"plugin-{n:05d}" for n in range(plugins)])
        self._catalogue()
        self._installations()

    def head_seq(self) -> int:
        """The highest sequence number so far."""
        return self._seq

    def read_feed(self, feed: str, after: int, limit: int) -> tuple[pa.Table, int, bool]:
        """A page of a feed."""
        fresh = [row for row in self._rows[feed] if row["seq"] > after]
        page = pa.Table.from_pylist(fresh[:limit], schema=FEEDS[feed].arrow_schema())
        return page, (pc.max(page["seq"]).as_py() if page.num_rows else after), len(fresh) > limit

    def add_days(self, first: int, days: int, events_per_day: int) -> None:
        """Usage of so many days, spread over the tenants."""
        for day in range(first, first + days, SEGMENT_DAYS):
            span = min(SEGMENT_DAYS, first + days - day)
            for tenant in self._tenants:
                self._segment(tenant, day, span, span * events_per_day // len(self._tenants))

    def _record(self, feed: str, entity_id: str, tenant_id: str, op: str = "upsert", **values: Any) -> None:
        self._seq += 1
        self._rows[feed].append(
            {
                "seq": self._seq,
                "op": op,
                "tenant_id": tenant_id,
                "recorded_at": START,
                "trace_id": None,
                "id": entity_id,
            }
            | values
        )

    def _catalogue(self) -> None:
        for place, tenant in enumerate(self._tenants):
            kind = "operator" if place == 0 else "customer"
            self._record("tenants", tenant, tenant, slug=tenant, name=tenant, kind=kind, status="active")
        for plugin in self._plugins:
            self._plugin(str(plugin))

    def _plugin(self, plugin: str) -> None:
        owner = self._tenants[0]
        self._record(
            "plugins", plugin, owner, namespace="bench", name=plugin, title=plugin, lifecycle="active", visibility="public",
            labels=["bench"], maintainers=["someone"],
        )  # fmt: skip
        for number in range(4):
            self._record(
                "releases", f"{plugin}-{number}", owner, plugin_id=plugin, version=f"1.{number}.0", version_scheme="semver",
                sort_key=f"1.{number}", prerelease=False, yanked=False,
            )  # fmt: skip

    def _installations(self) -> None:
        for tenant in self._tenants:
            for target in range(10):
                name = f"{tenant}-target-{target}"
                self._record(
                    "targets", name, tenant, name=name, environment="production", kind="host", lifecycle="active"
                )
                for plugin in self._random.choice(self._plugins, min(20, len(self._plugins)), replace=False):
                    self._record(
                        "observations", f"{name}-{plugin}", tenant, target_id=name, plugin_id=str(plugin), event="added",
                        version="1.0.0", source="bench", occurred_at=START,
                    )  # fmt: skip

    def _segment(self, tenant: str, day: int, days: int, rows: int) -> None:
        table = self._usage(tenant, day, days, rows)
        segment_id = f"segment-{tenant}-{day:04d}"
        key = f"lake/usage/{segment_id}.parquet"
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        data = sink.getvalue().to_pybytes()
        self.storage.put(key, data)
        moment = START + timedelta(days=day)
        self._record(
            "segments", segment_id, tenant, "added", stream="usage", path=key, rows=rows, bytes=len(data),
            digest=f"sha256:{hashlib.sha256(data).hexdigest()}", min_at=moment,
            max_at=moment + timedelta(days=days, minutes=-1), generation=0, replaces=[],
        )  # fmt: skip

    def _usage(self, tenant: str, day: int, days: int, rows: int) -> pa.Table:
        draw = self._random
        kind = draw.choice(_TYPES, rows, p=_SHARES)
        plugin = draw.zipf(1.3, rows) % len(self._plugins)
        release = draw.integers(0, 4, rows)
        start_us = int((START + timedelta(days=day)).timestamp() * 1e6)
        first = self._events
        self._events += rows
        columns = {
            "event_id": [f"{first + n:032x}" for n in range(rows)],
            "tenant_id": [tenant] * rows,
            "type": kind,
            "at": pa.array(start_us + np.sort(draw.integers(0, days * _DAY_US, rows)), pa.timestamp("us", "UTC")),
            "plugin_id": pa.array(self._plugins[plugin], mask=kind == "search"),
            "release_id": [f"{self._plugins[p]}-{r}" for p, r in zip(plugin, release, strict=True)],
            "target_id": [f"{tenant}-target-{n}" for n in draw.integers(0, 10, rows)],
            "environment": ["production"] * rows,
            "subject_id": [f"{tenant}-person-{n}" for n in draw.integers(0, 200, rows)],
            "outcome": pa.array(draw.choice(["ok", "error"], rows, p=[0.97, 0.03]), mask=kind != "use"),
            "duration_ms": pa.array(draw.lognormal(4, 1, rows).round(3), mask=kind != "use"),
            "quantity": np.ones(rows, dtype="int64"),
            "cpu_percent": pa.array(draw.random(rows) * 100, mask=kind != "resource"),
            "row_index": np.arange(rows),
        }
        schema = USAGE_SEGMENT.arrow_schema()
        return pa.table(
            {
                f.name: pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(rows, f.type)
                for f in schema
            },
            schema,
        )
