"""Forecasts of daily uses: each tenant's total and busiest plugins, and the whole registry's for its operator."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from models.card import ModelCard, TrainedOn, data_hash
from models.forecast.evaluate import NothingVaries, backtest
from models.forecast.seasonal_naive import Floats, ForecastConfig, SeasonalNaive
from pipelines.defs.learn.keeping import moment
from pipelines.resources.insights import Measured

SERIES = "uses_per_day"
MOST_PLUGINS, MOST_ORIGINS = 20, 4
HISTORY = timedelta(days=182)
HORIZONS = (28, 14, 7)
SCHEMA: dict[str, type[pl.DataType]] = {
    "tenant_id": pl.String, "series": pl.String, "plugin_id": pl.String, "day": pl.Date,
    "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip
LIMITS = (
    "It repeats the last week and knows neither trend nor holidays; on days beyond a week it repeats the same week."
)
KEY = ("tenant_id", "plugin_id")


@dataclass(frozen=True, eq=False, slots=True)
class Forecasts:
    """Rows of the insight, the papers, and the figures."""

    rows: pl.DataFrame
    card: ModelCard
    figures: tuple[Measured, ...] = ()


def forecasts(usage: pl.DataFrame, operator: str | None) -> Forecasts:
    """From uses by tenant, plugin and day that is over; no rows where the history is too short for an interval."""
    keys, history, last = _history(usage, operator)
    config = _config(len(history))
    if last is None or len(history) < config.least_history:
        return Forecasts(pl.DataFrame(schema=SCHEMA), _card(usage, config, {}, f"{len(history)} days are too few."))
    made = SeasonalNaive(config).fit(history).predict()
    days = [last + timedelta(days=ahead + 1) for ahead in range(config.horizon)]
    values = {"value": made.mean.ravel(), "low": made.low.ravel(), "high": made.high.ravel()}
    rows = (
        pl.DataFrame({"day": days})
        .join(keys, how="cross", maintain_order="left_right")
        .with_columns(pl.lit(SERIES).alias("series"), **{name: pl.Series(column) for name, column in values.items()})
    )
    rows = rows.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).sort(*KEY, "day", nulls_last=False)
    return _measured(rows, usage, history, config)


def _config(days: int) -> ForecastConfig:
    """The farthest look ahead that so many days allow an interval for."""
    configs = [ForecastConfig(horizon=horizon) for horizon in HORIZONS]
    return next((config for config in configs if days >= config.least_history), configs[-1])


def _history(usage: pl.DataFrame, operator: str | None) -> tuple[pl.DataFrame, Floats, date | None]:
    """Keys (S) and counts (days, S) of the series, days without uses being 0, and the last day."""
    last = usage["day"].max()
    if not isinstance(last, date):
        return pl.DataFrame(schema=dict.fromkeys(KEY, pl.String)), np.zeros((0, 0)), None
    recent = usage.filter(pl.col("day") > last - HISTORY)
    everywhere = recent.with_columns(tenant_id=pl.lit(operator, pl.String)).drop_nulls("tenant_id")
    parts = [recent.filter(pl.col("tenant_id") != (operator or "")), everywhere]
    series = pl.concat([part for each in parts for part in (_busiest(each), _totals(each))])
    wide = series.group_by(*KEY, "day").agg(pl.col("uses").sum()).sort(*KEY, "day", nulls_last=False)
    keys = wide.select(KEY).unique(maintain_order=True)
    first = recent["day"].min()
    assert isinstance(first, date)
    counts = np.zeros(((last - first).days + 1, len(keys)))
    places = wide.join(keys.with_row_index("place"), on=list(KEY), how="left", nulls_equal=True)
    counts[(places["day"] - first).dt.total_days().to_numpy(), places["place"].to_numpy()] = places["uses"].to_numpy()
    return keys, counts, last


def _totals(usage: pl.DataFrame) -> pl.DataFrame:
    return (
        usage.group_by("tenant_id", "day")
        .agg(pl.col("uses").sum())
        .select("tenant_id", pl.lit(None, pl.String).alias("plugin_id"), "day", "uses")
    )


def _busiest(usage: pl.DataFrame) -> pl.DataFrame:
    """The rows of each tenant's most used plugins."""
    sums = usage.group_by(KEY).agg(pl.col("uses").sum()).sort("uses", "plugin_id", descending=[True, False])
    busiest = sums.group_by("tenant_id", maintain_order=True).head(MOST_PLUGINS).select(KEY)
    return usage.join(busiest, on=list(KEY), how="semi").select("tenant_id", "plugin_id", "day", "uses")


def _measured(rows: pl.DataFrame, usage: pl.DataFrame, history: Floats, config: ForecastConfig) -> Forecasts:
    origins = min(MOST_ORIGINS, (len(history) - config.least_history) // config.horizon)
    if origins < 1:
        return Forecasts(rows, _card(usage, config, {}, "The history is too short for a backtest."))
    try:
        found = backtest(history, config, origins=origins)
    except NothingVaries:
        return Forecasts(rows, _card(usage, config, {}, "No series varies, so errors have no scale to be measured by."))
    metrics = {
        "MASE": found.mase,
        "MASE of a flat mean": found.flat_mase,
        "coverage": found.coverage,
        "width": found.width,
    }
    protocol = f"{origins} rolling origins, {config.horizon} days ahead, {found.series} series; interval at {config.level:.0%}."
    figures = (
        Measured("forecast (seasonal naive)", "MASE", found.mase, None, None, "flat mean of 4 weeks", found.flat_mase),
        Measured("forecast (seasonal naive)", "coverage", found.coverage, None, None, "wanted", config.level),
    )
    return Forecasts(rows, _card(usage, config, metrics, protocol), figures)


def _card(usage: pl.DataFrame, config: ForecastConfig, metrics: dict[str, float], protocol: str) -> ModelCard:
    since, until = usage["day"].min(), usage["day"].max()
    hashed = data_hash(usage)
    span = [moment(day) if isinstance(day, date) else None for day in (since, until)]
    settings = {"season": config.season, "horizon": config.horizon, "level": config.level, "root": config.root}
    stamp = f"{span[1]:%Y%m%dT%H%M%SZ}" if span[1] else "empty"
    return ModelCard(
        "forecast", f"{stamp}-{hashed[:8]}", settings, hashed, TrainedOn(usage.height, *span), metrics, protocol, LIMITS
    )
