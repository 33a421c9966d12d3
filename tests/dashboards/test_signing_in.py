"""Signing in at the dashboards, with the real registry behind them: strangers lock nobody out, and codes get through."""

import base64
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from patchbay.core.client import Client
from tests.dashboards.conftest import PASSWORD, Servers

At = Callable[[str], httpx.Client]
HELD_UP = "Too many wrong attempts"
GUESSES = range(12)
"""The sixth makes the next wait two seconds, each after it twice as long: one of them comes too early, however slow all are."""


@pytest.fixture
def at(servers: Servers) -> Iterator[At]:
    """A client of the dashboards at an address of this machine's own network, of which each is another caller."""
    with ExitStack() as open_ones:

        def act(address: str) -> httpx.Client:
            transport = httpx.HTTPTransport(local_address=address)
            return open_ones.enter_context(httpx.Client(base_url=servers.dashboards, transport=transport, timeout=30))

        yield act


def sign_in(client: httpx.Client, email: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    headers = {name: more.pop(name) for name in ("X-Forwarded-For",) if name in more}
    return client.post("/login", data={"email": email, "password": password, **more}, headers=headers)


def account(servers: Servers, name: str) -> str:
    """A person of acme's."""
    email = f"{name}@acme.example"
    with servers.administrator() as acme:
        acme.create_user(email, name, role="viewer", password=PASSWORD)
    return email


def test_a_stranger_who_guesses_is_slowed_down_and_who_owns_the_account_is_not(servers: Servers, at: At) -> None:
    email, stranger = account(servers, "guessed"), at("127.0.0.66")
    assert any(HELD_UP in sign_in(stranger, email, "a guess", tenant="acme").text for _ in GUESSES)
    assert sign_in(at("127.0.0.77"), email, tenant="acme").status_code == 303


def test_a_stranger_gets_no_further_guess_by_naming_other_addresses(servers: Servers, at: At) -> None:
    email, stranger = account(servers, "forged"), at("127.0.0.67")
    answers = (
        sign_in(stranger, email, "a guess", tenant="acme", **{"X-Forwarded-For": f"198.51.100.{guess}"})
        for guess in GUESSES
    )
    assert any(HELD_UP in answer.text for answer in answers)
    guess = {"email": email, "password": "a guess", "tenant": "acme"}
    with httpx.Client(base_url=servers.api, transport=httpx.HTTPTransport(local_address="127.0.0.67")) as direct:
        key = {"Patchbay-Forwarding-Key": "0" * 64}
        forged = ({"X-Forwarded-For": f"198.51.100.{100 + place}", **key} for place in GUESSES)
        told = (direct.post("/v1/sessions", json=guess, headers=past, timeout=30).json()["type"] for past in forged)
        assert any(code.endswith("too_many_attempts") for code in told)


def test_the_registry_knows_where_who_signed_in_and_acts_here_comes_from(servers: Servers, at: At) -> None:
    email = account(servers, "seen")
    assert sign_in(at("127.0.0.78"), email).status_code == 303
    with Client(servers.api) as client, Client(servers.api, client.login(email, PASSWORD)["token"]) as own:
        assert {row["address"] for row in own.sessions()} == {"127.0.0.78", "127.0.0.1"}


def test_who_has_a_second_factor_signs_in_with_a_code(servers: Servers, at: At) -> None:
    email, browser = account(servers, "careful"), at("127.0.0.79")
    with Client(servers.api) as client, Client(servers.api, client.login(email, PASSWORD)["token"]) as own:
        [recovery, *_] = own.confirm_totp(code_of(own.begin_totp(PASSWORD)["secret"]))
    asked = sign_in(browser, email)
    assert (asked.status_code, "Your account has a second factor" in asked.text) == (401, True)
    assert sign_in(browser, email, code="000000").status_code == 401
    assert sign_in(browser, email, code=recovery).status_code == 303


def code_of(secret: str) -> str:
    """What an authenticator shows now (RFC 6238)."""
    digest = hmac.digest(base64.b32decode(secret), (int(time.time()) // 30).to_bytes(8, "big"), "sha1")
    number = int.from_bytes(digest[digest[-1] & 15 :][:4], "big") & 0x7FFFFFFF
    return f"{number % 10**6:06}"


def test_a_session_that_was_ended_at_the_registry_sees_no_page_from_its_first_request_on(
    servers: Servers, at: At
) -> None:
    email, browser = account(servers, "ended"), at("127.0.0.80")
    assert sign_in(browser, email).status_code == 303
    with Client(servers.api) as client, Client(servers.api, client.login(email, PASSWORD)["token"]) as own:
        [theirs] = [row["id"] for row in own.sessions() if row["address"] == "127.0.0.80"]
        own.end_session(theirs)
    answer = browser.get("/_dash-layout")
    assert answer.status_code == 401
