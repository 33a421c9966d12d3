"""What the routes of trusted publishing take and answer."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from registry_api.identity.publishing.claims import PROVIDERS
from registry_api.identity.schemas import Place
from registry_api.schemas import Input, Output, Timestamp, Word

Issuer = Annotated[str, StringConstraints(max_length=500, pattern=r"^https?://[!\"$->A-~]+$")]
"""An address in ASCII without query, fragment and user."""
ProviderId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,30}$")]


class NewTrustedPublisher(Input):
    """A workflow that is to publish in a namespace, or one plugin of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "place": "payments:pay",
                    "provider": "github",
                    "repository_id": "1296269",
                    "owner_id": "583231",
                    "workflow": "release.yml",
                    "environment": "release",
                }
            ]
        }
    )

    place: Place = Field(description="A namespace, or a plugin as namespace:name.")
    provider: Literal["github", "gitlab"]
    issuer: Issuer = Field(default="", validate_default=False, description="Left out, the provider's public one.")
    repository_id: ProviderId = Field(description="The repository's (project's) number, which no rename changes.")
    owner_id: ProviderId = Field(description="Its owner's (namespace's) number.")
    workflow: Word = Field(description="The workflow's file: release.yml, or the path of the CI file on GitLab.")
    environment: str = Field(default="", max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="Empty is any.")

    @model_validator(mode="after")
    def _usual_issuer(self) -> "NewTrustedPublisher":
        self.issuer = self.issuer or PROVIDERS[self.provider].issuer
        return self


class TrustedPublisherView(Output):
    """A trusted publisher."""

    id: UUID
    place: str
    provider: str
    issuer: str
    repository_id: str
    owner_id: str
    workflow: str
    environment: str
    created_by: str
    recorded_at: Timestamp


class CiToken(Input):
    """A CI job's OIDC token, and the tenant to publish in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"tenant": "acme", "token": "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJjaSJ9.c2lnbmF0dXJl"}]
        }
    )

    tenant: Word = Field(max_length=63)
    token: str = Field(min_length=1, max_length=16_384, pattern=r"^[A-Za-z0-9_.-]+$")


class PublishToken(Output):
    """A token to publish with, for fifteen minutes; shown this once."""

    token: str
    expires_at: Timestamp
    places: list[str] = Field(description="Where it may publish.")
