"""What the webhook routes take and answer."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from registry_api.notifications.schemas import SigningSecret
from registry_api.problems import suggestion
from registry_api.schemas import Flag, Input, Moment, Output, Timestamp, Whole, Word
from registry_api.webhooks.events import ALL, EVENTS, PING, matches_something
from registry_api.webhooks.models import Attempt, Delivery

LONGEST_OVERLAP = 168


def _known(pattern: str) -> str:
    if not matches_something(pattern):
        told = {"pattern": repr(pattern[:100]), "hint": suggestion(pattern, set(EVENTS) - {PING}).rstrip(".")}
        raise PydanticCustomError("unknown_event", "There is no event {pattern}; {hint}", told)
    return pattern


EventFilter = Annotated[Word, AfterValidator(_known)]
"""A type of event, a prefix such as `plugin.*`, or `*`."""

Url = Annotated[str, Field(min_length=1, max_length=2000, description="http:// or https://, at a public address.")]
Types = Annotated[
    list[EventFilter],
    Field(min_length=1, max_length=50, description="Types of events, prefixes such as plugin.*, or *."),
]
Contact = Annotated[
    Word | None, Field(description="A team with a contact, or a mail address, that is told when it is disabled.")
]


class WebhookInput(Input):
    """A webhook to be made."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://hooks.acme.example/patchbay", "types": ["release.*"]}]}
    )

    url: Url
    types: Types = Field(default_factory=lambda: [ALL])
    description: Word | None = None
    contact: Contact = None
    enabled: Flag = True
    secret: SigningSecret | None = Field(
        default=None, description="whsec_ and the base64 of 24 to 64 bytes; without it one is made."
    )


class WebhookPatch(Input):
    """Fields to change; those left out stay."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"types": ["release.*", "advisory.*"]}]})

    url: Url | None = None
    types: Types | None = None
    description: Word | None = None
    contact: Contact = None
    enabled: Flag | None = None


class Rotation(Input):
    """How long what it signed with until now signs along."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_hours": 24}]})

    overlap_hours: Whole = Field(default=24, ge=0, le=LONGEST_OVERLAP, description="0 ends the former at once.")
    secret: SigningSecret | None = Field(default=None, description="The new one; without it one is made.")


class ReplayInput(Input):
    """Which failed deliveries to send again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"since": "2026-11-24T00:00:00Z"}]})

    since: Moment


class WebhookView(Output):
    """A webhook, without what it signs with."""

    id: UUID
    url: str
    types: list[str]
    description: str | None
    contact: str | None
    enabled: bool
    disabled_reason: str | None = Field(description="Why the registry disabled it; null otherwise.")
    failing_since: Timestamp | None = Field(
        description="The receiver's first failure after its last success; null while all is well."
    )
    revision: int = Field(description="Also the ETag.")
    recorded_at: Timestamp
    updated_at: Timestamp


class WebhookStored(WebhookView):
    """A webhook as it was just made, or given another secret."""

    secret: str | None = Field(description="What was made to sign with, shown this once; null when the caller gave it.")


class DeliveryView(Output):
    """One event for one webhook, and how it went."""

    id: UUID
    webhook_id: UUID
    event_id: UUID
    type: str
    state: str = Field(description="pending, delivered or failed.")
    attempts: int
    recorded_at: Timestamp
    last_attempt_at: Timestamp | None
    last_status: int | None = Field(description="What the receiver answered; null where it did not.")
    last_milliseconds: int | None
    last_error: str | None = Field(description="The reason, with the first bytes of the receiver's answer.")


class AttemptView(Output):
    """One attempt at a delivery."""

    number: int
    recorded_at: Timestamp
    status: int | None
    milliseconds: int
    error: str | None


class DeliveryDetail(DeliveryView):
    """A delivery with what is sent, and each attempt."""

    body: dict[str, Any] = Field(description="The CloudEvent.")
    log: list[AttemptView] = Field(description="Newest first, at most 100.")

    @classmethod
    def of(cls, delivery: Delivery, attempts: list[Attempt]) -> "DeliveryDetail":
        """A delivery and its attempts."""
        log = [AttemptView.model_validate(attempt) for attempt in attempts]
        return cls(**DeliveryView.model_validate(delivery).model_dump(), body=delivery.body, log=log)


class EventType(Output):
    """One type of event."""

    type: str
    description: str


class EventTypes(Output):
    """The closed list of types of events."""

    items: list[EventType]


def revealed(secret: SecretStr | None) -> str | None:
    """What a caller gave, in the clear."""
    return None if secret is None else secret.get_secret_value()
