"""What lists of webhooks and deliveries can be filtered by."""

from registry_api.filtering import Filters, one_of
from registry_api.webhooks.models import STATES, Delivery, Webhook

WEBHOOKS = Filters(
    url=Webhook.url,
    description=Webhook.description,
    contact=Webhook.contact,
    enabled=Webhook.enabled,
    failing_since=Webhook.failing_since,
    recorded_at=Webhook.recorded_at,
    updated_at=Webhook.updated_at,
)
DELIVERIES = Filters(
    state=one_of(Delivery.state, *STATES),
    type=Delivery.type,
    event_id=Delivery.event_id,
    attempts=Delivery.attempts,
    last_status=Delivery.last_status,
    last_attempt_at=Delivery.last_attempt_at,
    recorded_at=Delivery.recorded_at,
)
