"""What the routes of teams and namespace grants take and answer."""

from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from registry_api.catalog.schemas import Part
from registry_api.identity.schemas import UserBrief
from registry_api.schemas import Input, Moment, Name, Output, Slug, Timestamp


class TeamSet(Input):
    """What a team is called by people."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"display_name": "Payments"}]})

    display_name: Name


class TeamView(Output):
    """A team."""

    id: UUID
    name: str
    display_name: str
    revision: int = Field(description="Also the ETag.")
    recorded_at: Timestamp


class TeamMemberView(UserBrief):
    """A person in a team."""


class NewNamespaceGrant(Input):
    """A role in a namespace, for one of a person, a team (by name) and a token."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"namespace": "payments", "role": "author", "team": "payments"}]}
    )

    namespace: Part
    role: Literal["author"] = "author"
    user_id: UUID | None = None
    team: Slug | None = None
    token_id: UUID | None = None
    expires_at: Moment | None = Field(default=None, description="When it ends by itself; null for never.")

    @model_validator(mode="after")
    def _one_holder(self) -> "NewNamespaceGrant":
        if sum(holder is not None for holder in (self.user_id, self.team, self.token_id)) != 1:
            raise PydanticCustomError("exactly_one", "Give one of user_id, team and token_id")
        return self


class NamespaceGrantView(Output):
    """A grant and its holder."""

    id: UUID
    namespace: str
    role: str
    user_id: UUID | None
    team_id: UUID | None
    token_id: UUID | None
    created_by: str
    recorded_at: Timestamp
    expires_at: Timestamp | None
