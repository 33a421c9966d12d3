"""What tests of webhooks do again and again."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import update

from patchbay.core.clock import utcnow
from registry_api.jobs.models import Job
from registry_api.jobs.worker import Worker
from registry_api.webhooks.models import Webhook
from tests.registry_api.intake_data import items

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq="


async def make(client: httpx.AsyncClient, url: str, *types: str, **more: Any) -> dict[str, Any]:
    """A webhook that listens to types of events, to all when none is named."""
    answer = await client.post("/v1/webhooks", json={"url": url, "types": types or ["*"], **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def publish(client: httpx.AsyncClient, name: str, **fields: Any) -> dict[str, Any]:
    """A plugin of the namespace test."""
    document = {"namespace": "test", "name": name, "visibility": "private", **fields}
    answer = await client.post("/v1/plugins", json=document)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def deliveries(client: httpx.AsyncClient, hook: dict[str, Any], **filters: Any) -> list[dict[str, Any]]:
    """Deliveries of a webhook, newest first."""
    return await items(client, f"/v1/webhooks/{hook['id']}/deliveries", **filters)


async def delivery(client: httpx.AsyncClient, hook: dict[str, Any], id: str) -> dict[str, Any]:
    """One delivery with its attempts."""
    return dict((await client.get(f"/v1/webhooks/{hook['id']}/deliveries/{id}")).json())


async def patch(client: httpx.AsyncClient, hook: dict[str, Any], **fields: Any) -> httpx.Response:
    """Change a webhook as it stands."""
    path = f"/v1/webhooks/{hook['id']}"
    etag = (await client.get(path)).headers["etag"]
    return await client.patch(path, json=fields, headers={"If-Match": etag})


def sender(api: Any, **changes: Any) -> Worker:
    """A worker that does not wait between attempts."""
    quick: dict[str, Any] = {"first_pause": timedelta(0), "poll": 0.02}
    return Worker(api.app.state.database, api.app.state.storage, api.settings, **{**quick, **changes})


async def attempt(api: Any) -> None:
    """One attempt at whatever is due, with long pauses after failures."""
    await sender(api, first_pause=timedelta(hours=1)).drain()


async def make_due(api: Any, *, age: timedelta = timedelta(0)) -> None:
    """As if so much time had passed for every open job."""
    async with api.app.state.database.engine.begin() as connection:
        later = {"give_up_at": Job.give_up_at} if not age else {"give_up_at": utcnow() - timedelta(seconds=1)}
        await connection.execute(update(Job).where(Job.state == "queued").values(run_at=utcnow(), **later))


async def failing_for(api: Any, hook: dict[str, Any], time: timedelta) -> None:
    """As if a webhook had failed for so long."""
    async with api.app.state.database.engine.begin() as connection:
        found = update(Webhook).where(Webhook.id == UUID(hook["id"]))
        await connection.execute(found.values(failing_since=utcnow() - time))
