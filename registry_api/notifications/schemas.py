"""What the routes of signing keys and contacts take and answer."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, EmailStr, Field, SecretStr, StringConstraints
from pydantic_core import PydanticCustomError

from registry_api.notifications.sealing import secret_bytes
from registry_api.schemas import Input, Output, Timestamp

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
"""What a rule names a key or team by: letters, digits, dot, underscore and hyphen, at most 63."""


def _is_key(secret: SecretStr) -> SecretStr:
    try:
        secret_bytes(secret.get_secret_value())
    except ValueError as error:
        raise PydanticCustomError("bad_signing_key", "{why}", {"why": str(error)}) from error
    return secret


SigningSecret = Annotated[
    SecretStr, AfterValidator(_is_key), Field(json_schema_extra={"pattern": "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$"})
]
"""A key to sign with, as Standard Webhooks writes it."""


class SigningKeySet(Input):
    """A key to sign webhooks with; without `secret` one is made."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq="}]}
    )

    secret: SigningSecret | None = Field(default=None, description="whsec_ and the base64 of 24 to 64 bytes.")


class SigningKeyView(Output):
    """A signing key, without what it signs with."""

    id: UUID
    name: str
    recorded_at: Timestamp
    updated_at: Timestamp


class SigningKeyStored(SigningKeyView):
    """A signing key as it was just stored."""

    secret: str | None = Field(description="The key that was made, shown this once; null when the caller gave it.")


class ContactSet(Input):
    """Where a team's mail goes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"addresses": ["ops@acme.example"]}]})

    addresses: list[EmailStr] = Field(min_length=1, max_length=50)


class ContactView(Output):
    """A team and its mail addresses."""

    id: UUID
    team: str
    addresses: list[str]
    recorded_at: Timestamp
    updated_at: Timestamp
