"""An Idempotency-Key makes a POST have one effect, however often and wherever it arrives."""

import asyncio
import hashlib
import hmac
from collections import Counter
from datetime import timedelta

import httpx
import orjson
import pytest
from sqlalchemy import func, select, text, update

from patchbay.core.clock import utcnow
from registry_api.access import acting, writing
from registry_api.db import Crossing
from registry_api.http import api_router
from registry_api.idempotency.models import IdempotentAnswer
from registry_api.secrets import answers_key
from tests.registry_api.conftest import running
from tests.registry_api.test_document import OPERATIONS
from tests.registry_api.test_problems import problem
from tests.registry_api.usage.test_kill import Server

PLUGIN = {"namespace": "acme", "name": "git", "releases": [{"version": "1.0.0"}]}
OTHER = {"namespace": "acme", "name": "svn"}
KEY = {"Idempotency-Key": "publish-1"}
NOT_KEYED = {
    "create_session": "none",  # there is no caller yet whom a key could belong to; a second session does no harm
    "report_leaked_tokens": "none",  # there is no caller, and what is revoked is not revoked again
    "exchange_ci_token": "none",  # there is no caller, and a CI token is taken once, by its own id
    "rotate_session": "none",  # the secret that would ask for the kept answer is refused by then
    "try_rules": "none",  # without effect
    "check_new_install": "none",  # without effect
    "post_catalogue_batch": "batch",  # the key names a batch of the intake's ledger, for ever
    "post_advisories_batch": "batch",
    "post_targets_batch": "batch",
    "post_observations_batch": "batch",
    "post_usage_batch": "batch",
    "post_statistics_batch": "batch",
}
POSTS = [name for name, (method, _, _) in OPERATIONS.items() if method == "post"]


@pytest.mark.parametrize("name", POSTS)
def test_every_post_is_keyed_or_on_the_list_of_those_that_are_not(name):
    operation = OPERATIONS[name][2]
    assert operation["x-idempotency"] == NOT_KEYED.get(name, "keyed")
    parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
    assert ("Idempotency-Key" in parameters) == (operation["x-idempotency"] != "none")
    if operation["x-idempotency"] == "keyed":
        assert {"409", "422"} <= set(operation["responses"])


async def test_a_repeat_gets_the_same_answer_with_its_headers_and_has_no_second_effect(api):
    first = await api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY)
    assert first.status_code == 201
    again = await api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["idempotency-replayed"] == "true"
    assert len((await api.acme.get("/v1/plugins?namespace=acme")).json()["items"]) == 1
    problem(await api.acme.post("/v1/plugins", json=PLUGIN), 409, "plugin_exists")


async def test_a_key_in_quotes_is_the_same_key(api):
    await api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY)
    quoted = await api.acme.post("/v1/plugins", json=PLUGIN, headers={"Idempotency-Key": '"publish-1"'})
    assert quoted.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("key", ["", '""', "x" * 201, "ä", "a\tb"])
async def test_a_key_that_cannot_be_one_is_refused(api, key):
    answer = await api.acme.post("/v1/plugins", json=PLUGIN, headers=[(b"Idempotency-Key", key.encode())])
    assert problem(answer, 400, "invalid_request")["errors"][0]["code"] == "bad_idempotency_key"


async def test_the_key_with_another_payload_or_path_is_refused(api):
    await api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY)
    problem(await api.acme.post("/v1/plugins", json=OTHER, headers=KEY), 422, "idempotency_key_reused")
    release = {"version": "1.0.0"}
    moved = await api.acme.post("/v1/plugins/acme:git/releases", json=release, headers=KEY)
    assert problem(moved, 422, "idempotency_key_reused")["errors"][0]["pointer"] == "Idempotency-Key"


async def test_the_key_with_another_query_is_refused(api):
    """On a route of the test's own: none of the product's that takes a key has a query parameter."""
    router = api_router("asking")

    @router.post("/asking")
    async def asking(of: str, work=writing("catalog:write")) -> str:
        work.audit("asked", "thing:1")
        return of

    api.app.include_router(router)
    first = await api.acme.post("/v1/asking?of=one", headers=KEY)
    assert (first.status_code, first.json()) == (200, "one")
    problem(await api.acme.post("/v1/asking?of=two", headers=KEY), 422, "idempotency_key_reused")
    again = await api.acme.post("/v1/asking?of=one", headers=KEY)
    assert (again.json(), again.headers["idempotency-replayed"]) == ("one", "true")


async def test_a_refused_request_leaves_nothing_so_that_its_key_can_be_used_when_it_is_mended(api):
    await api.acme.post("/v1/plugins", json=PLUGIN)
    problem(await api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY), 409, "plugin_exists")
    assert (await api.acme.post("/v1/plugins", json=OTHER, headers=KEY)).status_code == 201


async def test_keys_of_tenants_and_of_actors_have_nothing_to_do_with_each_other(api):
    second = api.client(await api.token(api.acme, role="author"))
    assert (await api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY)).status_code == 201
    assert (await api.globex.post("/v1/plugins", json=PLUGIN, headers=KEY)).status_code == 201
    problem(await second.post("/v1/plugins", json=PLUGIN, headers=KEY), 409, "plugin_exists")
    in_acme = {**KEY, "Patchbay-Tenant": "acme"}
    assert (await api.operator.post("/v1/plugins", json=OTHER, headers=KEY)).status_code == 201
    answer = await api.operator.post("/v1/plugins", json=OTHER, headers=in_acme)
    assert answer.status_code == 201 and "idempotency-replayed" not in answer.headers


async def test_who_lost_the_right_gets_no_replay(api):
    token = await api.token(api.acme, role="author")
    author = api.client(token)
    await author.post("/v1/plugins", json=PLUGIN, headers=KEY)
    tokens = (await api.acme.get("/v1/tokens")).json()["items"]
    [made] = [one for one in tokens if one["name"] == "test"]
    await api.acme.delete(f"/v1/tokens/{made['id']}")
    problem(await author.post("/v1/plugins", json=PLUGIN, headers=KEY), 401, "unauthenticated")


async def test_a_hundred_identical_requests_at_once_have_one_effect(api):
    answers = await asyncio.gather(*(api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY) for _ in range(100)))
    by_status = Counter(answer.status_code for answer in answers)
    assert set(by_status) <= {201, 409} and by_status[201] >= 1
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "idempotency_key_in_flight")
            assert answer.headers["retry-after"] == "1"
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    created = (await api.acme.get("/v1/audit?action=plugin.created")).json()["items"]
    assert len(created) == 1
    again = await api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY)
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_hundred_identical_requests_to_two_replicas_have_one_effect(api, registry):
    async with running(*registry) as replica:
        callers = [api.acme, replica.acme] * 50
        answers = await asyncio.gather(*(one.post("/v1/plugins", json=PLUGIN, headers=KEY) for one in callers))
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len((await api.acme.get("/v1/audit?action=plugin.created")).json()["items"]) == 1
        again = await replica.acme.post("/v1/plugins", json=PLUGIN, headers=KEY)
        assert again.headers["idempotency-replayed"] == "true"


async def test_while_the_first_is_under_way_another_replica_is_told_so(api, registry):
    if not api.is_postgres:
        pytest.skip("SQLite has one writer: the second waits for the first, and replays")
    entered, leave = asyncio.Event(), asyncio.Event()
    router = api_router("slow")

    @router.post("/slow")
    async def slow(actor=acting("catalog:write")) -> None:
        async with actor.writing() as work:
            work.audit("slow", "slow:1")
            entered.set()
            await leave.wait()

    async with running(*registry) as replica:
        for one in (api, replica):
            one.app.include_router(router)
        first = asyncio.create_task(api.acme.post("/v1/slow", headers=KEY))
        await entered.wait()
        problem(await replica.acme.post("/v1/slow", headers=KEY), 409, "idempotency_key_in_flight")
        problem(await api.acme.post("/v1/slow", headers=KEY), 409, "idempotency_key_in_flight")
        leave.set()
        assert (await first).status_code == 200
        assert (await replica.acme.post("/v1/slow", headers=KEY)).headers["idempotency-replayed"] == "true"


async def test_a_failure_before_the_commit_leaves_neither_effect_nor_answer(api):
    router, fail = api_router("failing"), [True]

    @router.post("/failing")
    async def failing(actor=acting("catalog:write")) -> None:
        async with actor.writing() as work:
            work.audit("made", "thing:1")
        if fail:
            fail.clear()
            raise RuntimeError("after the effect, before the answer")

    api.app.include_router(router)
    problem(await api.acme.post("/v1/failing", headers=KEY), 500, "internal")
    assert (await api.acme.get("/v1/audit?action=made")).json()["items"] == []
    assert "idempotency-replayed" not in (await api.acme.post("/v1/failing", headers=KEY)).headers
    assert len((await api.acme.get("/v1/audit?action=made")).json()["items"]) == 1


@pytest.mark.parametrize("units", [0, 2])
async def test_a_keyed_route_that_does_not_open_exactly_one_unit_of_work_fails_and_leaves_nothing(api, units):
    router = api_router("wrong")

    @router.post("/wrong")
    async def wrong(actor=acting("catalog:write")) -> None:
        for _ in range(units):
            async with actor.writing() as work:
                work.audit("made", "thing:1")

    api.app.include_router(router)
    problem(await api.acme.post("/v1/wrong", headers=KEY), 500, "internal")
    assert (await api.acme.get("/v1/audit?action=made")).json()["items"] == []


async def test_an_answer_is_kept_for_a_day_and_then_removed(api):
    database = api.app.state.database
    await api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY)
    await api.acme.post("/v1/plugins", json=OTHER, headers={"Idempotency-Key": "other"})
    async with database.reading(Crossing.SETUP) as session:
        kept = (await session.execute(select(IdempotentAnswer))).scalars().all()
    assert all(timedelta(hours=23) < row.expires_at - utcnow() <= timedelta(hours=24) for row in kept)
    await _expire(database)
    problem(await api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY), 409, "plugin_exists")
    third = {"namespace": "acme", "name": "hg"}
    assert (await api.acme.post("/v1/plugins", json=third, headers=KEY)).status_code == 201
    async with database.reading(Crossing.SETUP) as session:
        assert (await session.execute(select(func.count()).select_from(IdempotentAnswer))).scalar_one() == 1


async def _expire(database):
    async with database.writing(Crossing.SETUP) as session:
        await session.execute(update(IdempotentAnswer).values(expires_at=utcnow() - timedelta(seconds=1)))
        await session.commit()


async def test_answers_survive_a_restart(registry):
    async with running(*registry) as api:
        first = await api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY)
    async with running(*registry) as api:
        again = await api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")


async def test_a_secret_is_replayed_but_does_not_lie_readable_in_the_database(api):
    wanted = {"name": "ci", "role": "viewer"}
    first = await api.acme.post("/v1/tokens", json=wanted, headers=KEY)
    again = await api.acme.post("/v1/tokens", json=wanted, headers=KEY)
    assert again.json()["token"] == first.json()["token"]
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        rows = (await session.execute(text("SELECT * FROM idempotent_answers"))).all()
    assert len(rows) == 1
    assert first.json()["token"][:20] not in repr(rows)
    assert "expires_at" not in repr(rows)


async def test_a_password_cannot_be_guessed_at_from_what_is_kept_of_its_request(api):
    body = b'{"email":"ada@acme.example","display_name":"Ada","role":"viewer","password":"correct horse battery"}'
    headers = {**KEY, "Content-Type": "application/json"}
    assert (await api.acme.post("/v1/users", content=body, headers=headers)).status_code == 201
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        [kept] = (await session.execute(select(IdempotentAnswer.fingerprint))).scalars()
    inner = hashlib.sha256(body).hexdigest()
    for guess in (["POST", "/v1/users", "", inner], ["fingerprint", "POST", "/v1/users", "", inner]):
        assert kept != hashlib.sha256(orjson.dumps(guess)).digest()
    assert kept == hmac.digest(
        answers_key(api.settings).secret, orjson.dumps(["fingerprint", "POST", "/v1/users", "", inner]), "sha256"
    )


async def test_an_answer_whose_key_file_is_gone_is_not_made_up(registry):
    settings, tokens = registry
    async with running(settings, tokens) as api:
        await api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY)
    settings.secret_file("answers.key").unlink()
    async with running(settings, tokens) as api:
        answer = await api.acme.post("/v1/plugins", json=PLUGIN, headers=KEY)
        problem(answer, 409, "idempotency_answer_unreadable")


class DyingServer(Server):
    """Dies between commit and answer."""

    module = "tests.registry_api.idempotency.dying"


def test_after_a_kill_between_commit_and_answer_a_repeat_gets_the_answer(registry):
    settings, tokens = registry
    dying, server = DyingServer(settings), Server(settings)
    dying.start()
    with dying.client(tokens["acme"]) as client, pytest.raises(httpx.TransportError):
        client.post("/v1/plugins", json=PLUGIN, headers=KEY)
    assert dying.process.wait() == -9
    server.start()
    try:
        with server.client(tokens["acme"]) as client:
            again = client.post("/v1/plugins", json=PLUGIN, headers=KEY)
            assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
            assert again.json()["ref"] == "acme:git"
            assert len(client.get("/v1/audit?action=plugin.created").json()["items"]) == 1
    finally:
        server.kill()
