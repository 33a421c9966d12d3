"""What a job can end in."""

from patchbay.core.telemetry import current_trace_id, redact
from registry_api.problems import Conflict, Problem, Unprocessable


class Explained(Exception):
    """Its words are ours and fit for the tenant whose job failed."""


def reason_of(error: Exception) -> str:
    """Why a job failed, for its tenant: of what is not ours, which may name tables, paths and hosts, only what it is and
    under which trace the log has the rest.
    """
    if isinstance(error, Explained | Problem):
        return redact(f"{type(error).__name__}: {error}")
    return f"{type(error).__name__}; the registry's log says more under the trace {current_trace_id()}"


class PermanentFailure(Explained):
    """Raised by a handler when another attempt would fail as well: the job is dead at once."""


class LeaseLost(Exception):
    """Another worker took the job over, or it was cancelled; nothing of this attempt is committed."""


class UnknownJobKind(Unprocessable):
    """No handler for this kind, or none that callers may ask for."""

    code, title = "unknown_job_kind", "There is no such kind of job"


class JobFinished(Conflict):
    """The job has ended, so it cannot be cancelled."""

    code, title = "job_finished", "The job has ended already"


class JobNotDead(Conflict):
    """The job is queued, running or ended otherwise, so there is nothing to try again."""

    code, title = "job_not_dead", "The job is not dead"
