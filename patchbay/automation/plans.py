"""A plan: what shall be done, in absolute values, before anything is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from patchbay.automation.conditions import OPERATOR
from patchbay.automation.digests import digest

Dispatch = Literal["auto", "approve", "dry_run"]
State = Mapping[str, int | bool | str]


@dataclass(frozen=True, slots=True)
class Target:
    """Something that actions can change: a process, a release, whatever its kind; and the state it was seen in.

    Planning needs of its state: `replicas` to scale, `generation` (how often it was started) to restart, `blocked`
    to block.
    """

    name: str
    kind: str
    tenant: str = OPERATOR
    labels: Mapping[str, str] = field(default_factory=dict)
    state: State = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its name among all tenants' targets."""
        return f"{self.group}/{self.name}"

    @property
    def group(self) -> str:
        """Tenant and kind: the fleet it is one of."""
        return f"{self.tenant}/{self.kind}"


@dataclass(frozen=True)
class Plan:
    """One action on some targets for one episode.

    `desired` has absolute values by target, so that a repeated delivery changes nothing; `observed` has the values
    they were planned from, to be compared before they are set. `subject` and `value` are the labels and the
    value of what fired.
    """

    key: str
    """Idempotency key: whose rule, revision, series and episode; whoever executes does so at most once per key."""
    rule: str
    revision: str
    tenant: str
    fingerprint: str
    episode: datetime
    subject: Mapping[str, str]
    value: float | None
    action: str
    changes: bool
    targets: tuple[str, ...]
    """Keys of targets, or what a notice is about: what cooldowns count by."""
    desired: Mapping[str, State]
    observed: Mapping[str, State]
    parameters: Mapping[str, Any]
    priority: int
    dispatch: Dispatch
    replaces: tuple[str, ...] = ()
    """Keys of plans still running that this one takes the place of."""

    @cached_property
    def hash(self) -> str:
        """What an approval binds to: digest of everything but who has to let it pass."""
        values = {name: value for name, value in vars(self).items() if name not in ("dispatch", "hash")}
        return digest(values | {"episode": self.episode.isoformat()})


def idempotency_key(whose: str, rule: str, revision: str, fingerprint: str, episode: datetime, part: str = "") -> str:
    """The same key for the same episode of the same series under the same rule, whoever asks and however often.

    Two tenants may have the same rule, and a receiver drops what comes under a key that it knows.
    """
    return digest([whose, rule, revision, fingerprint, episode.isoformat(), part], 32)


def group_of(key: str) -> str:
    """Tenant and kind of a target's key; a name may have slashes, the two before it have none."""
    return "/".join(key.split("/")[:2])


def drifted(plan: Plan, targets: Iterable[Target]) -> tuple[str, ...]:
    """Targets that are no longer as the plan saw them, or gone: to be compared before setting; if any, plan anew."""
    seen = {target.key: target for target in targets}
    return tuple(key for key, state in plan.observed.items() if key not in seen or not _has(seen[key], state))


def _has(target: Target, state: State) -> bool:
    return all(target.state.get(name) == value for name, value in state.items())
