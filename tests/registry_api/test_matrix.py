"""The matrix goes on: dead credentials and the platform on every route, canaries everywhere, ids as oracles, two memberships."""

import io
import json
import logging
from datetime import timedelta
from uuid import UUID

import pytest
import zstandard
from sqlalchemy import event, update

from patchbay.core.clock import utcnow
from registry_api.db import Crossing
from registry_api.identity import passwords
from registry_api.identity.models import ApiToken
from registry_api.identity.tokens import parse_secret
from tests.registry_api.test_document import OPERATIONS
from tests.registry_api.test_isolation import CASES, MARK, NOT_SO, call, run_exports, things

__all__ = ["things"]
CANARY = "quagga"
"""Stands in every name the other tenant chooses."""

PASSWORD = "correct horse battery"


async def expired(api):
    """A caller with acme's every right, until a minute ago."""
    token = await api.token(api.acme, role="tenant_admin")
    async with api.app.state.database.writing(Crossing.SETUP) as session:
        gone = update(ApiToken).where(ApiToken.prefix == parse_secret(token).prefix)
        assert (await session.execute(gone.values(expires_at=utcnow() - timedelta(minutes=1)))).rowcount == 1
        await session.commit()
    return api.client(token)


async def test_an_expired_token_gets_in_nowhere(api, things):
    caller = await expired(api)
    for name in CASES:
        answer = await call(caller, name, things)
        assert (answer.status_code, name) == (401, name)
        assert MARK not in answer.text, name


async def test_a_platform_administrator_gets_everywhere_or_is_told_why_and_no_route_fails(api, things):
    for name in CASES:
        if name in ("delete_tenant", "delete_session"):
            continue
        answer = await call(api.operator, name, things)
        refused = answer.status_code in (401, 403) and answer.status_code != NOT_SO.get(name)
        assert answer.status_code < 500 and not refused, (name, answer.text)


async def test_a_platform_administrator_acting_in_a_tenant_sees_that_one_only(api, things):
    await canaries(api)
    things |= await exports_of_now(api)
    there = api.client(api.tokens["operator"], **{"Patchbay-Tenant": "acme"})
    for name in CASES:
        if OPERATIONS[name][0] == "get":
            answer = await call(there, name, things)
            assert answer.status_code < 500, (name, answer.text)
            assert CANARY not in text_of(answer), name


async def canaries(api):
    """Things of globex, under names that nobody else has and under names that acme has too."""
    for name in (CANARY, MARK):
        plugin = {"namespace": name, "name": "own", "visibility": "private", "releases": [{"version": "1.0.0"}]}
        target = {"name": f"{name}-target", "environment": "dev", "kind": "test", "title": CANARY}
        seen = {"target": f"{name}-target", "plugin": f"{name}:own", "event": "added", "version": "1.0.0"}
        seen |= {"source": CANARY, "occurred_at": utcnow().isoformat()}
        for path, body in (
            ("/v1/catalogue/batches", {"plugins": [{**plugin, "summary": CANARY}]}),
            ("/v1/targets/batches", {"targets": [target]}),
            ("/v1/observations/installations", {"observations": [seen]}),
        ):
            assert (await api.globex.post(path, json=body)).json()["rejected"] == 0
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f"{MARK}-batch"}
    event = {"id": CANARY, "type": "search", "at": utcnow().isoformat(), "person": CANARY}
    assert (await api.globex.post("/v1/usage/batches", content=json.dumps(event), headers=headers)).is_success
    await api.globex.put("/v1/automation/contacts/shared", json={"addresses": [f"{CANARY}@globex.example"]})
    await api.globex.post("/v1/tokens", json={"name": CANARY, "role": "viewer"})
    user = {"email": f"{CANARY}@globex.example", "display_name": CANARY, "role": "viewer"}
    assert (await api.globex.post("/v1/users", json=user)).status_code == 201


async def exports_of_now(api):
    """Both tenants exported as they are: what acme's is called, and where globex' archive lies."""
    mine, theirs = [
        (await caller.post(f"/v1/tenants/{slug}/exports")).json()
        for caller, slug in ((api.acme, "acme"), (api.globex, "globex"))
    ]
    await run_exports(api)
    return {"export_id": mine["id"], "their_export": f"/v1/tenants/globex/exports/{theirs['id']}/content"}


def text_of(answer):
    """What an answer says, also where it is packed."""
    if answer.headers.get("content-type") != "application/zstd":
        return answer.text
    unpacked = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(answer.content)).read()
    assert b"manifest.json" in unpacked
    return unpacked.decode(errors="replace")


@pytest.fixture
def logged(caplog):
    """All log lines of ours so far, those of the fixtures that come after this one too."""
    caplog.set_level(logging.DEBUG)

    def act():
        records = [*caplog.get_records("setup"), *caplog.get_records("call")]
        return [str(vars(record)) for record in records if record.name.startswith(("registry_api", "patchbay"))]

    return act


async def test_no_answer_header_log_line_or_metric_of_one_tenant_bears_a_name_of_the_other(api, logged, things):
    await canaries(api)
    things |= await exports_of_now(api)
    theirs = text_of(await api.globex.get(things["their_export"]))
    assert CANARY in theirs and all(things[name] not in theirs for name in ("plugin", "target", "tenant", "user_id"))
    for caller, foreign in ((api.acme, CANARY), (api.globex, MARK)):
        for name in CASES:
            if OPERATIONS[name][0] != "get":
                continue
            answer = await call(caller, name, things)
            own_words = text_of(answer).replace(f"{MARK}-batch", "") if answer.status_code != 404 else ""
            own_words = own_words.replace(f"GET /v1/tenants/{things['tenant']}/", "")  # the log says what it asked for
            if foreign == MARK:  # it has things of that name itself, but not these
                for id in (things["plugin"], things["target"], things["tenant"]):
                    assert id not in own_words and (id not in str(answer.headers) or answer.status_code == 404), name
            else:
                assert foreign not in own_words, (name, own_words)
                assert foreign not in str(answer.headers), name
    lines = logged()
    assert any("/v1/catalogue/batches" in line for line in lines), "writes are logged too"
    assert [line for line in lines if CANARY in line or MARK in line] == []
    metrics = (await api.nobody.get("/metrics")).text
    for word in (CANARY, MARK, "acme", "globex", things["tenant"]):
        assert word not in metrics, word


async def test_no_key_of_what_is_kept_for_one_tenant_bears_a_name_of_the_other_and_no_limit_any_name(api, things):
    await canaries(api)
    tenants = {caller: (await caller.get("/v1/me")).json()["tenant"]["id"] for caller in (api.acme, api.globex)}
    for caller in tenants:
        for name in CASES:
            if OPERATIONS[name][0] == "get":
                await call(caller, name, things)
        await caller.get(f"/v1/plugins/{MARK}:own")
    keys = {str(tenant): [] for tenant in tenants.values()}
    for place in api.app.state.kept.documents._values:
        keys[str(place.tenant_id)].append(str(place))
    mine, theirs = keys[tenants[api.acme]], keys[tenants[api.globex]]
    assert any(MARK in key for key in mine) and any(MARK in key for key in theirs), "one name, kept for each apart"
    assert not any(CANARY in key or tenants[api.globex] in key for key in mine)
    assert not any(id in key for key in theirs for id in (things["plugin"], things["target"], tenants[api.acme]))
    counted = list(api.app.state.limits._own._until)
    assert any(tenants[api.acme] in key for key in counted)
    assert not any(word in key for key in counted for word in (MARK, CANARY, "acme", "globex"))


async def test_a_grantee_reads_the_shared_plugin_in_every_route_below_it_and_nothing_else_of_its_owner(api, things):
    globex = (await api.globex.get("/v1/me")).json()["tenant"]["id"]
    given = await api.acme.post(f"/v1/plugins/{things['plugin']}/grants", json={"tenants": [globex]})
    assert given.status_code == 201
    of_owner = ("list_plugin_grants", "read_plugin_grant", "read_risk")  # the risk there is the owner's own
    for name in CASES:
        method, path, _ = OPERATIONS[name]
        if method != "get":
            continue
        answer = await call(api.globex, name, things)
        if "{plugin}" in path + CASES[name].query:
            assert answer.status_code == (404 if name in of_owner else 200), (name, answer.text)
        for word in (things["target"], f"{MARK}-target", f"{MARK}@", f"{MARK}-event", things["user_id"]):
            own_doing = "audit" in name  # its log holds what it asked for here
            assert answer.status_code == 404 or own_doing or word not in answer.text, (name, word)


async def test_equal_names_and_keys_in_two_tenants_are_two_things(api, things):
    await canaries(api)
    for path in (f"/v1/plugins/{MARK}:own", f"/v1/targets/{MARK}-target", f"/v1/intake/batches/{MARK}-batch"):
        mine, theirs = [(await caller.get(path)).json() for caller in (api.acme, api.globex)]
        assert mine["id"] != theirs["id"], path
    assert (await api.acme.get(f"/v1/targets/{MARK}-target")).json()["title"] is None
    changed = await api.globex.post(
        "/v1/targets/batches",
        json={"targets": [{"name": f"{MARK}-target", "environment": "staging", "kind": "test"}]},
    )
    assert changed.json()["updated"] == 1
    assert (await api.acme.get(f"/v1/targets/{MARK}-target")).json()["environment"] == "dev"


NO_PLUGIN, NO_TARGET = str(UUID(int=7)), str(UUID(int=8))
NOW = utcnow().isoformat()


@pytest.mark.parametrize("what", ["plugin", "target", "both"])
async def test_an_id_of_another_tenant_in_a_body_is_answered_as_one_that_is_nowhere(api, things, what):
    own = {"namespace": "n", "name": "own", "visibility": "private", "releases": [{"version": "1.0.0"}]}
    await api.globex.post("/v1/plugins", json=own)
    await api.globex.post("/v1/targets/batches", json={"targets": [{"name": "t", "environment": "dev", "kind": "k"}]})

    def rows(plugin, target):
        seen = {"plugin": plugin, "target": target, "event": "added", "version": "1.0.0", "source": "s"}
        event = {"id": "e", "type": "use", "at": NOW, "plugin": plugin, "target": target}
        return {**seen, "occurred_at": "2026-01-01T00:00:00Z"}, event

    async def told(plugin, target):
        seen, event = rows(plugin, target)
        observed = await api.globex.post("/v1/observations/installations", json={"observations": [seen]})
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f"{plugin}{target}"}
        used = await api.globex.post("/v1/usage/batches", content=json.dumps(event), headers=headers)
        checked = await api.globex.post(f"/v1/targets/{target}/install-checks", json={"plugin": plugin})
        answers = [observed, used, checked]
        text = json.dumps([[a.status_code, a.json().get("rejects"), a.json().get("detail")] for a in answers])
        return text.replace(plugin, "P").replace(target, "T")

    plugin, target = "n:own", "t"
    foreign = await told(
        things["plugin"] if what != "target" else plugin, things["target"] if what != "plugin" else target
    )
    nowhere = await told(NO_PLUGIN if what != "target" else plugin, NO_TARGET if what != "plugin" else target)
    assert foreign == nowhere


@pytest.mark.parametrize("path", ["/v1/plugins/{plugin}", "/v1/targets/{target}", "/v1/users/{user_id}/data"])
async def test_what_another_tenant_has_costs_as_many_statements_as_what_nobody_has(api, things, path):
    statements = []

    def counting(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    engine = api.app.state.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", counting)
    await api.globex.get(path.format_map(things))  # a caller's first recorded read makes it a key
    told = []
    for ids in (things, dict.fromkeys(things, str(UUID(int=7)))):
        statements.clear()
        answer = await api.globex.get(path.format_map(ids))
        assert answer.status_code == 404
        told.append(list(statements))
    event.remove(engine, "before_cursor_execute", counting)
    assert told[0] == told[1] != []


async def test_a_sign_in_costs_one_hash_whether_or_not_there_is_such_an_account(api, things, monkeypatch):
    hashed, real = [], passwords._verify
    monkeypatch.setattr(passwords, "_verify", lambda stored, given: hashed.append(given) or real(stored, given))
    user = {"email": "ada@acme.example", "display_name": "Ada", "role": "viewer", "password": PASSWORD}
    assert (await api.acme.post("/v1/users", json=user)).status_code == 201
    for email, tenant in (("ada@acme.example", "acme"), ("ada@acme.example", "globex"), ("eve@acme.example", "acme")):
        wrong = {"email": email, "password": "not her password", "tenant": tenant}
        assert (await api.nobody.post("/v1/sessions", json=wrong)).status_code == 401
    assert len(hashed) == 3


async def test_a_name_that_another_tenant_has_taken_is_free(api, things):
    for path, body in (
        ("/v1/plugins", {"namespace": MARK, "name": "own", "visibility": "private"}),
        ("/v1/users", {"email": f"{MARK}@acme.example", "display_name": "x", "role": "viewer"}),
    ):
        assert (await api.globex.post(path, json=body)).status_code == 201, path
    dependency = {"version": "1.0.0", "dependencies": [{"ref": f"{MARK}:secret"}]}
    body = {"namespace": "n", "name": "needs", "visibility": "private", "releases": [dependency]}
    await api.acme.post("/v1/plugins", json={"namespace": MARK, "name": "secret", "visibility": "private"})
    await api.globex.post("/v1/plugins", json=body)
    [row] = (await api.globex.get("/v1/plugins/n:needs/dependencies")).json()["items"]
    assert row["dependency_plugin_id"] is None, "a private plugin of another tenant is not linked"


async def test_a_person_with_accounts_in_two_tenants_never_has_the_rights_of_both(api, things):
    for caller, role in ((api.acme, "viewer"), (api.globex, "tenant_admin")):
        user = {"email": "both@example.com", "display_name": "Both", "role": role, "password": PASSWORD}
        assert (await caller.post("/v1/users", json=user)).status_code == 201
    sessions = {}
    for slug in ("acme", "globex"):
        login = {"email": "both@example.com", "password": PASSWORD, "tenant": slug}
        sessions[slug] = api.client((await api.nobody.post("/v1/sessions", json=login)).json()["token"])
    assert (await sessions["acme"].get(f"/v1/plugins/{things['plugin']}")).status_code == 200
    assert (await sessions["acme"].get("/v1/tokens")).status_code == 403, "an administrator elsewhere, a viewer here"
    assert (await sessions["globex"].get("/v1/tokens")).status_code == 200
    assert (await sessions["globex"].get(f"/v1/plugins/{things['plugin']}")).status_code == 404
    for slug, other in (("acme", "globex"), ("globex", "acme")):
        crossed = await sessions[slug].get("/v1/plugins", headers={"Patchbay-Tenant": other})
        assert crossed.status_code == 403
        me = (await sessions[slug].get("/v1/me")).json()
        assert [one["tenant"]["slug"] for one in me["memberships"]] == [slug]
