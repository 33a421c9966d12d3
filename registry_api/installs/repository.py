"""All SQL about targets and observations."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ARRAY, BindParameter, Select, TextualSelect, Uuid, bindparam, func, insert, select, text, update
from sqlalchemy.orm import aliased

from registry_api.catalog.models import Plugin
from registry_api.catalog.sharing.models import PluginGrant
from registry_api.db import Repository
from registry_api.db.chunks import chunks
from registry_api.filtering import EVERY, Asked
from registry_api.installs.models import Observation, Target
from registry_api.installs.standing import Place, Seen
from registry_api.problems import NotFound

_SEEN = [getattr(Observation, name) for name in ("target_id", "plugin_id", "occurred_at", "position", "event")]
_LAST_SEEN = """
SELECT seen.target_id, seen.plugin_id, seen.occurred_at, seen.position, seen.event
FROM {places} JOIN observations AS seen ON seen.id = (
    SELECT id FROM observations
    WHERE target_id = place.target_id AND plugin_id = place.plugin_id AND tenant_id = :tenant_id
    ORDER BY occurred_at DESC, position DESC LIMIT 1
)
"""
"""One look into the index a place; a window over their histories would grow with these."""


def _last_seen(places: str, *listed: BindParameter[Any]) -> TextualSelect:
    tenant = bindparam("tenant_id", type_=Uuid())
    return text(_LAST_SEEN.format(places=places)).bindparams(tenant, *listed).columns(*_SEEN)


_LAST_SEEN_SQLITE = _last_seen(
    "(SELECT json_extract(value, '$[0]') AS target_id, json_extract(value, '$[1]') AS plugin_id FROM json_each(:places)) AS place"
)
_LAST_SEEN_POSTGRES = _last_seen(
    "unnest(:targets, :plugins) AS place (target_id, plugin_id)",
    *(bindparam(name, type_=ARRAY(Uuid())) for name in ("targets", "plugins")),
)


def _apart(places: Sequence[Place]) -> dict[str, Any]:
    return {"targets": [target for target, _ in places], "plugins": [plugin for _, plugin in places]}


class Installs(Repository):
    """The tenant's targets and what was seen on them; other tenants' do not exist."""

    def targets(self) -> Select[tuple[Target]]:
        """Visible targets."""
        return self.owned(Target)

    async def target(self, target: str) -> Target:
        """A visible target by id or name; raises `NotFound`."""
        try:
            named = Target.id == UUID(target)
        except ValueError:
            named = Target.name == target
        own_first = (Target.tenant_id != self.scope.tenant_id).asc()
        query = self.targets().where(named).order_by(own_first, Target.id).limit(1)
        found = (await self.session.execute(query)).scalar_one_or_none()
        if found is None:
            raise NotFound(f"There is no target {target[:200]!r}; name it by id or name.")
        return found

    async def own_targets(self, names: Sequence[str]) -> dict[str, Target]:
        """The tenant's targets by name."""
        found: dict[str, Target] = {}
        for part in chunks(names):
            query = select(Target).where(Target.tenant_id == self.scope.tenant_id, Target.name.in_(part))
            found.update({target.name: target for target in (await self.session.execute(query)).scalars()})
        return found

    async def known_observations(self, natural_keys: Sequence[str]) -> set[str]:
        """Which of the keys the tenant has."""
        known: set[str] = set()
        for part in chunks(natural_keys):
            query = select(Observation.natural_key).where(
                Observation.tenant_id == self.scope.tenant_id, Observation.natural_key.in_(part)
            )
            known.update((await self.session.execute(query)).scalars())
        return known

    async def last_position(self) -> int:
        """The tenant's highest position; 0 before the first observation."""
        query = select(func.max(Observation.position)).where(Observation.tenant_id == self.scope.tenant_id)
        return (await self.session.execute(query)).scalar() or 0

    async def last_seen(self, places: Iterable[Place]) -> dict[Place, Seen]:
        """The tenant's last event at each of the places; those that it never observed are absent."""
        named = list(places)
        if not named:
            return {}
        is_postgres = self.session.get_bind().dialect.name == "postgresql"
        listed = _apart(named) if is_postgres else {"places": orjson.dumps([(t.hex, p.hex) for t, p in named]).decode()}
        query = _LAST_SEEN_POSTGRES if is_postgres else _LAST_SEEN_SQLITE
        rows = await self.session.execute(query, {"tenant_id": self.scope.tenant_id, **listed})
        return {(target, plugin): Seen(*seen) for target, plugin, *seen in rows}

    async def add_observations(self, rows: Sequence[dict[str, Any]]) -> None:
        """Insert observations."""
        for part in chunks(rows):
            await self.session.execute(insert(Observation), part)

    async def set_target(self, target_id: UUID, fields: dict[str, Any]) -> None:
        """Change a target."""
        await self.session.execute(update(Target).where(Target.id == target_id).values(fields))

    def installed_on(self, target_id: UUID, asked: Asked = EVERY) -> Select[Any]:
        """Plugins last seen on a target of the tenant's: the columns of `InstalledPlugin`. Asked within `Crossing.SHARING`, since
        what is no longer shown to the tenant is on the target all the same.
        """
        last, shared = self._last(Observation.target_id == target_id), self._once_shared()
        # A plugin that is no longer shared is hidden; that it is here, and its name, the tenant knows itself.
        ref = func.coalesce(Plugin.ref, shared.c.ref).label("ref")
        columns = (last.c.plugin_id, ref, last.c.version, last.c.origin, last.c.source, last.c.event)
        query = (
            select(*columns, last.c.occurred_at.label("since"))
            .outerjoin(Plugin, Plugin.id == last.c.plugin_id)
            .outerjoin(shared, shared.c.plugin_id == last.c.plugin_id)
        )
        query = query.where(last.c.place == 1, last.c.event != "removed", ref.is_not(None))
        return asked.on(aliased(Observation, last)).where(query)

    def installations_of(self, plugin_id: UUID, asked: Asked = EVERY) -> Select[Any]:
        """Visible targets a plugin was last seen on: the columns of `Installation`."""
        # By own targets inside the window too: only then does reading not grow with what others observed.
        last = self._last(Observation.plugin_id == plugin_id, Observation.target_id.in_(self._target_ids()))
        named = (Target.id, Target.id.label("target_id"), Target.name, Target.name.label("target"), Target.environment)
        columns = (
            *named,
            last.c.version,
            last.c.origin,
            last.c.source,
            last.c.event,
            last.c.occurred_at.label("since"),
        )
        query = select(*columns).join(Target, Target.id == last.c.target_id)
        query = query.where(last.c.place == 1, last.c.event != "removed")
        return asked.on(aliased(Observation, last)).where(query)

    def adoption(self) -> Any:
        """Visible targets that have each plugin, by `plugin_id`: a subquery."""
        last = self._last(Observation.target_id.in_(self._target_ids()))
        query = select(last.c.plugin_id, func.count().label("targets"))
        return query.where(last.c.place == 1, last.c.event != "removed").group_by(last.c.plugin_id).subquery()

    async def adopted(self, plugin_ids: Sequence[UUID]) -> dict[UUID, int]:
        """How many visible targets have each plugin; those that none has are absent."""
        last = self._last(Observation.plugin_id.in_(plugin_ids), Observation.target_id.in_(self._target_ids()))
        query = select(last.c.plugin_id, func.count()).where(last.c.place == 1, last.c.event != "removed")
        return dict((await self.session.execute(query.group_by(last.c.plugin_id))).tuples().all())

    def _once_shared(self) -> Any:
        """Refs of plugins that others shared with the tenant at some time, by `plugin_id`: a subquery."""
        query = select(PluginGrant.plugin_id, func.min(PluginGrant.ref).label("ref"))
        mine = PluginGrant.grantee_id == self.scope.tenant_id
        return query.where(mine).group_by(PluginGrant.plugin_id).subquery()

    def _target_ids(self) -> Select[tuple[UUID]]:
        return self.targets().with_only_columns(Target.id)

    def _last(self, *among: Any) -> Any:
        """Events with their place per target and plugin, 1 for the last by (occurred_at, position)."""
        order = (Observation.occurred_at.desc(), Observation.position.desc())
        place = func.row_number().over(partition_by=(Observation.target_id, Observation.plugin_id), order_by=order)
        return select(*Observation.__table__.columns, place.label("place")).where(*among).subquery()
