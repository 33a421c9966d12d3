"""However the same feeds arrive, the warehouse is the same."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.recorded import RecordedRegistry
from tests.warehouse.sample import add_usage, sample_registry
from tests.warehouse.tables import contents
from warehouse.build import build_table
from warehouse.contracts import TABLES
from warehouse.engines.duckdb import DuckDBEngine
from warehouse.raw import ingest

START = datetime(2026, 3, 1, tzinfo=UTC)


def messy_registry(root: Path, seed: int) -> RecordedRegistry:
    """Few ids and many changes: duplicates within and across days, late events, compactions, erasures, deletions, swaps."""
    draw = random.Random(seed)
    registry = RecordedRegistry(root)
    live: list[str] = []
    for number in range(draw.randint(10, 25)):
        kind = draw.choice(
            ("usage", "usage", "usage", "replace", "erase", "plugin", "release", "observe", "statistics", "batch")
        )
        tenant = draw.choice("ab")
        if kind == "usage":
            registry.segment(f"s{number}", tenant, [_event(draw, tenant) for _ in range(draw.randint(0, 8))])
            live.append(f"s{number}")
        elif kind == "replace" and len(live) > 1:
            gone = [live.pop(draw.randrange(len(live))) for _ in range(2)]
            registry.segment(
                f"s{number}", tenant, [_event(draw, tenant) for _ in range(4)], op="replaced", replaces=gone
            )
            live.append(f"s{number}")
        elif kind == "erase" and live:
            registry.retire(live.pop(draw.randrange(len(live))), "erased", keep_file=True)
        else:
            _entity(draw, registry, kind, tenant, number)
    return registry


def _entity(draw: random.Random, registry: RecordedRegistry, kind: str, tenant: str, number: int) -> None:
    plugin = draw.choice("pqr")
    if kind == "plugin":
        registry.record(
            "plugins", plugin, "a", draw.choice(("upsert", "upsert", "delete")), name=plugin, visibility="public"
        )
    elif kind == "release":
        registry.record(
            "releases", f"{plugin}{number % 3}", "a", plugin_id=plugin, version=str(number), sort_key=f"{number:03}"
        )
    elif kind == "observe":
        event = draw.choice(("added", "removed", "updated", "present"))
        registry.record(
            "observations", f"o{number}", tenant, target_id=draw.choice("xy"), plugin_id=plugin, event=event,
            version=draw.choice(("1", "2", None)), source="s", occurred_at=START + timedelta(days=draw.randrange(60)),
        )  # fmt: skip
    elif kind == "statistics":
        row = {
            "tenant_id": tenant,
            "plugin_id": plugin,
            "period": START.date(),
            "grain": "month",
            "metric": "installs",
            "source": "s",
        }
        registry.segment(f"x{number}", tenant, [{**row, "count": draw.randrange(100)}], stream="statistics")
    elif kind == "batch":
        registry.batch(f"b{number}", tenant, accepted=draw.randrange(9), rejects=[{"row_index": 0, "code": "c"}])


def _event(draw: random.Random, tenant: str) -> dict[str, Any]:
    return {
        "event_id": f"e{draw.randrange(12)}", "tenant_id": tenant, "type": draw.choice(("use", "use", "error", "resource")),
        "at": START + timedelta(days=draw.choice((0, 1, 2, 40)), seconds=draw.randrange(86_400)), "plugin_id": draw.choice("pq"),
        "release_id": draw.choice(("p0", None)), "target_id": draw.choice("xy"), "subject_id": draw.choice(("ann", "bob", None)),
        "duration_ms": draw.random() * 1000, "cpu_percent": draw.random() * 100, "row_index": draw.randrange(9),
    }  # fmt: skip


def built_in_steps(registry: RecordedRegistry, heads: list[int]) -> dict[str, list[tuple[Any, ...]]]:
    """Every table after building at each of the heads in turn."""
    engine = DuckDBEngine()
    try:
        for head in heads:
            ingest(engine, registry.upto(head), registry.storage)
            for name in TABLES:
                build_table(engine, name)
        return contents(engine)
    finally:
        engine.close()


def check_law(seed: int, cuts: list[float]) -> None:
    with TemporaryDirectory() as folder:
        registry = messy_registry(Path(folder), seed)
        heads = sorted({round(cut * registry.seq) for cut in cuts} | {registry.seq})
        assert built_in_steps(registry, heads) == built_in_steps(registry, [registry.seq])


LAW = given(
    seed=st.integers(0, 2**32), cuts=st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=4)
)  # fmt: skip


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@LAW
def test_building_in_many_steps_gives_what_one_build_gives(seed: int, cuts: list[float]) -> None:
    check_law(seed, cuts)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@LAW
def test_building_in_many_steps_gives_what_one_build_gives_many_times(seed: int, cuts: list[float]) -> None:
    check_law(seed, cuts)


def test_a_rebuild_from_nothing_is_identical(tmp_path: Path) -> None:
    registry = sample_registry(tmp_path, days=10)
    head = registry.seq
    add_usage(registry, 5, 8)
    assert built_in_steps(registry, [head, registry.seq]) == built_in_steps(registry, [registry.seq])
