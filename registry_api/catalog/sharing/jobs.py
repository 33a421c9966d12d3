"""The end of grants that expire: reads stopped at the moment itself, here the grantee's feed and links follow."""

from typing import Any
from uuid import UUID

from registry_api.catalog.sharing.repository import PluginGrants
from registry_api.catalog.sharing.service import EXPIRED, expire
from registry_api.catalog.store import CatalogueStore
from registry_api.jobs.context import JobContext
from registry_api.jobs.registry import handler
from registry_api.schemas import Input


class GrantExpiry(Input):
    """A grant that may have expired."""

    grant_id: UUID


@handler(EXPIRED, payload=GrantExpiry, while_suspended=True, owed=True)
async def grant_expired(job: JobContext) -> dict[str, Any]:
    """Tell of the end of a grant, unless it was given another expiry or is gone."""
    result: dict[str, Any] = {"ended": False}
    async with job.finishing(result) as work:
        await work.repository(CatalogueStore).take_turn()
        grant = await work.repository(PluginGrants).find(UUID(job.payload["grant_id"]))
        if grant is not None:
            result["ended"] = await expire(work, grant)
    return result
