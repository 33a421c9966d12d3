"""Guessing the codes of a second factor, by who knows the password."""

from datetime import timedelta

import httpx
import pytest

from registry_api.identity import lockout
from tests.registry_api.conftest import BASE
from tests.registry_api.identity.people import PASSWORD
from tests.registry_api.identity.test_second_factor import ADA, ada, code, enter, refusal, turned_on

__all__ = ["ada"]


def at(api, address, token=None):
    """A caller from another address."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(api.app, raise_app_exceptions=False, client=(address, 1234))
    return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)


@pytest.fixture
def long_delays(monkeypatch):
    monkeypatch.setattr(lockout, "delay", lambda failures: timedelta(minutes=5 if failures > lockout.FREE else 0))


async def guesses(api, number, **fields):
    """What so many wrong codes with the right password are answered, each from an address of its own."""
    callers = [at(api, f"2001:db8:{place:x}::1") for place in range(number)]
    body = {"email": ADA, "password": PASSWORD, "code": "000000", **fields}
    return [await caller.post("/v1/sessions", json=body) for caller in callers]


async def test_who_has_the_password_guesses_codes_no_faster_from_many_addresses(api, ada, long_delays):
    session, secret, codes = await turned_on(api)
    answers = await guesses(api, lockout.FREE + 3)
    assert [answer.status_code for answer in answers] == [401] * (lockout.FREE + 1) + [429] * 2
    assert refusal(answers[-1]) == (429, "too_many_codes")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 300
    held = await at(api, "203.0.113.9").post(
        "/v1/sessions", json={"email": ADA, "password": PASSWORD, "code": code(secret)}
    )
    assert refusal(held) == (429, "too_many_codes"), "it is not judged"
    off = {"password": PASSWORD, "code": code(secret)}
    assert refusal(await session.post("/v1/me/totp/disable", json=off)) == (429, "too_many_codes")
    assert (await enter(api, code=codes[0])).status_code == 201, "the owner gets in with a recovery code"


async def test_a_new_password_begins_the_count_of_codes_anew(api, ada, long_delays):
    session, secret, _ = await turned_on(api)
    await guesses(api, lockout.FREE + 2)
    wanted = {"current": PASSWORD, "new": "staple battery horse"}
    assert (await session.post("/v1/me/password", json=wanted)).status_code == 204
    assert [answer.status_code for answer in await guesses(api, 2)] == [401] * 2
    assert (await enter(api, password=wanted["new"], code=code(secret))).status_code == 201


async def test_nobody_without_the_password_raises_the_count_of_codes(api, ada, long_delays):
    _, secret, _ = await turned_on(api)
    assert {answer.status_code for answer in await guesses(api, 12, password="wrong horse battery")} == {401}
    assert (await enter(api, code=code(secret))).status_code == 201


async def test_a_right_code_forgets_the_wrong_ones_and_those_held_up_are_no_wrong_sign_ins(api, ada, long_delays):
    _, secret, _ = await turned_on(api)
    for off in (0, 1):
        assert {answer.status_code for answer in await guesses(api, lockout.FREE)} == {401}
        assert (await enter(api, code=code(secret, off))).status_code == 201
    await guesses(api, lockout.FREE + 1)
    assert [(await enter(api, code="000000")).status_code for _ in range(lockout.FREE + 2)] == [429] * (
        lockout.FREE + 2
    )
    assert refusal(await enter(api)) == (401, "second_factor_needed")


async def test_a_stolen_session_with_the_password_guesses_no_code_to_turn_the_second_factor_off(api, ada, long_delays):
    session, _, _ = await turned_on(api)
    bearer = session.headers["authorization"].removeprefix("Bearer ")
    off = {"password": PASSWORD, "code": "000000"}
    tried = []
    for place in range(lockout.FREE + 2):
        caller = at(api, f"2001:db8:{place:x}::1", bearer)
        tried.append(refusal(await caller.post("/v1/me/totp/disable", json=off)))
    assert tried == [(422, "code_wrong")] * (lockout.FREE + 1) + [(429, "too_many_codes")]
    held = [refusal(await session.post("/v1/me/totp/disable", json=off)) for _ in range(lockout.FREE + 2)]
    assert held == [(429, "too_many_codes")] * (lockout.FREE + 2), "and they are no wrong sign-ins"
