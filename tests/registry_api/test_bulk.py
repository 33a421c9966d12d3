"""Every route that takes many things at once judges each by itself, in one form: what is bad loses nothing that is good."""

import json

import pytest

from patchbay.core.clock import utcnow
from tests.registry_api.intake_data import fill
from tests.registry_api.test_document import DOCUMENT, OPERATIONS

NOW = utcnow().isoformat()
PLUGIN = {"namespace": "n", "visibility": "private"}
ADVISORY = {"subject_kind": "plugin", "subject_ref": "jenkins:git", "summary": "s", "ranges": [{"last_version": "1"}]}
SEEN = {"plugin": "jenkins:git", "event": "added", "source": "s", "occurred_at": NOW}
USE = {"type": "use", "at": NOW, "plugin": "jenkins:git", "target": "t1"}
COUNT = {"plugin": "jenkins:git", "grain": "month", "metric": "installs", "count": 1, "source": "s"}

CASES = {
    "post_catalogue_batch": ("plugins", [PLUGIN | {"name": "a"}, PLUGIN | {"name": 7}, PLUGIN | {"name": "b"}]),
    "post_advisories_batch": (
        "advisories",
        [
            ADVISORY | {"external_id": "A"},
            ADVISORY | {"external_id": "B", "ranges": 1},
            ADVISORY | {"external_id": "C"},
        ],
    ),
    "post_targets_batch": (
        "targets",
        [{"name": name, "environment": stage, "kind": "k"} for name, stage in (("a", "dev"), ("b", "?"), ("c", "dev"))],
    ),
    "post_observations_batch": (
        "observations",
        [SEEN | {"target": "t1"}, SEEN | {"target": "nowhere"}, SEEN | {"target": "t2"}],
    ),
    "post_usage_batch": (None, [USE | {"id": "1"}, USE | {"id": "2", "plugin": "jenkins:none"}, USE | {"id": "3"}]),
    "post_statistics_batch": (
        None,
        [COUNT | {"period": "2026-01-01"}, COUNT | {"period": "never"}, COUNT | {"period": "2026-02-01"}],
    ),
}
"""Of each route the field that holds the items, None for lines, and three of them: the second is bad."""

WHOLE = {
    "post_plugin": "one plugin with its parts",
    "post_release": "one release with its parts",
    "patch_plugin": "one plugin with its parts",
    "post_tick": "one moment: rules look at all its samples together",
    "try_rules": "one moment",
    "put_processes": "one report: what is not in it is gone",
    "put_insight_rows": "one set, which is complete or not served",
    "put_rules": "one document, stored whole or not at all",
}
"""Routes whose lists are parts of one thing, and why."""


def resolved(schema):
    return DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema


def has_items(schema):
    """Whether a body has a list of objects."""
    found = [*resolved(schema).get("properties", {}).values()]
    found += [option for one in found for option in one.get("anyOf", ())]
    lists = [resolved(one.get("items", {})) for one in found if one.get("type") == "array"]
    return any(one.get("type") == "object" for one in lists)


def taking_many():
    for name, (_, _, operation) in OPERATIONS.items():
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            if media != "application/json" or has_items(content["schema"]):
                yield name


def test_every_route_that_takes_many_answers_for_each_or_is_known_to_take_one_whole():
    assert set(taking_many()) == set(CASES) | set(WHOLE)


@pytest.mark.parametrize("name", CASES)
def test_every_batch_route_documents_the_one_form_of_answer(name):
    _, path, operation = OPERATIONS[name]
    schema = operation["responses"]["201"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/BatchResult"}, path


@pytest.mark.parametrize("name", CASES)
async def test_one_bad_item_loses_no_good_one_and_is_named_with_its_reason(api, name):
    await fill(api)
    field, given = CASES[name]
    _, path, _ = OPERATIONS[name]
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json" if field else "application/x-ndjson"}
    body = json.dumps({field: given}) if field else "\n".join(map(json.dumps, given))
    answer = await api.acme.post(path, content=body, headers=headers)
    result = answer.json()
    assert answer.status_code == 201, answer.text
    assert (result["received"], result["accepted"], result["rejected"]) == (3, 2, 1), result
    assert {reject["row_index"] for reject in result["rejects"]} == {1}
    assert all(reject["field"] and reject["code"] and reject["reason"] for reject in result["rejects"])
    again = (await api.acme.post(path, content=body, headers=headers)).json()
    assert again == result | {"replayed": True}
