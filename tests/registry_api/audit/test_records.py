"""What a record holds, that nothing happens without one, and what becomes of a person's values in it."""

from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from patchbay.core.ids import new_id
from registry_api.access import writing
from registry_api.audit.patches import difference
from registry_api.audit.personal import ERASED, Personal, unsealed
from registry_api.db import Crossing, Database, UnitOfWork, system_principal
from registry_api.http import api_router
from registry_api.identity.models import ApiToken
from registry_api.identity.namespaces.models import Team
from tests.registry_api.audit.tampering import checkpoint, exported, history, lines, offline, verdict
from tests.registry_api.test_document import OPERATIONS

GRACE = {"email": "grace@acme.example", "display_name": "Grace Hopper", "role": "tenant_admin"}
PASSWORD = "correct horse battery"
RECORDED = {
    "list_team_members",
    "list_audit_records",
    "export_audit_log",
    "export_user_data",
    "list_tokens",
    "list_users",
    "read_user",
    "read_export_content",
}
STOP_SQLITE = "CREATE TRIGGER stop BEFORE INSERT ON audit_records BEGIN SELECT RAISE(ABORT, 'no more records'); END"
STOP_POSTGRES = (
    "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more records'; END $$",
    "CREATE TRIGGER stop BEFORE INSERT ON audit_records FOR EACH ROW EXECUTE FUNCTION stop()",
)


async def stop_auditing(api):
    async with api.app.state.database.engine.begin() as connection:
        for statement in STOP_POSTGRES if api.is_postgres else (STOP_SQLITE,):
            await connection.execute(text(statement))


async def records(caller, **filters):
    return (await caller.get("/v1/audit", params={"limit": 500, **filters})).json()["items"]


async def signed_in(api, **who):
    """An account of acme, and a caller with its session."""
    account = (await api.acme.post("/v1/users", json={**GRACE, **who, "password": PASSWORD})).json()
    login = {"email": account["email"], "password": PASSWORD, "tenant": "acme"}
    session = (await api.nobody.post("/v1/sessions", json=login)).json()
    return account, api.client(session["token"])


async def test_a_record_says_which_request_made_it_from_which_address_and_with_which_token(api):
    headers = {"X-Request-Id": "made-by-me"}
    made = await api.acme.post("/v1/tokens", json={"name": "own", "role": "viewer"}, headers=headers)
    [record] = await records(api.acme, subject=f"token:{made.json()['id']}")
    assert (record["request_id"], record["address"]) == ("made-by-me", "127.0.0.1")
    assert record["trace_id"] == made.headers["traceparent"].split("-")[1]
    assert record["actor"] == f"token:{record['token_id']}"


async def test_what_the_registry_does_by_itself_has_no_address_and_no_request(api):
    record = (await records(api.operator, action="tenant.created"))[-1]
    assert (record["actor"], record["address"], record["request_id"]) == ("system", None, None)


async def test_records_of_one_actor_are_listed_alone(api):
    account, grace = await signed_in(api)
    await grace.post("/v1/tokens", json={"name": "own", "role": "viewer"})
    found = await records(api.acme, actor=f"user:{account['id']}")
    assert [record["action"] for record in found] == ["token.created", "session.opened"]


def test_a_difference_is_a_json_patch_that_keeps_what_was():
    before = {"name": "a", "gone": 1, "same": [1], "deep": {"x/y": 1, "t~": 2}}
    after = {"name": "b", "new": None, "same": [1], "deep": {"x/y": 3, "t~": 2}}
    assert difference(before, after) == [
        {"op": "replace", "path": "/deep/x~1y", "value": 3, "was": 1},
        {"op": "remove", "path": "/gone", "was": 1},
        {"op": "replace", "path": "/name", "value": "b", "was": "a"},
        {"op": "add", "path": "/new", "value": None},
    ]
    assert difference(None, {"a": 1}) == [{"op": "add", "path": "", "value": {"a": 1}}]
    assert difference({"a": 1}, None) == [{"op": "remove", "path": "", "was": {"a": 1}}]
    assert difference(None, None) == difference(before, before) == []


def test_personal_values_are_told_apart_by_person_and_value():
    ada = Personal("user:1", "Ada")
    assert ada == Personal("user:1", "Ada") and hash(ada) == hash(Personal("user:1", "Ada"))
    assert ada not in (Personal("user:2", "Ada"), Personal("user:1", "Bea"), "Ada")
    assert difference({"name": ada}, {"name": Personal("user:1", "Ada")}) == []


async def test_a_changed_rule_is_recorded_field_by_field_without_the_addresses_it_mails_to(api):
    rule = (
        "automation_rules:\n  - name: r\n    trigger: {metric: load, threshold: %d}\n"
        "    action: {type: mail, to: [ada@acme.example]}\n    mode: approve\n"
    )
    for threshold in (1, 2):
        headers = {"Content-Type": "application/yaml"}
        assert (await api.acme.put("/v1/automation/rules", content=rule % threshold, headers=headers)).is_success
    changed, made = await records(api.acme, action="automation.rule")
    assert [operation["op"] for operation in made["patch"]] == ["add"]
    assert {"op": "replace", "path": "/trigger/threshold", "value": 2.0, "was": 1.0} in changed["patch"]
    assert b"ada@" not in await exported(api)


async def test_no_audit_row_no_change(api):
    await stop_auditing(api)
    refused = await api.acme.post("/v1/tokens", json={"name": "unseen", "role": "viewer"})
    assert refused.status_code >= 500
    async with api.app.state.database.engine.connect() as connection:
        names = (await connection.execute(text("SELECT name FROM api_tokens"))).scalars().all()
    assert "unseen" not in names


@pytest.mark.parametrize("how", ["flushed", "in bulk", "beside the session"])
async def test_a_route_that_changes_a_table_and_records_nothing_fails_and_leaves_nothing(api, how):
    router = api_router("wrong")

    @router.put("/wrong")
    async def wrong(work=writing("catalog:write")) -> None:
        if how == "flushed":
            work.session.add(Team(tenant_id=work.principal.tenant_id, name="unseen", display_name="Unseen"))
        elif how == "in bulk":
            await work.session.execute(update(ApiToken).values(name="unseen"))
        else:
            await (await work.session.connection()).execute(update(ApiToken.__table__).values(name="unseen"))

    api.app.include_router(router)
    assert (await api.acme.put("/v1/wrong")).status_code == 500
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        names = (await session.execute(select(Team.name).union_all(select(ApiToken.name)))).scalars().all()
    assert names and "unseen" not in names


async def test_a_route_that_finds_nothing_to_change_needs_no_record(api):
    router = api_router("idle")

    @router.put("/idle")
    async def idle(work=writing("catalog:write")) -> None:
        await work.session.execute(update(ApiToken).where(ApiToken.name == "nobody's").values(name="x"))

    api.app.include_router(router)
    assert (await api.acme.put("/v1/idle")).is_success


async def test_sensitive_reads_are_recorded_and_without_a_record_there_is_no_answer(api):
    await api.acme.get("/v1/tokens", params={"limit": 5})
    await api.acme.get("/v1/audit", params={"action": "x"})
    reads = await records(api.acme, action="data.read")
    assert [(record["subject"], record["change"]["query"]) for record in reads] == [
        ("GET /v1/audit", {"limit": "500", "action": "data.read"}),
        ("GET /v1/audit", {"action": "x"}),
        ("GET /v1/tokens", {"limit": "5"}),
    ]
    await stop_auditing(api)
    for path in ("/v1/tokens", "/v1/users", "/v1/audit", "/v1/audit/export"):
        answer = await api.acme.get(path)
        assert answer.status_code >= 500, path
        assert "token" not in answer.text


async def test_who_may_not_read_leaves_no_record_of_a_reading(api):
    viewer = api.client(await api.token(api.acme, role="viewer"))
    assert (await viewer.get("/v1/audit")).status_code == 403
    assert [record["subject"] for record in await records(api.acme, action="data.read")] == ["GET /v1/audit"]


def test_the_api_document_says_which_reads_are_recorded():
    assert {name for name, (_, _, said) in OPERATIONS.items() if said.get("x-recorded-read")} == RECORDED


async def test_asking_for_a_persons_erasure_is_recorded_also_when_nobody_is_found(api):
    await api.acme.delete("/v1/subjects", params={"person": "ada lovelace"})
    [record] = await records(api.acme, action="subject.erasure_asked")
    assert record["change"] == {"found": 0}
    assert b"lovelace" not in await exported(api)


async def test_personal_values_are_sealed_in_the_bytes_that_are_hashed_and_open_in_the_log(api):
    account, grace = await signed_in(api)
    await grace.post("/v1/tokens", json={"name": "own", "role": "viewer"})
    file = await exported(api)
    for word in (b"grace@", b"Grace Hopper", b"127.0.0.1"):
        assert word not in file
    [added] = await records(api.acme, action="member.added")
    assert added["patch"][0]["value"] == GRACE
    assert {record["address"] for record in await records(api.acme, actor=f"user:{account['id']}")} == {"127.0.0.1"}


async def test_an_erased_persons_values_are_gone_from_the_log_and_the_chain_still_verifies(api):
    account, grace = await signed_in(api)
    token = (await grace.post("/v1/tokens", json={"name": "own", "role": "tenant_admin"})).json()
    machine = api.client(token["token"])
    await machine.post("/v1/tokens", json={"name": "by machine", "role": "viewer"})
    await checkpoint(api)
    other = {"email": "ada@acme.example", "display_name": "Ada", "role": "tenant_admin"}
    assert (await api.acme.post("/v1/users", json=other)).status_code == 201, "the last administrator stays"
    assert (await api.acme.delete(f"/v1/users/{account['id']}")).status_code == 204
    [added] = await records(api.acme, action="member.added", subject=f"user:{account['id']}")
    value = added["patch"][0]["value"]
    assert (value["email"], value["display_name"], value["role"]) == (ERASED, ERASED, "tenant_admin")
    for actor in (f"user:{account['id']}", f"token:{token['id']}"):
        assert {record["address"] for record in await records(api.acme, actor=actor)} == {ERASED}
    [erased] = await records(api.acme, action="member.erased")
    assert (erased["address"], erased["change"]) == ("127.0.0.1", {"tokens_revoked": 2})
    found = await verdict(api)
    assert (found["valid"], found["anchored"] > 0) == (True, True)
    assert (await offline(api, await exported(api))).valid
    for gone in (grace, machine):
        assert (await gone.get("/v1/me")).status_code == 401
    assert "grace" not in (await api.acme.get("/v1/users")).text


@pytest.mark.parametrize("sealed", ["no base64!", "QUJD", "A" * 80])
async def test_what_somebody_sends_in_the_form_of_a_sealed_value_is_recorded_as_what_they_sent(api, sealed):
    account, _ = await signed_in(api)
    posed = {"of": f"user:{account['id']}", "sealed": sealed, "deeper": [{"of": "nobody", "sealed": sealed}]}
    sent = {"posed": {"of": posed["of"], "sealed": sealed}, "sealed'": {"sealed": 1}, **posed}
    await wrote(api, sent)
    [record] = await records(api.acme, action="test.posed")
    assert (record["change"], record["patch"][0]["value"]) == (sent, sent)
    assert (await verdict(api))["valid"]


async def test_stored_values_that_are_no_sealed_ones_keep_no_page_from_being_read(api):
    account, _ = await signed_in(api)
    for sealed in ("no base64!", "QUJD", 7):
        for of in (f"user:{account['id']}", ["user"]):
            assert unsealed({"of": of, "sealed": sealed}, UUID(int=1), {f"user:{account['id']}": bytes(32)})


async def wrote(api, sent):
    """A record of acme with a document of somebody else's making in it."""
    tenant = UUID((await api.acme.get("/v1/me")).json()["tenant"]["id"])
    async with api.app.state.database.writing() as session:
        work = UnitOfWork(session, system_principal(tenant, new_id()))
        work.audit("test.posed", "test", sent, after=sent)
        await work.commit()


async def test_a_new_key_of_an_actor_does_not_open_what_an_older_one_sealed(api):
    await history(api, 1)
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM audit_person_keys"))
    await history(api, 1)
    newest, *_, oldest = await records(api.acme, action="token.created", actor=await own_actor(api))
    assert (newest["address"], oldest["address"]) == ("127.0.0.1", ERASED)


async def own_actor(api):
    return (await records(api.acme, action="data.read"))[0]["actor"]


async def test_all_that_is_known_of_a_person_is_exported_and_nothing_secret(api):
    account, grace = await signed_in(api)
    await grace.post("/v1/tokens", json={"name": "own", "role": "viewer"})
    answer = await api.acme.get(f"/v1/users/{account['id']}/data")
    facts = lines(answer.content)
    assert {fact["kind"] for fact in facts} == {
        "account", "memberships", "identities", "passwords", "login_sessions", "api_tokens", "audit"
    }  # fmt: skip
    assert facts[0] | {"email": "grace@acme.example", "role": "tenant_admin"} == facts[0]
    actions = [fact["action"] for fact in facts if fact["kind"] == "audit"]
    assert actions == ["member.added", "session.opened", "token.created", "data.read"], "the last is this reading"
    assert not {"hash", "secret_hash"} & {name for fact in facts if fact["kind"] != "audit" for name in fact}
    [read] = [one for one in await records(api.acme, action="data.read") if account["id"] in one["subject"]]
    assert read["subject"] == f"GET /v1/users/{account['id']}/data"


async def test_an_account_of_another_tenant_is_neither_told_nor_erased(api):
    account, _ = await signed_in(api)
    assert (await api.globex.get(f"/v1/users/{account['id']}/data")).status_code == 404
    assert (await api.globex.delete(f"/v1/users/{account['id']}")).status_code == 404
    assert (await api.acme.get(f"/v1/users/{account['id']}/data")).status_code == 200


async def test_nobody_erases_the_account_that_acts_or_one_that_may_do_more(api):
    account, grace = await signed_in(api)
    await signed_in(api, email="alan@acme.example")  # so that Grace is not refused as the last administrator
    own = api.client((await grace.post("/v1/tokens", json={"name": "own", "role": "tenant_admin"})).json()["token"])
    for caller in (grace, own):
        refused = await caller.delete(f"/v1/users/{account['id']}")
        assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[-1]) == (409, "conflict")
    limited = api.client(await api.token(api.acme, scopes=["identity:write"]))
    assert (await limited.delete(f"/v1/users/{account['id']}")).status_code == 403
    assert (await api.acme.delete(f"/v1/users/{new_id()}")).status_code == 404


async def test_personal_values_are_not_recorded_where_nothing_can_seal_them(registry):
    settings, _ = registry
    database = Database(settings.resolved_database_url)
    try:
        async with database.reading(Crossing.SETUP) as session:
            tenant = (await session.execute(text("SELECT id FROM tenants WHERE slug = 'acme'"))).scalar_one()
        with pytest.raises(RuntimeError, match="without their key"):
            async with database.writing() as session:
                work = UnitOfWork(session, system_principal(new_id(), new_id()))
                work.audit("x", "y", after={"who": [Personal("user:1", "Ada")]}, tenant_id=UUID(str(tenant)))
                await work.commit()
    finally:
        await database.close()


async def test_a_foreign_sealing_key_is_named(api):
    await history(api, 1)
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(text("UPDATE audit_person_keys SET sealed_by = 'other'"))
    assert (await api.acme.get("/v1/audit")).status_code == 500
