"""Scoring detectors on labelled recordings by the rules of the Numenta Anomaly Benchmark (NAB v1.1, standard profile).

One threshold for the whole corpus, chosen on the corpus; the first 15 % of each file (at most 750 rows) are for learning;
a detection counts for more the earlier it comes in a window, and once; a false one costs less the sooner it follows a
window. 0 is finding nothing, 100 finding all windows at their first row. Windows are a tenth of a file and labels are
disputed (Wu and Keogh 2020): a number to compare by, not a promise.
"""

from dataclasses import dataclass
from math import erfc

import numpy as np
from numpy.typing import NDArray

from models.anomalies.seasonal import Floats

FALSE_WEIGHT = 0.11
_PROBATION, _MOST_PROBATION = 0.15, 5000


@dataclass(frozen=True, slots=True)
class Recording:
    """One file: values and the row ranges [first, last] of its anomaly windows."""

    name: str
    values: Floats
    minutes: Floats
    windows: list[tuple[int, int]]

    @property
    def probation(self) -> int:
        """Rows that are only learnt from."""
        return int(min(_PROBATION * len(self.values), _PROBATION * _MOST_PROBATION))


def standard_score(files: list[Recording], scores: list[Floats]) -> float:
    """The best corpus score over all thresholds."""
    parts = [_contributions(file, score) for file, score in zip(files, scores, strict=True)]
    offset = np.cumsum([0, *(len(file.windows) for file in files)])
    score = np.concatenate([part[0] for part in parts])
    worth = np.concatenate([part[1] for part in parts])
    window = np.concatenate([np.where(p[2] >= 0, p[2] + start, -1) for p, start in zip(parts, offset, strict=False)])
    total = int(offset[-1])
    order = np.argsort(-score, kind="stable")
    score, gains = score[order], _gains(worth[order], window[order], total)
    sums = np.cumsum(gains)[np.flatnonzero(np.append(np.diff(score) != 0, True))]
    return float(100.0 * max(0.0, sums.max()) / (2 * total))


def _gains(worth: Floats, window: NDArray[np.int64], windows: int) -> Floats:
    """What each detection adds, most surprising first: within a window only by how much it is earlier than those before."""
    best = np.full(windows, np.nan)
    gains = worth.copy()
    for place in np.flatnonzero(window >= 0):
        own, value = window[place], worth[place]
        if np.isnan(best[own]):
            gains[place], best[own] = value + 1.0, value
        else:
            gains[place] = max(value - best[own], 0.0)
            best[own] = max(best[own], value)
    return gains


def _contributions(file: Recording, score: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Score, worth and window (-1 outside) of every row after probation."""
    rows = np.arange(len(score))
    window = np.full(len(score), -1)
    place = np.full(len(score), np.inf)
    for number, (first, last) in enumerate(file.windows):
        length = last - first + 1
        inside = (rows >= first) & (rows <= last)
        window[inside] = number
        place[rows > last] = (rows[rows > last] - last) / max(length - 1, 1)
        place[inside] = -(last - rows[inside] + 1) / length
    worth = np.where(window >= 0, _sigmoid(place) / _sigmoid(np.array(-1.0)), FALSE_WEIGHT * _sigmoid(place))
    after = rows >= file.probation
    return score[after], worth[after], window[after]


def _sigmoid(place: Floats) -> Floats:
    return np.where(place > 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(place, 3.0))) - 1.0)


def windowed_gaussian(values: Floats, size: int = 6400, step: int = 100) -> Floats:
    """NAB's baseline: how central a value is among the last ones, whose window moves on in steps."""
    first, last, waiting = 0, 0, 0
    mean, spread, scores = 0.0, 1.0, np.zeros(len(values))
    for place, value in enumerate(values.tolist()):
        if last:
            scores[place] = 1.0 - 0.5 * erfc(abs(value - mean) / spread / 2**0.5)
        if last < size:
            last += 1
        elif waiting + 1 < step:
            waiting += 1
            continue
        else:
            first, last, waiting = first + step, last + step, 0
        mean, spread = float(values[first:last].mean()), float(values[first:last].std()) or 1e-6
    return scores
