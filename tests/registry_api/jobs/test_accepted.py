"""An answer that work goes on says where and when to ask how it went, on every route."""

import pytest

from tests.registry_api.jobs.support import ended
from tests.registry_api.test_document import OPERATIONS
from tests.registry_api.test_isolation import CASES, call, things  # noqa: F401 - a fixture

ACCEPTED = [name for name, (_, _, operation) in OPERATIONS.items() if "202" in operation["responses"]]


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_document_names_both_headers(name):
    assert {"Location", "Retry-After"} <= set(OPERATIONS[name][2]["responses"]["202"].get("headers", ()))


async def test_the_answer_leads_to_what_tells_how_it_goes(api, things):  # noqa: F811
    assert {"create_job", "post_export", "ping_webhook", "delete_tenant"} <= set(ACCEPTED)
    await ended(api)
    for name in sorted(ACCEPTED, key=lambda name: name == "delete_tenant"):
        caller = api.operator if CASES[name].platform else api.acme
        answer = await call(caller, name, things)
        assert answer.status_code == 202, (name, answer.text)
        assert int(answer.headers["retry-after"]) >= 1, name
        told = await caller.get(answer.headers["location"])
        assert (told.status_code, told.json()["id"]) == (200, answer.json()["id"]), name
        assert {"state", "status"} & told.json().keys(), name


async def test_a_deletion_says_when_its_grace_is_over(api, things):  # noqa: F811
    answer = await call(api.operator, "delete_tenant", things)
    grace = api.settings.tenant_grace_days * 86_400
    assert grace - 60 < int(answer.headers["retry-after"]) <= grace
