"""What asking for webhooks can be refused for."""

from registry_api.problems import Conflict, Unprocessable


class WebhookRefused(Unprocessable):
    """The URL is none that webhooks go to."""

    code, title = "webhook_refused", "Webhooks do not go to this URL"


class TooManyWebhooks(Conflict):
    """The tenant has as many webhooks as it may."""

    code, title = "too_many_webhooks", "The tenant has as many webhooks as it may"


class DeliveryPending(Conflict):
    """The delivery is still being tried, so there is nothing to replay."""

    code, title = "delivery_pending", "The delivery is still being tried"
