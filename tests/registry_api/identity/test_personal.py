"""What is told of an account's holder and to whom, and what an erasure takes away beside the account."""

import asyncio
import threading

import pytest

from patchbay.core.storage.local import LocalStorage
from registry_api.jobs.worker import Worker
from tests.registry_api.audit.tampering import lines
from tests.registry_api.identity.people import PASSWORD, add_person, sign_in

ADA, EVE = "ada@acme.example", "eve@operator.example"
NEW = {"email": ADA, "display_name": "Ada", "role": "viewer", "password": PASSWORD}
KEYED = {"Idempotency-Key": "first"}


@pytest.fixture
async def ada(api):
    return await add_person(api, api.acme, ADA)


async def told(caller, account):
    """The audit records of the export of what is known of somebody."""
    answer = await caller.get(f"/v1/users/{account['id']}/data")
    assert answer.status_code == 200, answer.text
    return [fact for fact in lines(answer.content) if fact["kind"] == "audit"]


async def test_records_that_name_a_person_in_what_they_changed_are_told(api, ada):
    await api.acme.put("/v1/teams/payments", json={"display_name": "Payments"})
    member = f"/v1/teams/payments/members/{ada['id']}"
    grant = {"namespace": "payments", "role": "author", "user_id": ada["id"]}
    assert (await api.acme.put(member)).status_code == 204
    assert (await api.acme.delete(member)).status_code == 204
    made = await api.acme.post("/v1/namespace-grants", json=grant)
    assert made.status_code == 201, made.text
    assert (await api.acme.delete(f"/v1/namespace-grants/{made.json()['id']}")).status_code == 204
    await add_person(api, api.acme, "bob@acme.example")
    changes = ["team.member_added", "team.member_removed", "namespace.granted", "namespace.grant_ended"]
    assert [fact["action"] for fact in await told(api.acme, ada)] == ["member.added", *changes, "data.read"]


async def test_what_a_person_of_the_operator_did_in_other_tenants_is_told(api):
    eve = await add_person(api, api.operator, EVE, role="platform_admin")
    eves = await sign_in(api, EVE)
    elsewhere = (await eves.post("/v1/tokens", json={"name": "x", "role": "tenant_admin", "tenant": "acme"})).json()
    assert (await api.client(elsewhere["token"]).put("/v1/teams/x", json={"display_name": "X"})).status_code == 201
    acme = (await api.acme.get("/v1/me")).json()["tenant"]["id"]
    there = [(fact["action"], fact["actor"]) for fact in await told(api.operator, eve) if fact["tenant_id"] == acme]
    assert there == [("token.created", f"user:{eve['id']}"), ("team.created", f"token:{elsewhere['id']}")]
    own = await add_person(api, api.acme, ADA)
    assert {fact["tenant_id"] for fact in await told(api.acme, own)} == {acme}


async def test_who_may_not_act_in_other_tenants_is_told_nothing_of_them_nor_what_is_sealed_of_others(api):
    eve = await add_person(api, api.operator, EVE, role="platform_admin")
    eves = await sign_in(api, EVE)
    acme = (await api.acme.get("/v1/me")).json()["tenant"]["id"]
    made = {"name": "x", "role": "tenant_admin", "tenant": "acme"}
    assert (await eves.post("/v1/tokens", json=made)).status_code == 201
    there = {"Patchbay-Tenant": "acme"}
    assert (await eves.post("/v1/users", json=NEW, headers=there)).status_code == 201
    clerk = api.client(await api.token(api.operator, role="tenant_admin"))
    answer = await clerk.get(f"/v1/users/{eve['id']}/data")
    assert answer.status_code == 200
    assert acme.encode() not in answer.content
    whole = (await api.operator.get(f"/v1/users/{eve['id']}/data")).content
    assert acme.encode() in whole
    assert ADA.encode() not in whole and EVE.encode() in whole


@pytest.mark.parametrize("scopes", [["audit:read"], ["identity:read"]])
async def test_what_is_known_of_a_person_needs_the_right_to_read_people_and_the_log(api, ada, scopes):
    some = api.client(await api.token(api.acme, scopes=scopes))
    refused = await some.get(f"/v1/users/{ada['id']}/data")
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[-1]) == (403, "forbidden")
    both = api.client(await api.token(api.acme, scopes=["audit:read", "identity:read"]))
    assert (await both.get(f"/v1/users/{ada['id']}/data")).status_code == 200


async def test_a_reviewer_is_told_nothing_of_sessions_and_tokens(api, ada):
    reviewer = api.client(await api.token(api.acme, role="reviewer_security"))
    assert (await reviewer.get(f"/v1/users/{ada['id']}/data")).status_code == 403
    reads = (await api.acme.get("/v1/audit", params={"action": "data.read"})).json()["items"]
    assert not [one for one in reads if ada["id"] in one["subject"]]


async def test_archives_that_hold_the_account_expire_with_it(api, ada):
    done = (await api.acme.post("/v1/tenants/acme/exports")).headers["location"]
    await api.drain_jobs()
    waiting = (await api.acme.post("/v1/tenants/acme/exports")).headers["location"]
    assert (await api.acme.get(f"{done}/content")).status_code == 200
    assert (await api.acme.delete(f"/v1/users/{ada['id']}")).status_code == 204
    assert (await api.acme.get(f"{done}/content")).status_code == 404
    assert (await api.acme.get(done)).json()["state"] == "expired"
    await api.drain_jobs()
    assert (await api.acme.get(waiting)).json()["state"] == "done", "it was begun after the erasure"
    assert len(list(api.app.state.storage.list("exports"))) == 1
    [expired] = (await api.acme.get("/v1/audit?action=tenant.export_expired")).json()["items"]
    assert expired["subject"] == f"export:{done.rsplit('/', 1)[-1]}"


async def test_an_archive_that_is_being_written_while_the_account_is_erased_is_kept_by_nobody(api, ada, monkeypatch):
    put, written, erased = LocalStorage.put_file, threading.Event(), threading.Event()

    def held(self, key, path):
        put(self, key, path)
        written.set()
        assert erased.wait(30)

    monkeypatch.setattr(LocalStorage, "put_file", held)
    asked = (await api.acme.post("/v1/tenants/acme/exports")).headers["location"]
    draining = asyncio.create_task(Worker(api.app.state.database, api.app.state.storage, api.settings).drain())
    assert await asyncio.to_thread(written.wait, 30)
    assert (await api.acme.delete(f"/v1/users/{ada['id']}")).status_code == 204
    erased.set()
    await draining
    assert (await api.acme.get(asked)).json()["state"] == "expired"
    assert list(api.app.state.storage.list("exports")) == []


async def test_the_answer_to_who_made_an_account_is_told_no_more_and_the_account_not_made_again(api):
    made = await api.acme.post("/v1/users", json=NEW, headers=KEYED)
    assert made.headers["location"] == f"/v1/users/{made.json()['id']}"
    other = {"Idempotency-Key": "other"}
    bob = NEW | {"email": "bob@acme.example"}
    await api.acme.post("/v1/users", json=bob, headers=other)
    assert (await api.acme.delete(made.headers["location"])).status_code == 204
    again = await api.acme.post("/v1/users", json=NEW, headers=KEYED)
    assert (again.status_code, again.json()["type"].rsplit("/", 1)[-1]) == (409, "idempotency_answer_unreadable")
    assert ADA not in again.text
    assert [one["email"] for one in (await api.acme.get("/v1/users")).json()["items"]] == ["bob@acme.example"]
    assert (await api.acme.post("/v1/users", json=bob, headers=other)).headers["idempotency-replayed"] == "true"
