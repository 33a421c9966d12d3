"""The tick: every half minute the counters are looked at, and what the rules make of it is shown as asset history."""

import re
from collections.abc import Iterator
from typing import Any

import dagster as dg

from pipelines.conditions import TICK_SECONDS
from pipelines.resources.insights import Insights

EPISODES = "episodes"
"""Prefix of the assets whose history is that of a rule's episodes: `episodes/<rule>`."""
FIRING = "firing"


@dg.sensor(minimum_interval_seconds=TICK_SECONDS, default_status=dg.DefaultSensorStatus.RUNNING)
def watch(context: dg.SensorEvaluationContext, insights: Insights) -> dg.SensorResult:
    """Score the new minutes, publish what is out of the ordinary, tell the rules. The cursor is the last tick answered."""
    from patchbay.core.clock import utcnow
    from pipelines.defs.live.ticking import tick

    ticked = tick(insights, utcnow(), context.cursor)
    events = [event for answer in ticked.answers for event in episode_events(answer)]
    told = f"{ticked.minutes} minutes scored, {ticked.samples} samples, {ticked.open} open, {len(events)} changes of episodes"
    reason = None if events else told
    return dg.SensorResult(asset_events=events, cursor=ticked.id, skip_reason=reason)


def episode_events(answer: dict[str, Any]) -> Iterator[dg.AssetMaterialization | dg.AssetObservation]:
    """A materialisation where an episode fires, an observation where it begins, ends or is lost."""
    for change in answer["transitions"]:
        key = dg.AssetKey([EPISODES, slug(change["rule"])])
        metadata = {name: _shown(value) for name, value in change.items() if value is not None}
        said = f"{change['rule']}: {change['change']}"
        if change["change"] == FIRING:
            yield dg.AssetMaterialization(key, description=said, metadata=metadata)
        else:
            yield dg.AssetObservation(key, description=said, metadata=metadata)


def slug(rule: str) -> str:
    """A rule's name as part of an asset's key."""
    return re.sub(r"[^a-z0-9]+", "_", rule.lower()).strip("_") or "rule"


def _shown(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else dg.MetadataValue.json(value)
