"""Every operation of the API document has a method, on both sides, that calls it as the document says."""

import inspect
import io
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from patchbay.client import AsyncClient, Client
from patchbay.core.client.rows import arrow_stream
from tests.core.client.conftest import Connect
from tests.core.client.server import RESULT, Answer, Registry, ok
from tests.registry_api.test_document import OPERATIONS

PLAIN = {"get", "pages", "post", "patch", "delete", "close", "aclose", "acting_in", "keyed"}
"""What names no operation by itself."""
ANSWER = RESULT | {
    "items": [],
    "next": None,
    "recovery_codes": [],
    "desired": {},
    "secret": "s",
    "version_scheme": "semver",
}
GIVEN: dict[str, Any] = {
    "rows": [{"id": "1"}],
    "document": {},
    "changes": {},
    "at": "2026-01-01T00:00:00Z",
    "since": "2026-01-01T00:00:00Z",
    **dict.fromkeys(("plugins", "advisories", "targets", "observations", "samples", "found"), ()),
    **dict.fromkeys(("processes", "addresses"), ()),
}


FILTERS: dict[str, Any] = {
    "recorded_at__gte": "2026-01-01",
    "fields": ["id", "name"],
    "limit": 7,
    "path": "p",
    "document": 1,
}


def _answer(_method: str, path: str) -> Answer:
    if re.match(r"/v1/feeds/\w", path):
        return 200, {"Patchbay-Next-After": "0", "Patchbay-More": "false"}, arrow_stream(pa.table({"seq": [1]}))
    return ok(ANSWER, ETag='"1"')


def _methods() -> Iterator[str]:
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if not name.startswith("_") and name not in PLAIN:
            yield name if method else ""


def _arguments(name: str) -> dict[str, Any]:
    """Something for every argument that must be given."""
    taken = list(inspect.signature(getattr(Client, name)).parameters.values())[1:]
    needed = [one for one in taken if one.default is one.empty and one.kind is not one.VAR_KEYWORD]
    return {one.name: io.BytesIO() if one.name == "sink" else GIVEN.get(one.name, "x") for one in needed}


def _called(registry: Registry, connect: Connect) -> dict[str, bool]:
    """Operations that the client's methods called, and whether with a key."""
    registry.answer_to = _answer
    client = connect(registry.url, "pb_test", retries=0)
    for name in _methods():
        answer = getattr(client, name)(**_arguments(name))
        if isinstance(answer, Iterator):
            list(answer)
    return {_operation(sent.command, sent.path): "Idempotency-Key" in sent.headers for sent in registry.requests}


def _operation(method: str, path: str) -> str:
    """The operation of a request; where several fit, the one with the fewest parameters."""
    plain = path.partition("?")[0]
    fitting = [
        (template.count("{"), name)
        for name, (verb, template, _) in OPERATIONS.items()
        if verb == method.lower() and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), plain)
    ]
    assert fitting, f"{method} {path} is not in the API document"
    return min(fitting)[1]


def test_every_operation_has_a_method_and_takes_a_key_where_it_says_so(registry: Registry, connect: Connect) -> None:
    called = _called(registry, connect)
    assert set(OPERATIONS) - set(called) == set(), "operations without a method"
    takes_key = {name for name, (_, _, said) in OPERATIONS.items() if said.get("x-idempotency") in ("keyed", "batch")}
    assert {name for name, keyed in called.items() if keyed} == takes_key


def test_both_sides_have_the_same_methods() -> None:
    def signatures(side: type) -> dict[str, list[str]]:
        members = inspect.getmembers(side, inspect.isfunction)
        return {
            "close" if name == "aclose" else name: list(inspect.signature(method).parameters)
            for name, method in members
            if not name.startswith("_")
        }

    assert signatures(Client) == signatures(AsyncClient)


@pytest.mark.parametrize(
    "name", [name for name in _methods() if "filters" in str(inspect.signature(getattr(Client, name)))]
)
def test_every_list_passes_filters_on(registry: Registry, name: str) -> None:
    registry.answer_to = _answer
    with Client(registry.url) as client:
        list(getattr(client, name)(**_arguments(name), **FILTERS))
    asked = registry.requests[0].path.partition("?")[2]
    assert "path=p" in asked and "document=1" in asked
    assert "recorded_at%5Bgte%5D=2026-01-01" in asked and "fields=id%2Cname" in asked and "limit=7" in asked
