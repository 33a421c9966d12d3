"""Range novelty: how far a count lies above everything seen so far."""

import numpy as np

from models.anomalies.seasonal import Floats


def novelty(count: Floats, highest: Floats, noise: Floats) -> Floats:
    """Nats of a count above the highest one so far; 0 within the range. Distances are on Anscombe's root scale.

    Half the squared distance in standard deviations, which dispersion widens: breaking a record by little says little,
    and so does breaking one that bursts set.
    """
    beyond = np.maximum(np.sqrt(count + 0.375) - np.sqrt(highest + 0.375), 0.0)
    return np.asarray(2.0 * beyond * beyond / (1.0 + noise * highest))
