"""The one door: nothing but the public paths without a session, nothing from other origins, no other tenant."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from dashboards.app import create_app
from dashboards.gate import PUBLIC, PUBLIC_FOLDERS, is_public
from patchbay.core.settings import Settings
from tests.dashboards.conftest import TENANTS, Desk

LogIn = Callable[[str], httpx.Client]
FILL = {
    "output": '..{"card":["MATCH"],"type":"body"}.children...{"card":["MATCH"],"type":"seen"}.data..',
    "outputs": [
        {"id": {"card": "targets-list", "type": "body"}, "property": "children"},
        {"id": {"card": "targets-list", "type": "seen"}, "property": "data"},
    ],
    "inputs": [
        {"id": "url", "property": "search", "value": ""},
        {"id": "theme", "property": "data", "value": "light"},
        {"id": "snapshot", "property": "data"},
        {"id": "done", "property": "data"},
        [],
        [],
        [],
    ],
    "changedPropIds": [],
    "state": [
        {"id": {"card": "targets-list", "type": "seen"}, "property": "data"},
        {
            "id": {"card": "targets-list", "type": "body"},
            "property": "id",
            "value": {"card": "targets-list", "type": "body"},
        },
        {"id": "url", "property": "pathname", "value": "/targets"},
    ],
}
"""What the browser posts to fill the card of the target list."""


def filled(client: httpx.Client, search: str = "") -> str:
    body = {**FILL, "inputs": [{**FILL["inputs"][0], "value": search}, *FILL["inputs"][1:]]}  # type: ignore[index,dict-item]
    answer = client.post("/_dash-update-component", json=body)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_every_route_there_is_needs_a_session_unless_it_is_public(home: Path, desk: Desk, client: httpx.Client) -> None:
    app = create_app(Settings(home=home), desk)
    routes = [(route.path, method) for route in app.server.routes for method in getattr(route, "methods", None) or ()]
    assert len(routes) > 8
    for path, method in [*routes, ("/", "GET"), ("/plugins", "GET"), ("/no/such/page", "GET")]:
        filled_in = re.sub(r"\{[^}]*\}", "x", path)
        if not is_public(filled_in):
            answer = client.request(method, filled_in)
            assert answer.status_code == 401, f"{method} {path} answered {answer.status_code} to nobody"


def test_the_public_paths_are_these_and_no_more() -> None:
    assert PUBLIC == ("/healthz", "/login", "/_favicon.ico")
    assert PUBLIC_FOLDERS == ("/assets/", "/_dash-component-suites/")
    assert not is_public("/login/../plugins")
    assert not is_public("/_dash-layout")


def test_a_browser_without_a_session_is_led_to_the_login_and_back(client: httpx.Client) -> None:
    answer = client.get("/plugins?q=git", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fplugins%3Fq%3Dgit")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
    ],
)
def test_other_origins_can_change_nothing_even_with_the_cookie(log_in: LogIn, headers: dict[str, str]) -> None:
    client = log_in("acme")
    for path in ("/_dash-update-component", "/logout", "/login"):
        assert client.post(path, headers=headers, json={}).status_code == 403
    assert client.get("/_dash-layout").status_code == 200


def test_every_answer_forbids_framing_sniffing_and_foreign_scripts(log_in: LogIn) -> None:
    client = log_in("acme")
    for path in ("/healthz", "/login", "/", "/assets/patchbay.css", "/no/such/page"):
        headers = client.get(path).headers
        rules = dict(rule.strip().split(" ", 1) for rule in headers["content-security-policy"].split(";"))
        assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
        assert rules["frame-ancestors"] == rules["object-src"] == rules["base-uri"] == "'none'"
        assert "unsafe" not in rules["script-src"]


def test_pages_are_not_kept_by_caches_and_nothing_is_loaded_from_elsewhere(log_in: LogIn) -> None:
    page = log_in("acme").get("/")
    assert page.headers["cache-control"] == "no-store"
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page.text)


def test_unknown_pages_are_not_found(log_in: LogIn) -> None:
    assert log_in("acme").get("/no/such/page").status_code == 404


def test_websockets_are_closed(client: httpx.Client) -> None:
    url = f"ws://127.0.0.1:{client.base_url.port}/_dash-ws-callback"
    with pytest.raises(InvalidStatus), connect(url):
        pass


def test_callbacks_answer_with_the_viewers_tenant_only(log_in: LogIn) -> None:
    assert "acme.team-03" in filled(log_in("acme"))
    assert "operator.lab" not in filled(log_in("acme"))
    assert "operator.lab" in filled(log_in("operator"))


@pytest.mark.parametrize(
    "search", ["?tenant_id=" + TENANTS.operator, "?tenant=operator", "?own=" + TENANTS.operator, "?q=operator"]
)
def test_nothing_in_the_address_reaches_another_tenant(log_in: LogIn, search: str) -> None:
    client = log_in("acme")
    assert "operator.lab" not in filled(client, search)
    export = client.get(f"/export/targets-list.csv{search}&at=/targets")
    assert "operator.lab" not in export.text


def test_a_tenants_session_token_never_reaches_the_browser(log_in: LogIn) -> None:
    client = log_in("acme")
    bodies = [client.get(path).text for path in ("/", "/_dash-layout", "/_dash-dependencies")] + [filled(client)]
    assert not any("pb_ada" in body for body in bodies)


def chunks(size: int) -> Iterator[bytes]:
    """A body without a length."""
    for _ in range(size // 1024):
        yield b"x" * 1024


def test_nobody_can_send_a_large_body_before_logging_in(client: httpx.Client, desk: Desk) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    announced = client.post("/login", content=b"email=" + b"x" * 70_000, headers=form)
    counted = client.post("/login", content=chunks(1 << 20), headers=form)
    assert (announced.status_code, counted.status_code, desk.asked) == (413, 413, 0)
    small = client.post("/login", content=chunks(60 * 1024), headers=form)
    assert (small.status_code, desk.asked) == (401, 1)


def test_a_name_with_a_slash_is_a_page_after_a_reload_and_after_the_login(log_in: LogIn, client: httpx.Client) -> None:
    sent = client.get("/targets/a%2Fb%20c?tenant=acme", headers={"Accept": "text/html"})
    assert sent.headers["location"] == "/login?next=%2Ftargets%2Fa%252Fb%2520c%3Ftenant%3Dacme"
    log_in("acme")
    assert client.get("/targets/a%2Fb%20c?tenant=acme").status_code == 200
    assert client.get("/targets/a/b").status_code == 404
