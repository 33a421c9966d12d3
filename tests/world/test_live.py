"""What a world that goes on comes to, without a registry."""

from dataclasses import replace

import numpy as np
import pytest

from patchbay.world.catalogue import OPERATOR
from patchbay.world.config import WorldConfig
from patchbay.world.events import ERROR, Events, concat
from patchbay.world.live import (
    ASK_EVERY,
    BAD_ERROR_RATE,
    BAD_LENGTH,
    LEAST_ADDED_PER_MINUTE,
    SURGE_FACTOR,
    LiveWorld,
    busiest,
    plan_live,
)
from patchbay.world.society import Society, build_society
from patchbay.world.stretches import PAST_STEP, past
from patchbay.world.times import DAY, HOUR, MINUTE, SECOND

BUSY = WorldConfig(plugins=40, tenants=5, days=14, seed=5, events=2_000_000)
WEEKS_LATER = BUSY.end_us + 23 * DAY + 12 * HOUR
MONDAY = BUSY.end_us + (-(BUSY.end_us // DAY + 3) % 7) * DAY
NEVER = 10.0 * DAY


@pytest.fixture(scope="module")
def society() -> Society:
    """One with a hundred uses a minute."""
    return build_society(BUSY)


def _world(society: Society, start: int = WEEKS_LATER, surge: float = NEVER, bad: float = NEVER) -> LiveWorld:
    return LiveWorld(society, plan_live(society, start, surge_after=surge, bad_after=bad))


def _lived(world: LiveWorld, since: int, until: int, installed: dict[int, int] | None = None) -> Events:
    return concat([world.events_between(*stretch, installed or {}) for stretch in past(since, until)])


def _expected(society: Society, since: int, until: int) -> float:
    """Uses in a piece of the window, by the rates of the window."""
    rows = society.installs.running(BUSY.end_us - 1, BUSY.end_us)
    return sum(society.rates.uses_per_minute(rows, minute) for minute in range(since, until, MINUTE))


def _bad_rows(world: LiveWorld) -> list[int]:
    return [span for span, _ in world.wanting(0, 1 << 60)]


@pytest.mark.parametrize("hours", [3, 11, 62, 135])
def test_uses_go_on_at_the_rate_of_the_same_weekday_and_time_of_day(society: Society, hours: int) -> None:
    since = MONDAY + 5 * 7 * DAY + hours * HOUR
    last_week = MONDAY - 7 * DAY + hours * HOUR
    last_week -= 7 * DAY * (last_week >= BUSY.end_us)
    found = len(_lived(_world(society, since), since, since + HOUR))
    expected = _expected(society, last_week, last_week + HOUR)
    assert abs(found - expected) < 5 * expected**0.5


def test_a_weekend_night_is_quieter_than_a_workday(society: Society) -> None:
    world = _world(society)
    noon, night = MONDAY + 28 * DAY + 12 * HOUR, MONDAY + 33 * DAY + 3 * HOUR
    assert len(_lived(world, night, night + HOUR)) < 0.5 * len(_lived(world, noon, noon + HOUR))


def test_equal_plans_and_stretches_give_equal_events(society: Society) -> None:
    one, two = _world(society, bad=0), _world(build_society(BUSY), bad=0)
    installed = dict(one.wanting(WEEKS_LATER, WEEKS_LATER + MINUTE))
    first = one.events_between(WEEKS_LATER, WEEKS_LATER + MINUTE, installed)
    again = two.events_between(WEEKS_LATER, WEEKS_LATER + MINUTE, dict(reversed(installed.items())))
    assert len(first)
    assert all(
        np.array_equal(first[name], again[name], equal_nan=name in ("duration", "cpu")) for name in first.columns
    )


def test_stretches_that_begin_within_the_same_second_have_other_events(society: Society) -> None:
    world, later = _world(society), WEEKS_LATER + SECOND // 2
    first = world.events_between(WEEKS_LATER, WEEKS_LATER + MINUTE, {})
    second = world.events_between(later, later + MINUTE, {})
    assert (first["at"][:50] - WEEKS_LATER).tolist() != (second["at"][:50] - later).tolist()


def test_events_lie_in_their_stretch_by_tenant_then_time(society: Society) -> None:
    events = _world(society, surge=-60, bad=-60).events_between(WEEKS_LATER, WEEKS_LATER + PAST_STEP, {})
    assert events["at"].min() >= WEEKS_LATER
    assert events["at"].max() < WEEKS_LATER + PAST_STEP
    assert (np.diff(events["tenant"].astype(np.int64) * DAY + events["at"] - WEEKS_LATER) >= 0).all()


def test_only_what_ran_at_the_end_of_the_window_is_used(society: Society) -> None:
    events = _lived(_world(society), WEEKS_LATER, WEEKS_LATER + HOUR)
    running = society.installs.running(BUSY.end_us - 1, BUSY.end_us)
    ran = set(zip(society.target[running].tolist(), society.release[running].tolist(), strict=True))
    assert set(zip(events["target"].tolist(), events["release"].tolist(), strict=True)) <= ran


def test_a_surge_makes_eight_times_the_usual_for_ten_minutes_and_touches_nothing_else(society: Society) -> None:
    quiet, loud = _world(society), _world(society, surge=5 * 60)
    plugin, truth = loud.plan.surge, loud.truths[0]
    usual, surged = (_lived(world, WEEKS_LATER, WEEKS_LATER + 20 * MINUTE) for world in (quiet, loud))
    of_plugin = surged["at"][surged["plugin"] == plugin]
    during = (of_plugin >= truth.starts_at) & (of_plugin < truth.ends_at)
    assert truth.ends_at - truth.starts_at == 10 * MINUTE
    assert truth.starts_at == WEEKS_LATER + 5 * MINUTE
    expected = 10 * (truth.expected["usual_uses_per_minute"] + truth.expected["added_uses_per_minute"])
    assert expected == pytest.approx(10 * SURGE_FACTOR * truth.expected["usual_uses_per_minute"], rel=0.01)
    assert abs(during.sum() - expected) < 5 * expected**0.5
    calm = (usual["plugin"] == plugin).sum() / 2
    assert abs((~during).sum() - calm) < 6 * calm**0.5
    others = (usual["plugin"] != plugin).sum()
    assert abs((surged["plugin"] != plugin).sum() - others) < 6 * others**0.5


def test_a_surge_of_a_plugin_that_is_hardly_used_still_adds_enough_to_be_seen() -> None:
    config = replace(BUSY, events=3_000)
    quiet = build_society(config)
    world = _world(quiet, surge=0)
    truth = world.truths[0]
    assert truth.expected["usual_uses_per_minute"] < 1
    assert truth.expected["added_uses_per_minute"] == LEAST_ADDED_PER_MINUTE
    events = _lived(world, WEEKS_LATER, WEEKS_LATER + 10 * MINUTE)
    found, expected = (events["plugin"] == world.plan.surge).sum(), 10 * LEAST_ADDED_PER_MINUTE
    assert abs(found - expected) < 5 * (1.2 * expected) ** 0.5


def test_a_surge_begins_and_ends_within_a_stretch_at_its_own_time(society: Society) -> None:
    world, start = _world(society, surge=20), WEEKS_LATER
    usual = _world(society).events_between(start, start + PAST_STEP, {})
    events = world.events_between(start, start + PAST_STEP, {})
    plugin = world.plan.surge
    before = events["at"][events["plugin"] == plugin] < start + 20 * SECOND
    assert before.sum() == ((usual["plugin"] == plugin) & (usual["at"] < start + 20 * SECOND)).sum()
    assert (~before).sum() > before.sum()


def test_the_bad_release_fails_as_often_as_planned_and_only_where_it_is_installed(society: Society) -> None:
    world = _world(society, bad=0)
    installed = dict.fromkeys(_bad_rows(world)[:6], WEEKS_LATER)
    events = _lived(world, WEEKS_LATER, WEEKS_LATER + 20 * MINUTE, installed)
    bad = events["release"] == world.bad_release
    assert set(events["plugin"][bad]) == {world.plan.bad}
    assert set(events["target"][bad]) <= set(society.target[list(installed)].tolist())
    failed = (events["type"][bad] == ERROR).sum()
    assert bad.sum() > 400
    assert abs(failed - BAD_ERROR_RATE * bad.sum()) < 5 * (0.24 * bad.sum()) ** 0.5
    assert (events["type"][~bad] == ERROR).mean() < 0.1
    assert world.truths[1].expected["usual_error_rate"] < 0.1 < world.truths[1].expected["error_rate"]


def test_a_target_uses_the_bad_release_from_its_installation_on(society: Society) -> None:
    world = _world(society, bad=0)
    span, at = _bad_rows(world)[0], WEEKS_LATER + 40 * SECOND
    events = _lived(world, WEEKS_LATER, WEEKS_LATER + 2 * MINUTE, {span: at})
    mine = (events["target"] == society.target[span]) & (events["plugin"] == world.plan.bad)
    used = events["at"][mine & (events["release"] == world.bad_release)]
    assert len(used) > 10
    assert used.min() >= at
    usual = society.rates.uses_per_minute(np.array([span]), WEEKS_LATER - 28 * DAY) * 40 / 60
    assert (mine & (events["at"] < at)).sum() < usual + 3 * usual**0.5
    assert not (mine & (events["at"] >= at) & (events["release"] != world.bad_release)).any()


def test_after_half_an_hour_nobody_uses_the_bad_release_any_more(society: Society) -> None:
    world = _world(society, bad=0)
    installed = dict.fromkeys(_bad_rows(world), WEEKS_LATER)
    events = _lived(world, WEEKS_LATER + 25 * MINUTE, WEEKS_LATER + 35 * MINUTE, installed)
    used = events["at"][events["release"] == world.bad_release]
    assert WEEKS_LATER + 29 * MINUTE < used.max() < world.truths[1].ends_at == WEEKS_LATER + 30 * MINUTE


def test_without_installations_the_bad_release_is_not_used(society: Society) -> None:
    world = _world(society, bad=0)
    assert world.bad_release not in _lived(world, WEEKS_LATER, WEEKS_LATER + HOUR)["release"]


def test_each_operator_of_the_plugin_wants_the_new_release_once_one_after_the_other(society: Society) -> None:
    world = _world(society, bad=7)
    asked = [pair for stretch in past(WEEKS_LATER, WEEKS_LATER + HOUR) for pair in world.wanting(*stretch)]
    running = society.installs.running(BUSY.end_us - 1, BUSY.end_us)
    having = running[society.plugin[running] == world.plan.bad].tolist()
    assert sorted(span for span, _ in asked) == having
    assert [at for _, at in asked] == [WEEKS_LATER + 7 * SECOND + place * ASK_EVERY for place in range(len(having))]
    assert world.wanting(WEEKS_LATER, WEEKS_LATER + 7 * SECOND) == []


def test_nobody_wants_a_release_that_is_taken_back(society: Society) -> None:
    crowd = build_society(replace(BUSY, plugins=12, tenants=300, events=50_000))
    world = _world(crowd, bad=0)
    assert len(_bad_rows(world)) == BAD_LENGTH / ASK_EVERY < (crowd.plugin == world.plan.bad).sum()
    assert max(at for _, at in world.wanting(0, 1 << 60)) < world.plan.bad_ends_at


def test_a_public_plugin_surges_and_another_fails_neither_planted_as_faulty_before(society: Society) -> None:
    chosen = busiest(society)
    assert len({*chosen, *society.faults.plugins}) == 4
    assert set(society.catalogue.owner[list(chosen)]) == {OPERATOR}
    present = society.rates.uses * (society.installs.stop >= BUSY.end_us)
    uses = np.bincount(society.plugin, present, minlength=len(society.catalogue))
    uses[(society.catalogue.owner != OPERATOR)] = 0
    uses[list(society.faults.plugins)] = 0
    assert list(chosen) == np.argsort(-uses)[:2].tolist()


def test_the_bad_release_has_the_next_version_that_is_not_taken(society: Society) -> None:
    first = plan_live(society, 0, surge_after=0, bad_after=0)
    head, _, patch = first.version.rpartition(".")
    later = plan_live(society, 0, surge_after=0, bad_after=0, taken={first.version, f"{head}.{int(patch) + 1}"})
    known = [
        version
        for plugin, version in zip(society.releases.plugin, society.releases.version, strict=True)
        if plugin == first.bad
    ]
    assert first.version not in known
    assert f"{head}.{int(patch) - 1}" in known
    assert later.version == f"{head}.{int(patch) + 2}"


def test_a_world_in_which_nothing_is_used_cannot_go_on(society: Society) -> None:
    silent = replace(society, rates=replace(society.rates, uses=np.zeros_like(society.rates.uses)))
    with pytest.raises(ValueError, match="make it larger"):
        plan_live(silent, 0, surge_after=0, bad_after=0)
