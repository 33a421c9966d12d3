"""All SQL of automation."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.automation.models import (
    OPEN_STATES,
    EpisodeRow,
    PlanRow,
    RuleRow,
    StateRow,
    SuppressionRow,
    SwitchRow,
    TickRow,
)
from registry_api.db import Crossing, Repository, crossing
from registry_api.jobs.models import Job
from registry_api.problems import NotFound
from registry_api.tenancy.models import Tenant

TICKS_KEPT = 20
"""Answers that are remembered: only the newest tick or two are ever sent again."""
DROPPED_KEPT = timedelta(days=7)
"""How long an episode that never fired is shown."""
ACT = "automation.act"
"""The kind of job that carries a plan out; its dedup key is the plan's id."""


class Automation(Repository):
    """The tenant's rules and what came of them."""

    def rules(self) -> Select[tuple[RuleRow]]:
        """Rules of the tenant acted in, also for platform readers: rules are read tenant by tenant."""
        return select(RuleRow).where(RuleRow.tenant_id == self.scope.tenant_id)

    async def rule(self, name: str) -> RuleRow:
        """A rule by name; raises `NotFound`."""
        found = (await self.session.execute(self.rules().where(RuleRow.name == name))).scalar_one_or_none()
        if found is None:
            raise NotFound(f"There is no rule {name[:200]!r} in this tenant.")
        return found

    async def standing(self) -> Sequence[RuleRow]:
        """All rules, by name."""
        return (await self.session.execute(self.rules().order_by(RuleRow.name))).scalars().all()

    async def evaluated_tenants(self) -> Sequence[UUID]:
        """Active tenants that have rules, or remember series of rules they had; for the tick, so there is no scope."""
        both = select(RuleRow.tenant_id).union(select(StateRow.tenant_id))
        query = select(Tenant.id).where(Tenant.id.in_(both), Tenant.status == "active")
        return sorted((await self.session.execute(query)).scalars())

    async def states(self) -> StateRow | None:
        """What the tenant's rules remember."""
        query = select(StateRow).where(StateRow.tenant_id == self.scope.tenant_id)
        return (await self.session.execute(query)).scalar_one_or_none()

    async def locked_states(self) -> StateRow:
        """The same, made where there is none, and locked until the transaction ends."""
        dialect = postgresql if self.session.get_bind().dialect.name == "postgresql" else sqlite
        now = utcnow()
        row = {"id": new_id(), "tenant_id": self.scope.tenant_id, "recorded_at": now, "updated_at": now, "states": {}}
        await self.session.execute(dialect.insert(StateRow).values(row).on_conflict_do_nothing())
        query = select(StateRow).where(StateRow.tenant_id == self.scope.tenant_id).with_for_update()
        return (await self.session.execute(query.execution_options(populate_existing=True))).scalar_one()

    async def switches(self) -> Sequence[SwitchRow]:
        """Kill switches of every tenant; whoever evaluates or acts asks for all of them."""
        return (await self.session.execute(select(SwitchRow))).scalars().all()

    def own_switches(self) -> Select[tuple[SwitchRow]]:
        """Kill switches of the tenant acted in."""
        return select(SwitchRow).where(SwitchRow.tenant_id == self.scope.tenant_id)

    async def running(self) -> dict[str, tuple[str, ...]]:
        """Keys of unfinished plans by rule."""
        mine = (PlanRow.tenant_id == self.scope.tenant_id, PlanRow.state.in_(OPEN_STATES))
        found: dict[str, list[str]] = {}
        for rule, key in await self.session.execute(select(PlanRow.rule, PlanRow.key).where(*mine)):
            found.setdefault(rule, []).append(key)
        return {rule: tuple(sorted(keys)) for rule, keys in found.items()}

    def plans(self) -> Select[tuple[PlanRow]]:
        """Plans."""
        return self.owned(PlanRow)

    async def plan(self, plan_id: UUID, *, locked: bool = False) -> PlanRow:
        """A plan by id; raises `NotFound`."""
        query = self.plans().where(PlanRow.id == plan_id)
        if locked:
            query = query.with_for_update().execution_options(populate_existing=True)
        found = (await self.session.execute(query)).scalar_one_or_none()
        if found is None:
            raise NotFound(f"There is no plan {plan_id} in this tenant.")
        return found

    async def known_keys(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that the tenant has a plan of, in whatever state."""
        query = select(PlanRow.key).where(PlanRow.tenant_id == self.scope.tenant_id, PlanRow.key.in_(list(keys)))
        return set((await self.session.execute(query)).scalars())

    async def open_plans(self, keys: Iterable[str]) -> Sequence[PlanRow]:
        """Unfinished plans of the tenant by key, locked."""
        query = select(PlanRow).where(PlanRow.tenant_id == self.scope.tenant_id, PlanRow.key.in_(list(keys)))
        return (
            (await self.session.execute(query.where(PlanRow.state.in_(OPEN_STATES)).with_for_update())).scalars().all()
        )

    async def abandoned(self, waiting_since: datetime) -> Sequence[PlanRow]:
        """Plans that nobody approved since a moment, and those whose job is gone; locked."""
        query = select(PlanRow).where(PlanRow.tenant_id == self.scope.tenant_id)
        late = (PlanRow.state == "waiting") & (PlanRow.recorded_at < waiting_since)
        query = query.where(or_(late, PlanRow.state.in_(("planned", "running"))))
        rows = (await self.session.execute(query.with_for_update())).scalars().all()
        alive = await self._alive([str(row.id) for row in rows])
        return [row for row in rows if row.state == "waiting" or str(row.id) not in alive]

    async def _alive(self, keys: Sequence[str]) -> set[str]:
        mine = (Job.tenant_id == self.scope.tenant_id, Job.kind == ACT, Job.dedup_key.in_(keys))
        query = select(Job.dedup_key).where(*mine, Job.state.in_(("queued", "running")))
        return {key for key in (await self.session.execute(query)).scalars() if key}

    def episodes(self) -> Select[tuple[EpisodeRow]]:
        """Episodes."""
        return self.owned(EpisodeRow)

    async def episode(self, rule: str, fingerprint: str, began: datetime) -> EpisodeRow | None:
        """The tenant's episode of a series under a rule."""
        mine = (EpisodeRow.tenant_id == self.scope.tenant_id, EpisodeRow.rule == rule)
        query = select(EpisodeRow).where(*mine, EpisodeRow.fingerprint == fingerprint, EpisodeRow.began_at == began)
        return (await self.session.execute(query)).scalar_one_or_none()

    def suppressions(self) -> Select[tuple[SuppressionRow]]:
        """Firings without effect."""
        return self.owned(SuppressionRow)

    async def forget(self, now: datetime) -> None:
        """Delete the tenant's episodes that never fired and are old."""
        old = (EpisodeRow.tenant_id == self.scope.tenant_id, EpisodeRow.state == "dropped")
        await self.session.execute(delete(EpisodeRow).where(*old, EpisodeRow.ended_at < now - DROPPED_KEPT))

    async def tick(self, tick_id: UUID) -> TickRow | None:
        """A tick that was answered."""
        return (await self.session.execute(select(TickRow).where(TickRow.id == tick_id))).scalar_one_or_none()

    async def newest_samples(self) -> str | None:
        """Samples of the newest tick as JSON text."""
        query = select(TickRow.samples).where(TickRow.samples.is_not(None))
        async with crossing(self.session, Crossing.SAMPLES):
            newest = await self.session.execute(query.order_by(TickRow.recorded_at.desc()).limit(1))
            return newest.scalar_one_or_none()

    async def keep_tick(self, row: TickRow) -> None:
        """Add a tick, and let go of old ones and of the samples of the one before."""
        await self.session.execute(update(TickRow).where(TickRow.samples.is_not(None)).values(samples=None))
        self.session.add(row)
        await self.session.flush()
        newest = select(TickRow.id).order_by(TickRow.recorded_at.desc(), TickRow.id.desc()).offset(TICKS_KEPT)
        old = (await self.session.execute(newest)).scalars().all()
        await self.session.execute(delete(TickRow).where(TickRow.id.in_(old)))
