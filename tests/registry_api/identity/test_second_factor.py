"""The second factor: set up with the password, asked for at sign-in, used once."""

import asyncio
import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from patchbay.core.clock import utcnow
from registry_api.db import Crossing
from registry_api.identity import lockout, providers
from registry_api.identity.errors import SecondFactorNeeded
from registry_api.identity.providers import AssertedIdentity, Visit
from registry_api.identity.second_factor import totp
from tests.registry_api.identity.people import PASSWORD, add_person, sign_in

ADA = "ada@acme.example"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238_appendix_b(seconds, code):
    step = totp.step_of(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
    assert totp.code_at(b"12345678901234567890", step) == code


def test_a_clock_may_be_one_step_off_and_no_more():
    secret, now = totp.fresh_secret(), utcnow()
    step = totp.step_of(now)
    found = [totp.matching_step(secret, totp.code_at(secret, step + off), now) for off in (-2, -1, 0, 1, 2)]
    assert found == [None, step - 1, step, step + 1, None]


@pytest.fixture
async def ada(api):
    return await add_person(api, api.acme, ADA, role="author")


async def begin(session):
    answer = await session.post("/v1/me/totp", json={"password": PASSWORD})
    assert answer.status_code == 200, answer.text
    assert answer.json()["uri"].startswith("otpauth://totp/Patchbay%20acme%3Aada%40acme.example?secret=")
    return base64.b32decode(answer.json()["secret"])


def code(secret, off=0):
    return totp.code_at(secret, totp.step_of(utcnow()) + off)


async def turned_on(api):
    """A session, the app's secret and the recovery codes; the code of the step before now is used up."""
    session = await sign_in(api, ADA)
    secret = await begin(session)
    answer = await session.post("/v1/me/totp/confirm", json={"code": code(secret, -1)})
    assert answer.status_code == 200, answer.text
    return session, secret, answer.json()["recovery_codes"]


async def enter(api, **fields):
    return await api.nobody.post("/v1/sessions", json={"email": ADA, "password": PASSWORD, **fields})


def refusal(answer):
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]


async def test_once_confirmed_signing_in_needs_a_code_and_before_it_does_not(api, ada):
    session = await sign_in(api, ADA)
    secret = await begin(session)
    assert (await enter(api)).status_code == 201
    assert refusal(await session.post("/v1/me/totp/confirm", json={"code": "000000"})) == (422, "code_wrong")
    assert (await session.post("/v1/me/totp/confirm", json={"code": code(secret, -1)})).status_code == 200
    assert refusal(await enter(api)) == (401, "second_factor_needed")
    assert refusal(await enter(api, password="wrong horse battery")) == (401, "login_failed")
    assert refusal(await enter(api, code="123")) == (401, "login_failed")
    assert (await enter(api, code=code(secret))).status_code == 201


async def test_asking_for_the_code_is_no_wrong_attempt_and_a_wrong_code_is_one(api, ada, monkeypatch):
    monkeypatch.setattr(lockout, "delay", lambda failures: timedelta(minutes=5 if failures > lockout.FREE else 0))
    await turned_on(api)
    asked = [(await enter(api)).status_code for _ in range(lockout.FREE + 2)]
    assert asked == [401] * (lockout.FREE + 2)
    tried = [(await enter(api, code="000000")).status_code for _ in range(lockout.FREE + 2)]
    assert tried == [401] * (lockout.FREE + 1) + [429]


async def test_after_wrong_passwords_whoever_is_asked_for_the_code_may_send_it_at_once(api, ada, monkeypatch):
    monkeypatch.setattr(lockout, "delay", lambda failures: timedelta(minutes=5 if failures > lockout.FREE else 0))
    _, secret, _ = await turned_on(api)
    wrong = [(await enter(api, password="wrong horse battery")).status_code for _ in range(lockout.FREE)]
    assert wrong == [401] * lockout.FREE
    assert refusal(await enter(api)) == (401, "second_factor_needed")
    assert (await enter(api, code=code(secret))).status_code == 201


async def test_a_code_opens_one_session_also_when_it_comes_twice_at_once(api, ada):
    _, secret, _ = await turned_on(api)
    used = code(secret)
    answers = await asyncio.gather(*(enter(api, code=used) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401]
    assert refusal(await enter(api, code=code(secret, -1))) == (401, "login_failed")


async def test_a_recovery_code_stands_in_once(api, ada):
    _, _, codes = await turned_on(api)
    assert len(set(codes)) == 10
    assert (await enter(api, code=codes[3].upper().replace("-", " "))).status_code == 201
    assert refusal(await enter(api, code=codes[3])) == (401, "login_failed")
    assert (await enter(api, code=codes[4])).status_code == 201
    actions = [record["action"] for record in (await api.acme.get("/v1/audit?limit=500")).json()["items"]]
    assert actions.count("recovery_code.used") == 2


async def test_neither_secret_nor_recovery_codes_stand_in_the_database(api, ada):
    _, secret, codes = await turned_on(api)
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        rows = [str(await dump(session, table)) for table in ("totp_secrets", "recovery_codes", "audit_records")]
    for shown in (totp.shown(secret), base64.b64encode(secret).decode(), secret.hex(), *codes):
        assert not any(shown in row for row in rows)


async def dump(session, table):
    return (await session.execute(text(f"SELECT * FROM {table}"))).all()


async def test_setting_up_needs_the_password_and_a_person_and_nothing_there_yet(api, ada):
    session, _, _ = await turned_on(api)
    assert refusal(await session.post("/v1/me/totp", json={"password": "wrong"})) == (403, "password_wrong")
    assert refusal(await session.post("/v1/me/totp", json={"password": PASSWORD})) == (409, "second_factor_set")
    assert refusal(await api.acme.post("/v1/me/totp", json={"password": PASSWORD})) == (403, "forbidden")
    assert refusal(await session.post("/v1/me/totp/confirm", json={"code": "123456"})) == (422, "code_wrong")


async def test_beginning_again_before_confirming_replaces_the_secret(api, ada):
    session = await sign_in(api, ADA)
    first, second = await begin(session), await begin(session)
    assert refusal(await session.post("/v1/me/totp/confirm", json={"code": code(first)})) == (422, "code_wrong")
    assert (await session.post("/v1/me/totp/confirm", json={"code": code(second)})).status_code == 200


async def test_turning_it_off_needs_password_and_code(api, ada):
    session, secret, codes = await turned_on(api)
    off = "/v1/me/totp/disable"
    wrong = {"password": "wrong", "code": code(secret)}
    assert refusal(await session.post(off, json=wrong)) == (403, "password_wrong")
    assert refusal(await session.post(off, json={"password": PASSWORD, "code": "abc"})) == (422, "code_wrong")
    assert (await session.post(off, json={"password": PASSWORD, "code": codes[0]})).status_code == 204
    assert (await enter(api)).status_code == 201


async def test_an_administrator_takes_a_lost_second_factor_away_but_not_from_who_holds_more(api, ada):
    await turned_on(api)
    clerk = api.client(await api.token(api.acme, scopes=["identity:write"]))
    assert refusal(await clerk.delete(f"/v1/users/{ada['id']}/totp")) == (403, "cannot_grant")
    for _ in range(2):
        assert (await api.acme.delete(f"/v1/users/{ada['id']}/totp")).status_code == 204
    assert (await enter(api)).status_code == 201


async def test_an_issuer_that_asked_for_a_second_factor_itself_is_not_asked_for_another(api, ada):
    await turned_on(api)
    tenant = UUID((await api.acme.get("/v1/me")).json()["tenant"]["id"])
    known = AssertedIdentity("patchbay", ADA, tenant)
    database, settings = api.app.state.database, api.settings
    with pytest.raises(SecondFactorNeeded):
        await providers.enter(database, settings, known, Visit())
    entered = await providers.enter(database, settings, replace(known, second_factor=True), Visit())
    assert (await api.client(entered.secret.value).get("/v1/me")).json()["user"]["email"] == ADA


async def test_neither_an_administrators_session_nor_a_token_made_with_it_takes_their_own_second_factor_away(api):
    ada = await add_person(api, api.acme, ADA, role="tenant_admin")
    session, _, _ = await turned_on(api)
    own = api.client(await api.token(session, role="tenant_admin"))
    owns = api.client(await api.token(own, role="tenant_admin"))
    for caller in (session, own, owns):
        assert refusal(await caller.delete(f"/v1/users/{ada['id']}/totp")) == (403, "forbidden")
    assert refusal(await enter(api)) == (401, "second_factor_needed")


async def test_the_audit_log_tells_who_made_the_administrator_who_took_a_second_factor_away(api):
    ada = await add_person(api, api.acme, ADA, role="tenant_admin")
    stolen, _, _ = await turned_on(api)
    eve = await add_person(api, stolen, "eve@acme.example", role="tenant_admin")
    assert (await (await sign_in(api, eve["email"])).delete(f"/v1/users/{ada['id']}/totp")).status_code == 204
    records = (await api.acme.get("/v1/audit?limit=500")).json()["items"]
    who = {(record["action"], record["subject"]): record["actor"] for record in records}
    assert who["member.added", f"user:{eve['id']}"] == f"user:{ada['id']}"
    assert who["second_factor.off", f"user:{ada['id']}"] == f"user:{eve['id']}"
