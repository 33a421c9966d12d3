"""Blocks: a release that nobody installs anew until somebody lifts the block. Who has it keeps it."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, bindparam, exists, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.automation.plans import Target as PlanTarget
from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.catalog.models import Plugin, Release
from registry_api.catalog.repository import LATEST_FIRST, Catalogue
from registry_api.catalog.visibility import is_public
from registry_api.db import Repository, Scope, UnitOfWork
from registry_api.db.chunks import chunks
from registry_api.db.lists import any_of
from registry_api.installs.models import ReleaseBlock
from registry_api.problems import NotFound
from registry_api.schemas import as_id

_OF_RELEASES = (
    select(ReleaseBlock)
    .where(or_(ReleaseBlock.tenant_id == bindparam("own"), ReleaseBlock.tenant_id == bindparam("operator")))
    .where(ReleaseBlock.lifted_at.is_(None), any_of(ReleaseBlock.release_id, "releases"))
    .order_by((ReleaseBlock.tenant_id == bindparam("operator")).asc())
)


class Blocks(Repository):
    """Blocks that hold for a tenant: its own, and the operator's, which hold for everybody."""

    def holding(self) -> Select[tuple[ReleaseBlock]]:
        """Those that are not lifted."""
        mine = ReleaseBlock.tenant_id.in_({self.scope.tenant_id, self.scope.operator_id})
        return select(ReleaseBlock).where(mine, ReleaseBlock.lifted_at.is_(None))

    async def of(self, releases: Collection[UUID]) -> dict[UUID, ReleaseBlock]:
        """By release, the operator's where there are two; those that are not blocked are absent."""
        found: dict[UUID, ReleaseBlock] = {}
        who = {"own": self.scope.tenant_id, "operator": self.scope.operator_id}
        for part in chunks(list(releases)):
            rows = await self.session.execute(_OF_RELEASES, {"releases": part, **who})
            found |= {row.release_id: row for row in rows.scalars()}
        return found

    async def newest_allowed(self, plugin_id: UUID) -> Release | None:
        """The release to install when nobody asks for a certain one: neither yanked nor blocked."""
        blocked = exists(self.holding().where(ReleaseBlock.release_id == Release.id).correlate(Release))
        query = select(Release).where(Release.plugin_id == plugin_id, Release.yanked.is_(False), ~blocked)
        return (await self.session.execute(query.order_by(*LATEST_FIRST).limit(1))).scalar_one_or_none()

    async def own(self, release_id: UUID) -> ReleaseBlock | None:
        """The tenant's own block of a release, locked."""
        mine = (ReleaseBlock.tenant_id == self.scope.tenant_id, ReleaseBlock.release_id == release_id)
        query = select(ReleaseBlock).where(*mine, ReleaseBlock.lifted_at.is_(None)).with_for_update()
        return (await self.session.execute(query)).scalar_one_or_none()

    async def named(self, release_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Plugins by release, of releases that the scope sees and may install and are named, or blocked."""
        query = select(Release.id, Release.plugin_id).join(Plugin, Plugin.id == Release.plugin_id)
        query = query.where(Catalogue(self.session, self.scope).visible(to_install=True))
        blocked = self.holding().with_only_columns(ReleaseBlock.release_id)
        found = dict((await self.session.execute(query.where(Release.id.in_(blocked)))).tuples().all())
        for part in chunks(list(release_ids)):
            found |= dict((await self.session.execute(query.where(Release.id.in_(part)))).tuples().all())
        return found

    async def holds_for_all(self, plugin_id: UUID) -> bool:
        """Whether a block of the tenant acted in is everybody's business: the operator's, of a plugin that all see."""
        query = select(Plugin.tenant_id, Plugin.visibility).where(Plugin.id == plugin_id)
        owner, visibility = (await self.session.execute(query)).one()
        operator_id = self.scope.operator_id
        return self.scope.tenant_id == operator_id and is_public(owner, operator_id, visibility)

    async def release(self, release_id: UUID) -> Release:
        """A release that the scope sees; raises `NotFound`."""
        query = select(Release).join(Plugin, Plugin.id == Release.plugin_id)
        query = query.where(Release.id == release_id, Catalogue(self.session, self.scope).visible())
        found = (await self.session.execute(query)).scalar_one_or_none()
        if found is None:
            raise NotFound(f"There is no release {release_id}.")
        return found

    async def add(self, release: Release, reason: str, plan_id: UUID | None, now: datetime) -> bool:
        """Insert a block of the tenant unless one stands; false when it does."""
        dialect = postgresql if self.session.get_bind().dialect.name == "postgresql" else sqlite
        row = {"id": new_id(), "tenant_id": self.scope.tenant_id, "recorded_at": now, "blocked_at": now}
        row |= {"plugin_id": release.plugin_id, "release_id": release.id, "reason": reason, "plan_id": plan_id}
        result = await self.session.execute(dialect.insert(ReleaseBlock).values(**row).on_conflict_do_nothing())
        return int(result.rowcount) == 1  # type: ignore[attr-defined]


async def block_release(work: UnitOfWork, release_id: UUID, reason: str, plan_id: UUID | None = None) -> bool:
    """Refuse new installs of a release in the tenant acted in, for the operator everywhere; false when it did before.

    Raises `NotFound` when there is no such release any more.
    """
    blocks = work.repository(Blocks)
    release = await blocks.release(release_id)
    is_new = await blocks.add(release, reason, plan_id, utcnow())
    if is_new:
        change = {"version": release.version, "reason": reason, "plan": str(plan_id) if plan_id else None}
        change["plugin"] = str(release.plugin_id)
        public = await blocks.holds_for_all(release.plugin_id)
        work.audit("release.blocked", f"release:{release.id}", change, public=public)
    return is_new


async def lift_block(work: UnitOfWork, plugin: Plugin, release: Release) -> None:
    """Allow new installs again; raises `NotFound` where the tenant itself blocks nothing."""
    found = await work.repository(Blocks).own(release.id)
    if found is None:
        name = f"{plugin.ref} {release.version}"
        raise NotFound(f"This tenant has no block of {name}; one of the operator only the operator lifts.")
    found.lifted_at = utcnow()
    change = {"version": release.version, "reason": found.reason, "plugin": str(plugin.id)}
    public = await work.repository(Blocks).holds_for_all(plugin.id)
    work.audit("release.unblocked", f"release:{release.id}", change, public=public)


async def release_targets(session: AsyncSession, scope: Scope, word: str, named: Iterable[str]) -> Sequence[PlanTarget]:
    """Releases that samples name, and those that are blocked, as targets of plans of the tenant called `word`."""
    blocks = Blocks(session, scope)
    found = await blocks.named({release for release in map(as_id, named) if release is not None})
    held = await blocks.of(found)
    return [
        PlanTarget(str(release), "release", word, {"plugin": str(plugin)}, {"blocked": release in held})
        for release, plugin in sorted(found.items())
    ]
