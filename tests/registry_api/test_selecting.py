"""Answers in part and with more: only what was asked for is answered, and looked up."""

import pytest

from tests.registry_api.insights_data import publish, risk
from tests.registry_api.steps import statements
from tests.registry_api.test_problems import problem

INCLUDED = "latest_release,risk,adoption"


def document(name, *versions, **fields):
    return {"namespace": "acme", "name": name, "releases": [{"version": one} for one in versions], **fields}


@pytest.fixture
async def shelf(api):
    """Three plugins: git is on a target, has a risk, an advisory and a dependant; mail has neither release nor risk."""
    needing = document("lab", labels=["ui"])
    needing["releases"] = [{"version": "1.0.0", "dependencies": [{"ref": "acme:git"}]}]
    plugins = [document("git", "1.0.0", "1.1.0", labels=["scm"]), needing, document("mail")]
    advisory = {"external_id": "A-1", "subject_kind": "plugin", "subject_ref": "acme:git", "summary": "Leaks"}
    seen = {"target": "t", "plugin": "acme:git", "event": "added", "source": "x", "occurred_at": "2026-01-01T00:00:00Z"}
    for path, body in (
        ("/v1/catalogue/batches", {"plugins": plugins}),
        ("/v1/advisories/batches", {"advisories": [advisory | {"ranges": [{"last_version": "1.0.0"}]}]}),
        ("/v1/targets/batches", {"targets": [{"name": "t", "environment": "dev", "kind": "ci"}]}),
        ("/v1/observations/installations", {"observations": [seen]}),
    ):
        assert (await api.acme.post(path, json=body)).json()["rejected"] == 0
    tenant = (await api.acme.get("/v1/me")).json()["tenant"]["id"]
    git = (await api.acme.get("/v1/plugins/acme:git")).json()
    await publish(api.service, "risk", [risk(git["id"], 80, tenant_id=tenant)])
    return git


async def test_a_part_has_the_fields_that_were_asked_for_and_a_tag_of_its_own(api, shelf):
    whole = await api.acme.get("/v1/plugins/acme:git")
    part = await api.acme.get("/v1/plugins/acme:git?fields=ref,latest_version&fields=labels")
    assert part.json() == {"ref": "acme:git", "latest_version": "1.1.0", "labels": ["scm"]}
    assert part.headers["etag"] != whole.headers["etag"]
    same = await api.acme.get(
        "/v1/plugins/acme:git?fields=ref,latest_version&fields=labels", headers={"If-None-Match": part.headers["etag"]}
    )
    assert same.status_code == 304
    changed = await api.acme.patch(
        "/v1/plugins/acme:git", json={"title": "G"}, headers={"If-Match": part.headers["etag"]}
    )
    assert changed.status_code == 200
    page = (await api.acme.get("/v1/plugins?namespace=acme&fields=name&limit=2")).json()
    assert page["items"] == [{"name": "git"}, {"name": "lab"}] and page["next"]


async def test_what_is_not_asked_for_is_not_looked_up(api, shelf):
    whole = await statements(api, api.acme, "/v1/plugins?namespace=acme")
    part = await statements(api, api.acme, "/v1/plugins?namespace=acme&fields=ref,title")
    assert len(whole) - len(part) == 3
    releases = [await statements(api, api.acme, f"/v1/plugins/acme:git/releases{q}") for q in ("", "?fields=version")]
    assert len(releases[0]) - len(releases[1]) == 1


UNKNOWN = {
    "fields=ref,titel": ("fields", "Did you mean title?"),
    "fields=": ("fields", "Known are: "),
    "fields=risk": ("fields", "has no 'risk'"),
    "include=risks": ("include", "Did you mean risk?"),
    "include=releases": ("include", "latest_release"),
}


async def test_names_that_are_not_in_the_closed_lists_are_refused(api):
    for query, (pointer, hint) in UNKNOWN.items():
        [error] = problem(await api.acme.get(f"/v1/plugins?{query}"), 400, "invalid_request")["errors"]
        assert (error["pointer"], error["code"]) == (pointer, "unknown_name") and hint in error["detail"]


async def test_a_list_includes_for_all_its_plugins_at_once(api, shelf):
    plain = (await api.acme.get("/v1/plugins?namespace=acme")).json()["items"]
    assert not plain[0].keys() & set(INCLUDED.split(","))
    git, lab, mail = (await api.acme.get(f"/v1/plugins?namespace=acme&include={INCLUDED}")).json()["items"]
    assert git["latest_release"] == (await api.acme.get("/v1/plugins/acme:git/releases/1.1.0?fields=" + RELEASE)).json()
    assert git["risk"] == (await api.acme.get("/v1/plugins/acme:git/risk")).json()
    assert [one["adoption"] for one in (git, lab, mail)] == [1, 0, 0]
    assert (lab["risk"], mail["latest_release"]) == (None, None)
    few = await statements(api, api.acme, f"/v1/plugins?limit=40&namespace=acme&include={INCLUDED}")
    one = await statements(api, api.acme, f"/v1/plugins?name=git&namespace=acme&include={INCLUDED}")
    assert len(few) == len(one)


RELEASE = (
    "id,plugin_id,version,version_scheme,sort_key,prerelease,requires_host,artifact_url,digest,size_bytes,yanked,blocked,"
    "released_at,recorded_at"
)


async def test_a_plugin_includes_the_beginnings_of_its_lists(api, shelf):
    parts = ("releases", "dependencies", "dependants", "advisories")
    for name in ("git", "lab", "mail"):
        whole = (await api.acme.get(f"/v1/plugins/acme:{name}?include={','.join(parts)}&fields=ref")).json()
        assert whole.keys() == {"ref", *parts}
        for part in parts:
            listed = (await api.acme.get(f"/v1/plugins/acme:{name}/{part}")).json()
            assert whole[part] == {"items": listed["items"], "more": None}, (name, part)


async def test_what_is_included_is_bounded_and_leads_to_its_list(api):
    many = document("many", *(f"1.0.{n}" for n in range(101)))
    made = (await api.acme.post("/v1/plugins", json=many)).json()
    found = (await api.acme.get("/v1/plugins/acme:many?include=releases")).json()["releases"]
    assert len(found["items"]) == 100 and found["items"][0]["version"] == "1.0.100"
    assert found["more"] == f"/v1/plugins/{made['id']}/releases"
    assert (await api.acme.get(found["more"])).json()["items"][0] == found["items"][0]


async def test_a_target_includes_what_is_on_it(api, shelf):
    assert "installations" not in (await api.acme.get("/v1/targets/t")).json()
    whole = (await api.acme.get("/v1/targets/t?include=installations")).json()
    assert whole["installations"]["items"] == (await api.acme.get("/v1/targets/t/installations")).json()["items"]


async def test_what_is_included_needs_the_scope_it_needs_by_itself(api, shelf):
    reader = api.client(await api.token(api.acme, scopes=["catalog:read"]))
    for path in ("/v1/plugins", "/v1/plugins/acme:git"):
        assert (await reader.get(f"{path}?include=latest_release")).status_code == 200
        for name, scope in (("risk", "insights:read"), ("adoption", "installs:read")):
            refused = problem(await reader.get(f"{path}?include=latest_release,{name}"), 403, "forbidden")
            assert scope in refused["detail"]


async def test_what_is_included_shows_nothing_of_other_tenants(api, shelf):
    public = {"namespace": "pub", "name": "base", "releases": [{"version": "1.0.0"}]}
    await api.operator.post("/v1/plugins", json=public)
    for caller, name in ((api.acme, "ours"), (api.globex, "theirs")):
        needing = {"namespace": name, "name": name, "visibility": "private"}
        releases = [{"version": "1.0.0", "dependencies": [{"ref": "pub:base"}]}]
        await caller.post("/v1/plugins", json=needing | {"releases": releases})
        await caller.post("/v1/targets/batches", json={"targets": [{"name": name, "environment": "dev", "kind": "ci"}]})
        at = {"event": "added", "source": "x", "occurred_at": "2026-01-01T00:00:00Z"}
        seen = {"target": name, "plugin": "pub:base", **at}
        await caller.post("/v1/observations/installations", json={"observations": [seen]})
    found = (await api.globex.get("/v1/plugins/pub:base?include=dependants,adoption")).json()
    assert [one["ref"] for one in found["dependants"]["items"]] == ["theirs:theirs"] and found["adoption"] == 1
    both = (await api.operator.get("/v1/plugins/pub:base?include=adoption")).json()
    assert both["adoption"] == 2
