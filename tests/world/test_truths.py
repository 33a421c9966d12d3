import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from patchbay.world.events import ERROR, USE
from patchbay.world.tenants import DEV, PRODUCTION, ZONES
from patchbay.world.times import DAY, HOUR, MINUTE
from patchbay.world.truths import SCHEMA_VERSION, Truth, write_truths
from patchbay.world.world import World


def _of(world: World, kind: str) -> list[Truth]:
    found = [truth for truth in world.truths if truth.kind == kind]
    assert found
    return found


def _series(frame: pl.DataFrame, truth: Truth) -> pl.DataFrame:
    """Uses and failures of the truth's tenant, plugin and person."""
    uses = frame.filter(pl.col("type").is_in([USE, ERROR]))
    for name, value in (("tenant", truth.tenant), ("plugin", truth.plugin), ("person", truth.person)):
        uses = uses if value is None else uses.filter(pl.col(name) == value)
    return uses


def _during(series: pl.DataFrame, truth: Truth, shift: int = 0) -> int:
    return len(series.filter(pl.col("at").is_between(truth.starts_at + shift, truth.ends_at + shift, closed="left")))


def test_truths_leave_the_first_part_of_the_window_to_learn_from(world: World) -> None:
    days = [(truth.starts_at - world.config.start_us) / DAY for truth in world.truths]
    assert min(days) > 0.2 * world.config.days
    assert all(truth.ends_at <= world.config.end_us for truth in world.truths)
    assert {truth.kind for truth in world.truths} == {
        "surge",
        "outage",
        "bad_release",
        "leaky_release",
        "credential_misuse",
    }


def test_surges_are_at_least_double_and_twenty_a_minute_for_half_an_hour(world: World, frame: pl.DataFrame) -> None:
    for truth in _of(world, "surge"):
        series = _series(frame, truth)
        during = _during(series, truth)
        week_before = _during(series, truth, shift=-7 * DAY)
        assert truth.minutes >= 30
        assert during / truth.minutes >= 20
        assert during > 2 * week_before
        usual = truth.expected["usual_uses_per_minute" if truth.plugin is not None else "tenant_usual_uses_per_minute"]
        assert during / truth.minutes == pytest.approx(truth.expected["added_uses_per_minute"] + usual, rel=0.3)


def test_surges_also_double_their_tenants_traffic(world: World, frame: pl.DataFrame) -> None:
    for truth in _of(world, "surge"):
        whole = _series(frame, Truth(truth.id, "surge", truth.starts_at, truth.ends_at, tenant=truth.tenant))
        assert _during(whole, truth) > 2 * _during(whole, truth, shift=-7 * DAY)


def test_nothing_at_all_happens_during_an_outage_where_much_usually_does(world: World, frame: pl.DataFrame) -> None:
    for truth in _of(world, "outage"):
        everything = frame if truth.tenant is None else frame.filter(pl.col("tenant") == truth.tenant)
        everything = everything if truth.plugin is None else everything.filter(pl.col("plugin") == truth.plugin)
        assert _during(everything, truth) == 0
        usual = [_during(everything, truth, shift=-weeks * 7 * DAY) for weeks in (1, 2)]
        assert np.mean(usual) > 10


def test_the_bad_release_fails_far_more_often_until_people_leave_it(world: World, frame: pl.DataFrame) -> None:
    (truth,) = _of(world, "bad_release")
    tried = _series(frame, truth)
    bad = tried.filter(pl.col("release") == truth.release)
    before = tried.filter(pl.col("at") < truth.starts_at)
    after = tried.filter(pl.col("at") > truth.ends_at + 2 * DAY)
    rate = [(part["type"] == ERROR).mean() for part in (before, bad, after)]
    assert len(bad) > 100
    assert rate[1] == pytest.approx(truth.expected["error_rate"], abs=0.06)
    assert rate[1] > 5 * rate[0]
    assert rate[2] < 0.5 * rate[1]
    assert truth.expected["rolled_back"] > 0.4 * truth.expected["installations"]


def test_misuse_is_a_developer_at_night_on_targets_never_used_before(world: World, frame: pl.DataFrame) -> None:
    for truth in _of(world, "credential_misuse"):
        mine = _series(frame, truth)
        inside = pl.col("at").is_between(truth.starts_at, truth.ends_at, closed="left")
        caught, usual = mine.filter(inside), mine.filter(~inside)
        stage = world.society.targets.environment
        assert truth.tenant is not None
        night = (caught["at"] + ZONES[int(world.society.tenants.zone[truth.tenant])] * MINUTE) % DAY // HOUR
        assert len(caught) > 200
        assert night.is_between(1, 5).all()
        assert set(caught["target"].unique()) == set(truth.targets)
        assert PRODUCTION in stage[caught["target"].unique().to_numpy()]
        assert set(stage[usual["target"].unique().to_numpy()].tolist()) == {DEV}
        assert len(usual) > 20


def test_the_truth_file_names_things_as_the_registry_does(world: World, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "truth.json"
    write_truths(path, world.config, world.truths, world.names)
    document = json.loads(path.read_text())
    assert document["schema_version"] == SCHEMA_VERSION
    assert document["world"]["key"] == world.config.key
    assert [truth["id"] for truth in document["truths"]] == [truth.id for truth in world.truths]
    slugs, refs = set(world.society.tenants.slugs), set(world.society.catalogue.refs)
    assert {truth["tenant"] for truth in document["truths"]} - {None} <= slugs
    assert {truth["plugin"] for truth in document["truths"]} - {None} <= refs
    bad = next(truth for truth in document["truths"] if truth["kind"] == "bad_release")
    assert bad["version"]
    assert bad["starts_at"].endswith("Z")
    assert list(path.parent.iterdir()) == [path]
