"""Requests are limited per address, token and tenant, and every answer says how much is left."""

import shutil
import tempfile
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from registry_api.limits import service
from registry_api.limits.addresses import client_address, limited_as
from registry_api.limits.service import LOGIN, UNLIMITED
from registry_api.routers import PUBLIC_ROUTES
from tests.registry_api.conftest import ANY, BASE, running
from tests.registry_api.limits.redis_server import RedisServer
from tests.registry_api.test_problems import problem


@pytest.fixture
def redis_server():
    folder = Path(tempfile.mkdtemp(prefix="pb-redis-", dir="/tmp"))
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest.fixture(params=["in process", "redis"])
def kept(request):
    """Settings of where limits are kept."""
    if request.param == "in process":
        return {}
    return {"redis_url": SecretStr(request.getfixturevalue("redis_server").url)}


@pytest.fixture
def limited(registry, kept):
    """Starts the application with other limits."""
    settings, tokens = registry
    return lambda **changes: running(settings.model_copy(update={**kept, **changes}), tokens)


def from_address(api, address: str, token: str | None = None, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(api.app, raise_app_exceptions=False, client=(address, 1))
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(transport=transport, base_url=BASE, headers={**bearer, **headers})


def test_every_public_route_is_limited_by_address_or_called_by_probes():
    assert UNLIMITED <= PUBLIC_ROUTES
    by_address = {"read_problem", "get_document", "report_leaked_tokens", "exchange_ci_token"}
    assert {LOGIN, *by_address} == PUBLIC_ROUTES - UNLIMITED


async def test_every_answer_tells_each_limit_and_what_is_left_of_it(limited):
    async with limited(rate_limit_token=10, rate_limit_tenant=20, rate_limit_address=30) as api:
        answer = await api.acme.get("/v1/me")
    assert answer.headers["ratelimit-policy"] == '"address";q=30;w=60, "token";q=10;w=60, "tenant";q=20;w=60'
    assert answer.headers["ratelimit"] == '"address";r=29;t=2, "token";r=9;t=6, "tenant";r=19;t=3'


async def test_a_plan_limits_the_requests_of_all_tokens_of_its_tenant_and_is_named(limited):
    async with limited() as api:
        change = {"quotas": {"requests_per_minute": 3}}
        assert (await api.operator.patch("/v1/tenants/acme", json=change, headers=ANY)).status_code == 200
        made = await api.acme.post("/v1/tokens", json={"name": "second", "role": "viewer"})
        second = from_address(api, "198.51.100.7", made.json()["token"])
        assert [(await caller.get("/v1/me")).status_code for caller in (api.acme, second)] == [200, 200]
        body = problem(await second.get("/v1/me"), 429, "rate_limited")
        assert [error["pointer"] for error in body["errors"]] == ["requests_per_minute"]
        assert (await api.globex.get("/v1/me")).status_code == 200


async def test_a_plan_larger_than_the_clock_tells_apart_limits_nobody(limited):
    async with limited() as api:
        change = {"quotas": {"requests_per_minute": 2**53 - 1}}
        assert (await api.operator.patch("/v1/tenants/acme", json=change, headers=ANY)).status_code == 200
        assert (await api.acme.get("/v1/me")).status_code == 200


async def test_errors_tell_them_too(limited):
    async with limited(rate_limit_address=30) as api:
        answer = await api.nobody.get("/v1/me")
        assert answer.status_code == 401 and answer.headers["ratelimit"].startswith('"address";r=29')
        refused = await api.acme.get("/v1/me?x=1")
        assert refused.status_code == 400 and "ratelimit-policy" in refused.headers


async def test_a_token_over_its_limit_is_told_which_limit_and_when_to_come_again(limited):
    async with limited(rate_limit_token=2) as api:
        assert [(await api.acme.get("/v1/me")).status_code for _ in range(2)] == [200, 200]
        refused = await api.acme.get("/v1/me")
        body = problem(refused, 429, "rate_limited")
        assert refused.headers["retry-after"] == "30"
        assert [error["pointer"] for error in body["errors"]] == ["token"]
        assert "2 requests with this token in 60 s" in body["detail"]
        assert '"token";r=0' in refused.headers["ratelimit"]
        assert (await api.globex.get("/v1/me")).status_code == 200


async def test_a_refused_write_has_no_effect(limited):
    async with limited(rate_limit_token=1) as api:
        await api.acme.get("/v1/me")
        body = {"namespace": "acme", "name": "git"}
        problem(await api.acme.post("/v1/plugins", json=body), 429, "rate_limited")
    async with limited() as api:
        assert (await api.acme.get("/v1/plugins")).json()["items"] == []


async def test_all_tokens_of_a_tenant_share_its_limit(limited):
    async with limited(rate_limit_tenant=4) as api:
        others = [api.client(await api.token(api.acme, role="viewer")) for _ in range(2)]
        answers = [await other.get("/v1/me") for other in others] + [await api.acme.get("/v1/me")]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [error["pointer"] for error in answers[-1].json()["errors"]] == ["tenant"]
        assert (await api.globex.get("/v1/me")).status_code == 200


async def test_an_address_is_limited_before_its_token_is_looked_at(limited):
    async with limited(rate_limit_address=2) as api:
        here, there = from_address(api, "192.0.2.1"), from_address(api, "192.0.2.2")
        assert [(await here.get("/v1/me")).status_code for _ in range(3)] == [401, 401, 429]
        assert (await there.get("/v1/me")).status_code == 401


async def test_paths_that_are_not_there_and_wrong_methods_count_for_their_address(limited):
    async with limited(rate_limit_address=4) as api:
        here, there = from_address(api, "192.0.2.1"), from_address(api, "192.0.2.2")
        answers = [await here.get("/wp-login.php"), await here.get("/v1/plugins/"), await here.put("/v1/me")]
        assert [answer.status_code for answer in answers] == [404, 404, 405]
        assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=3", "r=2", "r=1"]
        assert (await here.get("/v1/me")).headers["ratelimit"].startswith('"address";r=0')
        for refused in (await here.get("/wp-login.php"), await here.put("/v1/me")):
            assert problem(refused, 429, "rate_limited")["errors"][0]["pointer"] == "address"
            assert int(refused.headers["retry-after"]) >= 1
        assert (await there.get("/v1/nothing")).status_code == 404


async def test_who_is_refused_for_their_token_has_counted_for_their_address(limited):
    async with limited(rate_limit_token=1, rate_limit_address=10) as api:
        told = [await api.acme.get("/v1/webhook-events") for _ in range(3)]
        assert [answer.status_code for answer in told] == [200, 429, 429]
        assert [answer.headers["ratelimit"].split(",")[0].split(";")[1] for answer in told] == ["r=9", "r=8", "r=7"]


async def test_sign_ins_have_a_limit_of_their_own(limited):
    async with limited(rate_limit_login=3) as api:
        here, there = from_address(api, "192.0.2.1"), from_address(api, "192.0.2.2")
        wrong = {"email": "ada@acme.example", "password": "guess"}
        assert [(await here.post("/v1/sessions", json=wrong)).status_code for _ in range(4)] == [401, 401, 401, 429]
        assert (await there.post("/v1/sessions", json=wrong)).status_code == 401
        assert (await here.get("/v1/me")).status_code == 401


async def test_probes_are_never_refused_and_limits_can_be_turned_off(limited):
    off = dict.fromkeys(("rate_limit_token", "rate_limit_tenant", "rate_limit_address", "rate_limit_login"), 0)
    async with limited(rate_limit_address=1) as api:
        assert [(await api.nobody.get("/healthz")).status_code for _ in range(3)] == [200] * 3
    async with limited(**off) as api:
        answer = await api.acme.get("/v1/me")
        assert answer.status_code == 200 and "ratelimit" not in answer.headers


async def test_while_redis_is_away_limits_hold_per_process_and_nothing_fails(registry, redis_server, monkeypatch):
    settings, tokens = registry
    monkeypatch.setattr(service, "PAUSE_SECONDS", 0.0)
    changes = {"redis_url": SecretStr(redis_server.url), "rate_limit_token": 3, "rate_limit_login": 2}
    async with running(settings.model_copy(update=changes), tokens) as api:
        assert '"token";r=2' in (await api.acme.get("/v1/me")).headers["ratelimit"]
        redis_server.kill()
        statuses = [(await api.acme.get("/v1/me")).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        wrong = {"email": "ada@acme.example", "password": "guess"}
        assert [(await api.nobody.post("/v1/sessions", json=wrong)).status_code for _ in range(3)] == [401, 401, 429]
        redis_server.start()
        assert '"token";r=2' in (await api.acme.get("/v1/me")).headers["ratelimit"]


async def test_how_much_of_a_tenants_limit_is_used_is_told_without_using_it(limited):
    async with limited(rate_limit_tenant=10) as api:
        for _ in range(5):
            await api.acme.get("/v1/me")
        for _ in range(3):
            [used] = [
                row["used"]
                for row in (await api.operator.get("/v1/tenants/acme/usage")).json()["quotas"]
                if row["quota"] == "requests_per_minute"
            ]
            assert 3 <= used <= 5
    async with limited(rate_limit_tenant=0) as api:
        rows = {row["quota"]: row for row in (await api.acme.get("/v1/tenants/acme/usage")).json()["quotas"]}
        assert rows["requests_per_minute"]["used"] is None


async def test_a_redis_that_is_away_is_left_alone_for_a_while(registry, redis_server):
    settings, tokens = registry
    redis_server.kill()
    changed = settings.model_copy(update={"redis_url": SecretStr(redis_server.url), "rate_limit_token": 100})
    async with running(changed, tokens) as api:
        await api.acme.get("/v1/me")
        redis_server.start()
        remaining = (await api.acme.get("/v1/me")).headers["ratelimit"]
        assert '"token";r=98' in remaining  # still counted in process


def seen(host: str | None, forwarded: str) -> dict[str, object]:
    """As much of a request as an address takes."""
    lines = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return {"type": "http", "client": None if host is None else (host, 1), "headers": lines}


@pytest.mark.parametrize(
    ("host", "forwarded", "trusted", "address"),
    [
        ("192.0.2.1", "", (), "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", (), "192.0.2.1"),
        ("10.0.0.1", "198.51.100.7", ("10.0.0.0/8",), "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2", ("10.0.0.0/8",), "198.51.100.7"),
        ("192.0.2.1", "198.51.100.7", ("10.0.0.0/8",), "192.0.2.1"),
        ("10.0.0.1", "nonsense, 10.0.0.2", ("10.0.0.0/8",), "10.0.0.2"),
        ("::ffff:192.0.2.1", "", (), "192.0.2.1"),
        (None, "198.51.100.7", ("10.0.0.0/8",), "unknown"),
        ("testclient", "", (), "unknown"),
    ],
)
def test_only_what_trusted_proxies_wrote_is_believed(host, forwarded, trusted, address):
    assert client_address(seen(host, forwarded), trusted) == address


async def test_a_process_of_ours_names_one_caller_and_nobody_else_does(limited):
    async with limited(rate_limit_address=1) as api:
        key = (api.settings.root / "secrets" / "forwarding.key").read_text().strip()

        async def told(forwarded, shown):
            headers = {"X-Forwarded-For": forwarded, "Patchbay-Forwarding-Key": shown}
            return (await from_address(api, "127.0.0.1").get("/v1/me", headers=headers)).status_code

        ours = [await told(hops, key) for hops in ("198.51.100.1", "198.51.100.2", "203.0.113.5, 198.51.100.2")]
        assert ours == [401, 401, 429], "one hop is ours, what stands left of it a stranger wrote"
        assert [await told(f"198.51.100.{n}", "0" * 64) for n in (3, 4)] == [401, 429]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_a_network_of_one_subscriber_is_one_address(address, counted):
    assert limited_as(address) == counted


async def test_a_forwarded_address_is_limited_behind_a_trusted_proxy_only(limited):
    async with limited(rate_limit_address=1, trusted_proxies=("10.0.0.0/8",)) as api:
        one = from_address(api, "10.0.0.1", **{"X-Forwarded-For": "198.51.100.1"})
        two = from_address(api, "10.0.0.1", **{"X-Forwarded-For": "198.51.100.2"})
        assert [(await caller.get("/v1/me")).status_code for caller in (one, two, one)] == [401, 401, 429]
    async with limited(rate_limit_address=1) as api:
        one = from_address(api, "10.0.0.1", **{"X-Forwarded-For": "198.51.100.1"})
        two = from_address(api, "10.0.0.1", **{"X-Forwarded-For": "198.51.100.2"})
        assert [(await caller.get("/v1/me")).status_code for caller in (one, two)] == [401, 429]


async def test_the_audit_log_keeps_the_address_that_trusted_proxies_saw(registry):
    settings, tokens = registry
    forwarded = {"X-Forwarded-For": "198.51.100.9, 203.0.113.7"}
    for trusted, address in (((), "10.0.0.1"), (("10.0.0.0/8",), "203.0.113.7")):
        async with running(settings.model_copy(update={"trusted_proxies": trusted}), tokens) as api:
            caller = from_address(api, "10.0.0.1", tokens["acme"], **forwarded)
            await caller.post("/v1/tokens", json={"name": address, "role": "viewer"})
            page = (await caller.get("/v1/audit?action=token.created&limit=1")).json()
            assert page["items"][0]["address"] == address


async def test_a_proxy_that_writes_a_line_of_its_own_is_believed_and_not_the_callers_line_before_it(limited):
    async with limited(rate_limit_address=1, trusted_proxies=("10.0.0.0/8",)) as api:
        told = []
        for claimed, seen in (("203.0.113.1", "198.51.100.1"), ("203.0.113.2", "198.51.100.1")):
            lines = [("X-Forwarded-For", claimed), ("X-Forwarded-For", seen)]
            told.append((await from_address(api, "10.0.0.1").get("/v1/me", headers=lines)).status_code)
        assert told == [401, 429]
