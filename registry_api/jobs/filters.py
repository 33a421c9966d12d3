"""What jobs can be filtered by."""

from registry_api.filtering import Filters, one_of
from registry_api.jobs.models import STATES, Job

JOBS = Filters(
    kind=Job.kind,
    state=one_of(Job.state, *STATES),
    dedup_key=Job.dedup_key,
    attempts=Job.attempts,
    tenant_id=Job.tenant_id,
    run_at=Job.run_at,
    recorded_at=Job.recorded_at,
    started_at=Job.started_at,
    finished_at=Job.finished_at,
    trace_id=Job.trace_id,
)
