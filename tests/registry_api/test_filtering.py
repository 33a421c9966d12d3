"""Lists are filtered by what they declare, alike on every database; anything else is refused with a hint at the right way."""

import json
from typing import Any

import pytest

from tests.registry_api.intake_data import items
from tests.registry_api.steps import steps
from tests.registry_api.test_document import DOCUMENT, OPERATIONS
from tests.registry_api.test_isolation import CASES, things  # noqa: F401 - a fixture
from tests.registry_api.test_lint import schema_at
from tests.registry_api.test_problems import problem

SHELF = (
    {"name": "git", "title": "100% Git", "licence": "MIT", "labels": ["scm"]},
    {"name": "GitLab", "title": "a_b", "licence": "Apache-2.0", "labels": ["scm", "ui"], "lifecycle": "deprecated"},
    {"name": "mail", "title": "axb", "lifecycle": "withdrawn"},
    {"name": "zinc", "title": "Ärger\\", "licence": "MIT"},
)
FOUND = {
    "name=git": "git",
    "name[ne]=git": "GitLab mail zinc",
    "name[in]=git,mail,none": "git mail",
    "name[in]=git&name[in]=zinc": "git zinc",
    "name[contains]=IT": "GitLab git",
    "name[startswith]=gIt": "GitLab git",
    "title[contains]=0%25": "git",
    "title[contains]=a_b": "GitLab",
    "title[contains]=\\": "zinc",
    "title[startswith]=Ä": "zinc",
    "title[startswith]=ä": "",
    "licence=MIT&name[ne]=zinc": "git",
    "licence[null]=true": "mail",
    "licence[null]=false": "GitLab git zinc",
    "licence[ne]=MIT": "GitLab mail",
    "lifecycle=active": "git zinc",
    "lifecycle[in]=deprecated,withdrawn": "GitLab mail",
    "lifecycle[ne]=active": "GitLab mail",
    "label=scm": "GitLab git",
    "label[in]=ui,scm": "GitLab git",
    "recorded_at[gte]=2020-01-01T00:00:00Z&recorded_at[lt]=2020-01-02T00:00:00%2B01:00": "",
    "recorded_at[gt]=2020-01-01T00:00:00Z&visibility=private": "GitLab git mail zinc",
    "occurred_at[null]=true&q=scm": "GitLab git",
}
REFUSED = {
    "nam=git": ("nam", "unknown_parameter", "Did you mean name?"),
    "name[like]=git": ("name[like]", "unknown_operator", "Did you mean name[contains]?"),
    "name[eq]=git": ("name[eq]", "unknown_operator", "Did you mean name?"),
    "recorded_at[ge]=2020-01-01T00:00:00Z": ("recorded_at[ge]", "unknown_operator", "Did you mean recorded_at[gte]?"),
    "lifecycle[contains]=act": (
        "lifecycle[contains]",
        "unknown_operator",
        "Known are: lifecycle, lifecycle[in], lifecycle[ne].",
    ),
    "lifecycle=activ": ("lifecycle", "literal_error", "'active', 'deprecated' or 'withdrawn'"),
    "lifecycle[in]=active,": ("lifecycle[in]", "literal_error", "'active'"),
    "recorded_at[gte]=yesterday": ("recorded_at[gte]", "datetime_from_date_parsing", "date"),
    "recorded_at[gte]=2020-01-01T00:00:00": ("recorded_at[gte]", "timezone_aware", "timezone"),
    "licence[null]=perhaps": ("licence[null]", "bool_parsing", "boolean"),
    "name=a&name=b": ("name", "repeated_parameter", "more than once"),
    "name[in]=" + ",".join("a" * 101): ("name[in]", "too_long", "At most 100"),
    "name=" + "a" * 301: ("name", "string_too_long", "300"),
}


@pytest.fixture
async def shelf(api):
    plugins = [{"namespace": "acme", "visibility": "private", **one} for one in SHELF]
    assert (await api.acme.post("/v1/catalogue/batches", json={"plugins": plugins})).json()["created"] == 4


async def test_each_operator_finds_the_same_on_every_database(api, shelf):
    for query, names in FOUND.items():
        page = (await api.acme.get(f"/v1/plugins?namespace=acme&{query}")).json()
        assert (query, sorted(item["name"] for item in page["items"])) == (query, sorted(names.split()))


async def test_what_is_no_filter_or_no_value_is_refused_with_the_right_one(api):
    for query, (pointer, code, hint) in REFUSED.items():
        [error] = problem(await api.acme.get(f"/v1/plugins?{query}"), 400, "invalid_request")["errors"]
        assert (query, error["pointer"], error["code"]) == (query, pointer, code)
        assert hint in error["detail"], error


async def test_a_page_goes_on_with_its_own_filters_only(api, shelf):
    first = (await api.acme.get("/v1/plugins?limit=1&label=scm")).json()
    assert await items(api.acme, "/v1/plugins", limit=1, label="scm") == [
        *first["items"],
        *(await api.acme.get(f"/v1/plugins?limit=1&label=scm&cursor={first['next']}")).json()["items"],
    ]
    other = await api.acme.get(f"/v1/plugins?limit=1&label[in]=scm&cursor={first['next']}")
    assert problem(other, 400, "invalid_request")["errors"][0]["code"] == "bad_cursor"


def value_of(schema: dict[str, Any], name: str) -> str:
    """A value that fits a filter's schema, the most that numbers may be."""
    if schema["type"] == "array":
        return ",".join([value_of(schema["items"], name)] * 2)
    if "enum" in schema:
        return str(schema["enum"][-1])
    made = {"boolean": "true", "integer": str(schema.get("maximum")), "number": "0.5"}
    formats = {"uuid": "019a3f5e-7c2b-7d1e-8f00-c0ffee000001", "date-time": "2026-11-23T10:15:00Z"}
    return made.get(schema["type"]) or formats.get(schema.get("format", ""), "it's %_\\")


async def test_every_list_takes_each_of_its_filters_and_every_part_fits_the_document(api, things):  # noqa: F811
    for name, case in CASES.items():
        method, path, operation = OPERATIONS[name]
        parameters = {one["name"]: one["schema"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        caller, url = api.service if case.platform else api.acme, path.format(**things)
        given = {key: value_of(schema, key) for key, schema in parameters.items() if key in FILTERS[name]}
        if given:
            answer = await caller.get(url, params=given)
            assert (answer.status_code, name) == (200, name), answer.text
        if method == "get" and "fields" in parameters:
            await fits_in_part(caller, url + case.query.format(**things), name, parameters)


FILTERS = {
    name: {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    - {"limit", "cursor", "fields", "include", "plugin", "q", "sort", "stream" if name == "list_batch_rejects" else ""}
    if name.startswith("list_")
    else set()
    for name, (_, _, operation) in OPERATIONS.items()
}


async def fits_in_part(caller, url, name, parameters):
    """Each field by itself, then all with everything that can be included."""
    method, path, _ = OPERATIONS[name]
    place = ("paths", path, method, "responses", "200", "content", "application/json", "schema")
    fields, included = (parameters.get(key, {"items": {"enum": []}})["items"]["enum"] for key in ("fields", "include"))
    choices = [{"fields": field} for field in (fields[0], fields[-1])]
    choices += [{"include": ",".join(included)}] if included else []
    for choice in choices:
        answer = await caller.get(url, params=choice)
        assert (answer.status_code, name) == (200, name), answer.text
        assert [error.message for error in schema_at(*place).iter_errors(answer.json())] == [], (name, choice)
        views = (
            answer.json().get("items", [answer.json()])
            if "limit" in parameters or name == "list_labels"
            else [answer.json()]
        )
        wanted = set(choice["fields"].split(",")) if "fields" in choice else {*fields, *included}
        assert all(view.keys() == wanted for view in views), (name, choice)


async def test_an_indexed_filter_does_not_read_the_list(api):
    plugins = [{"namespace": "acme", "name": f"p{n}", "title": f"t{n}"} for n in range(400)]
    await api.acme.post("/v1/catalogue/batches", json={"plugins": plugins})
    indexed = await steps(api, api.acme, "/v1/plugins?ref=acme:p7&fields=ref")
    through = await steps(api, api.acme, "/v1/plugins?title=t7&fields=ref")
    assert through > indexed + 4 * len(plugins)
    told = {
        one["name"]: one["description"] for one in OPERATIONS["list_plugins"][2]["parameters"] if "[" in one["name"]
    }
    assert "through" in told["title[in]"] and "through" not in told["ref[in]"]


async def test_whom_somebody_looked_for_is_not_kept_in_the_audit_log(api):
    person = {"email": "ada@acme.example", "display_name": "Ada", "role": "viewer"}
    await api.acme.post("/v1/users", json=person)
    found = await api.acme.get("/v1/users?email[startswith]=ADA&status=active")
    assert [one["email"] for one in found.json()["items"]] == [person["email"]]
    read = (await api.acme.get("/v1/audit?action=data.read&limit=2")).json()["items"][-1]
    assert read["change"]["query"] == {"email[startswith]": "(not kept)", "status": "active"}


async def test_filters_look_at_what_was_last_seen_and_not_at_what_was_before(api):
    await api.acme.post("/v1/catalogue/batches", json={"plugins": [{"namespace": "acme", "name": "git"}]})
    await api.acme.post("/v1/targets/batches", json={"targets": [{"name": "t", "environment": "dev", "kind": "ci"}]})
    seen = [
        {"target": "t", "plugin": "acme:git", "event": event, "version": version, "source": "x", "occurred_at": at}
        for event, version, at in (("added", "1", "2026-01-01T00:00:00Z"), ("updated", "2", "2026-01-02T00:00:00Z"))
    ]
    sent = await api.acme.post("/v1/observations/installations", json={"observations": seen})
    assert sent.json()["accepted"] == 2
    for path in ("/v1/targets/t/installations", "/v1/plugins/acme:git/installations"):
        assert [one["version"] for one in await items(api.acme, path, version="2", event="updated")] == ["2"]
        assert await items(api.acme, path, version="1") == []
        assert await items(api.acme, path, **{"since[lt]": "2026-01-02T00:00:00Z"}) == []


def test_the_document_shows_filters_as_they_are_read():
    parameters = {one["name"]: one for one in OPERATIONS["list_plugins"][2]["parameters"]}
    listed = parameters["lifecycle[in]"]
    assert (listed["style"], listed["explode"]) == ("form", False)
    assert listed["schema"]["items"]["enum"] == ["active", "deprecated", "withdrawn"]
    assert parameters["recorded_at[gte]"]["schema"] == {"type": "string", "format": "date-time"}
    assert len(json.dumps(DOCUMENT)) < 2_000_000
