"""Every error is a problem per RFC 9457, with a stable code, a place and a way to mend it."""

import gzip
import json
import logging
import re

import pytest
import zstandard
from fastapi import APIRouter

import registry_api.routers  # noqa: F401 - loads every domain's problems
from registry_api import bodies
from registry_api.bodies import JSON_BODY_BYTES
from registry_api.http import api_router
from registry_api.problems import PROBLEM_BASE, Problem
from tests.registry_api.conftest import running

TENANT = {"slug": "initech", "name": "Initech"}


def problem(answer, status: int, code: str) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == PROBLEM_BASE + code
    assert body["status"] == status
    assert body["title"] and body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def all_problems(kind: type[Problem] = Problem) -> set[type[Problem]]:
    return {kind}.union(*(all_problems(below) for below in kind.__subclasses__()))


def test_every_problem_code_is_documented_with_its_status(repository):
    page = (repository / "docs/reference/problems.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE))
    assert documented == {(kind.code, str(int(kind.status))) for kind in all_problems()}


def test_every_problem_has_a_page_in_the_docs_where_its_type_leads(repository):
    assert PROBLEM_BASE.endswith("/problems/")
    pages = {page.stem for page in (repository / "docs/problems").glob("*.md")}
    assert pages == {kind.code for kind in all_problems()}


async def test_the_registry_says_of_every_problem_what_it_means_and_what_to_do(api):
    for kind in all_problems():
        said = (await api.nobody.get(f"/problems/{kind.code}")).json()
        assert (said["type"], said["status"], said["title"]) == (PROBLEM_BASE + kind.code, kind.status, kind.title)
        assert said["when"] and said["fix"]
    problem(await api.nobody.get("/problems/none"), 404, "not_found")


async def test_an_error_links_to_its_meaning_which_a_browser_can_read(api):
    answer = await api.acme.get("/v1/plugins/acme:none")
    page = await api.nobody.get(answer.links["help"]["url"], headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["vary"] == (await api.nobody.get(answer.links["help"]["url"])).headers["vary"]
    assert "Accept" in page.headers["vary"].split(", ")
    assert "not_found" in page.text and "What to do" in page.text


async def test_an_unknown_path_is_a_problem(api):
    assert "/openapi.json" in problem(await api.acme.get("/v2/plugins"), 404, "not_found")["detail"]


async def test_a_wrong_method_is_a_problem_that_names_the_right_one(api):
    answer = await api.acme.put("/healthz")
    assert "GET" in problem(answer, 405, "method_not_allowed")["detail"]
    assert answer.headers["allow"] == "GET"


async def test_a_misspelt_query_parameter_is_refused_with_the_right_name(api):
    errors = problem(await api.acme.get("/v1/tenants?limt=3"), 400, "invalid_request")["errors"]
    assert errors == [
        {
            "pointer": "limt",
            "code": "unknown_parameter",
            "detail": "There is no query parameter 'limt'. Did you mean limit?",
        }
    ]


async def test_of_thousands_of_unknown_parameters_the_first_are_named(api):
    asked = "&".join(f"word{number}=1" for number in range(3000))
    errors = problem(await api.acme.get(f"/v1/tenants?{asked}"), 400, "invalid_request")["errors"]
    assert [error["pointer"] for error in errors] == [f"word{number}" for number in range(20)]


async def test_a_parameter_out_of_range_is_named(api):
    errors = problem(await api.acme.get("/v1/tenants?limit=0"), 400, "invalid_request")["errors"]
    assert (errors[0]["pointer"], errors[0]["code"]) == ("limit", "greater_than_equal")


async def test_wrong_and_missing_fields_are_pointed_at(api):
    answer = await api.operator.post("/v1/tenants", json={"slug": "Not A Slug"})
    errors = {error["pointer"]: error["code"] for error in problem(answer, 400, "invalid_request")["errors"]}
    assert errors == {"/slug": "string_pattern_mismatch", "/name": "required"}


async def test_an_unknown_field_is_refused_with_the_right_name(api):
    answer = await api.operator.post("/v1/tenants", json={**TENANT, "admin_mail": "a@b.example"})
    (error,) = problem(answer, 400, "invalid_request")["errors"]
    assert (error["pointer"], error["code"]) == ("/admin_mail", "unknown_field")
    assert error["detail"].endswith("Did you mean admin_email?")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"slug": "a", ', "malformed_json"),
        (b'{"slug": NaN}', "malformed_json"),
        (b'{"slug": "\xff\xfe"}', "invalid_utf8"),
        (b'{"slug": "\\ud800"}', "malformed_json"),
    ],
)
async def test_what_is_not_json_is_refused_with_its_line_and_column(api, body, code):
    answer = await api.operator.post("/v1/tenants", content=body, headers={"Content-Type": "application/json"})
    (error,) = problem(answer, 400, "invalid_request")["errors"]
    assert error["code"] == code
    assert "line 1, column" in error["detail"]


async def test_an_empty_body_is_refused(api):
    answer = await api.operator.post("/v1/tenants", content=b"", headers={"Content-Type": "application/json"})
    (error,) = problem(answer, 400, "invalid_request")["errors"]
    assert (error["pointer"], error["code"]) == ("", "required")


async def test_another_content_type_is_refused(api):
    answer = await api.operator.post("/v1/tenants", content=json.dumps(TENANT), headers={"Content-Type": "text/plain"})
    assert "application/json" in problem(answer, 415, "unsupported_media")["detail"]


async def test_another_content_encoding_is_refused(api):
    headers = {"Content-Type": "application/json", "Content-Encoding": "br"}
    problem(await api.operator.post("/v1/tenants", content=b"x", headers=headers), 415, "unsupported_media")


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
async def test_a_packed_body_is_read(api, encoding, pack):
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    answer = await api.operator.post("/v1/tenants", content=pack(json.dumps(TENANT).encode()), headers=headers)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
async def test_a_packed_body_that_breaks_off_or_is_damaged_is_refused(api, encoding, pack):
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    whole = pack(json.dumps(TENANT).encode())
    for broken in (whole[:-5], whole[:8], b"", b"not packed at all"):
        problem(await api.operator.post("/v1/tenants", content=broken, headers=headers), 400, "truncated_body")


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
async def test_a_packed_bomb_is_refused_before_it_is_unpacked_whole(api, encoding, pack):
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    bomb = pack(b" " * (JSON_BODY_BYTES * 8))
    assert len(bomb) < JSON_BODY_BYTES / 10
    problem(await api.operator.post("/v1/tenants", content=bomb, headers=headers), 413, "too_large")


async def test_a_huge_body_is_refused_with_or_without_a_declared_length(api):
    async def pieces():
        for _ in range(JSON_BODY_BYTES // 2**20 + 1):
            yield b" " * 2**20

    headers = {"Content-Type": "application/json"}
    problem(await api.operator.post("/v1/tenants", content=pieces(), headers=headers), 413, "too_large")
    whole = b" " * (JSON_BODY_BYTES + 1)
    problem(await api.operator.post("/v1/tenants", content=whole, headers=headers), 413, "too_large")


async def test_a_gzip_body_of_several_members_is_read_as_one(api):
    text = json.dumps(TENANT).encode()
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = await api.operator.post(
        "/v1/tenants", content=gzip.compress(text[:9]) + gzip.compress(text[9:]), headers=headers
    )
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
async def test_a_body_of_very_many_empty_members_is_refused_before_all_are_opened(api, encoding, pack, monkeypatch):
    opened, another = [], bodies._Members.another
    monkeypatch.setattr(bodies._Members, "another", lambda members: (opened.append(1), another(members)))
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    answer = await api.operator.post("/v1/tenants", content=pack(b"") * 100_000, headers=headers)
    assert problem(answer, 400, "invalid_request")["errors"][0]["code"] == "too_many_members"
    assert len(opened) == bodies.MOST_MEMBERS + 1


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer pb_t"}])
async def test_nothing_of_a_body_is_read_from_callers_without_a_valid_token(api, header):
    read = []

    async def pieces():
        read.append(True)
        yield b"{}"

    headers = {"Content-Type": "application/json", **header}
    problem(await api.nobody.post("/v1/tenants", content=pieces(), headers=headers), 401, "unauthenticated")
    assert not read


async def test_without_a_token_only_a_small_body_is_read(api):
    login = {"email": "a" * 70_000, "password": "x"}
    problem(await api.nobody.post("/v1/sessions", json=login), 413, "too_large")


@pytest.mark.parametrize("path", ["/v1/plugins?q=%00", "/v1/targets/a%00b", "/v1/audit?action=%00", "/v1/jobs?a%00=1"])
async def test_a_nul_character_in_path_or_query_is_the_callers_fault(api, path):
    assert (await api.acme.get(path)).status_code in (400, 404)


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/sessions", {"email": "a\0b", "password": "x"}, "/email"),
        ("/v1/sessions", {"email": "a@b.example", "password": "x", "tenant": "a\0b"}, "/tenant"),
        ("/v1/tokens", {"name": "x", "role": "viewer", "tenant": "a\0b"}, "/tenant"),
        ("/v1/jobs", {"kind": "usage.compact", "dedup_key": "a\0b"}, "/dedup_key"),
    ],
)
async def test_a_nul_character_in_a_body_is_pointed_at(api, path, body, pointer):
    errors = problem(await api.operator.post(path, json=body), 400, "invalid_request")["errors"]
    assert [error["pointer"] for error in errors] == [pointer]


async def test_a_database_that_is_away_is_told_as_such_and_to_come_again(registry, tmp_path):
    settings, tokens = registry
    (tmp_path / "file").write_text("in the way")
    away = {
        "sqlite": f"sqlite+aiosqlite:///{tmp_path}",
        "postgresql": "postgresql+asyncpg://nobody@127.0.0.1:1/none",
    }[settings.resolved_database_url.split("+")[0].split(":")[0]]
    async with running(settings.model_copy(update={"database_url": away}), tokens) as api:
        answer = await api.acme.get("/v1/me")
    problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "5"


async def test_a_storage_that_is_away_is_told_as_such(api):
    (api.settings.home / "lake").write_text("in the way")
    event = {"id": "e1", "type": "use", "at": "2026-01-01T00:00:00Z", "plugin": "a:b"}
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": "k"}
    answer = await api.acme.post("/v1/usage/batches", content=json.dumps(event), headers=headers)
    problem(answer, 503, "unavailable")


async def test_a_fault_of_ours_is_a_problem_without_a_trace_and_the_log_has_it(api, caplog):
    router: APIRouter = api_router("broken")

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the secret inner state")

    api.app.include_router(router)
    with caplog.at_level(logging.ERROR, logger="registry_api.requests"):
        answer = await api.nobody.get("/v1/broken", headers={"X-Request-Id": "mine-1"})
    body = problem(answer, 500, "internal")
    assert body["request_id"] == "mine-1"
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert any("the secret inner state" in (record.exc_text or str(record.exc_info)) for record in caplog.records)


async def test_a_request_id_and_a_trace_are_taken_over_or_made(api):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    given = await api.nobody.get("/healthz", headers={"X-Request-Id": "abc-1.2_3", "traceparent": trace})
    assert given.headers["x-request-id"] == "abc-1.2_3"
    assert given.headers["traceparent"].split("-")[1] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert given.headers["traceparent"].split("-")[2] != "00f067aa0ba902b7"
    made = await api.nobody.get("/healthz", headers={"X-Request-Id": "has spaces\tand worse"})
    assert re.fullmatch(r"[0-9a-f]{32}", made.headers["x-request-id"])


async def test_the_trace_of_a_request_reaches_its_feed_rows_and_audit_records(api):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    await api.operator.post("/v1/tenants", json=TENANT, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    rows = (await api.service.get("/v1/feeds/tenants")).text.splitlines()
    assert json.loads(rows[-1])["trace_id"] == trace
    records = (await api.operator.get("/v1/audit", headers={"Patchbay-Tenant": "initech"})).json()["items"]
    assert {record["trace_id"] for record in records if record["action"] != "data.read"} == {trace}
