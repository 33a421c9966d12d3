"""`patchbay webhook`."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from patchbay.cli.asking import asks, confirmed, given, group
from patchbay.cli.commands.options import Yes

if TYPE_CHECKING:
    from patchbay.core.client import Client
    from patchbay.core.client.documents import Delivery, Webhook

app = group("Webhooks: who is told of what, and how that went.")
WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id.")]


@asks(app, "list", columns=("id", "url", "types", "enabled", "failing_since", "disabled_reason"))
def list_webhooks(client: "Client") -> Iterator["Webhook"]:
    """List the tenant's webhooks.

    Example:

        patchbay webhook list
    """
    return client.webhooks()


@asks(app, "create")
def create(
    client: "Client",
    address: Annotated[str, typer.Argument(metavar="URL", help="Where to post to.")],
    type: Annotated[
        list[str] | None, typer.Option(help="An event to be told of; may be given often; default all.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    contact: Annotated[str | None, typer.Option(help="Whom to mail when it fails.")] = None,
) -> Any:
    """Make a webhook. Its secret is shown this once.

    Example:

        patchbay webhook create https://hooks.example.org/patchbay --type release.published
    """
    return client.create_webhook(address, type or ("*",), **given(description=description, contact=contact))


@asks(app, "show")
def show_webhook(client: "Client", webhook: WebhookId) -> Any:
    """Show one webhook.

    Example:

        patchbay webhook show 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b
    """
    return client.webhook(webhook)


@asks(app, "rotate", shown=False)
def rotate(
    client: "Client",
    webhook: WebhookId,
    overlap_hours: Annotated[int, typer.Option(help="Hours for which the former secret signs along.", min=0)] = 24,
) -> str:
    """Print a new secret, this once.

    Example:

        SECRET=$(patchbay webhook rotate 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b)
    """
    return client.rotate_webhook_secret(webhook, overlap_hours)


@asks(app, "deliveries", columns=("id", "type", "state", "attempts", "last_status", "last_error", "recorded_at"))
def deliveries(
    client: "Client",
    webhook: WebhookId,
    state: Annotated[str | None, typer.Option(help="pending, delivered or failed.")] = None,
    type: Annotated[str | None, typer.Option(help="Only of this type of event.")] = None,
) -> Iterator["Delivery"]:
    """List what was sent to a webhook, newest first.

    Example:

        patchbay webhook deliveries 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b --state failed
    """
    return client.webhook_deliveries(webhook, state=state, type=type)


@asks(app, "replay")
def replay(
    client: "Client",
    webhook: WebhookId,
    delivery: Annotated[str | None, typer.Option(help="Send this delivery again.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Send again what failed since (UTC).")] = None,
) -> Any:
    """Send one delivery again, or all that failed since a time.

    Example:

        patchbay webhook replay 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b --since 2026-11-01
    """
    from datetime import UTC

    from patchbay.cli.errors import UsageError

    if delivery is not None and since is None:
        return client.replay_webhook_delivery(webhook, delivery)
    if since is None or delivery is not None:
        raise UsageError("give either --delivery or --since")
    return client.replay_webhook(webhook, since.replace(tzinfo=UTC))


@asks(app, "test")
def test(client: "Client", webhook: WebhookId) -> Any:
    """Send a webhook a test.

    Example:

        patchbay webhook test 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b
    """
    return client.ping_webhook(webhook)


@asks(app, "delete", shown=False)
def delete(client: "Client", webhook: WebhookId, yes: Yes = False) -> None:
    """Delete a webhook with its deliveries.

    Example:

        patchbay webhook delete 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b --yes
    """
    confirmed(f"Delete webhook {webhook} with its deliveries?", yes)
    client.delete_webhook(webhook)
