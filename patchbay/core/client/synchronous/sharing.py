"""Grants: plugins that a tenant shares with others, and those that others share with it."""

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

from patchbay.core.client.documents import PluginGrant, ReceivedGrant
from patchbay.core.client.paths import segment
from patchbay.core.client.synchronous.calls import Calls

RECEIVED = "/v1/received-grants"


class Given(TypedDict):
    """The answer to sharing."""

    items: list[PluginGrant]


class SharingCalls(Calls):
    """A plugin is named by its id or its `namespace:name`, a tenant by its id."""

    def grants(self, plugin: str, **filters: Any) -> Iterator[PluginGrant]:
        """Whom one of the tenant's plugins is shared with, newest first, those that ended too."""
        return self._list(PluginGrant, _path(plugin), **filters)

    def grant(self, plugin: str, grant_id: str) -> PluginGrant:
        """One grant."""
        return self._read(PluginGrant, _path(plugin, grant_id))

    def share(self, plugin: str, tenants: Sequence[str], scope: str = "read", **fields: Any) -> list[PluginGrant]:
        """Share a plugin with tenants, all or none; the scope is read or install, a field is expires_at."""
        body = {"tenants": list(tenants), "scope": scope, **fields}
        return (self._make(Given, _path(plugin), body))["items"]

    def change_grant(
        self, plugin: str, grant_id: str, *, if_match: str | int | None = None, **fields: Any
    ) -> PluginGrant:
        """Change scope or expires_at of a grant."""
        return self._change(PluginGrant, _path(plugin, grant_id), fields, if_match)

    def revoke_grant(self, plugin: str, grant_id: str) -> None:
        """End a grant."""
        self.delete(_path(plugin, grant_id))

    def received_grants(self, **filters: Any) -> Iterator[ReceivedGrant]:
        """What others share with the tenant, newest first, what ended too."""
        return self._list(ReceivedGrant, RECEIVED, **filters)

    def decline_grant(self, grant_id: str) -> None:
        """End what another tenant shares with this one."""
        self.delete(f"{RECEIVED}/{segment(grant_id)}")


def _path(plugin: str, grant_id: str | None = None) -> str:
    grants = f"/v1/plugins/{segment(plugin)}/grants"
    return grants if grant_id is None else f"{grants}/{segment(grant_id)}"


# Made by `make client` from patchbay/core/client/asynchronous/sharing.py; edit that.
