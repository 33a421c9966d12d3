"""What a job can end in."""

from registry_api.problems import Conflict, Unprocessable


class PermanentFailure(Exception):
    """Raised by a handler when another attempt would fail as well: the job is dead at once."""


class LeaseLost(Exception):
    """Another worker took the job over, or it was cancelled; nothing of this attempt is committed."""


class UnknownJobKind(Unprocessable):
    """No handler for this kind, or none that callers may ask for."""

    code, title = "unknown_job_kind", "There is no such kind of job"


class JobFinished(Conflict):
    """The job has ended, so it cannot be cancelled."""

    code, title = "job_finished", "The job has ended already"
