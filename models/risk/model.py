"""All numbers a score depends on, as one versioned value."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from models.risk.features import fingerprint
from models.risk.hazard import AdvisoryHazard, Staleness

FORMULA = 1


@dataclass(frozen=True, slots=True)
class Weights:
    """What is lost, of 1, when the thing comes true. Judgement, not evidence: policy that a board sets."""

    advisory_history: float = 0.6
    open_advisories: float = 1.0
    staleness: float = 0.05
    lifecycle: float = 0.1


@dataclass(frozen=True, slots=True)
class Floors:
    """Scores that certain facts lift a plugin to, whatever its probability. Judgement."""

    quarantined: float = 100.0
    exploited_advisory: float = 90.0
    unfixed_advisory: float = 70.0
    withdrawn: float = 60.0


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """Chance that an open advisory without an EPSS value is exploited, by severity; never 0. Judgement.

    Plugins' advisories rarely have a CVE, so that most have no EPSS.
    """

    critical: float = 0.10
    high: float = 0.05
    medium: float = 0.02
    low: float = 0.01
    unknown: float = 0.03


@dataclass(frozen=True, slots=True)
class ImpactScale:
    """Counts at which impact is full, and the share of the score that does not depend on impact. Judgement."""

    targets: float = 1000.0
    dependents: float = 100.0
    least: float = 0.4


@dataclass(frozen=True, slots=True)
class Population:
    """Rates and a size typical of all plugins: what an unknown is taken for, and what bands are relative to."""

    installs: float = 370.0
    advisory: float = 0.081
    staleness: float = 0.66


@dataclass(frozen=True, slots=True)
class Bands:
    """Multiples of the population's probability from which a plugin is called so; below the first it is low."""

    moderate: float = 1.0
    high: float = 2.0
    critical: float = 4.0


@dataclass(frozen=True, slots=True)
class RiskModel:
    """Hazards, policy and population. Equal numbers are the same version.

    `formula` is raised by whoever changes what equal numbers mean; a score of another formula cannot be replayed here.
    Below `least_confidence` no band is given.
    """

    hazard: AdvisoryHazard = field(default_factory=AdvisoryHazard)
    staleness: Staleness = field(default_factory=Staleness)
    weights: Weights = field(default_factory=Weights)
    floors: Floors = field(default_factory=Floors)
    likelihoods: Likelihoods = field(default_factory=Likelihoods)
    impact: ImpactScale = field(default_factory=ImpactScale)
    population: Population = field(default_factory=Population)
    bands: Bands = field(default_factory=Bands)
    least_confidence: float = 0.5
    formula: int = FORMULA

    @property
    def version(self) -> str:
        """Sixteen hex digits of the config."""
        return fingerprint(self.config())

    @property
    def base_probability(self) -> float:
        """The weighted probability of a plugin at the population's rates."""
        spared = 1 - self.weights.advisory_history * self.population.advisory
        return 1 - spared * (1 - self.weights.staleness * self.population.staleness)

    def config(self) -> dict[str, Any]:
        """Plain JSON; `from_config` gives an equal model back."""
        parts = asdict(self)
        return {
            name: {key: float(number) for key, number in part.items()} if isinstance(part, dict) else part
            for name, part in parts.items()
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The model of a whole config. Raises `ValueError` when a key is missing or unknown, or for another formula."""
        try:
            parts = {name: kind(**config[name]) for name, kind in _PARTS.items()}
            made = cls(**{**config, **parts})
        except (KeyError, TypeError) as error:
            raise ValueError(f"is no config of a risk model: {error}") from error
        if made.config() != config:
            raise ValueError("is no whole config of a risk model: a default would fill what is missing")
        if made.formula != FORMULA:
            raise ValueError(f"was scored by formula {made.formula}; this is formula {FORMULA}")
        return made


_PARTS: dict[str, type] = {
    "hazard": AdvisoryHazard,
    "staleness": Staleness,
    "weights": Weights,
    "floors": Floors,
    "likelihoods": Likelihoods,
    "impact": ImpactScale,
    "population": Population,
    "bands": Bands,
}
