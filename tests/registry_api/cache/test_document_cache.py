"""The document cache from outside: the same answers, and nobody gets one who should not."""

from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import make_url

from patchbay.core.clock import utcnow
from registry_api.cache import layer
from registry_api.identity import authentication
from tests.registry_api.cache.reads import counted, seen
from tests.registry_api.conftest import ANY, running

PATH = "/v1/plugins/n:p"
DOCUMENT = {"namespace": "n", "name": "p", "summary": "words " * 300, "releases": [{"version": "1.0.0"}]}


@pytest.fixture
async def plugin(api):
    """A plugin of one name in two tenants, each with its tenant's word in it."""
    for caller, word in ((api.acme, "acme-canary"), (api.globex, "globex-canary")):
        assert (await caller.post("/v1/plugins", json={**DOCUMENT, "title": word})).status_code == 201


async def test_an_answer_comes_again_byte_for_byte_packed_and_conditional_too(api, plugin):
    for headers in ({}, {"Accept-Encoding": "zstd"}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}):
        first, again = [await api.acme.get(PATH, headers=headers) for _ in range(2)]
        assert first.status_code == 200 and seen(first) == seen(again)
        known = {**headers, "If-None-Match": first.headers["etag"]}
        first, again = [await api.acme.get(PATH, headers=known) for _ in range(2)]
        assert first.status_code == 304 and seen(first) == seen(again)
    assert await counted(api, "hit") >= 8


async def test_what_is_of_one_request_is_not_kept(api, plugin):
    first, again = [await api.acme.get(PATH, headers={"X-Request-Id": f"r{n}"}) for n in range(2)]
    assert (first.headers["x-request-id"], again.headers["x-request-id"]) == ("r0", "r1")
    assert first.headers["traceparent"] != again.headers["traceparent"]
    assert await counted(api, "hit") == 1
    text = (await api.nobody.get("/metrics")).text
    assert 'patchbay_requests_total{method="GET",route="/v1/plugins/{plugin}",status="200"} 2.0' in text


async def test_no_tenant_gets_the_answer_of_another_and_no_secret_is_kept(api, plugin):
    for _ in range(2):
        for caller, own, others in (
            (api.acme, "acme-canary", "globex-canary"),
            (api.globex, "globex-canary", "acme-canary"),
        ):
            text = (await caller.get(PATH)).text
            assert own in text and others not in text
    assert await counted(api, "hit") == 2
    kept = repr(vars(api.app.state.kept.callers)) + repr(vars(api.app.state.kept.documents))
    assert PATH in kept
    assert not any(token in kept for token in api.tokens.values())


async def test_a_kept_answer_needs_the_routes_scope(api, plugin):
    other = api.client(await api.token(api.acme, scopes=["usage:read"]))
    assert (await api.acme.get(PATH)).status_code == (await api.acme.get(PATH)).status_code == 200
    assert [(await other.get(PATH)).status_code for _ in range(2)] == [403, 403]
    assert (await api.nobody.get(PATH)).status_code == 401
    assert (await api.client(api.tokens["acme"][:-1] + "x").get(PATH)).status_code == 401


async def test_a_revoked_token_is_refused_at_the_next_request(api, plugin):
    made = (await api.acme.post("/v1/tokens", json={"name": "t", "role": "viewer"})).json()
    caller = api.client(made["token"])
    assert [(await caller.get(PATH)).status_code for _ in range(3)] == [200] * 3
    assert await counted(api, "hit") == 2
    assert (await api.acme.delete(f"/v1/tokens/{made['id']}")).status_code == 204
    assert (await caller.get(PATH)).status_code == 401


async def test_a_person_who_signs_out_or_is_disabled_is_refused_at_the_next_request(api, plugin):
    person = {"email": "p@acme.example", "display_name": "P", "role": "viewer", "password": "correct horse battery"}
    user = (await api.acme.post("/v1/users", json=person)).json()
    login = {"email": person["email"], "password": person["password"]}
    first, second = [api.client((await api.nobody.post("/v1/sessions", json=login)).json()["token"]) for _ in range(2)]
    for caller in (first, second):
        assert [(await caller.get(PATH)).status_code for _ in range(2)] == [200, 200]
    assert (await first.delete("/v1/sessions/current")).status_code == 204
    assert [(await caller.get(PATH)).status_code for caller in (first, second, second)] == [401, 200, 200]
    assert (
        await api.acme.patch(f"/v1/users/{user['id']}", json={"status": "disabled"}, headers=ANY)
    ).status_code == 200
    assert (await second.get(PATH)).status_code == 401


async def test_a_token_that_ends_by_time_is_refused_though_nothing_changed(api, plugin, monkeypatch):
    wanted = {"name": "short", "scopes": ["catalog:read"], "expires_in_minutes": 5}
    caller = api.client((await api.acme.post("/v1/tokens/narrower", json=wanted)).json()["token"])
    assert [(await caller.get(PATH)).status_code for _ in range(3)] == [200] * 3
    assert await counted(api, "hit") == 2
    for module in (layer, authentication):
        monkeypatch.setattr(module, "utcnow", lambda: utcnow() + timedelta(minutes=6))
    assert (await caller.get(PATH)).status_code == 401


async def test_a_rotated_secret_ends_with_its_overlap(api, plugin, monkeypatch):
    made = (await api.acme.post("/v1/tokens", json={"name": "t", "role": "viewer"})).json()
    assert (await api.acme.post(f"/v1/tokens/{made['id']}/rotate", json={"overlap_minutes": 5})).status_code == 200
    caller = api.client(made["token"])
    assert [(await caller.get(PATH)).status_code for _ in range(2)] == [200, 200]
    for module in (layer, authentication):
        monkeypatch.setattr(module, "utcnow", lambda: utcnow() + timedelta(minutes=6))
    assert (await caller.get(PATH)).status_code == 401


async def test_requests_over_a_limit_are_refused_from_the_cache_too(registry):
    settings, tokens = registry
    async with running(settings.model_copy(update={"rate_limit_token": 3}), tokens) as api:
        assert (await api.acme.post("/v1/plugins", json=DOCUMENT)).status_code == 201
        answers = [await api.acme.get(PATH) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].json()["type"].endswith("/rate_limited") and answers[2].headers["retry-after"]


async def test_who_reads_every_tenant_or_acts_in_another_is_never_answered_from_it(api, plugin):
    for _ in range(2):
        assert (await api.service.get("/v1/labels")).status_code == 200
        assert (await api.operator.get(PATH, headers={"Patchbay-Tenant": "acme"})).status_code == 200
    assert await counted(api, "hit") == await counted(api, "miss") == 0


async def test_it_can_be_switched_off_and_never_takes_more_than_it_was_given(registry):
    settings, tokens = registry
    async with running(settings.model_copy(update={"document_cache_mb": 0}), tokens) as api:
        await api.acme.post("/v1/plugins", json=DOCUMENT)
        assert [(await api.acme.get(PATH)).status_code for _ in range(2)] == [200, 200]
        assert await counted(api, "hit") == await counted(api, "miss") == 0
    async with running(settings.model_copy(update={"document_cache_mb": 1}), tokens) as api:
        documents = api.app.state.kept.documents
        documents.most = 40_000
        for number in range(40):
            assert (await api.acme.get(f"/v1/plugins?name={number}")).status_code == 200
            assert 0 <= documents.weight <= 40_000
        assert documents.weight > 30_000


async def test_nothing_is_answered_from_it_while_the_revision_cannot_be_told(api, plugin, request):
    assert [(await api.acme.get(PATH)).status_code for _ in range(2)] == [200, 200]
    if not api.is_postgres:
        await api.app.state.fence.close()
        assert (await api.acme.get(PATH)).status_code == 200
    else:
        name = make_url(api.settings.resolved_database_url).database
        with psycopg.connect(request.getfixturevalue("postgres_server").get_uri(), autocommit=True) as server:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            refused = await api.acme.get(PATH)
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        assert refused.status_code == 503 and refused.headers["retry-after"]
    assert (await counted(api, "hit"), await counted(api, "unchecked")) == (1, 1)
    assert (await api.acme.get(PATH)).status_code == 200
