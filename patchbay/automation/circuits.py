"""A restart budget per target: backoff between restarts, and a circuit that opens when they do not help."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from patchbay.automation.facts import RestartLimits
from patchbay.automation.refusals import Reason, Refusal


@dataclass(frozen=True, slots=True)
class Circuit:
    """Restarts of one target within the window, since when the circuit is open, and when its last trial began."""

    attempts: tuple[datetime, ...] = ()
    opened: datetime | None = None
    trial: datetime | None = None


def attempt(circuit: Circuit, limits: RestartLimits, now: datetime) -> tuple[Circuit, Refusal | None]:
    """The circuit after asking for a restart, and why there is none."""
    recent = tuple(at for at in circuit.attempts if now - at <= limits.window)
    circuit = replace(circuit, attempts=recent)
    if circuit.opened is not None:
        return _half_open(circuit, limits, now)
    if len(recent) >= limits.most:
        return replace(circuit, opened=now), _open(f"{len(recent)} restarts within {limits.window} did not help")
    wait = limits.backoff * 2 ** (len(recent) - 1) if recent else timedelta(0)
    if recent and now - recent[-1] < wait:
        return circuit, Refusal(Reason.BACKOFF, f"the last restart was less than {wait} ago")
    return replace(circuit, attempts=(*recent, now)), None


def settle(circuit: Circuit, *, helped: bool, now: datetime) -> Circuit:
    """The circuit after a restart's outcome: a trial that helped closes it, one that did not opens it anew.

    While it is closed the outcome changes nothing: something that dies again after each good restart must open it too.
    """
    if circuit.opened is None or circuit.trial is None:
        return circuit
    return Circuit() if helped else replace(circuit, opened=now, trial=None)


def is_quiet(circuit: Circuit, limits: RestartLimits, now: datetime) -> bool:
    """Whether it need not be remembered."""
    return circuit.opened is None and all(now - at > limits.window for at in circuit.attempts)


def _half_open(circuit: Circuit, limits: RestartLimits, now: datetime) -> tuple[Circuit, Refusal | None]:
    """One trial after each reset time; a trial whose outcome never came is followed by the next one."""
    since = max(moment for moment in (circuit.opened, circuit.trial) if moment is not None)
    if now - since < limits.reset:
        return circuit, _open(f"open since {circuit.opened:%Y-%m-%d %H:%M} UTC; one trial every {limits.reset}")
    return replace(circuit, trial=now), None


def _open(detail: str) -> Refusal:
    return Refusal(Reason.CIRCUIT_OPEN, detail)
