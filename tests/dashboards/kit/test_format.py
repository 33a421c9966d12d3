"""Values as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboards.kit import format as f

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("shown", [f.whole, f.short, f.percent, f.day, f.moment, lambda value: f.ago(value, NOW)])
def test_a_missing_value_is_a_dash_and_never_zero(shown) -> None:  # type: ignore[no-untyped-def]
    assert shown(None) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (9_999, "9,999"), (21_000, "21.0 k"), (999_499, "999 k"), (999_999, "1.00 M"), (2_030_000, "2.03 M")],
)
def test_counts_are_exact_below_ten_thousand_and_three_digits_above(value: float, text: str) -> None:
    assert f.short(value) == text


def test_age_is_told_in_the_largest_unit() -> None:
    ages = [timedelta(seconds=5), timedelta(minutes=1), timedelta(hours=5), timedelta(days=29)]
    ages += [timedelta(days=70), timedelta(days=1305)]
    told = ["just now", "1 minute ago", "5 hours ago", "29 days ago", "2 months ago", "3 years ago"]
    assert [f.ago(NOW - age, NOW) for age in ages] == told


def test_change_needs_something_to_compare_with() -> None:
    assert (f.change(110, 100), f.change(1, 0), f.change(1, None), f.change(None, 3)) == ("+10%", None, None, None)
