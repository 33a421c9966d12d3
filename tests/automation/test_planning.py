"""The arithmetic of scaling: what must hold for any numbers, and the edges."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from patchbay.automation.planning import Bounds, Unplannable, for_metric, for_metric_lately, times_factor

REPLICAS = st.integers(1, 500)
METRIC = st.floats(0, 1e6)
TARGET = st.floats(1e-3, 1e6)
TOLERANCE = st.floats(0, 0.9)
BOUNDS = st.builds(lambda low, more, step: Bounds(low, low + more, step), REPLICAS, REPLICAS, st.none() | REPLICAS)
WIDE = Bounds(1, 10**9)


@given(REPLICAS, METRIC, TARGET, BOUNDS, TOLERANCE)
def test_the_result_is_within_its_bounds(
    current: int, metric: float, target: float, bounds: Bounds, tolerance: float
) -> None:
    assert bounds.minimum <= for_metric(current, metric, target, bounds, tolerance=tolerance) <= bounds.maximum
    assert bounds.minimum <= times_factor(current, target, bounds) <= bounds.maximum


@given(REPLICAS, METRIC, METRIC, TARGET, BOUNDS, TOLERANCE, st.integers(0, 499))
def test_a_higher_metric_never_gives_fewer_replicas(
    current: int, one: float, other: float, target: float, bounds: Bounds, tolerance: float, missing: int
) -> None:
    assume(missing < current)
    low, high = sorted((one, other))
    give = [for_metric(current, m, target, bounds, tolerance=tolerance, missing=missing) for m in (low, high)]
    assert give[0] <= give[1]


@given(REPLICAS, TARGET, st.floats(-1, 1), TOLERANCE, st.integers(0, 499))
def test_nothing_changes_inside_the_tolerance(
    current: int, target: float, where: float, tolerance: float, missing: int
) -> None:
    assume(missing < current)
    metric = target * (1 + where * tolerance)
    assert for_metric(current, metric, target, WIDE, tolerance=tolerance, missing=missing) == current


@given(REPLICAS, METRIC, TARGET, TOLERANCE, st.integers(0, 499))
def test_replicas_that_do_not_report_never_turn_the_direction(
    current: int, metric: float, target: float, tolerance: float, missing: int
) -> None:
    assume(missing < current)
    reported = for_metric(current, metric, target, WIDE, tolerance=tolerance)
    careful = for_metric(current, metric, target, WIDE, tolerance=tolerance, missing=missing)
    assert min(current, reported) <= careful <= max(current, reported), "between no change and the change without them"


@given(REPLICAS, METRIC, TARGET, st.integers(1, 50))
def test_a_step_is_no_longer_than_its_limit(current: int, metric: float, target: float, step: int) -> None:
    assert abs(for_metric(current, metric, target, Bounds(1, 10**9, step)) - current) <= step


@given(REPLICAS, st.lists(METRIC, min_size=1, max_size=9), TARGET)
def test_scaling_down_looks_at_the_highest_of_the_recent_needs(
    current: int, metrics: list[float], target: float
) -> None:
    assert for_metric_lately(current, metrics, target, WIDE) == for_metric(current, max(metrics), target, WIDE)


@pytest.mark.parametrize(
    ("current", "factor", "wanted"), [(2, 1.5, 3), (3, 1.5, 5), (10, 1.1, 11), (1, 1.01, 2), (7, 0.5, 4), (1, 0.1, 1)]
)
def test_a_fraction_of_a_replica_is_a_whole_one_but_a_float_s_dust_is_not(
    current: int, factor: float, wanted: int
) -> None:
    assert times_factor(current, factor, Bounds(1, 20)) == wanted


@pytest.mark.parametrize(("metric", "wanted"), [(0.3, 3), (0.30000000000000004, 3), (0.31, 4), (0.0, 1)])
def test_the_edge_of_a_whole_number_of_replicas(metric: float, wanted: int) -> None:
    assert for_metric(1, metric, 0.1, Bounds(1, 20), tolerance=0.0) == wanted


def test_the_tolerance_includes_its_edge_and_ends_there() -> None:
    assert for_metric(10, 1.1, 1.0, WIDE, tolerance=0.1) == for_metric(10, 0.9, 1.0, WIDE, tolerance=0.1) == 10
    assert for_metric(10, 1.11, 1.0, WIDE, tolerance=0.1) == 12
    assert for_metric(10, 0.89, 1.0, WIDE, tolerance=0.1) == 9


def test_a_step_goes_as_far_as_it_may_in_either_direction() -> None:
    assert [for_metric(10, metric, 1.0, Bounds(1, 99, 3)) for metric in (0.1, 0.8, 1.2, 5.0)] == [7, 8, 12, 13]


def test_the_step_limit_yields_where_the_current_number_is_out_of_bounds() -> None:
    assert for_metric(30, 1.0, 1.0, Bounds(1, 20, 2)) == 20


@pytest.mark.parametrize("target", [0.0, -1.0, float("nan"), float("inf")])
def test_a_target_or_factor_that_is_not_above_zero_is_refused(target: float) -> None:
    with pytest.raises(Unplannable):
        for_metric(3, 1.0, target, WIDE)
    with pytest.raises(Unplannable):
        times_factor(3, target, WIDE)


@pytest.mark.parametrize("metric", [-1.0, float("nan"), float("inf"), 1e308])
def test_a_metric_that_cannot_be_is_refused(metric: float) -> None:
    with pytest.raises(Unplannable):
        for_metric(3, metric, 0.001, WIDE)


def test_what_is_turned_off_is_not_turned_on() -> None:
    for plan in (lambda: for_metric(0, 5.0, 1.0, WIDE), lambda: times_factor(0, 2.0, WIDE)):
        with pytest.raises(Unplannable, match="turned off"):
            plan()


def test_where_no_replica_reports_there_is_no_plan() -> None:
    with pytest.raises(Unplannable, match="3 of 3 replicas did not report"):
        for_metric(3, 5.0, 1.0, WIDE, missing=3)


@pytest.mark.parametrize("bounds", [(0, 5, None), (6, 5, None), (1, 5, 0)])
def test_bounds_that_allow_nothing_are_refused(bounds: tuple[int, int, int | None]) -> None:
    with pytest.raises(Unplannable):
        Bounds(*bounds)
