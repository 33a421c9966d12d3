"""A medium world, its events, and an in-memory registry with the client's methods."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from patchbay.core.client import ApiError, BatchResult
from patchbay.world.config import WorldConfig
from patchbay.world.events import Events, concat
from patchbay.world.times import SECOND
from patchbay.world.world import World, build_world

MEDIUM = WorldConfig(plugins=150, tenants=10, days=56, seed=11, events=160_000, batch_rows=20_000)
SMALL = WorldConfig(plugins=20, tenants=3, days=7, seed=3, events=4_000, batch_rows=1_000)


@pytest.fixture(scope="session")
def world() -> World:
    """A world big enough to measure things in."""
    return build_world(MEDIUM)


@pytest.fixture(scope="session")
def events(world: World) -> Events:
    """Everything that happened in it."""
    return concat([world.events_of_day(day) for day in range(world.config.days)])


@pytest.fixture(scope="session")
def frame(events: Events) -> pl.DataFrame:
    """The same as a data frame of numbers."""
    return pl.DataFrame(events.columns)


@pytest.fixture
def registry() -> "MemoryRegistry":
    """An empty registry."""
    return MemoryRegistry()


class SetClock:
    """A clock that stands still but for the waits."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += round(seconds * SECOND)


class MemoryRegistry:
    """What a registry must do for a sender: refuse unknown names and the future, know a batch again, count repeats."""

    def __init__(self, tenant: str = "operator", shared: "MemoryRegistry | None" = None) -> None:
        self.tenant = tenant
        self.state: dict[str, Any] = (
            shared.state if shared else {"tenants": {}, "batches": {}, "posts": [], "plugins": {}}
        )
        self.fail_after: int | None = None if shared is None else shared.fail_after

    def acting_in(self, tenant: str) -> "MemoryRegistry":
        if tenant not in self.state["tenants"]:
            raise ApiError(404, {"type": "https://patchbay.dev/problems/unknown_tenant"})
        return MemoryRegistry(tenant, self)

    def create_tenant(self, slug: str, name: str) -> dict[str, Any]:
        if slug in self.state["tenants"]:
            raise ApiError(409, {"type": "https://patchbay.dev/problems/tenant_exists"})
        self.state["tenants"][slug] = {"name": name, "targets": {}}
        return {"tenant": {"slug": slug}, "token": f"pb_{slug}"}

    def post_catalogue(self, plugins: Sequence[dict[str, Any]]) -> BatchResult:
        for plugin in plugins:
            self.state["plugins"][f"{plugin['namespace']}:{plugin['name']}"] = (self.tenant, plugin)
        return self._take("catalogue", f"{plugins[0]['name']}", list(plugins), 0, 0)

    def post_advisories(self, advisories: Sequence[dict[str, Any]]) -> BatchResult:
        return self._take("advisories", advisories[0]["external_id"], list(advisories), 0, 0)

    def post_targets(self, targets: Sequence[dict[str, Any]]) -> BatchResult:
        self.state["tenants"][self.tenant]["targets"].update({target["name"]: target for target in targets})
        return self._take("targets", "targets", list(targets), 0, 0)

    def post_observations(self, observations: Sequence[dict[str, Any]]) -> BatchResult:
        known = self.state["tenants"][self.tenant]["targets"]
        bad = sum(row["target"] not in known or not self._sees(row["plugin"]) for row in observations)
        return self._take("observations", observations[0]["occurred_at"], list(observations), 0, bad)

    def post_statistics(self, batch_id: str, rows: pa.Table) -> BatchResult:
        bad = sum(not self._sees(plugin) for plugin in rows["plugin"].to_pylist())
        return self._take("statistics", batch_id, rows, 0, bad)

    def post_usage(self, batch_id: str, rows: pa.Table) -> BatchResult:
        data = pl.DataFrame(rows.to_pydict(), schema_overrides={"cost": pl.Decimal(18, 6)})
        known = {plugin: self._sees(plugin) for plugin in data["plugin"].drop_nulls().unique()}
        seen = data["plugin"].replace_strict({**known, None: True}, default=False)
        sound = data.filter(seen & (data["at"] <= datetime.now(UTC)))
        repeats = len(sound) - sound["id"].n_unique()
        return self._take("usage", batch_id, rows, repeats, len(data) - len(sound))

    def usage(self) -> pl.DataFrame:
        """Every usage row posted, with the tenant that posted it."""
        rows = [(tenant, table) for (tenant, stream, _), table in self.state["batches"].items() if stream == "usage"]
        return pl.concat(
            [pl.DataFrame(pl.from_arrow(table)).with_columns(tenant=pl.lit(tenant)) for tenant, table in rows]
        )

    def rows(self, stream: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(tenant, document) of every document posted to a stream."""
        for (tenant, kind, _), documents in self.state["batches"].items():
            if kind == stream:
                yield from ((tenant, document) for document in documents)

    def _sees(self, ref: str) -> bool:
        owner, plugin = self.state["plugins"].get(ref, (None, {}))
        return owner is not None and (plugin["visibility"] == "public" or owner == self.tenant)

    def _take(self, stream: str, key: str, rows: Any, duplicates: int, rejected: int) -> BatchResult:
        if self.fail_after is not None and len(self.state["posts"]) >= self.fail_after:
            raise ApiError(503, {"type": "https://patchbay.dev/problems/unavailable"})
        name = (self.tenant, stream, key)
        replayed = name in self.state["batches"]
        same = replayed and (
            rows.equals(self.state["batches"][name]) if stream == "usage" else rows == self.state["batches"][name]
        )
        if replayed and not same:
            raise ApiError(422, {"type": "https://patchbay.dev/problems/idempotency_key_reused"})
        self.state["batches"][name] = rows
        self.state["posts"].append(name)
        accepted = len(rows) - duplicates - rejected
        return BatchResult(key, stream, len(rows), accepted, duplicates, rejected, None, None, None, replayed, ())
