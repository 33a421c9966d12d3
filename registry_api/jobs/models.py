"""The jobs table."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.db.base import Base, TenantOwned

STATES = ("queued", "running", "succeeded", "dead", "cancelled")
OPEN = text("state IN ('queued', 'running')")


class Job(TenantOwned, Base):
    """One piece of durable work.

    `fence` grows with each claim, so that a worker that lost its lease cannot finish a job another has taken over. Of
    open jobs of a kind there is at most one per `dedup_key`.

    Of a `lane`, tenants take turns, and within a tenant its `queue`s do; see `registry_api.jobs.claims`. After
    `give_up_at`, where it is set, a failure is the last one; otherwise `max_attempts` counts.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        Index("ix_jobs_due", "state", "lane", "run_at"),
        Index("ix_jobs_waiting", "state", "lane", "queue", "run_at", "id"),
        Index("ix_jobs_served", "lane", "queue", "started_at"),
        Index("ix_jobs_served_tenant", "lane", "tenant_id", "started_at"),
        Index(
            "uq_jobs_open_dedup",
            "tenant_id",
            "kind",
            "dedup_key",
            unique=True,
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        ),
    )

    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default="queued")
    lane: Mapped[str]
    queue: Mapped[str]
    dedup_key: Mapped[str | None]
    run_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int]
    give_up_at: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    worker: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None] = mapped_column(index=True)
    last_error: Mapped[str | None] = mapped_column(Text)
    progress: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]
    trace_id: Mapped[str | None]
