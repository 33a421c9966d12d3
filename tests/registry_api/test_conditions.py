"""Reads tell when nothing changed, updates are refused when something did, pages link to their neighbours."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from tests.registry_api.test_document import ABSOLUTE, OPERATIONS
from tests.registry_api.test_isolation import CASES, call, things  # noqa: F401 - a fixture
from tests.registry_api.test_problems import problem

PLUGIN = {"namespace": "acme", "name": "git", "releases": [{"version": "1.0.0"}]}
NOT_JSON = {"read_feed", "read_segment_content", "export_audit_log", "export_user_data", "read_export_content"}
GROWING = {"list_audit_records", "verify_audit_log"}
"""Reading the audit log is recorded in it, so it never reads the same twice."""


async def test_every_read_answers_304_to_its_own_tag(api, things):  # noqa: F811
    for name, case in CASES.items():
        method, path, _ = OPERATIONS[name]
        if method != "get" or name in NOT_JSON | GROWING:
            continue
        caller = api.service if case.platform else api.acme
        url = (path + case.query).format(**things)
        first = await caller.get(url)
        assert first.status_code == 200 and first.headers["etag"], name
        # The tokens' last use is written by the minute, so nothing changes between two reads.
        again = await caller.get(url, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content, name) == (304, b"", name)
        assert again.headers["etag"] == first.headers["etag"]
        assert "content-type" not in again.headers
        is_page = "limit" in {parameter["name"] for parameter in OPERATIONS[name][2].get("parameters", ())}
        sent_weak = first.headers["etag"].startswith("W/")
        assert sent_weak or not is_page, name


async def test_a_changed_thing_is_read_again(api):
    await api.acme.post("/v1/plugins", json=PLUGIN)
    tag = (await api.acme.get("/v1/plugins/acme:git")).headers["etag"]
    await api.acme.post("/v1/plugins/acme:git/releases", json={"version": "1.1.0"})
    again = await api.acme.get("/v1/plugins/acme:git", headers={"If-None-Match": tag})
    assert again.status_code == 200 and again.json()["latest_version"] == "1.1.0"


async def test_one_of_several_tags_any_tag_and_a_weak_one_are_known(api):
    await api.acme.post("/v1/plugins", json=PLUGIN)
    tag = (await api.acme.get("/v1/plugins/acme:git", headers={"Accept-Encoding": "identity"})).headers["etag"]
    for known in (f'"other", {tag}', "*", f"W/{tag}"):
        assert (await api.acme.get("/v1/plugins/acme:git", headers={"If-None-Match": known})).status_code == 304
    assert (await api.acme.get("/v1/plugins/acme:git", headers={"If-None-Match": '"other"'})).status_code == 200


async def test_errors_have_no_tag_and_are_never_304(api):
    answer = await api.acme.get("/v1/plugins/acme:none", headers={"If-None-Match": "*"})
    assert answer.status_code == 404 and "etag" not in answer.headers


AGAIN = {
    "put_contact": (201, 200),
    "put_signing_key": (201, 200),
    "put_switch": (201, 200),
    "put_insight_set": (201, 200),
    "post_release": (201, 200),
    "post_usage_batch": (201, 200),
    "post_catalogue_batch": (201, 200),
}


async def test_what_is_answered_the_second_time_is_in_the_document(api, things):  # noqa: F811
    fresh = {**things, "team": "new", "key": "new", "scope": "rule:new", "set_id": str(uuid4())}
    api.acme.headers["Idempotency-Key"] = "twice"
    for name, statuses in AGAIN.items():
        caller = api.service if CASES[name].platform else api.acme
        if name == "post_release":
            caller.headers.pop("Idempotency-Key")  # a key would replay the first answer
        answers = [(await call(caller, name, fresh)).status_code for _ in statuses]
        if name == "post_release":
            caller.headers["Idempotency-Key"] = "twice"
        assert (name, tuple(answers)) == (name, statuses)
        assert {"200", "201"} <= set(OPERATIONS[name][2]["responses"])


async def test_every_update_is_refused_without_the_tag_and_with_a_stale_one(api, things):  # noqa: F811
    updates = [n for n, (method, _, _) in OPERATIONS.items() if method in ("put", "patch") and n not in ABSOLUTE]
    assert updates
    for name in updates:
        method, path, _ = OPERATIONS[name]
        url, body = path.format(**things), CASES[name].body
        caller = api.operator if CASES[name].platform else api.acme
        problem(await caller.request(method, url, json=body), 428, "revision_required")
        tag = (await caller.get(url)).headers["etag"]
        stale = await caller.request(method, url, json=body, headers={"If-Match": '"0"'})
        problem(stale, 412, "stale_revision")
        at_once = [caller.request(method, url, json=body, headers={"If-Match": tag}) for _ in range(2)]
        first, second = sorted(await asyncio.gather(*at_once), key=lambda answer: answer.status_code)
        assert first.status_code == 200 and first.headers["etag"].strip('"') != tag.strip('"').split("-")[0], name
        problem(second, 412, "stale_revision")
        again = await caller.request(
            method, url, json=body, headers={"If-Match": (await caller.get(url)).headers["etag"]}
        )
        assert again.status_code == 200, name


async def test_a_release_published_meanwhile_does_not_make_a_plugins_tag_stale(api):
    await api.acme.post("/v1/plugins", json=PLUGIN)
    tag = (await api.acme.get("/v1/plugins/acme:git")).headers["etag"]
    await api.acme.post("/v1/plugins/acme:git/releases", json={"version": "1.1.0"})
    changed = await api.acme.patch("/v1/plugins/acme:git", json={"title": "Git"}, headers={"If-Match": tag})
    assert changed.status_code == 200


@pytest.fixture
async def six(api):
    for name in "abcdef":
        assert (await api.acme.post("/v1/plugins", json={"namespace": "acme", "name": name})).status_code == 201


def names(page) -> str:
    return "".join(item["name"] for item in page["items"])


@pytest.mark.parametrize(("sort", "order"), [("name", "abcdef"), ("-created", "fedcba"), ("risk", "abcdef")])
async def test_pages_are_walked_forth_and_back(api, six, sort, order):
    async def read(cursor=None):
        params = {"limit": 2, "sort": sort, "namespace": "acme", **({"cursor": cursor} if cursor else {})}
        return (await api.acme.get("/v1/plugins", params=params)).json()

    first = await read()
    second = await read(first["next"])
    third = await read(second["next"])
    if sort != "risk":
        assert [names(page) for page in (first, second, third)] == [order[:2], order[2:4], order[4:]]
    assert first["prev"] is None and third["next"] is None
    back = await read(third["prev"])
    assert names(back) == names(second) and back["next"] and back["prev"]
    start = await read(back["prev"])
    assert names(start) == names(first) and start["prev"] is None
    assert names(await read(start["next"])) == names(second)


async def test_a_cursor_back_is_sealed_too(api, six):
    second = await api.acme.get("/v1/plugins?limit=2")
    cursor = (await api.acme.get("/v1/plugins", params={"limit": 2, "cursor": second.json()["next"]})).json()["prev"]
    edited = cursor[:-4] + ("AAAA" if cursor[-4:] != "AAAA" else "BBBB")
    answer = await api.acme.get("/v1/plugins", params={"cursor": edited})
    assert problem(answer, 400, "invalid_request")["errors"][0]["code"] == "bad_cursor"


async def test_links_lead_to_the_neighbours_with_all_filters(api, six):
    answer = await api.acme.get("/v1/plugins?limit=2&namespace=acme&sort=name")
    assert set(answer.links) == {"next"}
    url = answer.links["next"]["url"]
    assert httpx.URL(url).params["namespace"] == "acme"
    second = await api.acme.get(url)
    assert names(second.json()) == "cd" and set(second.links) == {"next", "prev"}
    assert names((await api.acme.get(second.links["prev"]["url"])).json()) == "ab"
    assert "link" not in (await api.acme.get("/v1/plugins?limit=50")).headers


async def test_links_lead_on_below_a_name_in_any_script(api):
    seen = [
        {
            "target": "日>本",
            "plugin": f"jenkins:{name}",
            "event": "added",
            "source": "s",
            "occurred_at": "2026-05-01T00:00:00Z",
        }
        for name in "ab"
    ]
    for name in "ab":
        assert (await api.acme.post("/v1/plugins", json={"namespace": "jenkins", "name": name})).status_code == 201
    target = {"name": "日>本", "environment": "dev", "kind": "jenkins"}
    assert (await api.acme.post("/v1/targets/batches", json={"targets": [target]})).status_code == 201
    assert (await api.acme.post("/v1/observations/installations", json={"observations": seen})).status_code == 201
    first = await api.acme.get("/v1/targets/日>本/installations?limit=1")
    second = await api.acme.get(first.links["next"]["url"])
    [one], [other] = first.json()["items"], second.json()["items"]
    assert one != other
