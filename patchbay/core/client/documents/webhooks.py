"""Documents of webhooks. Made by `make client` from the API document."""

from __future__ import annotations

from typing import Any, NotRequired, TypeAlias, TypedDict


class Attempt(TypedDict):
    """One attempt at a delivery."""

    number: int
    recorded_at: str
    status: int | None
    milliseconds: int
    error: str | None


class DeliveryDetail(TypedDict):
    """A delivery with what is sent, and each attempt."""

    id: str
    webhook_id: str
    event_id: str
    type: str
    state: str
    attempts: int
    recorded_at: str
    last_attempt_at: str | None
    last_status: int | None
    last_milliseconds: int | None
    last_error: str | None
    body: dict[str, Any]
    log: list[Attempt]


class Delivery(TypedDict):
    """One event for one webhook, and how it went."""

    id: str
    webhook_id: str
    event_id: str
    type: str
    state: str
    attempts: int
    recorded_at: str
    last_attempt_at: str | None
    last_status: int | None
    last_milliseconds: int | None
    last_error: str | None


class EventType(TypedDict):
    """One type of event."""

    type: str
    description: str


class EventTypes(TypedDict):
    """The closed list of types of events."""

    items: list[EventType]


class ReplayInput(TypedDict):
    """Which failed deliveries to send again."""

    since: str


class Rotation(TypedDict):
    """How long what it signed with until now signs along."""

    overlap_hours: NotRequired[int]
    secret: NotRequired[str | None]


Type: TypeAlias = str


class WebhookInput(TypedDict):
    """A webhook to be made."""

    url: str
    types: NotRequired[list[Type]]
    description: NotRequired[str | None]
    contact: NotRequired[str | None]
    enabled: NotRequired[bool]
    secret: NotRequired[str | None]


class WebhookPatch(TypedDict):
    """Fields to change; those left out stay."""

    url: NotRequired[str | None]
    types: NotRequired[list[Type] | None]
    description: NotRequired[str | None]
    contact: NotRequired[str | None]
    enabled: NotRequired[bool | None]


class WebhookStored(TypedDict):
    """A webhook as it was just made, or given another secret."""

    id: str
    url: str
    types: list[str]
    description: str | None
    contact: str | None
    enabled: bool
    disabled_reason: str | None
    failing_since: str | None
    revision: int
    recorded_at: str
    updated_at: str
    secret: str | None


class Webhook(TypedDict):
    """A webhook, without what it signs with."""

    id: str
    url: str
    types: list[str]
    description: str | None
    contact: str | None
    enabled: bool
    disabled_reason: str | None
    failing_since: str | None
    revision: int
    recorded_at: str
    updated_at: str
