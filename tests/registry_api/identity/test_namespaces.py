"""Grants in namespaces: who has no tenant-wide right to publish does so where it was granted, and nowhere else."""

from datetime import timedelta

import pytest

from patchbay.core.clock import utcnow
from tests.registry_api.conftest import ANY
from tests.registry_api.identity.people import add_person, sign_in

HERE, THERE = {"namespace": "payments", "name": "pay"}, {"namespace": "search", "name": "find"}


async def grant(caller, **wanted):
    answer = await caller.post("/v1/namespace-grants", json={"namespace": "payments", **wanted})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
async def ada(api):
    return await add_person(api, api.acme, "ada@acme.example", role="viewer")


@pytest.fixture
async def adas(api, ada):
    return await sign_in(api, "ada@acme.example")


def refusal(answer):
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]


async def test_a_viewer_with_a_grant_publishes_there_and_only_there(api, ada, adas):
    assert refusal(await adas.post("/v1/plugins", json=HERE)) == (403, "forbidden")
    await grant(api.acme, user_id=ada["id"])
    assert (await adas.post("/v1/plugins", json=HERE)).status_code == 201
    assert refusal(await adas.post("/v1/plugins", json=THERE)) == (403, "namespace_not_granted")
    assert (await adas.get("/v1/plugins/search:find")).status_code == 404


async def test_no_way_of_changing_a_plugin_leads_around_the_grant(api, ada, adas):
    await api.acme.post("/v1/plugins", json=THERE)
    await grant(api.acme, user_id=ada["id"])
    path, match = "/v1/plugins/search:find", {"If-Match": "*"}
    for answer in (
        await adas.patch(path, json={"summary": "mine"}, headers=match),
        await adas.post(f"{path}/releases", json={"version": "1.0.0"}),
        await adas.delete(path),
    ):
        assert refusal(answer) == (403, "namespace_not_granted")
    kept = (await api.acme.get(path)).json()
    assert (kept["summary"], kept["latest_version"]) == (None, None)


async def test_a_batch_keeps_what_is_in_reach_and_refuses_the_rest_with_the_reason(api, ada, adas):
    await grant(api.acme, user_id=ada["id"])
    sent = (await adas.post("/v1/catalogue/batches", json={"plugins": [THERE, HERE]})).json()
    assert (sent["accepted"], sent["rejected"]) == (1, 1)
    [reject] = sent["rejects"]
    assert (reject["row_index"], reject["field"], reject["code"]) == (
        0,
        "/plugins/0/namespace",
        "namespace_not_granted",
    )
    assert (await api.acme.get("/v1/plugins/payments:pay")).status_code == 200
    assert (await api.acme.get("/v1/plugins/search:find")).status_code == 404


async def test_advisories_are_bound_to_the_namespace_too_and_those_on_hosts_need_the_tenant(api, ada, adas):
    await grant(api.acme, user_id=ada["id"])
    common = {"summary": "bad", "ranges": [{"last_version": "1.0.0"}]}
    batch = [
        {"external_id": "1", "subject_kind": "plugin", "subject_ref": "payments:pay", **common},
        {"external_id": "2", "subject_kind": "plugin", "subject_ref": "search:find", **common},
        {"external_id": "3", "subject_kind": "host", "subject_ref": "payments", **common},
    ]
    sent = (await adas.post("/v1/advisories/batches", json={"advisories": batch})).json()
    assert [(reject["row_index"], reject["code"]) for reject in sent["rejects"]] == [
        (1, "namespace_not_granted"),
        (2, "namespace_not_granted"),
    ]
    assert [item["external_id"] for item in (await api.acme.get("/v1/advisories")).json()["items"]] == ["1"]


async def test_a_team_holds_a_grant_for_those_who_are_in_it(api, ada, adas):
    assert (await api.acme.put("/v1/teams/pay", json={"display_name": "Pay"})).status_code == 201
    renamed = await api.acme.put("/v1/teams/pay", json={"display_name": "Payments"}, headers=ANY)
    assert (renamed.status_code, renamed.json()["revision"]) == (200, 2)
    assert (await api.acme.get("/v1/teams/pay")).json() == renamed.json()
    nobodys = await api.acme.put("/v1/teams/other", json={"display_name": "Other"}, headers=ANY)
    assert refusal(nobodys) == (412, "stale_revision")
    await grant(api.acme, team="pay")
    assert (await adas.post("/v1/plugins", json=HERE)).status_code == 403
    for _ in range(2):
        assert (await api.acme.put(f"/v1/teams/pay/members/{ada['id']}")).status_code == 204
    assert [one["email"] for one in (await api.acme.get("/v1/teams/pay/members")).json()["items"]] == [ada["email"]]
    assert (await adas.post("/v1/plugins", json=HERE)).status_code == 201
    for _ in range(2):
        assert (await api.acme.delete(f"/v1/teams/pay/members/{ada['id']}")).status_code == 204
    assert (await adas.post("/v1/plugins/payments:pay/releases", json={"version": "1.0.0"})).status_code == 403


async def test_nobody_puts_a_person_into_a_team_that_holds_what_they_do_not(api, ada):
    await api.acme.put("/v1/teams/pay", json={"display_name": "Pay"})
    given = await grant(api.acme, team="pay")
    clerk = api.client(await api.token(api.acme, scopes=["identity:write", "catalog:read"]))
    path = f"/v1/teams/pay/members/{ada['id']}"
    assert refusal(await clerk.put(path)) == (403, "cannot_grant")
    await api.acme.delete(f"/v1/namespace-grants/{given['id']}")
    assert (await clerk.put(path)).status_code == 204


async def test_a_token_holds_a_grant(api):
    made = (await api.acme.post("/v1/tokens", json={"name": "ci", "role": "viewer"})).json()
    await grant(api.acme, token_id=made["id"])
    ci = api.client(made["token"])
    assert (await ci.post("/v1/plugins", json=HERE)).status_code == 201
    assert refusal(await ci.post("/v1/plugins", json=THERE)) == (403, "namespace_not_granted")


async def test_a_grant_that_was_taken_back_or_expired_or_whose_team_is_gone_holds_no_more(api, ada, adas):
    await grant(api.acme, user_id=ada["id"], expires_at=(utcnow() - timedelta(seconds=1)).isoformat())
    assert (await adas.post("/v1/plugins", json=HERE)).status_code == 403
    taken = await grant(api.acme, user_id=ada["id"])
    await api.acme.put("/v1/teams/pay", json={"display_name": "Pay"})
    await api.acme.put(f"/v1/teams/pay/members/{ada['id']}")
    await grant(api.acme, team="pay")
    listed = (await api.acme.get("/v1/namespace-grants?namespace=payments")).json()["items"]
    assert len(listed) == 2 and listed[0] == taken, "the one that had ended made way"
    assert (await api.acme.delete(f"/v1/namespace-grants/{taken['id']}")).status_code == 204
    assert (await adas.post("/v1/plugins", json=HERE)).status_code == 201
    assert (await api.acme.delete("/v1/teams/pay")).status_code == 204
    assert (await adas.delete("/v1/plugins/payments:pay")).status_code == 403
    assert refusal(await api.acme.delete(f"/v1/namespace-grants/{taken['id']}")) == (404, "not_found")


async def test_a_grant_is_given_once_so_that_taking_it_back_takes_the_right(api, ada, adas):
    await api.acme.put("/v1/teams/pay", json={"display_name": "Pay"})
    token = (await api.acme.post("/v1/tokens", json={"name": "ci", "role": "viewer"})).json()
    for holder in ({"user_id": ada["id"]}, {"team": "pay"}, {"token_id": token["id"]}):
        given = await grant(api.acme, **holder)
        again = {"namespace": "payments", **holder}
        assert refusal(await api.acme.post("/v1/namespace-grants", json=again)) == (409, "conflict")
        await grant(api.acme, **holder | {"namespace": "search"})
        await api.acme.delete(f"/v1/namespace-grants/{given['id']}")
    assert refusal(await adas.post("/v1/plugins", json=HERE)) == (403, "namespace_not_granted")


async def test_a_grant_in_a_namespace_opens_no_other_route(api, ada, adas):
    await grant(api.acme, user_id=ada["id"])
    assert refusal(await adas.get("/v1/users")) == (403, "forbidden")
    assert refusal(await adas.post("/v1/targets/batches", json={"targets": []})) == (403, "forbidden")


async def test_a_grant_is_for_one_holder_of_this_tenant(api, ada):
    for holders in ({}, {"user_id": ada["id"], "team": "pay"}):
        answer = await api.acme.post("/v1/namespace-grants", json={"namespace": "payments", **holders})
        assert refusal(answer) == (400, "invalid_request")
    token = (await api.acme.post("/v1/tokens", json={"name": "ci", "role": "viewer"})).json()
    for holder in ({"user_id": ada["id"]}, {"token_id": token["id"]}, {"team": "nowhere"}):
        answer = await api.globex.post("/v1/namespace-grants", json={"namespace": "payments", **holder})
        assert refusal(answer) == (404, "not_found")


async def test_nobody_grants_what_they_do_not_hold(api, ada):
    clerk = api.client(await api.token(api.acme, scopes=["identity:write", "identity:read"]))
    answer = await clerk.post("/v1/namespace-grants", json={"namespace": "payments", "user_id": ada["id"]})
    assert refusal(answer) == (403, "cannot_grant")


async def test_changes_of_teams_and_grants_are_audited(api, ada):
    await api.acme.put("/v1/teams/pay", json={"display_name": "Pay"})
    await api.acme.put("/v1/teams/pay", json={"display_name": "Pay"}, headers=ANY)
    await api.acme.put(f"/v1/teams/pay/members/{ada['id']}")
    made = await grant(api.acme, team="pay")
    await api.acme.delete(f"/v1/namespace-grants/{made['id']}")
    await api.acme.delete("/v1/teams/pay")
    actions = [record["action"] for record in (await api.acme.get("/v1/audit?limit=500")).json()["items"]]
    ours = [action for action in actions if action.startswith(("team.", "namespace."))]
    assert sorted(ours) == sorted(
        ["team.created", "team.member_added", "namespace.granted", "namespace.grant_ended", "team.deleted"]
    )
