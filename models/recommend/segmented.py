"""Two models in one: popularity for who has little history, another for the rest."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.recommend.blend import BlendConfig
from models.recommend.interactions import Codes, Interactions
from models.recommend.popularity import PopularityConfig
from models.recommend.recommender import Composite, Config, Floats32, registered


@dataclass(frozen=True, slots=True)
class SegmentedConfig(Config):
    """Users with fewer than `at_least` items are ranked by `thin`, the others by `warm`."""

    warm: Config = field(default_factory=BlendConfig)
    thin: Config = field(default_factory=PopularityConfig)
    at_least: int = 5


@registered(SegmentedConfig)
class Segmented(Composite):
    """What is served: a personal model only for who has shown enough of themselves.

    The length of a history is taken when asked, so a user moves to the warm model without a new training.
    """

    kind = "segmented"
    config: SegmentedConfig

    def _scores(self, interactions: Interactions, rows: Codes, found: Codes) -> Floats32:
        scores = np.empty((len(rows), len(found)), np.float32)
        is_warm = self.is_personal(interactions, rows)
        for name, chosen in (("warm", is_warm), ("thin", ~is_warm)):
            scores[chosen] = self._parts[name].scores(interactions, rows[chosen])
        return scores

    def likeness(self) -> Floats32 | None:
        """The warm model's."""
        return self._parts["warm"].likeness()

    def is_personal(self, interactions: Interactions, rows: Codes) -> NDArray[np.bool_]:
        """Who has enough history: the others are shown what is popular, for no reason of their own."""
        personal: NDArray[np.bool_] = interactions.history[rows] >= self.config.at_least
        return personal
