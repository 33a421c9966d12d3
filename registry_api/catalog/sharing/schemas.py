"""What the routes of grants take and answer."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from patchbay.core.clock import utcnow
from registry_api.schemas import Input, Moment, Output, Timestamp

GrantScope = Literal["read", "install"]
GrantState = Literal["in_force", "paused", "expired", "revoked", "declined", "tenant_deleted"]
MOST_TENANTS = 100


def _to_come(moment: datetime) -> datetime:
    if moment <= utcnow():
        raise PydanticCustomError("time_out_of_range", "The time has passed; revoke a grant to end it now")
    return moment


def _each_once(ids: list[UUID]) -> list[UUID]:
    return list(dict.fromkeys(ids))


Expiry = Annotated[Moment, AfterValidator(_to_come)]
Scope = Annotated[
    GrantScope, Field(description="read: see it. install: also install it, and report installs and usage.")
]


class NewPluginGrants(Input):
    """Tenants to share a plugin with, by id: their administrators read it in GET /v1/me and hand it out themselves."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"tenants": ["019a3f5e-7c2b-7d1e-8f00-c0ffee000002"], "scope": "install"}]}
    )

    tenants: Annotated[list[UUID], Field(min_length=1, max_length=MOST_TENANTS), AfterValidator(_each_once)]
    scope: Scope = "read"
    expires_at: Expiry | None = Field(default=None, description="When it ends by itself; null for never.")


class PluginGrantPatch(Input):
    """What is to be otherwise; null for `expires_at` is never."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"scope": "read"}]})

    scope: Scope | None = None
    expires_at: Expiry | None = None


class Side(Output):
    """A tenant, as the other side of a grant sees it."""

    id: UUID
    slug: str
    name: str


class ReceivedGrantView(Output):
    """A plugin that is shared with a tenant, or was."""

    id: UUID
    plugin_id: UUID
    plugin: str = Field(description="namespace:name.")
    owner: Side
    grantee: Side
    scope: GrantScope
    state: GrantState = Field(
        description="in_force: it counts. paused: the plugin's visibility is not `shared` now. All others have ended; one that "
        "expired can be given a new expiry."
    )
    given_at: Timestamp
    expires_at: Timestamp | None
    ended_at: Timestamp | None


class PluginGrantView(ReceivedGrantView):
    """The same as its owner sees it."""

    given_by: str
    revision: int
