"""Schedules: which instants an expression names, where clocks change too, and what is due after an outage."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.automation.cron import parse_cron
from patchbay.automation.facts import Facts
from patchbay.automation.schedule import delay, due
from patchbay.automation.triggers import ScheduleTrigger
from tests.automation.conftest import START, Engine, fleet, minutes, rule
from tests.pace import under


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def coming(expression: str, zone: str, after: str, count: int) -> list[str]:
    return [f"{one:%m-%d %H:%M}" for one in islice(parse_cron(expression, zone).after(at(after)), count)]


def looks(start: datetime, *afters: timedelta, **settings: object) -> list[list[str]]:
    """What runs at each look of an hourly schedule, the first one at the start."""
    trigger = ScheduleTrigger.model_validate({"schedule": "0 * * * *"} | settings)
    last, now, found = None, start, []
    for after in (timedelta(0), *afters):
        now += after
        one, last = due("r", trigger, last, now)
        found.append([f"{run:%H:%M}" for run in one.run])
    return found


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 */6 * * *", "2026-03-02 00:00", ["03-02 06:00", "03-02 12:00", "03-02 18:00", "03-03 00:00"]),
        ("*/20 9-10 * * mon-fri", "2026-03-06 10:30", ["03-06 10:40", "03-09 09:00", "03-09 09:20"]),
        ("5/25 * * * *", "2026-03-02 00:06", ["03-02 00:30", "03-02 00:55", "03-02 01:05"]),
        ("0 0 13 * fri", "2026-03-07 00:00", ["03-13 00:00", "03-20 00:00", "03-27 00:00", "04-03 00:00", "04-10 00:00", "04-13 00:00"]),
        ("0 0 */10 * fri", "2026-01-01 00:00", ["05-01 00:00", "07-31 00:00"]),
        ("0 12 * jan,DEC 7", "2026-12-20 12:00", ["12-27 12:00", "01-03 12:00"]),
        ("@monthly", "2026-01-31 23:59", ["02-01 00:00", "03-01 00:00"]),
        ("*/30 * 1 * *", "2026-01-31 22:10", ["02-01 00:00", "02-01 00:30"]),
        ("59 23 31 * *", "2026-03-31 23:59", ["05-31 23:59", "07-31 23:59"]),
    ],
)  # fmt: skip
def test_an_expression_names_its_instants(expression: str, after: str, expected: list[str]) -> None:
    assert coming(expression, "UTC", after, len(expected)) == expected


def test_leap_days_come_every_four_years_and_after_2096_not_before_2104() -> None:
    leap = parse_cron("0 0 29 2 *")
    assert [next(leap.after(at(f"{year}-03-01 00:00"))).year for year in (2088, 2092, 2096)] == [2092, 2096, 2104]


def test_in_the_spring_gap_a_fixed_time_runs_once_with_the_offset_before_it() -> None:
    berlin = coming("30 2 * * *", "Europe/Berlin", "2026-03-27 12:00", 3)
    assert berlin == ["03-28 01:30", "03-29 01:30", "03-30 00:30"], "02:30 does not exist on the 29th: it is 03:30"


def test_in_the_spring_gap_a_schedule_of_every_hour_follows_elapsed_time() -> None:
    assert coming("0 * * * *", "Europe/Berlin", "2026-03-28 23:00", 3) == ["03-29 00:00", "03-29 01:00", "03-29 02:00"]
    assert coming("30 0-23 * * *", "Europe/Berlin", "2026-03-29 00:00", 2) == ["03-29 00:30", "03-29 01:30"]


def test_in_the_autumn_repeat_a_fixed_time_runs_once_the_first_time() -> None:
    assert coming("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", 2) == ["10-25 00:30", "10-26 01:30"]


def test_in_the_autumn_repeat_a_schedule_of_every_hour_runs_in_both_hours() -> None:
    assert coming("30 * * * *", "Europe/Berlin", "2026-10-24 23:45", 3) == ["10-25 00:30", "10-25 01:30", "10-25 02:30"]


def test_two_wall_times_that_a_gap_makes_one_instant_run_once() -> None:
    assert coming("30 2,3 * * *", "Europe/Berlin", "2026-03-29 00:00", 2) == ["03-29 01:30", "03-30 00:30"]


def test_a_day_that_a_zone_left_out_moves_to_the_next() -> None:
    assert coming("0 12 30 12 *", "Pacific/Apia", "2011-12-01 00:00", 1) == ["12-30 22:00"]


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["*/7 * * * *", "0 */5 * * *", "15,45 1-3 * * *", "30 2 * * sun", "0 0 1,15 * *"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_instants_are_later_in_order_and_without_repeats(after: datetime, expression: str, zone: str) -> None:
    found = list(islice(parse_cron(expression, zone).after(after), 50))
    assert [after, *found] == sorted({after, *found})


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
     "*/0 * * * *", "a * * * *", "* * * foo *", "1,,2 * * * *", "-1 * * * *", "@sometimes", "0 0 30 2 *", "0 0 31 4,6 *"],
)  # fmt: skip
def test_what_is_no_schedule_or_never_comes_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"fields|is no|never"):
        parse_cron(expression)


@pytest.mark.parametrize("zone", ["", "Berlin", "../../etc/passwd", "UTC+1", "\x00"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="no IANA time zone"):
        parse_cron("@daily", zone)


def test_each_time_is_due_once_and_nothing_is_due_before_the_first_look() -> None:
    ticks = [minutes(0.5)] * 4
    assert looks(at("2026-03-02 11:59"), *ticks) == [[], [], ["12:00"], [], []]


@pytest.mark.parametrize(
    ("misfire", "runs", "missed"),
    [("skip", [], 3), ("once", ["15:00"], 2), ("all", ["13:00", "14:00", "15:00"], 0)],
)
def test_after_three_hours_out_the_misfire_policy_decides(misfire: str, runs: list[str], missed: int) -> None:
    trigger = ScheduleTrigger.model_validate({"schedule": "0 * * * *", "misfire": misfire})
    found, _ = due("r", trigger, at("2026-03-02 12:20"), at("2026-03-02 15:20"))
    assert [f"{run:%H:%M}" for run in found.run] == runs
    assert len(found.missed) == missed


@pytest.mark.parametrize(("misfire", "runs"), [("skip", 1), ("once", 1), ("all", 4)])
def test_a_time_seen_in_time_runs_whatever_was_missed_before(misfire: str, runs: int) -> None:
    assert len(looks(at("2026-03-02 12:20"), timedelta(hours=3, minutes=41), misfire=misfire)[1]) == runs


def test_after_a_month_out_not_everything_is_made_up_for() -> None:
    trigger = ScheduleTrigger(schedule="* * * * *", misfire="all")
    found, _ = due("r", trigger, START, START + timedelta(days=30, minutes=5))
    assert len(found.run) < 110
    assert len(found.run) + len(found.missed) == 30 * 24 * 60 + 5


def test_a_clock_that_goes_back_makes_nothing_due_twice_and_one_far_ahead_does_not_stop_a_schedule() -> None:
    step = minutes(1)
    assert looks(at("2026-03-02 11:59"), step, -step, step) == [[], ["12:00"], [], []]
    ahead = timedelta(days=400)
    assert looks(at("2026-03-02 12:30"), ahead, -ahead, minutes(30), misfire="skip")[-1] == ["13:00"]


def test_a_suspended_schedule_forgets_the_times_that_pass() -> None:
    assert looks(at("2026-03-02 11:59"), timedelta(hours=2), suspend=True) == [[], []]


def test_jitter_delays_each_time_by_the_same_little_whenever_it_is_asked() -> None:
    waits = [delay(f"rule {index}", START, minutes(10)) for index in range(200)]
    assert waits == [delay(f"rule {index}", START, minutes(10)) for index in range(200)]
    assert timedelta(0) <= min(waits) < minutes(1) < minutes(9) < max(waits) < minutes(10)
    found = looks(at("2026-03-02 11:59"), *[minutes(0.5)] * 25, jitter="10m")
    (index,) = (index for index, runs in enumerate(found) if runs)
    assert minutes(index / 2 - 1.5) < delay("r", START, minutes(10)) <= minutes(index / 2 - 1)


def daily(overlap: str) -> Engine:
    """A restart each hour, whose last plan still runs."""
    hourly = rule({"schedule": "0 * * * *", "overlap": overlap}, targets={"name": "p0"})
    return Engine((hourly,), Facts(fleet(4), running={"hot": ("earlier",)}), START - minutes(1))


def test_overlap_forbidden_the_next_time_is_left_out_with_its_reason() -> None:
    engine = daily("forbid")
    engine.tick()
    assert not engine.tick(after=minutes(1)).plans
    assert engine.reasons() == ["overlap"]


@pytest.mark.parametrize(("overlap", "replaces"), [("allow", ()), ("replace", ("earlier",))])
def test_overlap_allowed_or_replacing(overlap: str, replaces: tuple[str, ...]) -> None:
    engine = daily(overlap)
    engine.tick()
    (plan,) = engine.tick(after=minutes(1)).plans
    assert (plan.episode, plan.replaces) == (START, replaces)


def test_a_schedule_survives_a_restart_and_tells_what_it_missed() -> None:
    engine = Engine((rule({"schedule": "0 * * * *"}, targets={"name": "p0"}),))
    engine.tick()
    assert [plan.episode for plan in engine.tick(after=timedelta(hours=3, minutes=10)).plans] == [
        START + timedelta(hours=3)
    ]
    assert engine.reasons() == ["misfire", "misfire"]


def test_what_comes_seldom_or_never_is_told_as_quickly_as_what_comes_often() -> None:
    triggers = [ScheduleTrigger.model_validate({"schedule": cron}) for cron in ("* * 29 2 *", "0 0 29 2 *")]

    def told() -> None:
        for _ in range(20):
            with pytest.raises(ValueError, match="never comes"):
                parse_cron("* * 30 2 *")
        for trigger in triggers:
            for _ in range(100):
                due("r", trigger, at("2026-03-02 00:00"), at("2026-03-02 00:01"))

    assert under(0.5, told)  # it took four seconds when each look went on to the next leap day


def test_a_jitter_that_each_tick_would_have_to_look_back_over_for_long_is_refused() -> None:
    with pytest.raises(ValueError, match="jitter"):
        ScheduleTrigger.model_validate({"schedule": "* * * * *", "jitter": "61m"})


def test_what_comes_until_a_moment_has_that_moment_and_ends_with_it() -> None:
    for expression in ("0 * * * *", "0 0-22 * * *"):
        found = parse_cron(expression, "Europe/Berlin").after(at("2026-03-02 09:30"), until=at("2026-03-02 12:00"))
        assert [f"{one:%H:%M}" for one in found] == ["10:00", "11:00", "12:00"]
