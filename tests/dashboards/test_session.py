"""Sessions: sealed in a cookie, ended by time or by the registry, kept while the registry is down."""

import asyncio
import json
import stat
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from dashboards import session
from dashboards.app import create_app
from dashboards.login import safe_next
from dashboards.session import COOKIE, Sessions, Viewer, secret_key
from patchbay.core.settings import Settings
from tests.dashboards.conftest import CODE, PASSWORD, Desk, serving

Viewers = Callable[[str], Viewer]
KEY = Fernet.generate_key()


def test_a_cookie_gives_back_its_viewer_and_hides_the_token(desk: Desk, viewer_of: Viewers) -> None:
    sessions, viewer = Sessions(KEY, desk), viewer_of("acme")
    cookie = sessions.seal(viewer)
    assert sessions.unseal(cookie) == viewer
    assert viewer.token not in cookie
    assert viewer.token not in repr(viewer)


def test_forged_foreign_and_expired_cookies_are_nobody(desk: Desk, viewer_of: Viewers) -> None:
    sessions, viewer = Sessions(KEY, desk), viewer_of("acme")
    cookie = sessions.seal(viewer)
    old = sessions.seal(replace(viewer, expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    foreign = Sessions(Fernet.generate_key(), desk).seal(viewer)
    forged = cookie[:-8] + ("A" if cookie[-8] != "A" else "B") + cookie[-7:]
    assert [sessions.unseal(value) for value in (old, foreign, forged, "rubbish", "", None)] == [None] * 6


@pytest.mark.parametrize(
    "fields", [{}, {"name": "Ada"}, [], {"expires_at": 7}, {"expires_at": "2999-01-01T00:00:00+00:00", "extra": 1}]
)
def test_a_cookie_of_another_version_is_nobody(desk: Desk, fields: object) -> None:
    cookie = Fernet(KEY).encrypt(json.dumps(fields).encode()).decode()
    assert Sessions(KEY, desk).unseal(cookie) is None


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "dashboards.key"
    assert secret_key(path) == secret_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def admitted(sessions: Sessions, viewer: Viewer, times: int = 1) -> list[Viewer | None]:
    """Who is let in by the viewer's cookie, in as many requests at once."""
    cookie = sessions.seal(viewer)

    async def run() -> list[Viewer | None]:
        return list(await asyncio.gather(*(sessions.admit(cookie) for _ in range(times))))

    return asyncio.run(run())


def test_a_session_the_registry_ended_is_refused_from_its_first_request_in_a_process_on(
    desk: Desk, viewer_of: Viewers
) -> None:
    viewer = viewer_of("acme")
    desk.ended.add(viewer.token)
    for sessions in (Sessions(KEY, desk), Sessions(KEY, desk)):  # a restart forgets who was refused
        assert admitted(sessions, viewer, 3) == [None, None, None]
        assert sessions.unseal(sessions.seal(viewer)) is None


def test_a_session_that_ends_later_is_refused_by_the_very_request_that_asks_again(
    desk: Desk, viewer_of: Viewers, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions, viewer = Sessions(KEY, desk), viewer_of("acme")
    assert admitted(sessions, viewer) == [viewer]
    desk.ended.add(viewer.token)
    assert admitted(sessions, viewer) == [viewer], "within the minute the answer stands"
    monkeypatch.setattr(session, "RECHECK_SECONDS", 0.0)
    assert admitted(sessions, viewer) == [None]


def test_who_the_registry_does_not_want_to_judge_is_turned_away_and_keeps_the_session(
    desk: Desk, viewer_of: Viewers, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions, viewer = Sessions(KEY, desk), viewer_of("acme")
    desk.busy = True
    assert [admitted(sessions, viewer) for _ in range(2)] == [[None]] * 2
    assert desk.asked == 1, "within a second the refusal stands"
    monkeypatch.setattr(session, "REFUSED_SECONDS", 0.0)
    sessions, viewer = Sessions(KEY, desk), viewer_of("acme")
    assert admitted(sessions, viewer) == [None]
    desk.busy = False
    assert admitted(sessions, viewer) == [viewer], "and not for the minute"


def test_a_fault_while_asking_lets_nobody_in_and_is_not_kept(
    desk: Desk, viewer_of: Viewers, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions, viewer = Sessions(KEY, desk), viewer_of("acme")
    with monkeypatch.context() as broken:
        broken.setattr(desk, "me", lambda token: {}[token])
        with pytest.raises(KeyError):
            admitted(sessions, viewer)
    assert admitted(sessions, viewer) == [viewer]


def test_a_session_outlives_an_unreachable_registry(
    desk: Desk, viewer_of: Viewers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "RECHECK_SECONDS", 0.0)
    monkeypatch.setattr(session, "AWAY_SECONDS", 0.0)
    sessions, viewer = Sessions(KEY, desk), viewer_of("acme")
    desk.down = True
    assert [admitted(sessions, viewer) for _ in range(3)] == [[viewer]] * 3
    assert desk.asked == 3
    assert sessions.unseal(sessions.seal(viewer)) == viewer


def test_a_registry_that_hangs_is_waited_for_by_one_page_and_not_by_everybodys(
    desk: Desk, viewer_of: Viewers, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions, others = Sessions(KEY, desk), [viewer_of("acme"), viewer_of("operator")]
    desk.down = True
    assert [admitted(sessions, viewer) for viewer in others] == [[viewer] for viewer in others]
    assert desk.asked == 1
    desk.down = False
    later = time.monotonic() + session.AWAY_SECONDS
    monkeypatch.setattr(session.time, "monotonic", lambda: later)
    desk.ended.add(others[0].token)
    assert admitted(sessions, others[0]) == [None], "it is asked again as soon as it may be there"


def test_the_registry_is_asked_once_a_minute_and_before_the_first_answer(desk: Desk, viewer_of: Viewers) -> None:
    sessions, viewer = Sessions(KEY, desk), viewer_of("acme")
    for _ in range(2):
        assert admitted(sessions, viewer, 50) == [viewer] * 50
        assert desk.asked == 1


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/plugins?q=git", "/plugins?q=git"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/login", "/"),
        ("/a\nb", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_after_login_one_can_only_go_on_to_a_page_of_ours(wanted: str | None, path: str) -> None:
    assert safe_next(wanted) == path


def test_login_sets_a_cookie_that_scripts_and_other_sites_cannot_use(client: httpx.Client) -> None:
    answer = client.post("/login", data={"email": "ada@acme.example", "password": PASSWORD, "next": "/plugins"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/plugins")
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in (f"{COOKIE}=", "httponly", "samesite=lax", "path=/"))


def test_behind_a_proxy_that_ends_tls_the_cookie_is_kept_to_tls(client: httpx.Client) -> None:
    form = {"email": "ada@acme.example", "password": PASSWORD}
    answer = client.post("/login", data=form, headers={"X-Forwarded-Proto": "https"})
    assert "; secure" in answer.headers["set-cookie"].lower()


def test_who_has_a_second_factor_is_asked_for_its_code_and_gets_in_with_it(client: httpx.Client) -> None:
    form = {"email": "two@acme.example", "password": PASSWORD}
    asked = client.post("/login", data=form)
    assert (asked.status_code, "Your account has a second factor" in asked.text) == (401, True)
    assert "<details open><summary>I sign in with a second factor" in asked.text
    wrong = client.post("/login", data={**form, "code": "654321"})
    assert (wrong.status_code, "654321" in wrong.text) == (401, False)
    assert client.post("/login", data={**form, "code": f" {CODE} "}).status_code == 303


def test_a_wrong_password_is_said_and_what_was_typed_stays_but_is_escaped(client: httpx.Client) -> None:
    answer = client.post("/login", data={"email": '"><script>@acme.example', "password": "wrong"})
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "<script>@" not in answer.text
    assert "wrong" not in answer.text.replace("is wrong", "")


def test_login_without_the_registry_says_so(client: httpx.Client, desk: Desk) -> None:
    desk.down = True
    answer = client.post("/login", data={"email": "ada@acme.example", "password": PASSWORD})
    assert (answer.status_code, "does not answer" in answer.text) == (503, True)


def test_a_copied_cookie_is_worthless_after_logging_out(log_in: Callable[[str], httpx.Client], desk: Desk) -> None:
    client = log_in("acme")
    copied = client.cookies[COOKIE]
    assert client.post("/logout").headers["location"] == "/login"
    assert desk.ended == {"pb_ada@acme.example"}
    client.cookies.set(COOKIE, copied)
    assert client.get("/_dash-layout").status_code == 401


def test_the_first_page_after_a_restart_has_its_styles_and_scripts_whichever_it_is(
    home: Path, desk: Desk, log_in: Callable[[str], httpx.Client]
) -> None:
    session = dict(log_in("acme").cookies)
    with serving(create_app(Settings(home=home), desk).server) as url:
        page = httpx.get(f"{url}/targets", cookies=session).text
    assert "assets/patchbay.css" in page
    assert "assets/patchbay.js" in page


def test_logging_out_works_while_the_registry_is_down(log_in: Callable[[str], httpx.Client], desk: Desk) -> None:
    client = log_in("acme")
    desk.down = True
    answer = client.post("/logout")
    assert (answer.status_code, COOKIE in client.cookies) == (303, False)
    assert answer.headers["patchbay-logout"].startswith("local-only")
