"""A plugin of acme with a word in every text of it, targets of others, and what each may do with it."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import update

from patchbay.core.clock import utcnow
from registry_api.cache.kept import Bounded
from registry_api.catalog.sharing.models import PluginGrant
from registry_api.db import Crossing

CANARY = "okapi"
"""Stands in every name and text of the plugin."""

REF = f"{CANARY}:own"
PLUGIN = {
    "namespace": CANARY,
    "name": "own",
    "visibility": "shared",
    "title": CANARY,
    "summary": CANARY,
    "labels": [CANARY],
    "maintainers": [{"handle": CANARY, "name": CANARY}],
    "releases": [{"version": "1.0.0", "requires_host": CANARY, "dependencies": [{"ref": f"{CANARY}:base"}]}],
}
ADVISORY = {
    "external_id": f"{CANARY}-1",
    "subject_kind": "plugin",
    "subject_ref": REF,
    "summary": CANARY,
    "ranges": [{"last_version": "1.0.0"}],
}
TARGET = {"name": "ci", "environment": "dev", "kind": "test"}
READS = (
    "",
    "/releases",
    "/releases/1.0.0",
    "/dependencies",
    "/advisories",
    "/dependants",
    "/installations",
    "/similar",
)
LISTS = ("/v1/plugins", f"/v1/plugins?label={CANARY}", "/v1/advisories", "/v1/labels", "/v1/risk")
FEEDS = ("plugins", "releases", "dependencies", "advisories")


@dataclass
class Scene:
    """The plugin's id, and a third tenant."""

    api: Any
    plugin: str
    third: httpx.AsyncClient
    ids: dict[str, str]

    async def give(self, to: str = "globex", **terms: Any) -> dict[str, Any]:
        """One grant of the plugin."""
        body = {"tenants": [self.ids[to]], **terms}
        answer = await self.api.acme.post(f"/v1/plugins/{REF}/grants", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["items"][0])

    async def revoke(self, grant: dict[str, Any]) -> None:
        """End it."""
        answer = await self.api.acme.delete(f"/v1/plugins/{REF}/grants/{grant['id']}")
        assert answer.status_code == 204, answer.text

    async def change(self, caller: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """PATCH what is there."""
        answer = await caller.patch(path, json=body, headers={"If-Match": "*"})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def show(self, visibility: str) -> None:
        """Set the plugin's visibility."""
        await self.change(self.api.acme, f"/v1/plugins/{REF}", {"visibility": visibility})

    async def lapse(self, grant: dict[str, Any]) -> None:
        """Let time pass until the grant has expired, without any job having run."""
        async with self.api.app.state.database.writing(Crossing.SETUP) as session:
            gone = update(PluginGrant).where(PluginGrant.id == UUID(grant["id"]))
            await session.execute(gone.values(expires_at=utcnow() - timedelta(seconds=1)))
            await session.commit()
        # Kept answers were told when they end; here that moment is moved, which no request can do without a record.
        kept = self.api.app.state.kept
        kept.documents = Bounded(kept.documents.most)

    async def sees(self, caller: httpx.AsyncClient) -> bool:
        """Whether the caller finds the plugin in every route and feed, or in none: anything between fails."""
        found = {}
        for below in READS:
            answer = await caller.get(f"/v1/plugins/{self.plugin}{below}")
            assert answer.status_code in (200, 404), (below, answer.text)
            found[below] = answer.status_code == 200
        for path in LISTS:
            found[path] = CANARY in (await caller.get(path)).text
        for name in FEEDS:
            found[name] = CANARY in (await caller.get(f"/v1/feeds/{name}")).text
        assert len(set(found.values())) == 1, found
        return found[""]

    async def install_check(self, caller: httpx.AsyncClient, plugin: str = REF) -> dict[str, Any]:
        """What the caller is told before it installs."""
        answer = await caller.post("/v1/targets/ci/install-checks", json={"plugin": plugin})
        return dict(answer.json()) | {"status": answer.status_code}

    async def observe(self, caller: httpx.AsyncClient, event: str = "added", version: str = "1.0.0") -> dict[str, Any]:
        """Report an installation; the batch's result."""
        seen = {"target": "ci", "plugin": REF, "event": event, "version": version, "source": "test"}
        seen["occurred_at"] = utcnow().isoformat()
        return dict((await caller.post("/v1/observations/installations", json={"observations": [seen]})).json())

    async def use(self, caller: httpx.AsyncClient, key: str) -> dict[str, Any]:
        """Report a use; the batch's result."""
        event = {"id": key, "type": "use", "at": utcnow().isoformat(), "plugin": REF, "version": "1.0.0"}
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": key}
        return dict((await caller.post("/v1/usage/batches", content=json.dumps(event), headers=headers)).json())


async def tenant_of(caller: httpx.AsyncClient) -> str:
    """The caller's tenant's id, which its administrator hands out."""
    return str((await caller.get("/v1/me")).json()["tenant"]["id"])
