"""What feeds are told of grants: the owner's of the grant itself, the grantee's of all that it shows, and where names then point."""

from typing import Any
from uuid import UUID

import orjson

from registry_api.catalog.feed import plugin_row
from registry_api.catalog.links import let_go, link_shared
from registry_api.catalog.models import Plugin
from registry_api.catalog.parts import Part, parts_of
from registry_api.catalog.repository import Catalogue
from registry_api.catalog.sharing.models import PluginGrant
from registry_api.catalog.sharing.repository import PluginGrants
from registry_api.catalog.visibility import PRIVATE
from registry_api.db import Crossing, UnitOfWork, crossing
from registry_api.feeds.ending import blank
from registry_api.feeds.outbox import Audience
from registry_api.webhooks.events import QUIET

GRANT = ("plugin_id", "grantee_id", "scope", "expires_at", "live")


def announce(work: UnitOfWork, grant: PluginGrant) -> None:
    """Tell the owner's feed, and so whoever reads all, how the grant stands; one that ended for good is deleted there."""
    op, row = "upsert" if grant.ended_at is None else "delete", {name: getattr(grant, name) for name in GRANT}
    work.publish("plugin_grants", op, grant.id, row, tenant_id=grant.tenant_id)


async def show(work: UnitOfWork, plugin: Plugin, grant: PluginGrant) -> None:
    """Tell the grantee all of the plugin anew, so that a reader which passed over older rows lacks nothing; link what waited."""
    grant.live = True
    await work.session.flush()
    audience = Audience(grant.grantee_id, grant.id)
    for feed, id, row in [await _itself(work, plugin), *await parts_of(work, [plugin.id])]:
        work.publish(feed, "upsert", id, row, tenant_id=grant.tenant_id, event=QUIET, audience=audience)
    await link_shared(work, plugin.ref, plugin.id, grant.grantee_id)


async def hide(work: UnitOfWork, grant: PluginGrant, *, stays_visible: bool = False) -> None:
    """Take away what the grantee was told and say of each thing that it is gone, unless it sees the plugin all the same."""
    grant.live = False
    async with crossing(work.session, Crossing.SHARING):
        await work.session.flush()
        grants = work.repository(PluginGrants)
        told = {(feed, line["id"]): line for feed, line in _read(await grants.told(grant))}
        await grants.untell(grant)
        if stays_visible:
            return
        for (feed, id), line in told.items():
            end, audience = blank(feed, line), Audience(grant.grantee_id)
            work.publish(feed, "delete", UUID(id), end, tenant_id=grant.tenant_id, event=QUIET, audience=audience)
        plugin = {"id": grant.plugin_id, "ref": grant.ref, "visibility": PRIVATE}
        await let_go(work, [plugin], of=grant.grantee_id)


def _read(rows: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(feed, orjson.loads(line)) for feed, line in rows]


async def _itself(work: UnitOfWork, plugin: Plugin) -> Part:
    catalogue = work.repository(Catalogue)
    await work.session.refresh(plugin)
    state = {column.name: getattr(plugin, column.name) for column in Plugin.__table__.columns}
    labels, maintainers = await catalogue.labels([plugin.id]), await catalogue.maintainers([plugin.id])
    return "plugins", plugin.id, plugin_row(state, labels[plugin.id], maintainers[plugin.id])
