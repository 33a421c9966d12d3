"""What a rule does. All values are as the document has them; a plan makes absolute ones of them."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, HttpUrl, TypeAdapter, model_validator

from patchbay.automation.fields import Count, Duration, Line, Number, Share, Strict

_URL: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)


class Webhook(Strict):
    """A signed HTTP POST; `secret` names the signing key, which stands nowhere in a rule."""

    changes: ClassVar[bool] = False
    type: Literal["webhook"]
    url: Annotated[Line, AfterValidator(lambda url: str(_URL.validate_python(url)))]
    secret: Line | None = None


class Mail(Strict):
    """A message to an address, or to a team by its name."""

    changes: ClassVar[bool] = False
    type: Literal["mail"]
    to: Annotated[tuple[Line, ...], Field(strict=False, min_length=1, max_length=50)]
    subject: Line | None = None


class Restart(Strict):
    """A restart of each target, once."""

    changes: ClassVar[bool] = True
    type: Literal["restart"]


class _Scale(Strict):
    changes: ClassVar[bool] = True
    factor: Annotated[Number, Field(gt=0)] | None = None
    target_value: Annotated[Number, Field(gt=0)] | None = None
    """What the metric should be per replica; then the number of replicas follows from the metric, not from a factor."""
    tolerance: Annotated[Share, Field(lt=1)] = 0.1
    min_replicas: Count = 1
    max_step: Count | None = None
    """How many replicas one plan may add or take away."""

    @model_validator(mode="after")
    def _one_way_to_count(self) -> Self:
        if (self.factor is None) == (self.target_value is None):
            raise ValueError("give either factor or target_value")
        return self


class ScaleUp(_Scale):
    """More replicas: times a factor, or as many as bring the metric to its target value; never fewer."""

    type: Literal["scale_up"]
    max_replicas: Count

    @model_validator(mode="after")
    def _goes_up(self) -> Self:
        if self.factor is not None and self.factor <= 1:
            raise ValueError(f"factor {self.factor:g} does not scale up; write one above 1")
        if self.min_replicas > self.max_replicas:
            raise ValueError("min_replicas is above max_replicas")
        return self


class ScaleDown(_Scale):
    """Fewer replicas, never more. With a target value the highest need of the last `stabilise` counts."""

    type: Literal["scale_down"]
    stabilise: Duration = timedelta(minutes=5)

    @model_validator(mode="after")
    def _goes_down(self) -> Self:
        if self.factor is not None and self.factor >= 1:
            raise ValueError(f"factor {self.factor:g} does not scale down; write one below 1")
        return self


class HealthCheck(Strict):
    """A look at each target; where one is ill, a restart of it within all brakes, and a notice to a team."""

    changes: ClassVar[bool] = False
    type: Literal["health_check"]
    remediation: Literal["auto_restart", "none"] = "none"
    notification: Line | None = None


class BlockRelease(Strict):
    """No new installs of the release that the series' label `release` names."""

    changes: ClassVar[bool] = True
    type: Literal["block_release"]
    reason: Line | None = None


Action = Annotated[
    Webhook | Mail | Restart | ScaleUp | ScaleDown | HealthCheck | BlockRelease, Field(discriminator="type")
]
ACTIONS: dict[str, type[Strict]] = {
    "webhook": Webhook,
    "mail": Mail,
    "restart": Restart,
    "scale_up": ScaleUp,
    "scale_down": ScaleDown,
    "health_check": HealthCheck,
    "block_release": BlockRelease,
}
