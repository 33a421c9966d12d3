"""Why a firing had no effect. Every one of them is recorded with its reason."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Reason(StrEnum):
    """What stood in the way."""

    STOPPED = "stopped"
    SHADOW = "shadow"
    FORBIDDEN = "forbidden"
    EMPTY_SELECTOR = "empty_selector"
    NO_TARGET = "no_target"
    NOTHING_TO_DO = "nothing_to_do"
    UNPLANNABLE = "unplannable"
    UNSTABLE = "unstable"
    BLAST_RADIUS = "blast_radius"
    CIRCUIT_OPEN = "circuit_open"
    BACKOFF = "backoff"
    COOLDOWN = "cooldown"
    BUDGET = "budget"
    CONFLICT = "conflict"
    OUTRANKED = "outranked"
    OVERLAP = "overlap"
    MISFIRE = "misfire"


CALLS_A_HUMAN = {Reason.BLAST_RADIUS, Reason.CIRCUIT_OPEN, Reason.CONFLICT}
"""What does not mend itself by waiting, and is no setting of the rule's own."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason, and a sentence with its numbers."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A firing without effect: whose, of which episode, and why."""

    rule: str
    revision: str
    fingerprint: str
    episode: datetime
    action: str
    reason: Reason
    detail: str

    @property
    def calls_a_human(self) -> bool:
        """Whether somebody has to look."""
        return self.reason in CALLS_A_HUMAN
