"""The API document speaks one language: names, plurals, verbs, and examples that fit their schemas."""

import re

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.registry_api.test_document import DOCUMENT, OPERATIONS, each_operation

SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
VERBS = {
    *("get", "read", "list", "create", "post", "put", "patch", "update", "delete", "check", "verify"),
    *("activate", "approve", "cancel", "erase", "lift", "roll", "try", "export", "ping", "replay", "retry"),
    *("begin", "confirm", "disable", "exchange", "report", "reset", "rotate"),
}
SINGULAR = {
    "list_audit_records": "audit",  # the log is one
    "list_similar_plugins": "similar",  # an adjective of the plugin before it
    "list_risks": "risk",
}
"""Paths of lists that are not the plural of what they hold."""

DOCUMENT_URI = "urn:document"
REGISTRY = Registry().with_resource(DOCUMENT_URI, Resource.from_contents(DOCUMENT, default_specification=DRAFT202012))


def schema_at(*path: str) -> Draft202012Validator:
    """The validator of a place in the document."""
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)
    return Draft202012Validator({"$ref": f"{DOCUMENT_URI}#{pointer}"}, registry=REGISTRY)


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_fields_are_named_in_snake_case(name):
    assert all(SNAKE.fullmatch(field) for field in DOCUMENT["components"]["schemas"][name].get("properties", ()))


@each_operation
def test_operations_and_parameters_are_named_alike(name):
    method, _, operation = OPERATIONS[name]
    assert SNAKE.fullmatch(name) and name.split("_")[0] in VERBS
    assert not name.startswith(("list_", "get_", "read_")) or method == "get"
    for parameter in operation.get("parameters", ()):
        if parameter["in"] in ("query", "path"):
            assert SNAKE.fullmatch(re.sub(r"\[\w+\]$", "", parameter["name"])), parameter["name"]


@each_operation
def test_collections_are_plural(name):
    _, path, _ = OPERATIONS[name]
    last = path.rstrip("/").rsplit("/", 1)[-1]
    if name.startswith("list_"):
        assert last.endswith("s") or SINGULAR.get(name) == last or last == "dependencies"


@each_operation
def test_every_answer_has_an_example_that_fits_its_schema(name):
    method, path, operation = OPERATIONS[name]
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json")
        if status.startswith("2") and content:
            place = ("paths", path, method, "responses", status, "content", "application/json", "schema")
            assert [error.message for error in schema_at(*place).iter_errors(content["example"])] == []


@each_operation
def test_every_request_has_an_example_that_fits_its_schema(name):
    method, path, operation = OPERATIONS[name]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if not content:
        return
    schema = content["schema"]
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    place = ("paths", path, method, "requestBody", "content", "application/json", "schema")
    examples = content.get("examples", {}).values()
    for example in [*(each["value"] for each in examples), *schema.get("examples", ())]:
        assert [error.message for error in schema_at(*place).iter_errors(example)] == []
