"""The table of permissions: whole, and asked for by every route."""

import pytest

from registry_api.access import reading
from registry_api.identity import roles
from registry_api.identity.schemas import NewToken
from registry_api.routers import PUBLIC_ROUTES, ROUTERS

ROUTES = {route.name: route for router in ROUTERS for route in router.routes}
ASKED = {route.required_scope for route in ROUTES.values()}


def test_every_route_declares_its_permission():
    assert {name for name, route in ROUTES.items() if route.required_scope is None} == PUBLIC_ROUTES


def test_a_route_that_asks_for_no_scope_there_is_or_would_answer_a_recorded_read_unrecorded_cannot_be_declared():
    with pytest.raises(ValueError, match="catalogue:read is not a scope"):
        reading("catalogue:read")
    with pytest.raises(ValueError, match="without being recorded"):
        reading("audit:read", sensitive=True, cached=True)


def test_every_scope_is_asked_for_by_a_route_or_is_known_not_to_be():
    assert roles.SCOPES - ASKED == roles.UNASKED
    assert ASKED - roles.SCOPES - {None} == {roles.ANYONE}


def test_every_role_and_scope_is_explained_and_nothing_else():
    assert set(roles.ROLE_WORDS) == set(roles.ROLE_SCOPES)
    assert set(roles.SCOPE_WORDS) == set(roles.SCOPES)


def test_every_role_of_the_table_can_be_given():
    for role in roles.ROLE_SCOPES:
        assert NewToken(name="x", role=role).role == role


@pytest.mark.parametrize("kind", ["security", "architecture", "business"])
async def test_a_reviewer_reads_evidence_and_publishes_nothing(api, kind):
    reviewer = api.client(await api.token(api.acme, role=f"reviewer_{kind}"))
    assert f"review:{kind}" in (await reviewer.get("/v1/me")).json()["scopes"]
    assert (await reviewer.get("/v1/audit")).status_code == 200
    refused = await reviewer.post("/v1/plugins", json={"namespace": "a", "name": "b"})
    assert (refused.status_code, refused.json()["type"].split("/")[-1]) == (403, "forbidden")
