"""Tables of rules, of what is remembered between ticks, of episodes, plans and kill switches."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.db.base import Base, TenantOwned

OPEN_STATES = ("waiting", "planned", "running")
EPISODE_STATES = ("pending", "firing", "resolved", "dropped", "lost")
PLAN_STATES = (*OPEN_STATES, "done", "failed", "stopped", "stale", "dry_run")


class RuleRow(TenantOwned, Base):
    """A tenant's rule as it stands; `document` is the rule as values, `author` who last changed it."""

    __tablename__ = "automation_rules"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    name: Mapped[str]
    revision: Mapped[str]
    document: Mapped[dict[str, Any]]
    author: Mapped[str]
    updated_at: Mapped[datetime]


class StateRow(TenantOwned, Base):
    """What a tenant's rules remember between ticks; whoever evaluates locks it first."""

    __tablename__ = "automation_states"
    __table_args__ = (UniqueConstraint("tenant_id"),)

    states: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class TickRow(TenantOwned, Base):
    """An evaluated tick with its answer, so that the same tick again changes nothing; its id is the sender's.

    Only the newest keeps its samples (JSON text), which a dry run looks at.
    """

    __tablename__ = "automation_ticks"

    at: Mapped[datetime]
    digest: Mapped[str]
    answer: Mapped[dict[str, Any]]
    samples: Mapped[str | None] = mapped_column(Text)


class EpisodeRow(TenantOwned, Base):
    """One series' episode under one rule, from when it became pending."""

    __tablename__ = "automation_episodes"
    __table_args__ = (
        UniqueConstraint("tenant_id", "rule", "fingerprint", "began_at"),
        Index("ix_automation_episodes_began", "tenant_id", "began_at", "id"),
    )

    rule: Mapped[str]
    revision: Mapped[str]
    fingerprint: Mapped[str]
    labels: Mapped[dict[str, Any]]
    state: Mapped[str]
    began_at: Mapped[datetime]
    fired_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    value: Mapped[float | None]
    trace_id: Mapped[str | None]


class PlanRow(TenantOwned, Base):
    """A plan of a tenant's rule and what became of it; at most one per key."""

    __tablename__ = "automation_plans"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key"),
        CheckConstraint(f"state IN {PLAN_STATES}", name="state"),
        Index("ix_automation_plans_state", "tenant_id", "state"),
    )

    key: Mapped[str]
    rule: Mapped[str]
    revision: Mapped[str]
    fingerprint: Mapped[str]
    episode: Mapped[datetime]
    action: Mapped[str]
    hash: Mapped[str]
    document: Mapped[dict[str, Any]]
    state: Mapped[str]
    author: Mapped[str]
    """Who last changed the rule; another person approves."""
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[dict[str, Any] | None]
    trace_id: Mapped[str | None]


class SuppressionRow(TenantOwned, Base):
    """A firing without effect, once per episode and reason."""

    __tablename__ = "automation_suppressions"

    rule: Mapped[str]
    revision: Mapped[str]
    fingerprint: Mapped[str]
    episode: Mapped[datetime]
    action: Mapped[str]
    reason: Mapped[str]
    detail: Mapped[str] = mapped_column(Text)


class SwitchRow(TenantOwned, Base):
    """A kill switch that is on: `global` (the operator's, for everybody), `tenant`, or `rule:<name>`."""

    __tablename__ = "automation_switches"
    __table_args__ = (UniqueConstraint("tenant_id", "scope"),)

    scope: Mapped[str]
    reason: Mapped[str]
    set_by: Mapped[str]


class ProcessRow(TenantOwned, Base):
    """A process of ours as its supervisor last reported it, and how many replicas and starts are wanted of it."""

    __tablename__ = "automation_processes"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    name: Mapped[str]
    replicas: Mapped[int]
    generation: Mapped[int]
    healthy: Mapped[bool]
    max_replicas: Mapped[int]
    desired_replicas: Mapped[int]
    desired_generation: Mapped[int]
    reported_at: Mapped[datetime]
