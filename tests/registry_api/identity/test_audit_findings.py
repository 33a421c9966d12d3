"""The fourteen findings of PyPI's audit of 2026 (Trail of Bits, TOB-PYPI26-1 to -14), each with what holds here.

The titles are those of the report, "PyPI completes second audit" of 16 April 2026.
"""

import asyncio
import re
from datetime import timedelta

import pytest

from patchbay.core.clock import utcnow
from registry_api.identity.publishing import service
from registry_api.identity.second_factor import totp
from registry_api.routers import ROUTERS
from tests.registry_api.conftest import ANY
from tests.registry_api.identity.people import PASSWORD, add_person, sign_in
from tests.registry_api.identity.test_second_factor import code, turned_on
from tests.registry_api.identity.test_trusted_publishing import exchange, issuer, refused, trust, trusting

__all__ = ["issuer", "trusting"]
HERE = {"namespace": "payments", "name": "pay"}
ADA, BOB = "ada@acme.example", "bob@acme.example"
MARK = re.compile("verif|trust|official|badge|genuine")
"""What a field is called that vouches for another."""

ONLY_LOOKS = {"check_new_install", "try_rules"}
"""Posts whose body is a question and that change nothing."""


async def test_tob_pypi26_1_the_anti_replay_record_outlives_the_window_in_which_the_token_is_taken(
    trusting, issuer, monkeypatch
):
    api = trusting
    await trust(api.acme, issuer)
    token = issuer.token()
    assert (await exchange(api, token)).status_code == 201
    # The last moment at which the CI token is still taken for live: its end, and the skew.
    last = utcnow() + timedelta(seconds=300) + service.SKEW
    monkeypatch.setattr(service, "utcnow", lambda: last)
    assert "exchanged before" in await refused(api, token)


async def test_tob_pypi26_2_of_two_exchanges_of_one_token_at_once_one_gets_a_token(trusting, issuer):
    api = trusting
    await trust(api.acme, issuer)
    token = issuer.token()
    answers = await asyncio.gather(*(exchange(api, token) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 401]


async def test_tob_pypi26_3_no_home_page_or_download_address_is_ever_marked_as_verified(trusting, issuer):
    """There is no badge to come by: the repository's own job is told of like anybody who claims its addresses."""
    api = trusting
    await trust(api.acme, issuer, place="payments")
    job = api.client((await exchange(api, issuer.token())).json()["token"])
    addresses = {
        "homepage_url": "https://github.com/acme/pay",
        "repository_url": "https://github.com/acme/pay#@evil.example",
    }
    release = {"version": "1.0.0", "artifact_url": "https://github.com/acme/pay/../../evil"}
    told = []
    for caller, namespace in ((job, "payments"), (api.acme, "search")):
        plugin = {"namespace": namespace, "name": "pay", **addresses, "releases": [release]}
        marks = ({**plugin, "verified": True}, {**plugin, "releases": [{**release, "verified": True}]})
        assert [(await caller.post("/v1/plugins", json=marked)).status_code for marked in marks] == [400, 400]
        made = await caller.post("/v1/plugins", json=plugin)
        assert made.status_code == 201, made.text
        one = (await caller.get(f"/v1/plugins/{namespace}:pay/releases/1.0.0")).json()
        told.append({**made.json(), **one})
        assert (addresses | release).items() <= told[-1].items()
    own = {"id", "plugin_id", "ref", "namespace", "recorded_at", "updated_at"}
    assert len({str({name: one[name] for name in one if name not in own}) for one in told}) == 1
    shown = api.app.openapi()["components"]["schemas"]
    views = [name for name in shown if name.startswith(("Plugin", "Release", "Maintainer"))]
    assert {"PluginView", "ReleaseView", "MaintainerView"} <= set(views)
    assert [name for view in views for name in shown[view]["properties"] if MARK.search(name)] == []


async def test_tob_pypi26_4_no_audit_event_of_a_token_or_session_is_silently_dropped(api):
    ada = await add_person(api, api.acme, ADA)
    token = (await api.acme.post("/v1/tokens", json={"name": "ci", "role": "viewer"})).json()
    session = await sign_in(api, ADA)
    await session.post("/v1/sessions/current/rotate")
    await api.acme.post(f"/v1/tokens/{token['id']}/rotate", json={})
    await api.acme.patch(f"/v1/users/{ada['id']}", json={"status": "disabled"}, headers=ANY)
    await api.acme.delete(f"/v1/tokens/{token['id']}")
    told = [record["action"] for record in (await api.acme.get("/v1/audit?limit=500")).json()["items"]]
    wanted = ["member.added", "token.created", "session.opened", "session.rotated", "token.rotated", "member.changed"]
    assert [action for action in [*wanted, "token.revoked"] if action not in told] == []
    assert (await api.acme.get("/v1/audit/verify")).json()["valid"]


async def test_tob_pypi26_5_signing_in_tells_nothing_of_an_account_not_even_that_it_is_privileged(api):
    await add_person(api, api.acme, ADA, role="tenant_admin")
    await turned_on(api)
    await add_person(api, api.acme, BOB)
    answers = [
        await api.nobody.post("/v1/sessions", json={"email": email, "password": "wrong horse battery"})
        for email in (ADA, BOB, "nobody@acme.example", "admin@patchbay.local")
    ]
    told = {(answer.status_code, str({**answer.json(), "request_id": None})) for answer in answers}
    assert len(told) == 1


async def test_tob_pypi26_6_what_shuts_sessions_out_shuts_tokens_out_too(api):
    ada = await add_person(api, api.acme, ADA, role="tenant_admin")
    await add_person(api, api.acme, BOB, role="tenant_admin")
    parent = await api.token(api.acme, role="author")
    child = (await api.client(parent).post("/v1/tokens/narrower", json={"name": "child"})).json()["token"]
    callers = [await sign_in(api, ADA), api.client(parent), api.client(child)]
    await api.operator.patch("/v1/tenants/acme", json={"status": "suspended"}, headers=ANY)
    for caller in callers:
        answer = await caller.post("/v1/plugins", json=HERE)
        assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (403, "tenant_suspended")
    await api.operator.patch("/v1/tenants/acme", json={"status": "active"}, headers=ANY)
    own = [api.client(await api.token(callers[0], role="viewer")), callers[0]]
    assert [(await caller.get("/v1/me")).status_code for caller in own] == [200, 200]
    await api.acme.patch(f"/v1/users/{ada['id']}", json={"status": "disabled"}, headers=ANY)
    assert [(await caller.get("/v1/me")).status_code for caller in own] == [401, 401]


def test_tob_pypi26_7_no_change_is_allowed_by_a_right_to_read():
    routes = [route for router in ROUTERS for route in router.routes]
    changing = [route for route in routes if route.methods - {"GET"} and route.name not in ONLY_LOOKS]
    assert [route.name for route in changing if (route.required_scope or "").endswith(":read")] == []


@pytest.mark.parametrize("role", ["viewer", "author", "operator", "reviewer_security"])
async def test_tob_pypi26_8_members_cannot_make_administrators(api, role):
    await add_person(api, api.acme, BOB, role=role)
    bob = await sign_in(api, BOB)
    owner = {"email": "eve@acme.example", "display_name": "Eve", "role": "tenant_admin"}
    clerk = api.client(await api.token(api.acme, scopes=["identity:write", "identity:read"]))
    assert [(await caller.post("/v1/users", json=owner)).status_code for caller in (bob, clerk)] == [403, 403]
    assert len((await api.acme.get("/v1/users")).json()["items"]) == 1


async def test_tob_pypi26_9_a_code_written_with_spaces_is_the_same_code_and_not_taken_again(api):
    await add_person(api, api.acme, ADA)
    _, secret, _ = await turned_on(api)
    used = code(secret)
    forms = (f"{used[:3]} {used[3:]}", used, f" {used} ", f"{used[:3]}-{used[3:]}", " ".join(used))
    sent = [
        await api.nobody.post("/v1/sessions", json={"email": ADA, "password": PASSWORD, "code": form}) for form in forms
    ]
    assert [answer.status_code for answer in sent] == [201, 401, 401, 401, 401]
    assert totp.plain(forms[-1]) == used


async def test_tob_pypi26_10_what_is_declared_of_a_release_cannot_come_to_differ_from_it(api):
    declared = {"version": "1.0.0", "digest": "sha256:" + "a" * 64, "size_bytes": 10}
    made = await api.acme.post("/v1/plugins", json={**HERE, "releases": [declared]})
    assert made.status_code == 201, made.text
    for change in ({"digest": "sha256:" + "b" * 64}, {"size_bytes": 11}):
        answer = await api.acme.post("/v1/plugins/payments:pay/releases", json=declared | change)
        assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (409, "release_conflict")


async def test_tob_pypi26_11_nobody_deletes_or_rotates_the_token_of_another_by_its_id(api):
    theirs = (await api.acme.post("/v1/tokens", json={"name": "ci", "role": "viewer"})).json()
    await add_person(api, api.acme, BOB, role="author")
    bob, path = await sign_in(api, BOB), f"/v1/tokens/{theirs['id']}"
    for caller, status in ((bob, 403), (api.globex, 404)):
        assert (await caller.delete(path)).status_code == status
        assert (await caller.post(f"{path}/rotate", json={})).status_code == status
    assert (await api.client(theirs["token"]).get("/v1/me")).status_code == 200


async def test_tob_pypi26_12_a_publisher_of_one_issuer_is_never_matched_by_the_token_of_another(trusting, issuer):
    api = trusting
    await trust(api.acme, issuer, issuer="https://github.acme.example/_services/token")
    assert "No trusted publisher" in await refused(api, issuer.token())
    await trust(api.acme, issuer, place="search")
    assert (await exchange(api, issuer.token())).json()["places"] == ["search"]


async def test_tob_pypi26_13_the_rights_of_a_team_do_not_outlive_the_team_nor_a_repository_its_owner(trusting, issuer):
    api = trusting
    ada = await add_person(api, api.acme, ADA)
    session = await sign_in(api, ADA)
    await api.acme.put("/v1/teams/pay", json={"display_name": "Pay"})
    await api.acme.put(f"/v1/teams/pay/members/{ada['id']}")
    await api.acme.post("/v1/namespace-grants", json={"namespace": "payments", "team": "pay"})
    assert (await session.post("/v1/plugins", json=HERE)).status_code == 201
    await api.acme.delete("/v1/teams/pay")
    await api.acme.put("/v1/teams/pay", json={"display_name": "Pay"})
    await api.acme.put(f"/v1/teams/pay/members/{ada['id']}")
    assert (await session.post("/v1/plugins/payments:pay/releases", json={"version": "1.0.0"})).status_code == 403
    await trust(api.acme, issuer)
    await refused(api, issuer.token(repository_owner_id="999", repository="others/pay"))


async def test_tob_pypi26_14_changes_of_switches_are_audited(api):
    await api.acme.put("/v1/automation/switches/rule:other", json={"reason": "a drill"})
    await api.acme.delete("/v1/automation/switches/rule:other")
    records = (await api.acme.get("/v1/audit?limit=500")).json()["items"]
    ours = [record for record in records if record["subject"].startswith("switch:")]
    assert len(ours) == 2 and all(record["actor"].startswith("token:") for record in ours)
