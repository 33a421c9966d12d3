"""The registry's Python client: `Client`, `AsyncClient`, and the documents they answer with."""

from patchbay.core.client import (
    ARROW,
    NDJSON,
    ApiError,
    ApiUnreachable,
    AsyncClient,
    BatchResult,
    Client,
    FeedPage,
    OnProgress,
    Reject,
    arrow_stream,
    documents,
)

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
    "documents",
]
