"""What a grant allows beside reading, and what stays of it when it has ended."""

from tests.registry_api.catalog.sharing.support import CANARY, REF


async def test_a_grant_for_reading_lets_nobody_install_or_report(scene):
    grant = await scene.give(scope="read")
    answer = await scene.install_check(scene.api.globex)
    assert (answer["allowed"], answer["reason"]) == (False, f"{REF} is shared with this tenant for reading only.")
    assert (await scene.observe(scene.api.globex))["rejects"][0]["code"] == "unknown_plugin"
    assert (await scene.use(scene.api.globex, "first"))["rejects"][0]["code"] == "unknown_plugin"
    await scene.change(scene.api.acme, f"/v1/plugins/{REF}/grants/{grant['id']}", {"scope": "install"})
    assert (await scene.install_check(scene.api.globex))["allowed"]
    assert (await scene.observe(scene.api.globex))["created"] == 1
    assert (await scene.use(scene.api.globex, "second"))["accepted"] == 1


async def test_what_was_installed_stays_known_and_may_be_reported_on_and_nothing_new_may_be_installed(scene):
    api = scene.api
    given = {slug: await scene.give(slug, scope="install") for slug in ("globex", "initech")}
    assert (await scene.observe(api.globex))["created"] == 1
    installed = (await api.globex.get("/v1/targets/ci/installations")).json()["items"]

    for end in ("private", "expired", "revoked"):
        if end == "private":
            await scene.show("private")
        elif end == "expired":
            await scene.show("shared")
            await scene.lapse(given["globex"])
        else:
            await scene.revoke(given["globex"])
            await scene.revoke(given["initech"])
        assert (await api.globex.get("/v1/targets/ci/installations")).json()["items"] == installed
        assert (await api.globex.get(f"/v1/plugins/{REF}")).status_code == 404
        for named in (REF, scene.plugin):
            answer = await scene.install_check(api.globex, named)
            assert (answer["status"], answer["allowed"]) == (200, False)
            assert answer["reason"] == f"{REF} is no longer shared with this tenant."
        assert (await scene.observe(api.globex, "present"))["created"] == 1, end
        assert (await scene.use(api.globex, end))["accepted"] == 1, end
        counted = (await api.globex.get("/v1/usage/counters")).json()["items"]
        assert {row["plugin_id"] for row in counted} == {scene.plugin}
        installed = (await api.globex.get("/v1/targets/ci/installations")).json()["items"]
        assert [(row["ref"], row["version"]) for row in installed] == [(REF, "1.0.0")]

    # Who had the grant and never installed anything has nothing to report.
    assert (await scene.observe(scene.third))["rejects"][0]["code"] == "unknown_plugin"
    assert (await scene.observe(api.globex, "removed"))["created"] == 1
    assert (await api.globex.get("/v1/targets/ci/installations")).json()["items"] == []


async def test_a_plugin_that_a_grantee_observed_or_may_have_used_is_not_deleted_and_another_goes_with_its_grants(scene):
    api = scene.api
    await scene.give(scope="install")
    assert (await scene.use(api.globex, "used"))["accepted"] == 1
    assert (await api.acme.delete(f"/v1/plugins/{REF}")).json()["type"].endswith("plugin_in_use")
    other = {"namespace": CANARY, "name": "other", "visibility": "shared"}
    other_id = (await api.acme.post("/v1/plugins", json=other)).json()["id"]
    body = {"tenants": [scene.ids["initech"]], "scope": "install"}
    assert (await api.acme.post(f"/v1/plugins/{other_id}/grants", json=body)).status_code == 201
    assert (await api.acme.delete(f"/v1/plugins/{other_id}")).status_code == 204
    assert (await scene.third.get("/v1/received-grants")).json()["items"] == []
    records = (await scene.third.get("/v1/audit?action=grant.ended")).json()["items"]
    assert [record["subject"] for record in records] == [f"plugin:{other_id}"]
