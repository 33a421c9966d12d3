"""Writers of the catalogue at once: releases of different plugins side by side, and none of them misses what others do meanwhile.

On PostgreSQL, who adds, removes, shows or hides a plugin waits for a release that is being published; SQLite has one writer.
"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from patchbay.core.clock import utcnow
from registry_api.catalog import service
from registry_api.catalog.sharing import repository as sharing
from registry_api.catalog.sharing.service import EXPIRED
from registry_api.catalog.store import WRITERS_LOCK, CatalogueStore
from registry_api.jobs.models import Job
from registry_api.tenancy.erasure import ERASE
from registry_api.tenancy.models import Tenant
from tests.registry_api.conftest import ANY
from tests.registry_api.intake_data import feed, plugin, post

WAITING = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = :key "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def release(needs: str) -> dict[str, Any]:
    return {"version": "2.0.0", "dependencies": [{"ref": needs, "requirement": ">=1.0"}]}


async def publish(api: Any, of: str, needs: str) -> Any:
    return await api.acme.post(f"/v1/plugins/jenkins:{of}/releases", json=release(f"jenkins:{needs}"))


async def test_releases_that_need_each_other_are_published_side_by_side(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not api.is_postgres:
        pytest.skip("SQLite has one writer at a time")
    for name in ("a", "b"):
        await post(api.acme, "/v1/plugins", **plugin(name))
    claim, both = service._load, asyncio.Barrier(2)

    async def load(*arguments: Any) -> Any:
        await asyncio.wait_for(both.wait(), 20)
        return await claim(*arguments)

    monkeypatch.setattr(service, "_load", load)
    answers = await asyncio.gather(publish(api, "a", "b"), publish(api, "b", "a"))
    assert [answer.status_code for answer in answers] == [201, 201]
    records = (await api.acme.get("/v1/audit?action=release.published")).json()["items"]
    assert len(records) == 2


class Other:
    """Somebody who changes what plugins there are, or who sees them, while acme publishes a release of `a` that needs `late`."""

    def __init__(self, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api, self.monkeypatch = api, monkeypatch

    async def prepare(self) -> None:
        """What is there before."""

    async def act(self) -> None:
        """What is done meanwhile."""
        raise NotImplementedError

    async def id_of(self, tenant: Any) -> str:
        return str((await tenant.get("/v1/me")).json()["tenant"]["id"])

    async def grant(self, owner: Any, name: str, to: Any, **terms: Any) -> str:
        body = {"tenants": [await self.id_of(to)], **terms}
        answer = await post(owner, f"/v1/plugins/jenkins:{name}/grants", **body)
        return str(answer["items"][0]["id"])

    async def show(self, owner: Any, name: str, visibility: str) -> None:
        answer = await owner.patch(f"/v1/plugins/jenkins:{name}", json={"visibility": visibility}, headers=ANY)
        assert answer.status_code == 200, answer.text

    async def delete(self, client: Any, path: str, status: int = 204) -> None:
        answer = await client.delete(path)
        assert answer.status_code == status, answer.text

    async def make_due(self, kind: str, *changes: Any) -> None:
        due = update(Job).where(Job.kind == kind).values(run_at=utcnow())
        async with self.api.app.state.database.engine.begin() as connection:
            for change in (due, *changes):
                await connection.execute(change)


class Adds(Other):
    async def act(self) -> None:
        await post(self.api.acme, "/v1/plugins", **plugin("late"))


class AddsByBatch(Other):
    async def act(self) -> None:
        assert (await post(self.api.acme, "/v1/catalogue/batches", plugins=[plugin("late")]))["rejected"] == 0


class Opens(Other):
    async def prepare(self) -> None:
        await post(self.api.operator, "/v1/plugins", **plugin("late", visibility="private"))

    async def act(self) -> None:
        await self.show(self.api.operator, "late", "public")


class Closes(Other):
    async def prepare(self) -> None:
        await post(self.api.operator, "/v1/plugins", **plugin("late", visibility="public"))

    async def act(self) -> None:
        await self.show(self.api.operator, "late", "private")


class ClosesByBatch(Closes):
    async def act(self) -> None:
        body = {"plugins": [plugin("late", visibility="private")]}
        assert (await post(self.api.operator, "/v1/catalogue/batches", **body))["rejected"] == 0


class Removes(Other):
    async def prepare(self) -> None:
        await post(self.api.acme, "/v1/plugins", **plugin("late"))

    async def act(self) -> None:
        await self.delete(self.api.acme, "/v1/plugins/jenkins:late")


class Grants(Other):
    async def prepare(self) -> None:
        await post(self.api.globex, "/v1/plugins", **plugin("late", visibility="shared"))

    async def act(self) -> None:
        await self.grant(self.api.globex, "late", self.api.acme)


class Declines(Grants):
    async def prepare(self) -> None:
        await super().prepare()
        later = (utcnow() + timedelta(hours=1)).isoformat()
        self.grant_id = await self.grant(self.api.globex, "late", self.api.acme, expires_at=later)

    async def act(self) -> None:
        await self.delete(self.api.acme, f"/v1/received-grants/{self.grant_id}")


class Expires(Declines):
    """The job that tells of it, at its time."""

    async def prepare(self) -> None:
        await super().prepare()
        await self.make_due(EXPIRED)

    async def act(self) -> None:
        self.monkeypatch.setattr(sharing, "utcnow", lambda: utcnow() + timedelta(hours=2))
        await self.api.drain_jobs()


class IsErased(Declines):
    """The owner of what was granted."""

    async def prepare(self) -> None:
        await super().prepare()
        await self.delete(self.api.operator, "/v1/tenants/globex", 202)
        over = update(Tenant).where(Tenant.slug == "globex")
        await self.make_due(ERASE, over.values(delete_after=utcnow() - timedelta(minutes=1)))

    async def act(self) -> None:
        await self.api.drain_jobs()


class GrantsIt(Other):
    """The plugin itself that has the release."""

    async def prepare(self) -> None:
        await self.show(self.api.acme, "a", "shared")

    async def act(self) -> None:
        await self.grant(self.api.acme, "a", self.api.globex)


class SharesItAgain(GrantsIt):
    async def prepare(self) -> None:
        await super().prepare()
        await self.grant(self.api.acme, "a", self.api.globex)
        await self.show(self.api.acme, "a", "private")

    async def act(self) -> None:
        await self.show(self.api.acme, "a", "shared")


class SharesItAgainByBatch(SharesItAgain):
    async def act(self) -> None:
        body = {"plugins": [plugin("a", visibility="shared")]}
        assert (await post(self.api.acme, "/v1/catalogue/batches", **body))["rejected"] == 0


LINKING = (Adds, AddsByBatch, Opens, Grants)
LETTING_GO = (Closes, ClosesByBatch, Removes, Declines, Expires, IsErased)
TELLING = (GrantsIt, SharesItAgain, SharesItAgainByBatch)


@pytest.mark.parametrize("other", [*LINKING, *LETTING_GO, *TELLING])
async def test_who_changes_what_a_release_sees_waits_until_it_is_published(
    api: Any, monkeypatch: pytest.MonkeyPatch, other: type[Other]
) -> None:
    await post(api.acme, "/v1/plugins", **plugin("a"))
    one, look, acting = other(api, monkeypatch), CatalogueStore.linked_ids, []
    await one.prepare()

    async def look_early(*arguments: Any) -> Any:
        found = await look(*arguments)
        if not acting:
            acting.append(asyncio.create_task(one.act()))
            await until_waiting(api, acting[0])
        return found

    monkeypatch.setattr(CatalogueStore, "linked_ids", look_early)
    published = await publish(api, "a", "late")
    assert published.status_code == 201, published.text
    await acting[0]
    await assert_linked(api, to_something=other in LINKING)
    if other in TELLING:
        versions = [row["version"] for row in await feed(api.globex, "releases")]
        assert versions == ["2.0.0"], "the grantee hears of it, once"


async def until_waiting(api: Any, task: "asyncio.Task[None]") -> None:
    """Until a task waits for its turn; fails when it need not."""
    if not api.is_postgres:
        await asyncio.sleep(0.3)
    async with asyncio.timeout(20), api.app.state.database.engine.connect() as connection:
        while api.is_postgres and not task.done():
            if (await connection.execute(WAITING, {"key": WRITERS_LOCK & 0xFFFF_FFFF})).scalar_one():
                break
            await asyncio.sleep(0.02)
    assert not task.done(), "it waits its turn"


async def assert_linked(api: Any, *, to_something: bool) -> None:
    """The release points at what acme sees under that name by now, and its feed says so."""
    seen = (await api.acme.get("/v1/plugins/jenkins:late")).json().get("id")
    (need,) = (await api.acme.get("/v1/plugins/jenkins:a/releases/2.0.0")).json()["dependencies"]
    told = (await feed(api.acme, "dependencies"))[-1]
    assert (need["dependency_plugin_id"], told["dependency_plugin_id"]) == (seen, seen)
    assert (seen is not None) is to_something
