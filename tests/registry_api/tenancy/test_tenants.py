"""Tenants: made by the platform, seen by themselves, suspended without losing anything."""

import json
from datetime import datetime, timedelta

from tests.registry_api.conftest import ANY


async def test_a_new_tenant_gets_a_working_administrator_token_and_account(api):
    body = {
        "slug": "initech",
        "name": "Initech",
        "admin_email": "Bill@initech.example",
        "admin_password": "yeah that'd be great",
    }
    made = (await api.operator.post("/v1/tenants", json=body)).json()
    me = (await api.client(made["token"]).get("/v1/me")).json()
    assert (me["tenant"]["slug"], me["role"]) == ("initech", "tenant_admin")
    login = {"email": "bill@initech.example", "password": "yeah that'd be great"}
    assert (await api.nobody.post("/v1/sessions", json=login)).json()["tenant"]["slug"] == "initech"


async def test_a_taken_slug_is_refused_and_leaves_nothing_behind(api):
    body = {"slug": "acme", "name": "Another", "admin_email": "eve@acme.example"}
    answer = await api.operator.post("/v1/tenants", json=body)
    assert (answer.status_code, answer.json()["type"].split("/")[-1]) == (409, "tenant_exists")
    assert "eve@" not in (await api.acme.get("/v1/users")).text


async def test_only_the_platform_makes_and_changes_tenants(api):
    assert (await api.acme.post("/v1/tenants", json={"slug": "x", "name": "X"})).status_code == 403
    assert (await api.acme.patch("/v1/tenants/acme", json={"name": "X"}, headers=ANY)).status_code == 403


async def test_a_tenant_sees_itself_only_and_the_platform_sees_all(api):
    assert [item["slug"] for item in (await api.acme.get("/v1/tenants")).json()["items"]] == ["acme"]
    assert (await api.acme.get("/v1/tenants/globex")).status_code == 404
    slugs = [item["slug"] for item in (await api.operator.get("/v1/tenants")).json()["items"]]
    assert slugs == ["acme", "globex", "operator"]


async def test_a_tenant_is_found_by_id_or_slug(api):
    by_slug = (await api.acme.get("/v1/tenants/acme")).json()
    assert (await api.acme.get(f"/v1/tenants/{by_slug['id']}")).json() == by_slug


async def test_a_suspended_tenant_reads_but_does_not_write_until_reactivated(api):
    assert (await api.operator.patch("/v1/tenants/acme", json={"status": "suspended"}, headers=ANY)).json()[
        "status"
    ] == "suspended"
    refused = await api.acme.post("/v1/tokens", json={"name": "x", "role": "viewer"})
    assert (refused.status_code, refused.json()["type"].split("/")[-1]) == (403, "tenant_suspended")
    as_operator = {"Patchbay-Tenant": "acme"}
    by_platform = await api.operator.post("/v1/tokens", json={"name": "x", "role": "viewer"}, headers=as_operator)
    assert by_platform.status_code == 403
    assert (await api.acme.get("/v1/tokens")).status_code == 200
    assert (await api.globex.post("/v1/tokens", json={"name": "x", "role": "viewer"})).status_code == 201
    await api.operator.patch("/v1/tenants/acme", json={"status": "active"}, headers=ANY)
    assert (await api.acme.post("/v1/tokens", json={"name": "x", "role": "viewer"})).status_code == 201


async def test_the_operator_tenant_cannot_be_suspended(api):
    answer = await api.operator.patch("/v1/tenants/operator", json={"status": "suspended"}, headers=ANY)
    assert (answer.status_code, answer.json()["type"].split("/")[-1]) == (422, "operator_tenant_fixed")


async def test_a_change_reaches_the_feed_and_the_tenants_audit_log_and_no_change_reaches_neither(api):
    await api.operator.patch("/v1/tenants/acme", json={"name": "Acme Inc"}, headers=ANY)
    await api.operator.patch("/v1/tenants/acme", json={"name": "Acme Inc"}, headers=ANY)
    rows = [json.loads(line) for line in (await api.service.get("/v1/feeds/tenants")).text.splitlines()]
    assert [row["name"] for row in rows if row["slug"] == "acme"] == ["Acme", "Acme Inc"]
    (record,) = (await api.acme.get("/v1/audit?action=tenant.changed")).json()["items"]
    assert record["patch"] == [{"op": "replace", "path": "/name", "value": "Acme Inc", "was": "Acme"}]


async def test_pages_of_tenants_neither_skip_nor_repeat_while_tenants_are_added(api):
    for slug in ("b1", "d1", "f1"):
        await api.tenant(slug)
    first = (await api.operator.get("/v1/tenants?limit=2")).json()
    await api.tenant("a0")
    await api.tenant("e0")
    seen = [item["slug"] for item in first["items"]]
    cursor = first["next"]
    while cursor:
        page = (await api.operator.get("/v1/tenants", params={"limit": 2, "cursor": cursor})).json()
        seen += [item["slug"] for item in page["items"]]
        cursor = page["next"]
    assert seen == ["acme", "b1", "d1", "e0", "f1", "globex", "operator"]


async def test_a_cursor_that_was_edited_or_belongs_to_another_list_is_refused(api):
    cursor = (await api.operator.get("/v1/tenants?limit=1")).json()["next"]
    edited = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for path, value in (("/v1/tenants", edited), ("/v1/tokens", cursor), ("/v1/tenants", "?!"), ("/v1/tenants", "")):
        answer = await api.operator.get(path, params={"cursor": value})
        assert answer.status_code == 400, (path, value)
        assert answer.json()["errors"][0]["code"] == "bad_cursor"


async def test_a_slug_in_the_form_of_an_id_is_refused(api):
    taken = (await api.acme.get("/v1/tenants/acme")).json()["id"]
    for slug in (taken, taken.replace("-", "")):
        answer = await api.operator.post("/v1/tenants", json={"slug": slug, "name": "Sly"})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/slug")


async def test_a_password_of_nobody_is_refused(api):
    body = {"slug": "initech", "name": "Initech", "admin_password": "correct horse battery"}
    answer = await api.operator.post("/v1/tenants", json=body)
    assert answer.status_code == 400 and "admin_password needs admin_email" in answer.text


async def test_the_first_token_of_a_tenant_ends_after_ninety_days(api):
    _, first = await api.tenant("initech")
    (token,) = (await first.get("/v1/tokens")).json()["items"]
    lifetime = datetime.fromisoformat(token["expires_at"]) - datetime.fromisoformat(token["recorded_at"])
    assert timedelta(days=89, hours=23) < lifetime <= timedelta(days=90, minutes=1)
