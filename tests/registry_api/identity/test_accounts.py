"""Accounts: their password, who slows down guessing, and what becomes of people whose role or state changes."""

import asyncio
import hashlib
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.identity import lockout, people, sessions_endpoints
from registry_api.identity.breached import BreachedPasswordFiles, NoBreachedPasswords, breached_passwords
from registry_api.identity.lockout import FREE, LONGEST, delay
from registry_api.identity.models import LoginAttempts
from registry_api.identity.providers import enter
from tests.registry_api.conftest import ANY, BASE
from tests.registry_api.identity.people import PASSWORD, add_person, sign_in

ADA, BOB = "ada@acme.example", "bob@acme.example"
NEW = "staple battery horse"


@pytest.fixture
async def ada(api):
    return await add_person(api, api.acme, ADA, role="tenant_admin")


def refusal(answer):
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]


def at(api, address):
    """Nobody yet, calling from another address."""
    transport = httpx.ASGITransport(api.app, raise_app_exceptions=False, client=(address, 1234))
    return httpx.AsyncClient(transport=transport, base_url=BASE)


async def attempt(caller, password="wrong horse battery", email=ADA, **fields):
    return await caller.post("/v1/sessions", json={"email": email, "password": password, **fields})


async def statuses(caller, *passwords, **fields):
    return [(await attempt(caller, password, **fields)).status_code for password in passwords]


@pytest.fixture
def long_delays(monkeypatch):
    """Delays that outlast a slow machine."""
    monkeypatch.setattr(lockout, "delay", lambda failures: timedelta(minutes=5) if failures > FREE else timedelta())


async def test_changing_the_password_ends_all_other_sessions(api, ada):
    here, there = await sign_in(api, ADA), await sign_in(api, ADA)
    wrong = await here.post("/v1/me/password", json={"current": "wrong", "new": NEW})
    assert refusal(wrong) == (403, "password_wrong")
    changed = await here.post("/v1/me/password", json={"current": PASSWORD, "new": NEW})
    assert changed.status_code == 204, changed.text
    assert [(await one.get("/v1/me")).status_code for one in (here, there)] == [200, 401]
    assert (await attempt(api.nobody, PASSWORD)).status_code == 401
    assert (await attempt(api.nobody, NEW)).status_code == 201
    [record] = (await api.acme.get("/v1/audit?action=password.changed")).json()["items"]
    assert record["change"] == {"sessions_ended": 1} and NEW not in str(record)


async def test_the_former_password_opens_no_session_once_it_is_changed_while_one_signs_in(api, ada, monkeypatch):
    session = await sign_in(api, ADA)

    async def overtaken(*given):
        assert (await session.post("/v1/me/password", json={"current": PASSWORD, "new": NEW})).status_code == 204
        return await enter(*given)

    monkeypatch.setattr(sessions_endpoints, "enter", overtaken)
    assert refusal(await attempt(api.nobody, PASSWORD)) == (401, "login_failed")
    monkeypatch.undo()
    await sign_in(api, ADA, NEW)


async def test_of_two_changes_at_once_one_counts(api, ada, monkeypatch):
    session, hashed, both = await sign_in(api, ADA), people.new_password_hash, asyncio.Barrier(2)

    async def together(*given):
        await both.wait()
        return await hashed(*given)

    monkeypatch.setattr(people, "new_password_hash", together)
    wanted = [{"current": PASSWORD, "new": f"{NEW} {number}"} for number in (1, 2)]
    answers = await asyncio.gather(*(session.post("/v1/me/password", json=one) for one in wanted))
    assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_an_api_token_has_no_password_to_change_and_nobody_in_a_suspended_tenant(api, ada):
    body = {"current": PASSWORD, "new": NEW}
    assert refusal(await api.acme.post("/v1/me/password", json=body)) == (403, "forbidden")
    session = await sign_in(api, ADA)
    await api.operator.patch("/v1/tenants/acme", json={"status": "suspended"}, headers=ANY)
    assert refusal(await session.post("/v1/me/password", json=body)) == (403, "tenant_suspended")


async def test_a_password_of_the_list_is_refused_wherever_one_is_chosen(api, ada, tmp_path):
    digest = hashlib.sha1(NEW.encode(), usedforsecurity=False).hexdigest().upper()
    other = hashlib.sha1(b"another long one", usedforsecurity=False).hexdigest().upper()
    (tmp_path / f"{digest[:5]}.txt").write_text(f"{'0' * 35}:3\r\n{digest[5:]}:42\r\n")
    (tmp_path / f"{other[:5]}.txt").write_text(f"{other[5:]}:0\n")
    session = await sign_in(api, ADA)
    api.app.state.settings = api.settings.model_copy(update={"breached_passwords": tmp_path})
    person = {"email": BOB, "display_name": "Bob", "role": "viewer"}
    tenant = {"slug": "new", "name": "New", "admin_email": BOB, "admin_password": NEW}
    for answer in (
        await session.post("/v1/me/password", json={"current": PASSWORD, "new": NEW}),
        await api.acme.post("/v1/users", json={**person, "password": NEW}),
        await api.operator.post("/v1/tenants", json=tenant),
    ):
        assert refusal(answer) == (422, "password_breached")
    assert (await api.acme.post("/v1/users", json={**person, "password": "another long one"})).status_code == 201
    assert (
        await api.acme.post("/v1/users", json={**person, "email": "c@acme.example", "password": PASSWORD})
    ).is_success
    api.app.state.settings = api.settings.model_copy(update={"breached_passwords": tmp_path / "gone"})
    away = await api.acme.post("/v1/users", json={**person, "email": "d@acme.example", "password": PASSWORD})
    assert refusal(away) == (503, "unavailable")


def test_without_a_setting_no_list_is_asked(settings_of):
    assert isinstance(breached_passwords(settings_of(None)), NoBreachedPasswords)
    assert isinstance(breached_passwords(settings_of("/lists")), BreachedPasswordFiles)


@pytest.fixture
def settings_of(tmp_path):
    from patchbay.core.settings import Settings

    return lambda folder: Settings(home=tmp_path, breached_passwords=folder)


def test_delays_begin_late_double_and_stay_bearable():
    assert [delay(failures).total_seconds() for failures in (1, FREE, FREE + 1, FREE + 2)] == [0, 0, 2, 4]
    assert delay(10_000) == LONGEST


async def test_guessing_is_slowed_down_where_it_comes_from_and_the_owner_gets_in_from_elsewhere(api, ada, long_delays):
    attacker, owner = at(api, "198.51.100.7"), at(api, "203.0.113.9")
    answers = [await attempt(attacker) for _ in range(FREE + 2)]
    assert [answer.status_code for answer in answers] == [401] * (FREE + 1) + [429]
    assert refusal(answers[-1]) == (429, "too_many_attempts")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 300
    assert (await attempt(attacker, PASSWORD)).status_code == 429
    assert (await attempt(owner, PASSWORD)).status_code == 201
    assert (await attempt(attacker, email=BOB)).status_code == 401


async def test_many_guesses_at_once_are_no_way_around_the_delay(api, ada, long_delays):
    attacker = at(api, "198.51.100.7")
    answers = await asyncio.gather(*(attempt(attacker) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [401] * (FREE + 1) + [429] * (11 - FREE)


async def test_an_email_without_account_is_slowed_down_alike(api, long_delays):
    stranger = at(api, "198.51.100.7")
    answers = [await attempt(stranger, email="nobody@acme.example") for _ in range(FREE + 2)]
    assert [answer.status_code for answer in answers] == [401] * (FREE + 1) + [429]


async def a_day_passes(api):
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(LoginAttempts).values(updated_at=utcnow() - timedelta(days=1, seconds=1)))


async def test_a_right_password_or_a_day_forgets_the_failures(api, ada, long_delays):
    caller = at(api, "198.51.100.7")
    for _ in range(2):
        assert await statuses(caller, *["wrong"] * FREE, PASSWORD, tenant="acme") == [401] * FREE + [201]
    await statuses(caller, *["wrong"] * (FREE + 1), tenant="acme")
    await a_day_passes(api)
    assert await statuses(caller, "wrong", tenant="acme") == [401]


@pytest.mark.parametrize("named", [{"tenant": "acme"}, {}], ids=["named", "unnamed"])
async def test_an_account_of_the_same_email_in_another_tenant_resets_no_count(api, ada, long_delays, named):
    await add_person(api, api.globex, ADA, password=NEW)
    mallory = at(api, "198.51.100.7")
    own = {"tenant": "globex"} if named else {}
    assert await statuses(mallory, *["wrong"] * FREE, **named) == [401] * FREE
    assert await statuses(mallory, NEW, **own) == [201]
    assert (await statuses(mallory, "wrong", "wrong", **named))[-1] == 429
    assert await statuses(at(api, "203.0.113.9"), PASSWORD, **named) == [201]


async def test_whether_an_email_has_an_account_elsewhere_is_not_told_by_what_is_forgotten(api, long_delays):
    await add_person(api, api.globex, ADA, password=NEW)
    callers = [at(api, f"198.51.100.{number}") for number in (7, 8)]
    tried = [*["wrong"] * (FREE - 1), NEW, NEW, "wrong", "wrong", "wrong"]
    alone = await statuses(callers[0], *tried)
    await add_person(api, api.acme, ADA)
    assert await statuses(callers[1], *tried) == alone


async def test_right_sign_ins_without_a_tenant_are_not_held_up_and_their_failures_have_an_end(api, ada, long_delays):
    await add_person(api, api.globex, ADA, password=NEW)
    caller = at(api, "198.51.100.7")
    assert await statuses(caller, *[PASSWORD] * (FREE + 3)) == [201] * (FREE + 3)
    await statuses(caller, *["wrong"] * (FREE + 1))
    async with api.app.state.database.engine.begin() as connection:
        first = utcnow() - timedelta(hours=23)
        await connection.execute(update(LoginAttempts).values(updated_at=first, blocked_until=first))
    assert await statuses(caller, "wrong", "wrong") == [401, 429]
    async with api.app.state.database.engine.begin() as connection:
        since = (await connection.execute(select(LoginAttempts.updated_at))).scalars().all()
    assert since.count(first) == 1, "what no tenant was named for is not begun anew"
    await a_day_passes(api)
    assert await statuses(caller, *["wrong"] * FREE) == [401] * FREE


async def test_an_account_of_the_same_email_elsewhere_tells_no_number_of_guesses_at_the_other_ones_password(
    api, ada, long_delays
):
    """Which of the two a password opens would tell that it is the other's, and a right sign-in is no failure."""
    await add_person(api, api.globex, ADA, password=NEW)
    caller = at(api, "198.51.100.7")
    assert await statuses(caller, *[NEW] * (FREE + 1)) == [201] * (FREE + 1)
    mallory = await sign_in(api, ADA, password=NEW, tenant="globex")
    assert (await mallory.post("/v1/me/password", json={"current": NEW, "new": PASSWORD})).status_code == 204
    guess = await attempt(caller, PASSWORD)
    assert (guess.status_code, guess.json()["tenant"]["slug"]) == (201, "globex")
    assert await statuses(at(api, "203.0.113.9"), PASSWORD) == [422]
    assert await statuses(caller, PASSWORD, tenant="acme") == [201], "who names the tenant is not held up"


async def test_a_right_sign_in_without_a_tenant_takes_back_the_wait_that_it_brought_and_no_other(api, ada, long_delays):
    await add_person(api, api.globex, ADA, password=NEW)
    caller = at(api, "198.51.100.7")
    assert await statuses(caller, *["wrong"] * (FREE + 1), PASSWORD) == [401] * (FREE + 1) + [429]
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(LoginAttempts).values(blocked_until=utcnow()))
    assert await statuses(caller, PASSWORD, PASSWORD, "wrong", PASSWORD) == [201, 201, 401, 429]


async def test_a_right_password_that_lacks_the_tenant_is_no_wrong_attempt(api, ada, long_delays):
    await add_person(api, api.globex, ADA)
    caller = at(api, "198.51.100.7")
    assert await statuses(caller, *[PASSWORD] * (FREE + 3)) == [422] * (FREE + 3)


@pytest.mark.parametrize("spelled", [str, str.upper], ids=["as it is", "in capitals"])
async def test_guesses_by_a_tenants_slug_and_by_its_id_are_counted_together(api, ada, long_delays, spelled):
    tenant = spelled((await api.acme.get("/v1/me")).json()["tenant"]["id"])
    caller = at(api, "198.51.100.7")
    assert await statuses(caller, *["wrong"] * (FREE + 1), tenant="acme") == [401] * (FREE + 1)
    assert await statuses(caller, "wrong", tenant=tenant) == [429]


async def test_a_tenant_that_is_not_there_is_slowed_down_and_answered_alike(api, ada, long_delays):
    told = []
    gone = str(new_id())
    for number, (tenant, also) in enumerate(
        [("acme", "acme"), ("globex", "globex"), ("gone", "gone"), (gone, gone.upper())]
    ):
        caller = at(api, f"198.51.100.{number}")
        answers = [await attempt(caller, tenant=tenant) for _ in range(FREE + 1)]
        answers += [await attempt(caller, tenant=also), await attempt(caller), await attempt(caller, tenant="other")]
        told.append([(answer.status_code, answer.json()["detail"].partition(";")[0]) for answer in answers])
    assert [status for status, _ in told[0]] == [401] * (FREE + 1) + [429, 401, 401]
    assert told == [told[0]] * 4


async def test_a_stolen_session_guesses_the_password_no_faster(api, ada, long_delays):
    session = await sign_in(api, ADA)
    wanted = {"current": "wrong", "new": NEW}
    answers = [await session.post("/v1/me/password", json=wanted) for _ in range(FREE + 2)]
    assert [answer.status_code for answer in answers] == [403] * (FREE + 1) + [429]


async def test_a_stolen_session_guesses_no_faster_with_an_account_of_the_same_email_elsewhere(api, ada, long_delays):
    session = await sign_in(api, ADA)
    await add_person(api, api.globex, ADA, password=NEW)
    wanted = {"current": "wrong", "new": NEW}
    guesses = [(await session.post("/v1/me/password", json=wanted)).status_code for _ in range(FREE)]
    assert await statuses(api.nobody, NEW, tenant="globex") == [201]
    guesses += [(await session.post("/v1/me/password", json=wanted)).status_code for _ in range(2)]
    assert guesses == [403] * (FREE + 1) + [429]
    assert await statuses(api.nobody, PASSWORD, tenant="acme") == [429], "both doors of the account have one count"


async def test_disabling_a_person_holds_at_once_and_enabling_revives_no_session(api, ada):
    bob = await add_person(api, api.acme, BOB)
    session = await sign_in(api, BOB)
    path = f"/v1/users/{bob['id']}"
    assert (await api.acme.patch(path, json={"status": "disabled"}, headers=ANY)).json()["status"] == "disabled"
    assert (await session.get("/v1/me")).status_code == 401
    assert (await attempt(api.nobody, PASSWORD, BOB)).status_code == 401
    await api.acme.patch(path, json={"status": "active"}, headers=ANY)
    assert (await session.get("/v1/me")).status_code == 401
    assert (await attempt(api.nobody, PASSWORD, BOB)).status_code == 201


async def test_a_change_of_role_holds_from_the_next_request_on(api, ada):
    bob = await add_person(api, api.acme, BOB, role="author")
    session = await sign_in(api, BOB)
    assert (await session.post("/v1/plugins", json={"namespace": "a", "name": "b"})).status_code == 201
    changed = await api.acme.patch(
        f"/v1/users/{bob['id']}", json={"role": "viewer", "display_name": "Robert"}, headers=ANY
    )
    assert (changed.json()["role"], changed.json()["display_name"]) == ("viewer", "Robert")
    assert (await session.post("/v1/plugins", json={"namespace": "a", "name": "c"})).status_code == 403
    [record] = (await api.acme.get("/v1/audit?action=member.changed")).json()["items"]
    changes = {change["path"]: (change["was"], change["value"]) for change in record["patch"]}
    assert changes["/role"] == ("author", "viewer")
    await api.acme.patch(f"/v1/users/{bob['id']}", json={"role": "viewer"}, headers=ANY)
    assert len((await api.acme.get("/v1/audit?action=member.changed")).json()["items"]) == 1


async def test_nobody_changes_who_holds_more_or_gives_more_than_they_hold(api, ada):
    bob = await add_person(api, api.acme, BOB)
    clerk = api.client(await api.token(api.acme, scopes=["identity:write", *VIEWER]))
    assert refusal(await clerk.patch(f"/v1/users/{ada['id']}", json={"status": "disabled"}, headers=ANY)) == (
        403,
        "cannot_grant",
    )
    assert refusal(await clerk.patch(f"/v1/users/{bob['id']}", json={"role": "author"}, headers=ANY)) == (
        403,
        "cannot_grant",
    )
    assert (await clerk.patch(f"/v1/users/{bob['id']}", json={"status": "disabled"}, headers=ANY)).status_code == 200
    assert (await api.globex.patch(f"/v1/users/{bob['id']}", json={"role": "author"}, headers=ANY)).status_code == 404
    gone = await api.acme.patch(f"/v1/users/{bob['id']}", json={"role": "platform_admin"}, headers=ANY)
    assert refusal(gone) == (422, "role_not_in_tenant")


VIEWER = ["catalog:read", "installs:read", "usage:read", "insights:read", "automation:read"]


@pytest.mark.parametrize("change", [{"status": "disabled"}, {"role": "viewer"}])
async def test_the_last_administrator_stays_one(api, ada, change):
    path = f"/v1/users/{ada['id']}"
    assert refusal(await api.acme.patch(path, json=change, headers=ANY)) == (409, "last_administrator")
    bob = await add_person(api, api.acme, BOB, role="tenant_admin")
    assert (await api.acme.patch(path, json=change, headers=ANY)).status_code == 200
    assert refusal(await api.acme.patch(f"/v1/users/{bob['id']}", json=change, headers=ANY)) == (
        409,
        "last_administrator",
    )


async def test_of_two_administrators_who_remove_each_other_at_once_one_stays(api, ada):
    bob = await add_person(api, api.acme, BOB, role="tenant_admin")
    paths = [f"/v1/users/{person['id']}" for person in (ada, bob)]
    answers = await asyncio.gather(*(api.acme.patch(path, json={"role": "viewer"}, headers=ANY) for path in paths))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
