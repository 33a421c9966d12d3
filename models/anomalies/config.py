"""What a detector of counts is made from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """Plain numbers; hours are hours in which the series was observed.

    `surge` and `drop` are the factors of the usual rate that evidence is gathered for; half way there (on the scale of
    the likelihood) nothing gathers, so small changes of level are no anomalies. `threshold` is the decimal surprise of
    an alarm: 4 means that the hour's peak is reached once in ten thousand hours of the past.
    """

    surge: float = 2.0
    drop: float = 0.4
    threshold: float = 4.0
    least_rate: float = 0.02
    """Events per minute over the weeks below which a series keeps silent: its parents speak for it."""
    warm_hours: float = 192.0
    """Hours to learn from before the first alarm: a week and a day, so that no weekday is new."""
    season_prior: float = 4.0
    """Events an hour of the week must have to weigh as much as the same hour of all days."""
    season_keep: float = 0.85
    """What a week's counts are worth one week later."""
    level_half_life: float = 6.0
    level_prior: float = 5.0
    """Events that hold the level at the season's."""
    noise_half_life: float = 72.0
    tail_from: float = 4.0
    """Nats above which an hour's peak belongs to the tail."""
    tail_half_life: float = 336.0
    range_half_life: float = 336.0
    patience: float = 12.0
    """Suspicious hours in a row after which what goes on is the new normal."""

    def __post_init__(self) -> None:
        """Refuse what no detector can be made from, naming the field."""
        if not 0 < self.drop < 1 < self.surge:
            raise ValueError(f"drop must lie in (0, 1) and surge above 1, not {self.drop} and {self.surge}")
        if not 0 < self.season_keep <= 1:
            raise ValueError(f"season_keep must lie in (0, 1], not {self.season_keep}")
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")


_POSITIVE = (
    "threshold",
    "season_prior",
    "level_half_life",
    "level_prior",
    "noise_half_life",
    "tail_from",
    "tail_half_life",
    "range_half_life",
    "patience",
)
