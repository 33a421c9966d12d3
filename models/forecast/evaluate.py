"""How good forecasts are: rolling origins, scaled error, and whether the intervals keep their level."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models.forecast.seasonal_naive import Floats, ForecastConfig, SeasonalNaive


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over series and origins.

    `mase` is the mean absolute error over the in-sample seasonal naive one (Hyndman and Koehler 2006), `flat_mase` that
    of the average of the last four seasons; `coverage` the share of values inside the interval; `width` the interval's
    mean width over the mean value. `series` counts those that vary at all; the others have no scale and are left out.
    """

    mase: float
    flat_mase: float
    coverage: float
    width: float
    series: int
    origins: int

    def as_document(self, config: ForecastConfig) -> dict[str, Any]:
        """Plain values with the protocol, as a model card states them."""
        protocol = f"{self.origins} rolling origins, {config.horizon} steps ahead, season of {config.season}"
        return {**asdict(self), "level": config.level, "protocol": protocol}


class NothingVaries(ValueError):
    """All series are constant, so that nothing says what a large error is."""


def backtest(history: Floats, config: ForecastConfig, *, origins: int = 4) -> Scores:
    """Forecast the last horizons of a history (T, S) one after the other, each from what lay before it.

    Raises ValueError when the first origin has less than the least history, and `NothingVaries`.
    """
    first = len(history) - origins * config.horizon
    if origins < 1 or first < config.least_history:
        needed = config.least_history + max(origins, 1) * config.horizon
        raise ValueError(f"{origins} origins need {needed} steps of history, not {len(history)}")
    scale = _scale(history[:first], config.season)
    varies = scale > 0
    if not varies.any():
        raise NothingVaries("no series varies; there is nothing to scale errors with")
    parts = [_origin(history[:, varies], scale[varies], config, first + k * config.horizon) for k in range(origins)]
    mase, flat, coverage, width = np.mean(parts, axis=0).tolist()
    return Scores(mase, flat, coverage, width, int(varies.sum()), origins)


def _origin(history: Floats, scale: Floats, config: ForecastConfig, at: int) -> tuple[float, float, float, float]:
    before, after = history[:at], history[at : at + config.horizon]
    forecast = SeasonalNaive(config).fit(before).predict()
    flat = before[-4 * config.season :].mean(axis=0)
    inside = (after >= forecast.low) & (after <= forecast.high)
    width = (forecast.high - forecast.low).mean() / after.mean() if after.any() else 0.0
    errors = [np.abs(after - made).mean(axis=0) / scale for made in (forecast.mean, flat)]
    return float(errors[0].mean()), float(errors[1].mean()), float(inside.mean()), float(width)


def _scale(history: Floats, season: int) -> Floats:
    return np.asarray(np.abs(history[season:] - history[:-season]).mean(axis=0))
