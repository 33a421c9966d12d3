"""People and their memberships."""

import asyncio

GRACE = {"email": "grace@acme.example", "display_name": "Grace", "role": "viewer"}


async def test_an_added_person_is_listed_in_that_tenant_only(api):
    made = await api.acme.post("/v1/users", json=GRACE)
    assert made.status_code == 201
    (listed,) = (await api.acme.get("/v1/users")).json()["items"]
    assert (listed["email"], listed["role"], listed["status"]) == ("grace@acme.example", "viewer", "active")
    assert (await api.globex.get("/v1/users")).json() == {"items": [], "next": None, "prev": None}
    read = await api.acme.get(f"/v1/users/{listed['id']}")
    assert read.json() == listed == made.json() and read.headers["etag"].startswith('"1')
    assert (await api.globex.get(f"/v1/users/{listed['id']}")).status_code == 404


async def test_the_same_person_cannot_be_added_twice(api):
    await api.acme.post("/v1/users", json=GRACE)
    again = await api.acme.post("/v1/users", json={**GRACE, "email": "GRACE@acme.example"})
    assert (again.status_code, again.json()["type"].split("/")[-1]) == (409, "already_member")


async def test_nobody_sets_the_password_of_an_account_that_exists(api):
    await api.acme.post("/v1/users", json={**GRACE, "password": "correct horse battery"})
    taken = await api.acme.post("/v1/users", json={**GRACE, "password": "hostile takeover!"})
    assert (taken.status_code, taken.json()["type"].split("/")[-1]) == (409, "already_member")
    login = {"email": GRACE["email"], "password": "hostile takeover!"}
    assert (await api.nobody.post("/v1/sessions", json=login)).status_code == 401


async def test_of_two_equal_requests_at_once_one_makes_the_account_and_the_other_is_told(api):
    answers = await asyncio.gather(*(api.acme.post("/v1/users", json=GRACE) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


async def test_a_role_above_the_callers_own_cannot_be_given(api):
    limited = api.client(await api.token(api.acme, scopes=["identity:write", "catalog:read"]))
    assert (await limited.post("/v1/users", json={**GRACE, "role": "tenant_admin"})).status_code == 403
    assert (await api.acme.post("/v1/users", json={**GRACE, "role": "platform_admin"})).status_code == 422


async def test_short_passwords_and_bad_addresses_are_refused(api):
    answer = await api.acme.post("/v1/users", json={**GRACE, "email": "grace", "password": "short"})
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/email", "/password"}
    assert "short" not in answer.json()["errors"][1]["detail"].replace("shorter", "")
