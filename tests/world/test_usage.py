import numpy as np
import polars as pl
import pytest

from patchbay.core.contracts.intake import USAGE_TYPES
from patchbay.world.config import WorldConfig
from patchbay.world.events import ERROR, RESOURCE, SEARCH, USE, Events
from patchbay.world.tenants import ZONES
from patchbay.world.times import DAY, HOUR, MINUTE
from patchbay.world.world import World, build_world

ON_INSTALLED = ("use", "error", "feedback", "resource")


def test_equal_configs_make_equal_events(world: World, events: Events) -> None:
    again = build_world(world.config)
    for day in (0, 17, world.config.days - 1):
        fresh = again.events_of_day(day)
        same = events["number"] // 100_000_000 == day
        assert all(
            np.array_equal(fresh[name], events[name][same], equal_nan=name in ("duration", "cpu"))
            for name in fresh.columns
        )


def test_another_seed_makes_another_world(world: World) -> None:
    other = build_world(WorldConfig(**{**_fields(world.config), "seed": 12}))
    assert other.society.catalogue.refs != world.society.catalogue.refs


def test_days_do_not_depend_on_the_days_asked_before(world: World) -> None:
    assert np.array_equal(world.events_of_day(20)["at"], world.events_of_day(20)["at"])
    with pytest.raises(IndexError, match="outside"):
        world.events_of_day(world.config.days)


def test_a_stretch_of_time_holds_exactly_its_part_of_the_days(world: World, events: Events) -> None:
    since, until = world.config.start_us + 5 * DAY - 90 * MINUTE, world.config.start_us + 5 * DAY + 40 * MINUTE
    inside = (events["at"] >= since) & (events["at"] < until)
    found = world.events_between(since, until)
    assert sorted(found["number"].tolist()) == sorted(events["number"][inside].tolist())
    assert len(world.events_between(world.config.end_us, world.config.end_us + DAY)) == 0


def test_there_are_as_many_events_as_aimed_at(world: World, events: Events) -> None:
    assert len(events) == pytest.approx(world.config.event_target, rel=0.2)
    assert len(np.unique(events["number"])) == len(events)


def test_a_large_world_hits_its_target_within_three_percent() -> None:
    config = WorldConfig(plugins=200, tenants=12, days=28, events=400_000)
    world = build_world(config)
    assert sum(len(world.events_of_day(day)) for day in range(config.days)) == pytest.approx(400_000, rel=0.05)


def test_events_lie_in_the_window_ordered_by_tenant_then_time(world: World) -> None:
    day = world.events_of_day(9)
    since = world.config.start_us + 9 * DAY
    assert (day["at"] >= since).all()
    assert (day["at"] < since + DAY).all()
    assert (np.diff(day["tenant"].astype(np.int64) * DAY + day["at"] - since) >= 0).all()


def test_uses_refer_to_the_release_that_ran_on_the_target_at_that_time(world: World, frame: pl.DataFrame) -> None:
    society = world.society
    spans = pl.DataFrame(
        {
            "target": society.target.astype(np.int32),
            "plugin": society.plugin.astype(np.int32),
            "ran": society.release.astype(np.int32),
            "at": society.installs.start,
            "stop": society.installs.stop,
        }
    ).sort("at")
    kinds = [USAGE_TYPES.index(name) for name in ON_INSTALLED]
    used = frame.filter(pl.col("type").is_in(kinds)).sort("at")
    joined = used.join_asof(spans, on="at", by=["target", "plugin"], strategy="backward", check_sortedness=False)
    assert len(joined) == len(used) > 100_000
    assert joined.select((pl.col("ran") == pl.col("release")).all() & (pl.col("stop") > pl.col("at")).all()).item()


def test_persons_and_targets_belong_to_the_tenant_of_the_event(world: World, frame: pl.DataFrame) -> None:
    society = world.society
    placed = frame.filter(pl.col("target") >= 0)
    acted = frame.filter(pl.col("person") >= 0)
    assert (society.targets.tenant[placed["target"].to_numpy()] == placed["tenant"].to_numpy()).all()
    assert (society.persons.tenant[acted["person"].to_numpy()] == acted["tenant"].to_numpy()).all()


def test_only_searches_have_no_plugin(frame: pl.DataFrame) -> None:
    assert set(frame.filter(pl.col("plugin") < 0)["type"].unique()) == {SEARCH}
    assert frame.filter(pl.col("type") == SEARCH)["plugin"].max() == -1


def test_nothing_is_looked_at_before_it_is_out(world: World, frame: pl.DataFrame) -> None:
    seen = frame.filter(pl.col("plugin") >= 0)
    assert (world.society.catalogue.created[seen["plugin"].to_numpy()] <= seen["at"].to_numpy()).all()


def test_types_come_in_sensible_proportions(frame: pl.DataFrame) -> None:
    shares = {USAGE_TYPES[kind]: count / len(frame) for kind, count in frame["type"].value_counts().iter_rows()}
    assert set(shares) == set(USAGE_TYPES) - {"exposure"}
    assert 0.6 < shares["use"] < 0.85
    assert 0.004 < shares["error"] < 0.05
    assert 0.05 < shares["resource"] < 0.12
    assert shares["view"] > shares["search"] > shares["feedback"] > 0


def test_failures_have_a_code_and_nothing_else_has(frame: pl.DataFrame) -> None:
    assert (frame.filter(pl.col("type") == ERROR)["error"] >= 0).all()
    assert (frame.filter(pl.col("type") != ERROR)["error"] == -1).all()


def test_releases_fail_at_their_own_rate(world: World, frame: pl.DataFrame) -> None:
    tried = frame.filter(pl.col("type").is_in([USE, ERROR]))
    rates = (
        tried.group_by("release")
        .agg(tries=pl.len(), failed=(pl.col("type") == ERROR).sum())
        .filter(pl.col("tries") > 800)
    )
    expected = world.society.releases.error_rate[rates["release"].to_numpy()]
    spread = np.sqrt(expected * (1 - expected) / rates["tries"].to_numpy())
    deviation = np.abs(rates["failed"].to_numpy() / rates["tries"].to_numpy() - expected) / spread
    assert len(rates) > 20
    assert (deviation < 4.5).all()


def test_weekends_are_quieter_than_weekdays(frame: pl.DataFrame) -> None:
    uses = frame.filter(pl.col("type") == USE)
    weekday = (uses["at"] // DAY + 3) % 7
    counts = np.bincount(weekday.to_numpy(), minlength=7)
    assert counts[5:].mean() < 0.65 * counts[:5].mean()


def test_people_work_by_day_in_their_own_time_zone(world: World, frame: pl.DataFrame) -> None:
    zones = np.array(ZONES)[world.society.tenants.zone]
    looked = frame.filter(pl.col("type") == USAGE_TYPES.index("view"))
    local = looked["at"].to_numpy() + zones[looked["tenant"].to_numpy()] * MINUTE
    hour = local % DAY // HOUR
    assert ((hour >= 8) & (hour < 19)).mean() > 0.8
    assert ((hour >= 1) & (hour < 5)).mean() < 0.08


def test_durations_are_finite_and_skewed_and_only_on_uses(frame: pl.DataFrame) -> None:
    tried = frame.filter(pl.col("type").is_in([USE, ERROR]))["duration"]
    assert tried.is_finite().all()
    assert tried.min() >= 0
    assert tried.mean() > 1.2 * tried.median()
    assert frame.filter(~pl.col("type").is_in([USE, ERROR]))["duration"].is_nan().all()


def test_activity_of_people_has_a_heavy_tail(frame: pl.DataFrame) -> None:
    counts = np.sort(frame.filter(pl.col("person") >= 0)["person"].value_counts()["count"].to_numpy())[::-1]
    assert counts[: len(counts) // 10].sum() > 0.3 * counts.sum()


def test_memory_grows_only_with_the_leaking_release(world: World, frame: pl.DataFrame) -> None:
    society = world.society
    leaky = society.releases.find(society.faults.leaky_plugin, society.faults.leaky_at)
    samples = frame.filter((pl.col("type") == RESOURCE) & (pl.col("plugin") == society.faults.leaky_plugin))
    base = society.catalogue.memory[society.faults.leaky_plugin]
    sick = samples.filter(pl.col("release") == leaky).sort("at")["memory"]
    sound = samples.filter(pl.col("release") != leaky)["memory"]
    assert sick.tail(len(sick) // 4).mean() > 1.8 * base
    assert sound.mean() == pytest.approx(base, rel=0.1)


def test_feedback_is_a_score_from_one_to_five(frame: pl.DataFrame) -> None:
    scores = frame.filter(pl.col("type") == USAGE_TYPES.index("feedback"))["score"]
    assert set(scores.unique()) <= {1, 2, 3, 4, 5}
    assert scores.n_unique() >= 4


def _fields(config: WorldConfig) -> dict[str, object]:
    return {name: getattr(config, name) for name in ("plugins", "tenants", "days", "events", "batch_rows")}
