"""The HTTP client SDK: what importers, pipelines, dashboards and the CLI speak to the registry with."""

from patchbay.core.client.administration import AdministrationCalls
from patchbay.core.client.catalogue import CatalogueCalls
from patchbay.core.client.errors import ApiError, ApiUnreachable
from patchbay.core.client.feeds import FeedCalls, FeedPage
from patchbay.core.client.insights import InsightCalls
from patchbay.core.client.installs import InstallCalls
from patchbay.core.client.intake import ARROW, NDJSON, IntakeCalls, arrow_stream
from patchbay.core.client.results import BatchResult, Reject
from patchbay.core.client.transport import Transport

__all__ = [
    "ARROW",
    "NDJSON",
    "ApiError",
    "ApiUnreachable",
    "BatchResult",
    "Client",
    "FeedPage",
    "Reject",
    "arrow_stream",
]


class Client(AdministrationCalls, CatalogueCalls, InstallCalls, IntakeCalls, FeedCalls, InsightCalls):
    """A registry seen with one token; safe to share between threads; close it or use it in a `with` block.

    Reads, and writes that carry an idempotency key, are repeated when the connection or the server fails; other writes
    only when they surely did not arrive. Every method raises `ApiError` when the registry refuses and `ApiUnreachable`
    when it does not answer at all.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        tenant: str | None = None,
        timeout: float = 30,
        retries: int = 6,
    ) -> None:
        super().__init__(Transport(base_url, token, tenant=tenant, timeout=timeout, retries=retries))

    def acting_in(self, tenant: str) -> "Client":
        """A client for the same registry and token that acts in another tenant (slug or id); needs a platform token."""
        other = Client.__new__(Client)
        AdministrationCalls.__init__(other, self._transport.acting_in(tenant))
        return other

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
