"""Trusted publishing against a real OpenID Connect provider."""

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from sqlalchemy import select, update

from patchbay.core.clock import utcnow
from registry_api.audit.models import AuditRecord
from registry_api.audit.personal import ERASED
from registry_api.db import Crossing
from registry_api.identity.publishing import keys as keys_module
from registry_api.identity.publishing import service
from registry_api.identity.publishing.claims import PROVIDERS, is_safe, workflow_of
from registry_api.identity.publishing.keys import IssuerKeys
from registry_api.identity.publishing.models import ExchangedToken
from tests.registry_api.conftest import ANY
from tests.registry_api.identity.ci import JOB, Issuer, answering, issuing

PLUGIN = {"namespace": "payments", "name": "pay"}
OTHER = {"namespace": "payments", "name": "other"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


@pytest.fixture
def trusting(api, issuer):
    """The application, told that the issuer is of the house."""
    api.app.state.issuer_keys = IssuerKeys((urlsplit(issuer.url).netloc,))
    return api


def workflow(running, /, **changes):
    trusted = {"provider": "github", "issuer": running.url, "repository_id": JOB["repository_id"]}
    return {"place": "payments:pay", **trusted, "owner_id": "583231", "workflow": "release.yml", **changes}


async def trust(caller, running, /, **changes):
    answer = await caller.post("/v1/trusted-publishers", json=workflow(running, **changes))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def exchange(api, token, tenant="acme"):
    return await api.nobody.post("/v1/trusted-publishing/exchange", json={"tenant": tenant, "token": token})


async def refused(api, token, tenant="acme"):
    answer = await exchange(api, token, tenant)
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (401, "exchange_refused"), answer.text
    return answer.json()["detail"]


async def test_a_job_of_a_trusted_workflow_publishes_its_plugin_for_fifteen_minutes(trusting, issuer):
    api = trusting
    await trust(api.acme, issuer, environment="release")
    answer = await exchange(api, issuer.token())
    assert answer.status_code == 201, answer.text
    got = answer.json()
    assert got["places"] == ["payments:pay"]
    assert timedelta(minutes=14) < datetime.fromisoformat(got["expires_at"]) - utcnow() <= timedelta(minutes=15)
    job = api.client(got["token"])
    assert (await job.post("/v1/plugins", json=PLUGIN)).status_code == 201
    assert (await job.post("/v1/plugins/payments:pay/releases", json={"version": "1.0.0"})).status_code == 201
    assert (await job.post("/v1/plugins", json=OTHER)).status_code == 403
    assert (await job.get("/v1/users")).status_code == 403
    [record] = (await api.acme.get("/v1/audit?action=publisher.exchanged")).json()["items"]
    assert record["change"]["claims"]["run_id"] == "17"


async def test_a_job_gets_every_place_its_workflow_is_trusted_for_in_that_tenant_alone(trusting, issuer):
    api = trusting
    await trust(api.acme, issuer)
    await trust(api.acme, issuer, place="search")
    await trust(api.globex, issuer, place="theirs")
    assert (await exchange(api, issuer.token())).json()["places"] == ["payments:pay", "search"]
    assert (await exchange(api, issuer.token(), "globex")).json()["places"] == ["theirs"]


@pytest.mark.parametrize(
    "claims",
    [
        {"repository_id": "1"},
        {"repository_owner_id": "1"},
        {"repository_owner_id": None},
        {"workflow_ref": "acme/pay/.github/workflows/test.yml@refs/heads/main"},
        {"workflow_ref": "release.yml"},
        {"workflow_ref": None},
        {"environment": "staging"},
        {"environment": None},
    ],
    ids=str,
)
async def test_a_job_that_differs_in_any_of_what_is_trusted_gets_nothing(trusting, issuer, claims):
    await trust(trusting.acme, issuer, environment="release")
    assert "No trusted publisher" in await refused(trusting, issuer.token(**claims))


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run", "pull_request", "brand_new_event", None])
async def test_a_job_of_an_event_that_may_run_strangers_code_gets_nothing(trusting, issuer, event):
    await trust(trusting.acme, issuer)
    assert "strangers" in await refused(trusting, issuer.token(event_name=event))


async def test_a_token_for_another_audience_gets_nothing(trusting, issuer):
    await trust(trusting.acme, issuer)
    assert "audience" in await refused(trusting, issuer.token(audience="pypi"))


async def test_a_ci_token_is_exchanged_once_also_by_many_at_once(trusting, issuer):
    api = trusting
    await trust(api.acme, issuer)
    token = issuer.token()
    answers = await asyncio.gather(*(exchange(api, token) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401, 401]
    assert "exchanged before" in await refused(api, token)
    made = [one for one in (await api.acme.get("/v1/tokens")).json()["items"] if one["created_by"].startswith("publ")]
    assert len(made) == 1


async def test_the_record_of_an_exchange_outlives_the_token_and_the_skew_and_then_goes(trusting, issuer):
    api = trusting
    await trust(api.acme, issuer)
    token = issuer.token()
    await exchange(api, token)
    end = datetime.fromtimestamp(jwt.decode(token, options={"verify_signature": False})["exp"], UTC)
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        [kept] = (await session.execute(select(ExchangedToken.keep_until))).scalars()
    assert kept > end + service.SKEW
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(ExchangedToken).values(keep_until=utcnow() - timedelta(seconds=1)))
    await exchange(api, issuer.token())
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        assert len((await session.execute(select(ExchangedToken.key))).all()) == 1


async def test_what_the_issuer_did_not_sign_gets_nothing(trusting, issuer):
    await trust(trusting.acme, issuer)
    real = issuer.token()
    head, body, signature = real.split(".")
    claims = jwt.decode(real, options={"verify_signature": False})
    kid = jwt.get_unverified_header(real)["kid"]
    key = rsa.generate_private_key(65537, 2048)
    nobody = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": kid}).encode()).decode().rstrip("=")
    other = base64.urlsafe_b64encode(json.dumps(claims | {"jti": "x"}).encode()).decode().rstrip("=")
    for forged in (
        f"{head}.{other}.{signature}",
        f"{nobody}.{body}.",
        jwt.encode(claims, key, "RS256", headers={"kid": kid}),
        jwt.encode(claims, key, "RS256", headers={"kid": "unknown"}),
        jwt.encode(claims, key, "RS256"),
        jwt.encode(claims, "shared" * 8, "HS256", headers={"kid": kid}),
        "not.a.token",
        "a",
    ):
        await refused(trusting, forged)


async def test_an_old_token_and_one_without_an_id_get_nothing(trusting, issuer, monkeypatch):
    api = trusting
    await trust(api.acme, issuer)
    monkeypatch.setattr(service, "SKEW", timedelta(seconds=-400))
    assert "not yet valid" in await refused(api, issuer.token())
    monkeypatch.undo()
    monkeypatch.setattr(service, "REQUIRED", ["iss", "a_claim_it_lacks"])
    assert "a_claim_it_lacks" in await refused(api, issuer.token())


async def test_nothing_tells_which_tenants_there_are_or_whom_they_trust(trusting, issuer):
    api = trusting
    await trust(api.globex, issuer, issuer="https://elsewhere.example")
    said = {await refused(api, issuer.token(), tenant) for tenant in ("acme", "globex", "nowhere")}
    assert len(said) == 1


async def test_what_is_not_signed_learns_no_more_from_a_tenant_that_trusts_its_issuer(trusting, issuer):
    api = trusting
    await trust(api.acme, issuer)
    real = issuer.token()
    claims = jwt.decode(real, options={"verify_signature": False})
    kid, key = jwt.get_unverified_header(real)["kid"], rsa.generate_private_key(65537, 2048)
    for forged in (jwt.encode(claims, key, "RS256", headers={"kid": name}) for name in (kid, "unknown")):
        assert len({await refused(api, forged, tenant) for tenant in ("acme", "globex", "nowhere")}) == 1
    assert "audience" in await refused(api, issuer.token("elsewhere")), "what is signed is told why"


@pytest.mark.parametrize("remove", [True, False])
async def test_a_publisher_removed_or_a_tenant_suspended_while_keys_are_fetched_gives_no_token(
    trusting, issuer, remove
):
    api = trusting
    made = await trust(api.acme, issuer)

    class Overtaken(IssuerKeys):
        async def key(self, issuer, key_id):
            if remove:
                assert (await api.acme.delete(f"/v1/trusted-publishers/{made['id']}")).status_code == 204
            else:
                await api.operator.patch("/v1/tenants/acme", json={"status": "suspended"}, headers=ANY)
            return await super().key(issuer, key_id)

    api.app.state.issuer_keys = Overtaken(api.app.state.issuer_keys.private_hosts)
    assert (await exchange(api, issuer.token())).status_code == (401 if remove else 403)
    names = {one["name"] for one in (await api.acme.get("/v1/tokens")).json()["items"]}
    assert not [name for name in names if name.startswith("trusted publishing")]


async def test_who_started_the_job_is_told_by_the_audit_log_and_stands_there_sealed(trusting, issuer):
    api = trusting
    await trust(api.acme, issuer)
    assert (await exchange(api, issuer.token(actor="octocat"))).status_code == 201
    [record] = (await api.acme.get("/v1/audit?action=publisher.exchanged")).json()["items"]
    assert record["change"]["claims"]["actor"] == "octocat"
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        kept = (await session.execute(select(AuditRecord.canonical))).scalars().all()
    assert kept and not [one for one in kept if b"octocat" in one]


async def test_who_started_jobs_is_erased_by_login_and_other_people_of_that_publisher_stay(trusting, issuer):
    api = trusting
    await trust(api.acme, issuer)
    for login in ("octocat", "hubot", "octocat"):
        assert (await exchange(api, issuer.token(actor=login))).status_code == 201
    assert (await api.acme.delete("/v1/subjects", params={"person": "octocat"})).status_code == 204
    records = (await api.acme.get("/v1/audit?action=publisher.exchanged")).json()["items"]
    assert [record["change"]["claims"]["actor"] for record in records] == [ERASED, "hubot", ERASED]
    assert (await api.acme.get("/v1/audit/verify")).json()["valid"]


async def test_an_issuer_that_no_tenant_trusts_is_never_asked(trusting, issuer):
    api = trusting
    await refused(api, issuer.token())
    assert api.app.state.issuer_keys.kept == {}


async def test_an_issuer_at_a_private_address_or_without_tls_is_asked_only_when_the_operator_lists_it(api, issuer):
    await trust(api.acme, issuer)
    answer = await exchange(api, issuer.token())
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (503, "unavailable")
    assert "PATCHBAY_ISSUER_PRIVATE_HOSTS" in answer.json()["detail"]


async def test_keys_are_fetched_once_and_again_after_a_while_but_not_for_every_unknown_name(
    trusting, issuer, monkeypatch
):
    api, fetched = trusting, []
    await trust(api.acme, issuer)
    real = keys_module._get
    monkeypatch.setattr(keys_module, "_get", lambda place: fetched.append(place) or real(place))
    answers = await asyncio.gather(*(exchange(api, issuer.token()) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len(fetched) == 2  # discovery and keys
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    unknown = jwt.encode(claims, rsa.generate_private_key(65537, 2048), "RS256", headers={"kid": "unknown"})
    await refused(api, unknown)
    assert len(fetched) == 2
    monkeypatch.setattr(keys_module, "PAUSE_SECONDS", 0.0)
    await refused(api, unknown)
    assert len(fetched) == 4
    monkeypatch.setattr(keys_module, "KEPT_SECONDS", 0.0)
    assert (await exchange(api, issuer.token())).status_code == 201
    assert len(fetched) == 6


async def test_a_discovery_document_of_another_issuer_is_not_believed(trusting, issuer):
    api = trusting
    path = f"{issuer.url}/"
    await trust(api.acme, issuer, issuer=path)
    claims = jwt.decode(issuer.token(), options={"verify_signature": False}) | {"iss": path}
    forged = jwt.encode(claims, rsa.generate_private_key(65537, 2048), "RS256", headers={"kid": "any"})
    answer = await exchange(api, forged)
    assert (answer.status_code, "another issuer" in answer.json()["detail"]) == (503, True)


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    ("name", "why"),
    [("missing", "answered 404"), ("list", "did not answer a JSON object"), ("large", "answered more than")],
)
async def test_an_issuer_that_answers_no_document_is_told_of(api, name, why):
    answers = {"missing": (404, b"{}"), "list": (200, b"[]"), "large": (200, b" " * (keys_module.LARGEST + 1))}
    with answering(**answers) as place:
        api.app.state.issuer_keys = IssuerKeys((urlsplit(place).netloc,))
        assert why in await unfetched(api, f"{place}/{name}")


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_an_issuer_that_is_away_or_without_tls_on_the_internet_is_told_of(api):
    api.app.state.issuer_keys = IssuerKeys(("127.0.0.1:9",))
    assert "attempts failed" in await unfetched(api, "http://127.0.0.1:9")
    assert "must be asked over https" in await unfetched(api, "http://8.8.8.8")


async def unfetched(api, url):
    """Why the keys of an issuer that acme trusts cannot be fetched."""
    trusted = workflow(Issuer(url))
    assert (await api.acme.post("/v1/trusted-publishers", json=trusted)).status_code == 201
    answer = await exchange(api, jwt.encode({"iss": url}, "shared" * 8, "HS256", headers={"kid": "any"}))
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (503, "unavailable"), answer.text
    return answer.json()["detail"]


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_job_whose_end_is_no_time_gets_nothing(trusting, issuer):
    await trust(trusting.acme, issuer)
    own = rsa.generate_private_key(65537, 2048)
    shown = jwt.PyJWK(RSAAlgorithm.to_jwk(own.public_key(), as_dict=True) | {"kid": "own", "alg": "RS256"})

    class Own(IssuerKeys):
        async def key(self, issuer, key_id):
            return shown

    trusting.app.state.issuer_keys = Own(())
    claims = jwt.decode(issuer.token(), options={"verify_signature": False}) | {"exp": 10**18}
    token = jwt.encode(claims, own, "RS256", headers={"kid": "own"})
    assert "end is no time" in await refused(trusting, token)


async def test_trusting_a_workflow_no_more_ends_the_tokens_it_was_given(trusting, issuer):
    api = trusting
    made = await trust(api.acme, issuer)
    job = api.client((await exchange(api, issuer.token())).json()["token"])
    assert (await api.acme.get("/v1/trusted-publishers")).json()["items"] == [made]
    ended = [await api.acme.delete(f"/v1/trusted-publishers/{made['id']}") for _ in range(2)]
    assert [answer.status_code for answer in ended] == [204, 404]
    assert (await job.get("/v1/me")).status_code == 401
    await refused(api, issuer.token())


async def test_a_publish_token_is_not_rotated_to_outlive_its_quarter_of_an_hour(trusting, issuer):
    api = trusting
    await trust(api.acme, issuer)
    await exchange(api, issuer.token())
    [given] = [one for one in (await api.acme.get("/v1/tokens")).json()["items"] if one["namespaces"]]
    answer = await api.acme.post(f"/v1/tokens/{given['id']}/rotate", json={"expires_in_days": 3650})
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (409, "token_not_rotatable")


async def test_a_workflow_is_trusted_once_and_by_who_may_publish_there(trusting, issuer):
    api = trusting
    await trust(api.acme, issuer)
    again = await api.acme.post("/v1/trusted-publishers", json=workflow(issuer))
    assert again.status_code == 409
    clerk = api.client(await api.token(api.acme, scopes=["identity:write"]))
    assert (await clerk.post("/v1/trusted-publishers", json=workflow(issuer, place="x"))).status_code == 403


async def test_without_an_issuer_it_is_the_providers_public_one(api, issuer):
    made = await api.acme.post("/v1/trusted-publishers", json=workflow(issuer, issuer=""))
    assert made.json()["type"].endswith("invalid_request")
    body = {name: value for name, value in workflow(issuer).items() if name != "issuer"}
    made = await api.acme.post("/v1/trusted-publishers", json=body)
    assert made.json()["issuer"] == "https://token.actions.githubusercontent.com"


async def test_a_suspended_tenant_gets_no_publish_token(trusting, issuer):
    api = trusting
    await trust(api.acme, issuer)
    await api.operator.patch("/v1/tenants/acme", json={"status": "suspended"}, headers=ANY)
    assert (await exchange(api, issuer.token())).json()["type"].endswith("tenant_suspended")


def test_gitlab_names_the_same_things_by_other_claims():
    job = {
        "project_id": "22",
        "namespace_id": "72",
        "ci_config_ref_uri": "gitlab.example/acme/pay//.gitlab-ci.yml@refs/heads/main",
        "pipeline_source": "push",
    }
    found = workflow_of(PROVIDERS["gitlab"], job)
    assert (found.repository_id, found.owner_id, found.file, found.environment) == ("22", "72", ".gitlab-ci.yml", "")
    assert is_safe(PROVIDERS["gitlab"], job)
    assert not is_safe(PROVIDERS["gitlab"], job | {"pipeline_source": "merge_request_event"})
    assert workflow_of(PROVIDERS["gitlab"], job | {"project_id": True}) is None
