"""Webhooks as a tenant sets them: its own only, known events only, changed with the revision that was read."""

import asyncio
import socket
from threading import Event

from registry_api.audit.personal import ERASED
from registry_api.webhooks.service import MOST_WEBHOOKS
from tests.registry_api.audit.tampering import exported
from tests.registry_api.intake_data import items
from tests.registry_api.webhooks.support import make, patch

URL = "https://93.184.216.34/hook"


async def test_a_webhook_is_made_read_changed_and_deleted_on_the_record(api):
    made = await make(api.acme, URL, "plugin.*", description="Chat", contact="ops")
    assert made["secret"].startswith("whsec_")
    read = await api.acme.get(f"/v1/webhooks/{made['id']}")
    assert (read.headers["etag"].startswith('"1-'), "secret" in read.json()) == (True, False)
    changed = (await patch(api.acme, made, types=["release.*"], description=None, url=URL + "2")).json()
    assert (changed["types"], changed["description"], changed["revision"]) == (["release.*"], None, 2)
    assert (await patch(api.acme, made, types=["release.*"])).json()["revision"] == 2
    assert [one["id"] for one in await items(api.acme, "/v1/webhooks")] == [made["id"]]
    assert (await api.acme.delete(f"/v1/webhooks/{made['id']}")).status_code == 204
    assert (await api.acme.get(f"/v1/webhooks/{made['id']}")).status_code == 404
    records = {row["action"]: row for row in await items(api.acme, "/v1/audit") if row["action"].startswith("webhook")}
    assert set(records) == {"webhook.created", "webhook.changed", "webhook.deleted"}
    types = {"op": "replace", "path": "/types", "was": ["plugin.*"], "value": ["release.*"]}
    assert types in records["webhook.changed"]["patch"]


async def test_the_mail_address_of_a_contact_stands_sealed_in_the_log_and_an_erasure_reaches_it(api):
    made = await make(api.acme, URL, contact="ada@okapi.example")
    await patch(api.acme, made, contact="bob@okapi.example")
    await patch(api.acme, made, contact="ops")
    assert b"okapi" not in await exported(api)

    async def contacts():
        records = (await items(api.acme, "/v1/audit", action="webhook.changed"))[::-1]
        return [(one["was"], one["value"]) for record in records for one in record["patch"]]

    assert await contacts() == [("ada@okapi.example", "bob@okapi.example"), ("bob@okapi.example", "ops")]
    await api.acme.delete("/v1/subjects", params={"person": "bob@okapi.example"})
    assert await contacts() == [("ada@okapi.example", ERASED), (ERASED, "ops")]


async def test_a_change_needs_the_revision_that_was_read(api):
    made = await make(api.acme, URL)
    path = f"/v1/webhooks/{made['id']}"
    assert (await api.acme.patch(path, json={"enabled": False})).status_code == 428
    assert (await api.acme.patch(path, json={"enabled": False}, headers={"If-Match": '"7"'})).status_code == 412
    assert (await api.acme.patch(path, json={"enabled": False}, headers={"If-Match": "*"})).status_code == 200


async def test_a_filter_that_matches_no_event_is_refused_with_the_right_name(api):
    answer = await api.acme.post("/v1/webhooks", json={"url": URL, "types": ["plugin.*", "plugin.creatd"]})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["pointer"]) == (400, "/types/1")
    assert "plugin.created" in error["detail"]
    for types in ([], ["*.created"], ["webhook.ping"], ["plugin"]):
        assert (await api.acme.post("/v1/webhooks", json={"url": URL, "types": types})).status_code == 400, types


async def test_what_must_have_a_value_cannot_be_null_and_a_url_is_checked_on_change_too(api):
    made = await make(api.acme, URL)
    answer = await patch(api.acme, made, enabled=None)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/enabled")
    answer = await patch(api.acme, made, url="http://10.0.0.1/")
    assert (answer.status_code, answer.json()["type"].split("/")[-1]) == (422, "webhook_refused")


async def test_a_tenant_has_a_bounded_number_of_webhooks(api):
    for _ in range(MOST_WEBHOOKS):
        await make(api.acme, URL)
    answer = await api.acme.post("/v1/webhooks", json={"url": URL})
    assert (answer.status_code, answer.json()["type"].split("/")[-1]) == (409, "too_many_webhooks")
    await make(api.globex, URL)


async def test_also_of_webhooks_that_are_made_at_once_no_more_than_that_are_made(api):
    for _ in range(MOST_WEBHOOKS - 2):
        await make(api.acme, URL)
    asked = [api.acme.post("/v1/webhooks", json={"url": URL}) for _ in range(12)]
    answers = await asyncio.gather(*asked, api.globex.post("/v1/webhooks", json={"url": URL}))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 10
    assert len(await items(api.acme, "/v1/webhooks")) == MOST_WEBHOOKS


async def test_webhooks_and_their_deliveries_are_their_tenants_alone(api):
    made = await make(api.acme, URL)
    delivery = (await api.acme.post(f"/v1/webhooks/{made['id']}/ping")).json()
    other = await make(api.globex, URL)
    path = f"/v1/webhooks/{made['id']}"
    for caller in (api.globex, api.operator):
        assert (await caller.get(path)).status_code == 404
        assert (await caller.get(f"{path}/deliveries")).status_code == 404
    stolen = f"/v1/webhooks/{other['id']}/deliveries/{delivery['id']}"
    assert (await api.globex.get(stolen)).status_code == 404
    assert (await api.acme.get(f"{path}/deliveries/{delivery['id']}")).json()["body"]["data"] == {"webhook": made["id"]}


async def test_a_name_system_that_does_not_answer_does_not_keep_who_makes_a_webhook_waiting(api, monkeypatch):
    over = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(20) and [])
    monkeypatch.setattr("registry_api.webhooks.service.SECONDS_OF_A_CHECK", 0.2, raising=False)
    asked = asyncio.create_task(make(api.acme, "https://hook.example/"))
    done, _ = await asyncio.wait([asked], timeout=10)
    over.set()
    assert done and (await asked)["enabled"], "a name may be found later"
