"""Past-only calibration: evidence becomes surprise by what this series' own hours have peaked at.

The hour's peak is the unit (a surge of many minutes counts once); its share above a fixed line is empirical, beyond it
the tail is exponential with the mean excess of the past, never thinner than the theory's one nat. So a series that
behaves worse than its model makes itself quieter.
"""

import numpy as np

from models.anomalies.seasonal import Floats

_PRIOR_HOURS, _PRIOR_SHARE, _PRIOR_PEAKS = 24.0, 0.2, 10.0
LN10 = float(np.log(10.0))


def surprise_line(hours: Floats, peaks: Floats, excess: Floats, start: float) -> tuple[Floats, Floats]:
    """Offset and slope (4, S) of the decimal surprise: `offset + slope * nats` is -log10 of the share of such hours.

    `hours`, `peaks` above `start` and their summed `excess` are decayed counts of the past.
    """
    share = (peaks + _PRIOR_HOURS * _PRIOR_SHARE) / (hours + _PRIOR_HOURS)
    scale = np.maximum((excess + _PRIOR_PEAKS) / (peaks + _PRIOR_PEAKS), 1.0)
    slope = 1.0 / (scale * LN10)
    return -np.log(share) / LN10 - slope * start, slope
