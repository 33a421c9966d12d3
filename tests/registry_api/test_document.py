"""The API document is complete: a route that lacks something here fails before anyone can call it."""

import json

import pytest

from patchbay.core.settings import Settings
from registry_api.app import create_app
from registry_api.http import StrictRoute
from registry_api.identity.roles import ANYONE, SCOPES
from registry_api.routers import PUBLIC_ROUTES, ROUTERS, TAGS

DOCUMENT = create_app(Settings(home="/nonexistent")).openapi()
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
COLUMNAR = "application/vnd.apache.arrow.stream"
WHOLE = {"list_feeds", "list_labels"}
"""Short lists that are answered whole."""

each_operation = pytest.mark.parametrize("name", OPERATIONS)


def test_operation_ids_are_unique():
    assert len(OPERATIONS) == sum(len(methods) for methods in DOCUMENT["paths"].values())


def test_every_route_shares_the_strict_checks():
    for router in ROUTERS:
        assert all(isinstance(route, StrictRoute) for route in router.routes)


@each_operation
def test_every_route_needs_a_scope_or_is_on_the_list_of_public_ones(name):
    _, _, operation = OPERATIONS[name]
    if name in PUBLIC_ROUTES:
        assert "security" not in operation
        return
    assert operation["x-required-scope"] in SCOPES | {ANYONE}
    assert operation["security"] == [{"token": []}]


@each_operation
def test_every_route_says_what_it_does(name):
    _, _, operation = OPERATIONS[name]
    assert operation["summary"] and not operation["summary"].endswith(".")
    assert operation["description"].rstrip().endswith((".", "`"))
    (tag,) = operation["tags"]
    assert tag in {known["name"] for known in TAGS}


@each_operation
def test_every_route_declares_its_problems(name):
    _, _, operation = OPERATIONS[name]
    problems = {status: answer for status, answer in operation["responses"].items() if not status.startswith("2")}
    assert {"400", "401", "403", "404", "default"} <= set(problems)
    for answer in problems.values():
        schema = answer["content"]["application/problem+json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/ProblemDocument"}


@each_operation
def test_every_body_has_an_example(name):
    _, _, operation = OPERATIONS[name]
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        if media == COLUMNAR:
            continue  # binary
        schema = content["schema"]
        if "$ref" in schema:
            schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
        assert content.get("example") or content.get("examples") or schema.get("examples"), media


@each_operation
def test_every_list_is_a_page(name):
    method, path, operation = OPERATIONS[name]
    if method != "get" or not name.startswith("list_") or name in WHOLE:
        return
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    whole, part = (one["$ref"].rsplit("/", 1)[-1] for one in schema["anyOf"])
    assert whole.startswith("Page_") and part == whole + "Part", path
    assert {"limit", "cursor"} <= {parameter["name"] for parameter in operation["parameters"]}


@each_operation
def test_every_route_says_how_stable_it_is(name):
    _, _, operation = OPERATIONS[name]
    assert operation["x-stability"] in ("stable", "beta", "experimental")
    assert ("x-deprecation" in operation) == operation.get("deprecated", False)


WITHOUT_FILTERS = {
    "list_feeds": "answered whole",
    "list_labels": "answered whole",
    "list_batch_rejects": "read from a file by the place of each row",
}
"""Lists that nothing can be filtered by, with the reason."""


@each_operation
def test_every_list_can_be_filtered(name):
    method, _, operation = OPERATIONS[name]
    query = [parameter for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
    filtered = any("[" in parameter["name"] for parameter in query)
    assert filtered == (method == "get" and name.startswith("list_") and name not in WITHOUT_FILTERS)


@each_operation
def test_every_list_and_every_read_of_what_has_an_id_can_be_had_in_part(name):
    method, _, operation = OPERATIONS[name]
    content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    whole = schema.get("anyOf", [schema])[0].get("$ref", "").rsplit("/", 1)[-1]
    fields = DOCUMENT["components"]["schemas"].get(whole, {}).get("properties", {})
    taken = "fields" in {parameter["name"] for parameter in operation.get("parameters", ())}
    assert taken == (method == "get" and ("id" in fields or whole.startswith("Page_")))


ABSOLUTE = {
    "put_team_member": "in is in, whoever put them there",
    "put_rules": "a rule is replaced whole by its name",
    "put_switch": "on is on, whoever turned it on",
    "put_processes": "a report of what is so now",
    "put_signing_key": "a key is replaced whole",
    "put_contact": "the addresses are replaced whole",
    "put_insight_set": "announced once, never changed",
    "put_insight_rows": "sent once, never changed",
}
"""Updates of what has no revision, with the reason why the last one may win."""


@each_operation
def test_every_update_of_what_has_a_revision_needs_the_one_that_was_read(name):
    method, _, operation = OPERATIONS[name]
    taken = "if-match" in {parameter["name"].lower() for parameter in operation.get("parameters", ())}
    assert taken == (method in ("put", "patch") and name not in ABSOLUTE)
    assert not taken or {"412", "428"} <= set(operation["responses"])


def test_every_reference_in_the_document_resolves():
    text = json.dumps(DOCUMENT)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        node = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_bounds_stand_in_the_words_of_json_schema():
    """Pydantic writes a bound that it cannot place under its own name, which no client reads."""
    words = json.dumps(DOCUMENT)
    assert [word for word in ("ge", "gt", "le", "lt", "max_length", "min_length") if f'"{word}":' in words] == []


async def test_the_document_is_served_and_no_page_loads_anything_from_elsewhere(api):
    assert (await api.nobody.get("/openapi.json")).json()["info"]["title"] == "Patchbay registry API"
    for page in ("/docs", "/redoc"):
        assert (await api.nobody.get(page)).status_code == 404
