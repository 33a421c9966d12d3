import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from patchbay.core.client import ApiError
from patchbay.core.clock import utcnow
from patchbay.world.config import NO_DEFECTS
from patchbay.world.simulate import run
from tests.world.conftest import SMALL, MemoryRegistry


def test_everything_arrives_and_only_the_deliberate_defects_are_found(registry: MemoryRegistry) -> None:
    summary = run(SMALL, registry)
    assert summary.as_expected
    assert (summary.plugins, summary.tenants) == (SMALL.plugins + 1, SMALL.tenants)
    assert summary.events_generated == pytest.approx(SMALL.event_target + 3_500, rel=0.4)
    assert (summary.expected_duplicates, summary.expected_rejects, summary.resent_events) == (40, 10, 25)
    assert summary.observations == len(list(registry.rows("observations")))
    assert summary.targets == len(list(registry.rows("targets")))
    assert len(registry.usage()) == summary.events_generated + 40 + 10 + 25


def test_usage_lies_within_its_tenant(registry: MemoryRegistry) -> None:
    run(SMALL, registry)
    for tenant, rows in registry.usage().group_by("tenant"):
        known = set(registry.state["tenants"][tenant[0]]["targets"])
        assert set(rows["target"].drop_nulls()) <= known


def test_a_second_run_changes_nothing(registry: MemoryRegistry) -> None:
    first = run(SMALL, registry)
    known = set(registry.state["batches"])
    second = run(SMALL, registry)
    assert set(registry.state["batches"]) == known
    assert second.replayed_batches == second.usage_batches == first.usage_batches
    assert replace(second, replayed_batches=0, seconds=0.0) == replace(first, seconds=0.0)


@pytest.mark.parametrize("posts", [1, 6, 12, 15])
def test_an_interrupted_run_goes_on_where_it_stopped(registry: MemoryRegistry, posts: int) -> None:
    registry.fail_after = posts
    with pytest.raises(ApiError):
        run(SMALL, registry)
    registry.fail_after = None
    resumed, whole = run(SMALL, registry), MemoryRegistry()
    assert resumed.as_expected
    run(SMALL, whole)
    assert {key: rows for key, rows in registry.state["batches"].items() if key[1] == "usage"}.keys() == {
        key for key in whole.state["batches"] if key[1] == "usage"
    }


def test_without_defects_nothing_is_refused(registry: MemoryRegistry) -> None:
    summary = run(replace(SMALL, defects=NO_DEFECTS), registry)
    assert summary.as_expected
    assert summary.rejected == summary.duplicates == summary.resent_events == 0


def test_truths_go_to_their_file_and_never_to_the_registry(registry: MemoryRegistry, tmp_path: Path) -> None:
    run(SMALL, registry, truth_path=tmp_path / "truth.json")
    truths = json.loads((tmp_path / "truth.json").read_text())["truths"]
    posted = json.dumps([str(rows) for rows in registry.state["batches"].values()])
    assert truths
    assert not any(truth["id"] in posted or truth["kind"] in posted for truth in truths)
    assert "planted" not in posted


def test_a_world_that_is_not_over_is_refused_before_anything_is_sent(registry: MemoryRegistry) -> None:
    tomorrow: date = utcnow().date() + timedelta(days=1)
    with pytest.raises(ValueError, match="not over yet"):
        run(replace(SMALL, end=tomorrow), registry)
    assert registry.state["posts"] == []


def test_progress_is_told_stage_by_stage_up_to_the_end(registry: MemoryRegistry) -> None:
    told: list[tuple[str, int, int]] = []
    run(SMALL, registry, lambda stage, done, total: told.append((stage, done, total)))
    assert list(dict.fromkeys(stage for stage, _, _ in told)) == ["world", "catalogue", "tenants", "usage"]
    for stage in {stage for stage, _, _ in told}:
        steps = [(done, total) for name, done, total in told if name == stage]
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)
        assert steps[-1][0] == steps[-1][1]
        assert all(done <= total for done, total in steps)


def test_another_refusal_than_a_known_tenant_is_not_swallowed(
    registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(slug: str, name: str) -> None:
        raise ApiError(403, {"type": "https://patchbay.dev/problems/forbidden"})

    monkeypatch.setattr(registry, "create_tenant", refuse)
    with pytest.raises(ApiError, match="forbidden"):
        run(SMALL, registry)
