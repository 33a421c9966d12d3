"""When a rule fires: a metric beyond a threshold, a schedule, or an anomaly."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from patchbay.automation.conditions import Aggregate, Comparator, Source, holds
from patchbay.automation.cron import parse_cron, parse_zone
from patchbay.automation.fields import Duration, Labels, Line, Quantity, Strict


class SeriesTrigger(Strict):
    """What metric and anomaly triggers share: which series, how long, and when it is over."""

    labels: Labels = Field(default_factory=dict)
    """Only series with all of these labels; every series of the metric where there are none."""
    duration: Duration = timedelta(0)
    """`for`: how long consecutive good evaluations must agree before it fires."""
    keep_firing_for: Duration = timedelta(0)
    stale_after: Duration = timedelta(minutes=5)

    @property
    def watches(self) -> tuple[Source, str]:
        """Source and metric of the series."""
        raise NotImplementedError

    def breached(self, value: float) -> bool:
        """Whether a value is one to fire on."""
        raise NotImplementedError

    def cleared(self, value: float) -> bool:
        """Whether a value ends a firing; between the two thresholds neither is true."""
        raise NotImplementedError


class MetricTrigger(SeriesTrigger):
    """A metric beyond a threshold, `80%` being 0.8 and `6h` 21600 seconds.

    `clear` is the second threshold, where it differs from the first; `aggregate` and `window` say which value of the
    series the evaluation is given.
    """

    metric: Line
    threshold: Quantity
    comparator: Comparator = ">"
    clear: Quantity | None = None
    aggregate: Aggregate = "last"
    window: Duration = timedelta(minutes=5)

    @property
    def watches(self) -> tuple[Source, str]:
        """Source and metric of the series."""
        return "metric", self.metric

    def breached(self, value: float) -> bool:
        """Whether a value is one to fire on."""
        return holds(value, self.comparator, self.threshold)

    def cleared(self, value: float) -> bool:
        """Whether a value ends a firing: it is not beyond the clear threshold."""
        return not holds(value, self.comparator, self.threshold if self.clear is None else self.clear)

    @model_validator(mode="after")
    def _clear_is_calmer(self) -> Self:
        if self.clear is not None and self.clear != self.threshold and self.breached(self.clear):
            raise ValueError(f"clear ({self.clear:g}) lies beyond threshold ({self.threshold:g}): it could never fire")
        return self


class AnomalyTrigger(SeriesTrigger):
    """A series whose anomaly score reaches `score`, above its expected band, below it, or either."""

    anomaly: Line
    score: Annotated[float, Field(gt=0, le=1)] = 0.99
    clear: Annotated[float, Field(gt=0, le=1)] | None = None
    direction: Literal["up", "down", "any"] = "any"

    @property
    def watches(self) -> tuple[Source, str]:
        """Source and metric of the series."""
        return "anomaly", self.anomaly

    def breached(self, value: float) -> bool:
        """Whether a signed score is one to fire on."""
        return self._strength(value) >= self.score

    def cleared(self, value: float) -> bool:
        """Whether a signed score ends a firing."""
        return self._strength(value) < (self.score if self.clear is None else self.clear)

    def _strength(self, value: float) -> float:
        return {"up": value, "down": -value, "any": abs(value)}[self.direction]

    @model_validator(mode="after")
    def _clear_is_calmer(self) -> Self:
        if self.clear is not None and self.clear > self.score:
            raise ValueError(f"clear ({self.clear:g}) is above score ({self.score:g})")
        return self


def _comes(expression: str) -> str:
    parse_cron(expression)
    return expression


class ScheduleTrigger(Strict):
    """Times of a cron expression in an IANA zone.

    `misfire` says what becomes of times that nobody saw (skip them, run the newest once, run all), `overlap` of one
    that comes while the last one still runs.
    """

    schedule: Annotated[Line, AfterValidator(_comes)]
    timezone: Annotated[Line, AfterValidator(lambda name: parse_zone(name).key)] = "UTC"
    misfire: Literal["skip", "once", "all"] = "once"
    overlap: Literal["allow", "forbid", "replace"] = "forbid"
    jitter: Annotated[Duration, Field(le=timedelta(hours=1))] = timedelta(0)
    """Each tick looks back so far: with a month of it, a rule of every minute would cost a quarter of a second a tick."""
    suspend: bool = False


Trigger = MetricTrigger | AnomalyTrigger | ScheduleTrigger
