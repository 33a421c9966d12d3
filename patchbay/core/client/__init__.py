"""The HTTP client SDK: what importers, pipelines, dashboards and the CLI speak to the registry with.

The calls are written once, in `asynchronous`; `synchronous` is made of them. `patchbay.client` is the door for others.
"""

from patchbay.core.client.asynchronous import AsyncClient
from patchbay.core.client.errors import ApiError, ApiUnreachable
from patchbay.core.client.pages import FeedPage
from patchbay.core.client.results import BatchResult, Reject
from patchbay.core.client.rows import ARROW, NDJSON, arrow_stream
from patchbay.core.client.synchronous import Client
from patchbay.core.client.uploads import OnProgress

__all__ = [
    "ARROW",
    "NDJSON",
    "ApiError",
    "ApiUnreachable",
    "AsyncClient",
    "BatchResult",
    "Client",
    "FeedPage",
    "OnProgress",
    "Reject",
    "arrow_stream",
]
