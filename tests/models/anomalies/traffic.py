"""Counts per minute with a day, a week and known trouble, for tests."""

import numpy as np
from numpy.typing import NDArray

DAY = 1440
MONDAY = 29_802_240
"""A Monday's first minute, in minutes since the epoch (2026-08-31)."""


def traffic(days: int, rates: list[float], seed: int = 5, noise: float = 0.01) -> NDArray[np.int64]:
    """Counts (days × 1440, S) around a rate each: busy at noon, quiet on weekends, with days of more and less luck."""
    rng = np.random.default_rng(seed)
    minute = np.arange(days * DAY)
    rhythm = 1.0 + 0.8 * np.sin(2 * np.pi * (minute % DAY) / DAY - np.pi / 2)
    weekend = np.where(minute // DAY % 7 >= 5, 0.3, 1.0)
    rhythm *= np.convolve(np.pad(weekend, 180, "wrap"), np.full(361, 1 / 361), "valid")
    luck = rng.gamma(1 / noise, noise, (days, len(rates))).repeat(DAY, axis=0)
    return rng.poisson(rhythm[:, None] * luck * np.array(rates))
