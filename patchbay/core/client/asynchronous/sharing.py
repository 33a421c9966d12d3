"""Grants: plugins that a tenant shares with others, and those that others share with it."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypedDict

from patchbay.core.client.asynchronous.calls import Calls
from patchbay.core.client.documents import PluginGrant, ReceivedGrant
from patchbay.core.client.paths import segment

RECEIVED = "/v1/received-grants"


class Given(TypedDict):
    """The answer to sharing."""

    items: list[PluginGrant]


class SharingCalls(Calls):
    """A plugin is named by its id or its `namespace:name`, a tenant by its id."""

    def grants(self, plugin: str, **filters: Any) -> AsyncIterator[PluginGrant]:
        """Whom one of the tenant's plugins is shared with, newest first, those that ended too."""
        return self._list(PluginGrant, _path(plugin), **filters)

    async def grant(self, plugin: str, grant_id: str) -> PluginGrant:
        """One grant."""
        return await self._read(PluginGrant, _path(plugin, grant_id))

    async def share(self, plugin: str, tenants: Sequence[str], scope: str = "read", **fields: Any) -> list[PluginGrant]:
        """Share a plugin with tenants, all or none; the scope is read or install, a field is expires_at."""
        body = {"tenants": list(tenants), "scope": scope, **fields}
        return (await self._make(Given, _path(plugin), body))["items"]

    async def change_grant(
        self, plugin: str, grant_id: str, *, if_match: str | int | None = None, **fields: Any
    ) -> PluginGrant:
        """Change scope or expires_at of a grant."""
        return await self._change(PluginGrant, _path(plugin, grant_id), fields, if_match)

    async def revoke_grant(self, plugin: str, grant_id: str) -> None:
        """End a grant."""
        await self.delete(_path(plugin, grant_id))

    def received_grants(self, **filters: Any) -> AsyncIterator[ReceivedGrant]:
        """What others share with the tenant, newest first, what ended too."""
        return self._list(ReceivedGrant, RECEIVED, **filters)

    async def decline_grant(self, grant_id: str) -> None:
        """End what another tenant shares with this one."""
        await self.delete(f"{RECEIVED}/{segment(grant_id)}")


def _path(plugin: str, grant_id: str | None = None) -> str:
    grants = f"/v1/plugins/{segment(plugin)}/grants"
    return grants if grant_id is None else f"{grants}/{segment(grant_id)}"
