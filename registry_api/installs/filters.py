"""What lists of targets and of what is on them can be filtered by."""

from typing import get_args

from registry_api.catalog.models import Plugin
from registry_api.filtering import By, Filters, one_of
from registry_api.installs.models import Observation, Target
from registry_api.installs.schemas import Environment

_STAGE = one_of(Target.environment, *get_args(Environment))
_SEEN: dict[str, By] = {
    "version": By(Observation.version),
    "origin": By(Observation.origin),
    "source": By(Observation.source),
    "event": one_of(Observation.event, "added", "updated", "present"),
    "since": By(Observation.occurred_at),
}
TARGETS = Filters(
    name=Target.name,
    title=Target.title,
    environment=_STAGE,
    kind=Target.kind,
    lifecycle=one_of(Target.lifecycle, "active", "retired"),
    tenant_id=Target.tenant_id,
    recorded_at=Target.recorded_at,
)
INSTALLED = Filters(ref=Plugin.ref, plugin_id=Plugin.id, **_SEEN)
INSTALLATIONS = Filters(target=Target.name, target_id=Target.id, environment=_STAGE, **_SEEN)
