"""Seasons: how activity is spread over the minutes of a UTC day, by time zone, kind of target and weekday."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from patchbay.world.tenants import ZONES
from patchbay.world.times import DAY, MINUTE, Floats, Ints

OFFICE, CONTINUOUS = 0, 1
BINS = 288
BIN_MINUTES = 5
_WEEKEND = (0.15, 0.60)
_QUANTILES = 1024


@dataclass(frozen=True, slots=True)
class Rhythm:
    """`intensity` is zone × kind × weekday × five-minute bin; a day of average strength sums to 1.

    `strength` is the sum over the bins by profile and weekday. `edges` holds, for each profile and weekday, the
    microsecond of the day at each quantile.
    """

    intensity: Floats
    strength: Floats
    edges: Floats

    def day_factor(self, profile: Ints, weekday: int) -> Floats:
        """Strength of a UTC weekday (0 is Monday) for each profile; their mean over the week is 1."""
        return np.asarray(self.strength[profile, weekday])

    def per_minute(self, profile: Ints, weekday: int, minute: int) -> Floats:
        """Share of an average day that falls into one minute of a UTC weekday, for each profile."""
        return np.asarray(self.intensity.reshape(-1, 7, BINS)[profile, weekday, minute // BIN_MINUTES] / BIN_MINUTES)

    def draw(self, rng: np.random.Generator, profile: Ints, weekday: int) -> Ints:
        """A microsecond of the UTC day for each given profile."""
        place = rng.random(len(profile)) * _QUANTILES
        cell = place.astype(np.int64)
        flat = (profile * 7 + weekday) * (_QUANTILES + 1) + cell
        low = self.edges.ravel()[flat]
        moment: Ints = (low + (place - cell) * (self.edges.ravel()[flat + 1] - low)).astype(np.int64)
        return moment


def profile_of(zone: Ints, continuous: Ints) -> Ints:
    """Row of a profile: two kinds for each zone."""
    return zone * 2 + continuous


@cache
def rhythm() -> Rhythm:
    """The one table of seasons; it depends on nothing."""
    local = np.stack([_local_week(kind) for kind in (OFFICE, CONTINUOUS)])
    zones = np.stack([np.roll(local, -offset // BIN_MINUTES, axis=1) for offset in ZONES])
    intensity = zones.reshape(len(ZONES), 2, 7, BINS)
    intensity = intensity / intensity.sum(axis=(2, 3), keepdims=True) * 7
    return Rhythm(intensity, intensity.sum(axis=3).reshape(-1, 7), _edges(intensity.reshape(-1, BINS)))


def _local_week(kind: int) -> Floats:
    """Local time, Monday first: two humps of office hours on a floor that automation fills."""
    hour = np.arange(BINS) * BIN_MINUTES / 60.0
    office = np.exp(-(((hour - 10.3) / 1.9) ** 2)) + 0.9 * np.exp(-(((hour - 14.8) / 2.2) ** 2))
    floor = 0.03 if kind == OFFICE else 0.40
    week = np.ones(7)
    week[5:] = _WEEKEND[kind]
    return np.asarray((week[:, None] * (office + floor)).ravel())


def _edges(profiles: Floats) -> Floats:
    grid = np.linspace(0.0, 1.0, _QUANTILES + 1)
    clock = np.arange(BINS + 1) * float(BIN_MINUTES * MINUTE)
    shares = np.concatenate([np.zeros((len(profiles), 1)), np.cumsum(profiles, axis=1)], axis=1)
    edges = np.stack([np.interp(grid, row / row[-1], clock) for row in shares])
    return np.asarray(np.minimum(edges, float(DAY - 1)))
