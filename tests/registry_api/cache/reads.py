"""What the tests of the document cache read, and how they see whether it answered."""

from typing import Any

import httpx

from registry_api.routers import ROUTERS
from tests.registry_api.test_document import OPERATIONS

QUERIES = {"list_plugins": ("", "?limit=2", "?sort=risk", "?sort=adoption", "?sort=-created", "?label=a", "?q=p1")}
VARYING = frozenset({"x-request-id", "traceparent", "ratelimit", "ratelimit-policy"})
"""Headers that are of one request."""


def cached_routes() -> dict[str, str]:
    """Path by name of every route whose answers are kept."""
    routes: list[Any] = [route for router in ROUTERS for route in router.routes]
    return {route.name: OPERATIONS[route.name][1] for route in routes if _is_cached(route.dependant)}


def _is_cached(dependant: Any) -> bool:
    return any(getattr(one.call, "cached", False) or _is_cached(one) for one in dependant.dependencies)


def paths(plugins: list[str]) -> list[str]:
    """Every cached route for every plugin, lists with their sorts and filters."""
    found = []
    for name, path in cached_routes().items():
        for plugin in plugins if "{plugin}" in path else [""]:
            found += [path.format(plugin=plugin, version="1.0.0") + query for query in QUERIES.get(name, ("",))]
    return found


def seen(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """An answer without what is of one request; problems name their request too."""
    headers = {name: value for name, value in answer.headers.items() if name not in VARYING}
    return answer.status_code, answer.content if answer.is_success else b"", headers


async def counted(api: Any, outcome: str) -> int:
    """How often the cache did so."""
    text = (await api.nobody.get("/metrics")).text
    lines = [
        line for line in text.splitlines() if line.startswith(f'patchbay_document_cache_total{{outcome="{outcome}"}}')
    ]
    return int(float(lines[0].split()[-1])) if lines else 0
