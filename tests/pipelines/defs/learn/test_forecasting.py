"""Forecasts of usage that gives little to forecast with."""

from datetime import date, timedelta

import polars as pl

from pipelines.defs.learn.forecasting import forecasts

FIRST = date(2026, 1, 1)


def usage(days: int, uses: int = 24) -> pl.DataFrame:
    """A plugin that one tenant uses as often each day."""
    rows = [("acme", "git", FIRST + timedelta(days=day), uses) for day in range(days)]
    return pl.DataFrame(rows, schema=["tenant_id", "plugin_id", "day", "uses"], orient="row")


def test_uses_that_never_vary_are_forecast_though_there_is_no_scale_to_measure_errors_by() -> None:
    made = forecasts(usage(120), "operator")
    assert set(made.rows["value"].round(6)) == {24.0}
    assert (made.card.metrics, made.figures) == ({}, ())
    assert "no series varies" in made.card.protocol.lower()


def test_a_history_too_short_for_an_interval_gives_no_rows_and_says_so() -> None:
    made = forecasts(usage(5), "operator")
    assert made.rows.is_empty() and "5 days are too few" in made.card.protocol
