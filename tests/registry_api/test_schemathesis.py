"""Schemathesis finds nothing: every route with valid and broken requests, and every answer judged by all checks."""

from typing import Any

import pytest

from tests.registry_api.campaign import Findings, campaign
from tests.registry_api.served import served

CALLERS = {"acme": None, "operator": "acme"}
"""Who sends, and in whose tenant: the customer's own administrator, and the platform's acting for it."""

CASES = 20_000
EXAMPLES_OF_CAMPAIGN = 12
SHORT = ("post_plugin", "patch_plugin", "list_plugins", "create_webhook")
"""Routes of the short run, which is only to show that the long one can run."""


def _run(registry: Any, caller: str, **wanted: Any) -> Findings:
    settings, tokens = registry
    with served(settings) as server:
        found = campaign(server.address, tokens[caller], acting_in=CALLERS[caller], **wanted)
    print(found)
    assert found.failures == {}, str(found)
    assert not any(status >= 500 for status in found.statuses), found.statuses
    return found


@pytest.mark.parametrize("backend", ["sqlite"])
def test_some_routes_answer_everything_as_documented(registry: Any) -> None:
    found = _run(registry, "acme", examples=5, seed=1, only=SHORT)
    assert found.cases > 200 and {200, 201, 400, 401, 405} <= set(found.statuses)


@pytest.mark.soak
@pytest.mark.parametrize("caller", CALLERS)
def test_every_route_answers_everything_as_documented(registry: Any, caller: str) -> None:
    found = _run(registry, caller, examples=EXAMPLES_OF_CAMPAIGN, seed=1)
    assert found.cases >= CASES / len(CALLERS)
