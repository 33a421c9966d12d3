"""What lists of grants can be filtered by."""

from registry_api.catalog.sharing.models import SCOPES, PluginGrant
from registry_api.filtering import By, Filters, one_of

_GRANT: dict[str, By] = {
    "scope": one_of(PluginGrant.scope, *SCOPES),
    "expires_at": By(PluginGrant.expires_at),
    "ended_at": By(PluginGrant.ended_at),
    "given_at": By(PluginGrant.recorded_at),
}
GIVEN = Filters(grantee=PluginGrant.grantee_id, given_by=PluginGrant.given_by, **_GRANT)
RECEIVED = Filters(plugin=PluginGrant.ref, plugin_id=PluginGrant.plugin_id, owner=PluginGrant.tenant_id, **_GRANT)
