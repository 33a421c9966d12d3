"""What lists of automation can be filtered by."""

from registry_api.automation.models import (
    EPISODE_STATES,
    PLAN_STATES,
    EpisodeRow,
    PlanRow,
    ProcessRow,
    RuleRow,
    SuppressionRow,
    SwitchRow,
)
from registry_api.filtering import Filters, one_of

RULES = Filters(
    name=RuleRow.name,
    revision=RuleRow.revision,
    author=RuleRow.author,
    recorded_at=RuleRow.recorded_at,
    updated_at=RuleRow.updated_at,
)
EPISODES = Filters(
    rule=EpisodeRow.rule,
    revision=EpisodeRow.revision,
    fingerprint=EpisodeRow.fingerprint,
    state=one_of(EpisodeRow.state, *EPISODE_STATES),
    began_at=EpisodeRow.began_at,
    fired_at=EpisodeRow.fired_at,
    ended_at=EpisodeRow.ended_at,
    value=EpisodeRow.value,
    trace_id=EpisodeRow.trace_id,
)
SUPPRESSIONS = Filters(
    rule=SuppressionRow.rule,
    fingerprint=SuppressionRow.fingerprint,
    episode=SuppressionRow.episode,
    action=SuppressionRow.action,
    reason=SuppressionRow.reason,
    recorded_at=SuppressionRow.recorded_at,
)
PLANS = Filters(
    rule=PlanRow.rule,
    revision=PlanRow.revision,
    key=PlanRow.key,
    hash=PlanRow.hash,
    fingerprint=PlanRow.fingerprint,
    episode=PlanRow.episode,
    action=PlanRow.action,
    state=one_of(PlanRow.state, *PLAN_STATES),
    author=PlanRow.author,
    approved_by=PlanRow.approved_by,
    recorded_at=PlanRow.recorded_at,
    started_at=PlanRow.started_at,
    finished_at=PlanRow.finished_at,
    trace_id=PlanRow.trace_id,
)
SWITCHES = Filters(scope=SwitchRow.scope, set_by=SwitchRow.set_by, recorded_at=SwitchRow.recorded_at)
PROCESSES = Filters(
    name=ProcessRow.name,
    healthy=ProcessRow.healthy,
    replicas=ProcessRow.replicas,
    desired_replicas=ProcessRow.desired_replicas,
    reported_at=ProcessRow.reported_at,
)
